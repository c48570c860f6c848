#pragma once
// What the tests of golden/training share: a case's model, its batches, and how results are compared.
#include <fmt/format.h>

#include <map>
#include <memory>

#include "kernels/test_isas.h"
#include "parity/golden.h"
#include "train/step.h"

namespace jamsu::golden {

namespace fs = std::filesystem;

// The limits of golden/training/README.md.
constexpr double kLossLimit = 5e-6, kHiddenLimit = 2e-5, kGradLimit = 3e-5, kStepLimit = 1e-5;

struct Loaded {
  ops::Runtime runtime{2, kernels::test::test_isa(), ops::Numerics::f32};
  std::shared_ptr<models::Model> model;
  models::NamedTensors weights;

  void load(const fs::path& folder) {
    weights = read_model(folder, runtime.memory());
    auto created =
        models::create_model(read_json(folder / "config.json").as_object(), weights, ops::Numerics::f32, "config.json");
    ASSERT_TRUE(created.ok()) << created.error().message;
    model = *created;
    const auto set =
        models::set_weights(*model, weights, ops::Packs::forward_and_backward, runtime.context(), "model.safetensors");
    ASSERT_TRUE(set.ok()) << set.error().message;
  }
};

inline train::DataRows rows_of(const models::NamedTensors& batch, const std::string& prefix) {
  const Tensor& ids = batch.at(prefix + "input_ids");
  const auto copy = [&](const char* name) {
    const Tensor& t = batch.at(prefix + name);
    return std::vector<int32_t>(t.i32(), t.i32() + t.elements());
  };
  // Dense models have no MTP module: all of its labels are ignored.
  const auto mtp_labels = batch.contains(prefix + "mtp_labels")
                              ? copy("mtp_labels")
                              : std::vector<int32_t>(static_cast<size_t>(ids.elements()), -100);
  return {ids.dim(0), ids.dim(1), copy("input_ids"), copy("labels"), mtp_labels, copy("doc_ids")};
}

inline train::LossWeights loss_weights(const boost::json::object& hyper) {
  return {.mtp_lambda = hyper.at("lambda_mtp").to_number<double>(),
          .balance_alpha = hyper.at("alpha").to_number<double>()};
}

inline double relative(double got, double want) {
  return std::abs(got - want) / std::abs(want);
}

// Collects what passes by, per layer.
class Recorder : public models::Observer {
 public:
  void hidden(int64_t layer, const Tensor& x) override { hidden_.emplace(layer, x); }
  void routing(int64_t layer, const Tensor& logits, const Tensor& indices, const Tensor& weights) override {
    routing_[layer] = {logits, indices, weights};
  }
  struct Routing {
    Tensor logits, indices, weights;
  };
  std::map<int64_t, Tensor> hidden_;
  std::map<int64_t, Routing> routing_;
};

// Position in [R, T] of each packed row.
inline std::vector<int64_t> positions_of(const train::DataRows& data) {
  std::vector<int64_t> at;
  for (int64_t i = 0; i < data.rows * data.width; ++i)
    if (data.doc_ids[static_cast<size_t>(i)] >= 0) at.push_back(i);
  return at;
}

inline double worst_row_difference(const Tensor& got, const Tensor& want, const std::vector<int64_t>& at) {
  const int64_t width = got.dim(1);
  double worst = 0;
  for (size_t i = 0; i < at.size(); ++i)
    worst = std::max(
        worst, difference(got.f32() + static_cast<int64_t>(i) * width, want.f32() + at[i] * width, width).max_abs);
  return worst;
}

}  // namespace jamsu::golden
