// tests/numerics/bits.txt: a hash for each operation and for 50 training steps on fixed inputs. A change of one raises
// kNumericsVersion (base/numerics_version.h). JAMSU_WRITE_BITS=1 writes the file again.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <functional>

#include "base/math.h"
#include "base/numerics_version.h"
#include "engine/sampler.h"
#include "kernels/test_isas.h"
#include "models/sequence_state.h"
#include "numerics/small_world.h"
#include "ops/activation.h"
#include "ops/lightning.h"
#include "ops/linear.h"
#include "ops/loss.h"
#include "ops/orthogonalize.h"
#include "ops/rope.h"
#include "ops/router.h"
#include "ops/rows.h"

namespace jamsu {
namespace {

using namespace numerics_test;

class Bits {
 public:
  explicit Bits(ops::Numerics numerics) : runtime_(2, kernels::test::test_isa(), numerics) {}

  std::map<std::string, uint64_t> all() {
    std::map<std::string, uint64_t> hashes;
    const std::string mode = c().numerics == ops::Numerics::bf16 ? "bf16 " : "f32 ";
    const auto keep = [&](const std::string& name, const Tensor& t) {
      hashes[mode + name] = hash_of(t.f32(), t.elements());
    };
    const FlushScope flush;
    const kernels::Element element = ops::matmul_element(c().numerics);
    const Tensor x = random({45, 70}, 1), y = random({45, 70}, 2), w = random({38, 70}, 3), dy = random({45, 38}, 4),
                 d70 = random({70}, 5);
    const ops::Weight weight = ops::make_weight(w, element, ops::Packs::forward_and_backward, c());
    keep("linear", ops::linear(x, weight, nullptr, c()));
    keep("linear dx", ops::linear_dx(dy, weight, c()));
    keep("linear bias", ops::linear(x, weight, random({38}, 29).f32(), c()));
    Tensor dw = random({38, 70}, 6);
    ops::linear_dw(dy, x, element, dw, c());
    keep("linear dw", dw);
    const auto normed = ops::rms_norm(x, d70, 1e-6f, c());
    keep("rms_norm", normed.y);
    keep("rms_norm dx", ops::rms_norm_backward(y, x, d70, normed.scale, c()));
    Tensor dnorm = c().zeros({70});
    ops::rms_norm_weight_grad(y, x, normed.scale, dnorm, c());
    keep("rms_norm dw", dnorm);
    keep("swiglu", ops::swiglu(x, y, c()));
    const auto swiglu = ops::swiglu_backward(x, y, x, c());
    keep("swiglu dgate", swiglu.dgate);
    keep("swiglu dup", swiglu.dup);
    for (const auto& [name, f] : {std::pair<std::string, ops::Activation>{"gelu", ops::Activation::gelu},
                                  {"gelu_tanh", ops::Activation::gelu_tanh},
                                  {"relu", ops::Activation::relu}}) {
      keep("gated " + name, ops::gated(f, x, y, c()));
      const auto grads = ops::gated_backward(f, x, y, x, c());
      keep("gated " + name + " dgate", grads.dgate);
      keep("gated " + name + " dup", grads.dup);
    }
    keep("log_softmax", ops::log_softmax(x, c()));
    std::vector<int32_t> labels;
    for (int32_t i = 0; i < 45; ++i) labels.push_back(i % 7 == 3 ? -100 : i);
    keep("cross_entropy", ops::cross_entropy(x, labels, c()));
    keep("cross_entropy dlogits", ops::cross_entropy_backward(x, labels, 0.3f, c()));
    std::vector<int64_t> positions;
    for (int64_t i = 0; i < 45; ++i) positions.push_back(i * i * 11);
    Tensor rotated = ops::copy(x, c());
    ops::RopeConfig rope;
    rope.width = 10;
    ops::rope(rotated, 5, 14, 4, ops::rope_table(ops::Rope(rope), positions, c()), kernels::RopeLayout::interleaved,
              false, c());
    keep("rope", rotated);
    rope.scaling = ops::RopeScaling::yarn;
    rope.factor = 40;
    rope.original_context = 64;
    const ops::RopeTable yarn = ops::rope_table(ops::Rope(rope), positions, c());
    keep("rope yarn cosine", yarn.cosine);
    keep("rope yarn sine", yarn.sine);
    ops::rope(rotated, 5, 14, 4, yarn, kernels::RopeLayout::half, true, c());
    keep("rope half backward", rotated);
    rope.scaling = ops::RopeScaling::longrope;
    rope.short_factor = {1, 1.1, 1.3, 2, 4};
    rope.long_factor = {1.5, 3, 9, 27.5, 64};
    std::vector<int64_t> lengths;
    for (const int64_t p : positions) lengths.push_back(p + 1);
    const ops::RopeTable longrope = ops::rope_table(ops::Rope(rope), positions, lengths, c());
    keep("rope longrope cosine", longrope.cosine);
    keep("rope longrope sine", longrope.sine);
    std::vector<float> state(2 * 11 * 11, 0.0f);
    const std::vector<float> decay = {0.75f, 0.984375f};
    const std::vector<ops::LightningSegment> whole = {{0, 45, state.data()}};
    keep("lightning", ops::lightning(ops::slice_columns(x, 2, 66, c()), {2, 11, decay}, whole, c()));
    keep("sigmoid_gate", ops::sigmoid_gate(x, y, c()));
    attention(keep);
    router(keep);
    experts(keep);
    rows_of_tables(keep);
    optimizer(keep);
    return hashes;
  }

 private:
  ops::Context& c() { return runtime_.context(); }
  Tensor random(Shape shape, uint64_t index) {
    Tensor t = c().empty(shape);
    RandomStream stream(21, index, Purpose::test);
    for (int64_t i = 0; i < t.elements(); ++i)
      t.f32()[i] = (static_cast<float>(stream.word() >> 8) * 0x1p-23f - 1.0f) * 2.0f;
    return t;
  }
  using Keep = std::function<void(const std::string&, const Tensor&)>;
  Tensor as_floats(const int32_t* x, int64_t count) {
    Tensor t = c().empty({count});
    std::copy_n(x, count, t.f32());
    return t;
  }

  void attention(const Keep& keep) {
    constexpr int64_t kRows = 75, kHeads = 3, kD = 20, kV = 12;
    models::StateLayout layout;
    const ops::KvGeometry geometry{.heads = kHeads, .d = kD, .v = kV, .element = ops::matmul_element(c().numerics)};
    layout.layers = {models::PagedKv{geometry}};
    models::SequenceState state(layout, runtime_.memory());
    state.reserve(kRows);
    const std::vector<ops::KvSegment> segments{{0, kRows, 0, state.blocks(0)}};
    const Tensor q = random({kRows, kHeads * kD}, 7), k = random({kRows, kHeads * kD}, 8),
                 v = random({kRows, kHeads * kV}, 9);
    ops::store_kv({k.f32(), kHeads * kD, kD, kD}, {}, {v.f32(), kHeads * kV, kV, kV}, segments, geometry, c());
    const auto r = ops::attention(q, kHeads, segments, geometry, 0.25f, true, c());
    keep("attention", r.out);
    keep("attention lse", r.lse);
    const auto g =
        ops::attention_backward(random({kRows, kHeads * kV}, 10), q, r, kHeads, segments, geometry, 0.25f, c());
    keep("attention dq", g.dq);
    keep("attention dk", g.dk);
    keep("attention dv", g.dv);
  }

  static constexpr int64_t kTokens = 45, kExperts = 24, kTopK = 5;
  // V3's gate, and V2's: softmax, groups by their best expert, weights as they are, no bias.
  static ops::RouterConfig gate(bool softmax) {
    return {.score = softmax ? ops::RouterScore::softmax : ops::RouterScore::sigmoid,
            .group_score = softmax ? ops::GroupScore::best : ops::GroupScore::sum_of_two_best,
            .experts = kExperts,
            .top_k = kTopK,
            .groups = 6,
            .keep_groups = 3,
            .normalize = !softmax,
            .scaling = 2.5f};
  }
  void router(const Keep& keep) {
    const Tensor logits = random({kTokens, kExperts}, 11), bias = random({kExperts}, 12),
                 dweights = random({kTokens, kTopK}, 13);
    const std::vector<int64_t> rows{0, 17, kTokens};
    for (const bool softmax : {false, true}) {
      const std::string name = softmax ? "router softmax" : "router sigmoid";
      const ops::RouterConfig config = gate(softmax);
      const ops::Routing r = ops::route(logits, softmax ? Tensor() : bias, config, c());
      keep(name + " indices", as_floats(r.indices.i32(), r.indices.elements()));
      keep(name + " weights", r.weights);
      keep(name + " scores", r.scores);
      keep(name + " dlogits", ops::route_backward(dweights, r, config, nullptr, c()));
      const auto balance = ops::balance_loss(r, {rows, ops::BalanceCount::unbiased_top_k}, config, c());
      Tensor loss = c().empty({1});
      loss.f32()[0] = balance.loss;
      keep(name + " balance", loss);
      keep(name + " balance fractions", balance.fractions);
      const ops::BalanceSeed seed{rows, &balance.fractions, 0.02f};
      keep(name + " dlogits with balance", ops::route_backward(dweights, r, config, &seed, c()));
    }
  }

  // Dispatch, the grouped product of the experts, combine, and their backward.
  void experts(const Keep& keep) {
    constexpr int64_t kIn = 38, kOut = 22, kSlots = kTokens * kTopK;
    const kernels::Element element = ops::matmul_element(c().numerics);
    const ops::Routing r = ops::route(random({kTokens, kExperts}, 11), random({kExperts}, 12), gate(false), c());
    const ops::Dispatch d = ops::dispatch(r.indices, kExperts, c());
    keep("dispatch rows", as_floats(d.rows.i32(), d.rows.elements()));
    keep("dispatch slots", as_floats(d.slots.i32(), d.slots.elements()));
    std::vector<ops::Weight> weights;
    std::vector<Tensor> grads;
    for (uint64_t e = 0; e < kExperts; ++e) {
      weights.push_back(ops::make_weight(random({kOut, kIn}, 100 + e), element, ops::Packs::forward_and_backward, c()));
      grads.push_back(random({kOut, kIn}, 200 + e));
    }
    std::vector<const ops::Weight*> pointers;
    std::vector<Tensor*> grad_pointers;
    for (auto& w : weights) pointers.push_back(&w);
    for (auto& g : grads) grad_pointers.push_back(&g);
    const ops::Groups groups{d.offsets, pointers};
    const Tensor out = ops::grouped_linear(random({kTokens, kIn}, 14), d.rows.i32(), groups, c());
    const Tensor dout = random({kSlots, kOut}, 15), sorted = random({kSlots, kIn}, 16);
    keep("experts", out);
    keep("experts dx", ops::grouped_linear_dx(dout, groups, c()));
    ops::grouped_linear_dw(dout, sorted, d.offsets, element, grad_pointers, c());
    Tensor dw = c().empty({kExperts, kOut * kIn});
    for (int64_t e = 0; e < kExperts; ++e)
      std::copy_n(grads[static_cast<size_t>(e)].f32(), kOut * kIn, dw.f32() + e * kOut * kIn);
    keep("experts dw", dw);
    const Tensor shared = random({kTokens, kOut}, 17), dy = random({kTokens, kOut}, 18);
    keep("combine", ops::combine(shared, out, r.weights, d, c()));
    const auto g = ops::combine_backward(dy, out, r.weights, d, c());
    keep("combine dout", g.dexpert_out);
    keep("combine dweights", g.dweights);
    Tensor dx = random({kTokens, kOut}, 19);
    ops::scatter_expert_grads(dx, out, dout, d, c());
    keep("experts into dx", dx);
  }

  void rows_of_tables(const Keep& keep) {
    const Tensor table = random({31, 70}, 20);
    std::vector<int32_t> ids;
    for (int32_t i = 0; i < 90; ++i) ids.push_back(i * i % 31);
    keep("embedding", ops::embedding(table, ids, c()));
    Tensor dtable = random({31, 70}, 21);
    ops::scatter_add_rows(dtable, random({90, 70}, 22), ids, c());
    keep("embedding backward", dtable);
    Tensor both = ops::add(table, dtable, c());
    ops::add_to(both, dtable, c());
    keep("add", both);
    Tensor sum = c().empty({1});
    const Tensor many = random({3 * 4096 + 777}, 23);
    sum.f32()[0] = ops::long_sum(many.f32(), many.elements());
    keep("long_sum", sum);
  }

  // The norm over all tensors of the small model, and AdamW's own arithmetic.
  void optimizer(const Keep& keep) {
    const models::DeepseekV3 model(small_config(), c().numerics);
    autograd::GradStore gradients(static_cast<size_t>(model.parameters().trained()));
    for (const auto& p : model.parameters().all())
      if (p.trained()) gradients.slot(p.id) = random(p.shape, 300 + static_cast<uint64_t>(p.id));
    Tensor norm = c().empty({1});
    norm.f32()[0] = train::gradient_norm(model, gradients, c());
    keep("gradient norm", norm);
    Tensor direction = random({22, 38}, 30);
    ops::orthogonalize(direction.f32(), 22, 38, 0, c());
    keep("orthogonalize", direction);
    Tensor p = random({1000}, 24), m = random({1000}, 25), v = random({1000}, 26);
    for (int64_t i = 0; i < 1000; ++i) v.f32()[i] = std::abs(v.f32()[i]);
    c().kernels.adamw({.p = p.f32(),
                       .m = m.f32(),
                       .v = v.f32(),
                       .g = random({1000}, 27).f32(),
                       .count = 1000,
                       .clip = 0.83f,
                       .decay = 0.9997f,
                       .one_minus_b1 = 0.1f,
                       .b2 = 0.95f,
                       .one_minus_b2 = 0.05f,
                       .root_correction = 0.3122499f,
                       .eps = 1e-8f,
                       .step = -3.3e-3f});
    keep("adamw p", p);
    keep("adamw m", m);
    keep("adamw v", v);
  }
  ops::Runtime runtime_;
};

uint64_t functions_hash() {
  std::vector<float> values;
  for (float x = -90; x < 90; x += 0.37f) values.push_back(math::exp(x));
  for (float x = 1e-30f; x < 1e30f; x *= 1.7f) values.push_back(math::log(x));
  for (double x = -1000; x < 1000; x += 3.7) {
    values.push_back(static_cast<float>(math::sin(x)));
    values.push_back(static_cast<float>(math::cos(x)));
    values.push_back(static_cast<float>(math::pow(10000.0, x / 1000)));
  }
  return hash_of(values.data(), static_cast<int64_t>(values.size()));
}

// What every filter leaves, and the tokens drawn from it.
uint64_t sampler_hash() {
  RandomStream random(21, 28, Purpose::test);
  std::vector<float> logits, values;
  for (int i = 0; i < 500; ++i) logits.push_back(static_cast<float>(random.word() >> 8) * 0x1p-20f - 8.0f);
  const std::vector<int32_t> prompt{3, 7, 7, 100}, output{7, 9, 9, 9, 250};
  using Sampling = engine::SamplingParams;
  for (const Sampling& s : {Sampling{.temperature = 1.0}, Sampling{.temperature = 0.7, .top_k = 40, .top_p = 0.9},
                            Sampling{.temperature = 1.3, .min_p = 0.05, .repetition_penalty = 1.2},
                            Sampling{.presence_penalty = 0.5, .frequency_penalty = 0.25, .logit_bias = {{9, 2.5}}},
                            Sampling{.temperature = 0.0}, Sampling{.allowed_ids = {1, 5, 250, 499}}}) {
    const auto d = engine::distribution(logits, s, prompt, output);
    values.insert(values.end(), d->p.begin(), d->p.end());
    for (const int32_t id : d->ids) values.push_back(static_cast<float>(id));
    values.push_back(static_cast<float>(d->total));
    for (uint64_t position = 0; position < 50; ++position)
      for (const uint32_t sample : {0u, 3u})
        values.push_back(static_cast<float>(engine::draw(*d, 42, position, sample)));
  }
  return hash_of(values.data(), static_cast<int64_t>(values.size()));
}

std::map<std::string, uint64_t> computed() {
  std::map<std::string, uint64_t> hashes;
  for (const auto numerics : {ops::Numerics::bf16, ops::Numerics::f32}) {
    hashes.merge(Bits(numerics).all());
    hashes[numerics == ops::Numerics::bf16 ? "bf16 50 training steps" : "f32 50 training steps"] =
        train_hash(kernels::test::test_isa(), 2, numerics, 50);
  }
  hashes["exp log sin cos pow"] = functions_hash();
  hashes["sampler"] = sampler_hash();
  return hashes;
}

TEST(Bits, EqualTheStoredOnes) {
  const std::string path = JAMSU_SOURCE_DIR "/tests/numerics/bits.txt";
  const auto got = computed();
  if (std::getenv("JAMSU_WRITE_BITS")) {
    std::ofstream out(path);
    out << "numerics_version " << kNumericsVersion << "\n";
    for (const auto& [name, hash] : got) out << std::hex << hash << " " << name << "\n";
    std::printf("%s written\n", path.c_str());
    return;
  }
  std::ifstream in(path);
  std::string word;
  int version = 0;
  ASSERT_TRUE(in >> word >> version) << path;
  EXPECT_EQ(version, kNumericsVersion);
  std::map<std::string, uint64_t> want;
  uint64_t hash = 0;
  while (in >> std::hex >> hash && in.get() == ' ' && std::getline(in, word)) want[word] = hash;
  EXPECT_EQ(want.size(), got.size());
  for (const auto& [name, value] : got)
    EXPECT_EQ(value, want[name]) << name << ": its bits changed; see docs/numerics.md";
}

// The comparison sees one ulp of one scale: a planted error turns it red.
TEST(Bits, APlantedUlpIsSeen) {
  std::vector<float> x(100, 0.25f);
  const uint64_t before = hash_of(x.data(), 100);
  x[57] = std::nextafter(x[57], 1.0f);
  EXPECT_NE(hash_of(x.data(), 100), before);
  World w(kernels::test::test_isa(), 1, ops::Numerics::bf16);
  const auto run = [&](float scale_error) {
    const FlushScope flush;
    ops::Context& c = w.runtime.context();
    Tensor q = c.empty({1, 20});
    for (int i = 0; i < 20; ++i) q.f32()[i] = 7.3f * static_cast<float>(i) - 40.0f;
    models::StateLayout layout;
    const ops::KvGeometry geometry{.heads = 1, .d = 20, .v = 20, .element = kernels::Element::f32};
    layout.layers = {models::PagedKv{geometry}};
    models::SequenceState state(layout, w.runtime.memory());
    state.reserve(2);
    Tensor k = c.empty({2, 20});
    for (int i = 0; i < 40; ++i) k.f32()[i] = 0.05f * static_cast<float>(i % 13) - 0.3f;
    const std::vector<ops::KvSegment> all{{0, 2, 0, state.blocks(0)}}, last{{0, 1, 1, state.blocks(0)}};
    ops::store_kv({k.f32(), 20, 20, 20}, {}, {k.f32(), 20, 20, 20}, all, geometry, c);
    const Tensor out = ops::attention(q, 1, last, geometry, 0.22360679f + scale_error, false, c).out;
    return hash_of(out.f32(), 20);
  };
  EXPECT_EQ(run(0), run(0));
  EXPECT_NE(run(0), run(0x1p-26f));  // one ulp of the scale
}

}  // namespace
}  // namespace jamsu
