#pragma once
// What the tests of golden/training/ops share: a case's tensors, values that collect their gradients, and the limits.
#include <fmt/format.h>

#include "autograd/functions.h"
#include "kernels/test_isas.h"
#include "ops/rows.h"
#include "parity/golden.h"

namespace jamsu::golden {

class Ops : public ::testing::Test {
 protected:
  void load(const std::string& name) {
    name_ = name;
    info_ = read_json(root() / "training/ops/case.json").as_object();
    data_ = read_tensors(root() / "training/ops" / (name + ".safetensors"), runtime_.memory());
  }
  boost::json::object variants() { return info_.at("variants").as_object().at(name_).as_object(); }
  // [rows, last dimension].
  Tensor in(const std::string& key) {
    const Tensor t = ops::copy(data_.at(key), c());
    const int rank = t.shape().rank();
    const int64_t width = rank > 0 ? t.dim(rank - 1) : 1;
    return t.reshape({width > 0 ? t.elements() / width : 0, width});
  }
  bool has(const std::string& key) const { return data_.contains(key); }
  void check(const std::string& variant, const std::string& what, const Tensor& got) {
    const std::string key =
        what == "y" || what == "weight" || what == "scores" ? variant + ".out." + what : variant + "." + what;
    const Tensor& want = data_.at(key);
    double own = 0, largest = 0;
    const auto& errors = info_.at("f32_minus_f64_max_abs").as_object().at(name_).as_object();
    if (errors.contains(variant) && errors.at(variant).as_object().contains(what))
      own = errors.at(variant).as_object().at(what).to_number<double>();
    ASSERT_EQ(got.elements(), want.elements()) << key;
    for (int64_t i = 0; i < want.elements(); ++i)
      largest = std::max(largest, std::abs(static_cast<double>(want.f32()[i])));
    // Where the true gradient is 0 (one visible key) the scale is that of the upstream gradient:
    // dP - D cancels only to its rounding.
    if (largest == 0 && data_.contains(variant + ".gout.y")) largest = 1;
    const double limit = std::max(10 * own, 2e-6 * largest);
    const double worst = difference(got.f32(), want.f32(), want.elements()).max_abs;
    EXPECT_LE(worst, limit) << name_ << " " << key;
    std::printf("  %s %s: %.1e off (limit %.1e)\n", name_.c_str(), key.c_str(), worst, limit);
  }
  ops::Context& c() { return runtime_.context(); }
  autograd::Parameter parameter(const Tensor& values, autograd::Role role) {
    autograd::Parameter p;
    p.name = "p";
    p.shape = values.shape();
    p.role = role;
    p.id = next_id_++;
    set_values(p, values, ops::Packs::forward_and_backward, c());
    return p;
  }
  // A value that collects its gradient.
  autograd::Value leaf(const Tensor& t, Tensor& gradient) {
    return tape_.record(t, [&gradient](const Tensor& dy, autograd::Gradients&) { gradient = dy; });
  }
  void backward(const autograd::Value& y, const Tensor& gout) {
    tape_.record_root([&](autograd::Gradients& g) { g.add_shared(y, gout); });
    const FlushScope flush;
    tape_.backward(store_, c());
  }

  // The dispatch of a case of moe, which has to be the stable order (expert, token, slot).
  ops::Dispatch checked_dispatch(const std::string& v) {
    const Tensor &idx = data_.at(v + ".in.idx"), &load = data_.at(v + ".in.load"), &offset = data_.at(v + ".in.offset"),
                 &row_of = data_.at(v + ".in.row_of");
    ops::Dispatch d = ops::dispatch(idx, load.elements(), c());
    for (int64_t s = 0; s < row_of.elements(); ++s) {
      EXPECT_EQ(d.rows.i32()[s], row_of.i32()[s] / idx.dim(1)) << v << " slot " << s;
      EXPECT_EQ(d.slots.i32()[row_of.i32()[s]], s) << v << " slot " << s;
    }
    for (int64_t e = 0; e < load.elements(); ++e) {
      const auto at = static_cast<size_t>(e);
      EXPECT_EQ(d.offsets[at], offset.i32()[e]) << v << " expert " << e;
      EXPECT_EQ(d.offsets[at + 1] - d.offsets[at], load.i32()[e]) << v << " expert " << e;
    }
    return d;
  }

  ops::Runtime runtime_{2, kernels::test::test_isa(), ops::Numerics::f32};
  autograd::Tape tape_;
  autograd::GradStore store_{16};
  autograd::Context context_{runtime_.context(), &tape_};
  int32_t next_id_ = 0;
  std::string name_;
  boost::json::object info_;
  models::NamedTensors data_;
};

}  // namespace jamsu::golden
