// Cases in which careless code goes wrong, planted into small models: activations of 1e4 and more, tied and nearly tied
// routers, a vocabulary that is a multiple of nothing. Each has one set of bits over ISA, threads, batches and pieces
// of prefill (ref on one thread, each prompt alone and whole), and what is known of it holds.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kernels/test_isas.h"
#include "numerics/ask.h"
#include "numerics/small_world.h"

namespace jamsu {
namespace {

using kernels::Isa;
using numerics_test::ask;
using numerics_test::hash_of;
using numerics_test::MakeModel;
using numerics_test::small_config;
using numerics_test::small_deepseek_v3;
using numerics_test::small_longrope;
using numerics_test::small_sliding;
using numerics_test::small_sliding_config;
using numerics_test::tokens;
using numerics_test::World;
using ops::Numerics;

constexpr int64_t kVocabulary = 1009;  // a prime

std::shared_ptr<models::Model> prime_deepseek(Numerics numerics) {
  auto c = small_config();
  c.vocab_size = kVocabulary;
  return std::make_shared<models::DeepseekV3>(c, numerics);
}
std::shared_ptr<models::Model> prime_tied(Numerics numerics) {
  auto c = small_sliding_config();
  c.vocab_size = kVocabulary;
  return std::make_shared<models::Llama>(c, numerics);
}
// Scores without a norm before them, unlike Qwen3's.
std::shared_ptr<models::Model> small_qwen2(Numerics numerics) {
  auto c = small_sliding_config();
  c.kind = models::LlamaKind::qwen2;
  c.num_experts = c.num_experts_per_tok = 0;
  return std::make_shared<models::Llama>(c, numerics);
}

using Prompts = std::vector<std::vector<int32_t>>;
Prompts prompts_of(const models::Model& model) {
  Prompts prompts;
  for (const int64_t length : {3, 37, 50}) {
    auto prompt = tokens(static_cast<uint64_t>(length), length);
    for (size_t i = 0; i < prompt.size(); i += 3)  // ids beyond the hundred of tokens(), the last one too
      prompt[i] = static_cast<int32_t>(model.info().vocab - 1 - prompt[i]);
    prompts.push_back(prompt);
  }
  return prompts;
}

// What a forward says of one prompt, row by row.
struct Rows {
  std::vector<float> logits, normed;
  std::map<int64_t, std::vector<int32_t>> choices;  // by layer
};
struct Forward {
  std::vector<Rows> prompts;
  float largest = 0;  // of the residual stream
};

struct Seen : models::Observer {
  void hidden(int64_t, const Tensor& x) override {
    for (int64_t i = 0; i < x.elements(); ++i) largest = std::max(largest, std::abs(x.f32()[i]));
  }
  void routing(int64_t layer, const Tensor&, const Tensor& ids, const Tensor&) override { indices[layer] = ids; }
  std::map<int64_t, Tensor> indices;
  float largest = 0;
};

template <class T>
void append(std::vector<T>& to, const T* from, const models::Segment& s, int64_t width) {
  to.insert(to.end(), from + s.first_row * width, from + (s.first_row + s.rows) * width);
}

// Prompts `which`, in one batch, in pieces.
void forward(World& w, const Prompts& prompts, const std::vector<size_t>& which, int64_t piece, Forward& out) {
  std::map<size_t, std::unique_ptr<models::SequenceState>> states;
  for (const size_t i : which)
    states[i] = std::make_unique<models::SequenceState>(w.model->state_layout(models::CachePolicy::expanded),
                                                        w.runtime.memory());
  for (int64_t begin = 0;; begin += piece) {
    std::vector<int32_t> ids;
    std::vector<models::Segment> segments;
    std::vector<size_t> running;
    for (const size_t i : which) {
      const int64_t rows = std::min(piece, static_cast<int64_t>(prompts[i].size()) - begin);
      if (rows <= 0) continue;
      states[i]->reserve(rows);
      segments.push_back(
          {static_cast<int64_t>(ids.size()), rows, begin, states[i].get(), static_cast<int64_t>(prompts[i].size())});
      ids.insert(ids.end(), prompts[i].begin() + begin, prompts[i].begin() + begin + rows);
      running.push_back(i);
    }
    if (running.empty()) return;
    const FlushScope flush;
    Seen seen;
    models::ForwardContext c(w.runtime.context(), nullptr, &seen);
    const auto hidden = w.model->hidden({ids, segments, {}}, c);
    const Tensor logits = w.model->logits(hidden, c).tensor;
    for (size_t j = 0; j < running.size(); ++j) {
      Rows& rows = out.prompts[running[j]];
      append(rows.logits, logits.f32(), segments[j], logits.dim(1));
      append(rows.normed, hidden.tensor.f32(), segments[j], hidden.tensor.dim(1));
      for (const auto& [layer, chosen] : seen.indices)
        append(rows.choices[layer], chosen.i32(), segments[j], chosen.dim(1));
      states[running[j]]->advance(segments[j].rows);
    }
    out.largest = std::max(out.largest, seen.largest);
  }
}
Forward forward(World& w, bool together, int64_t piece) {
  const Prompts prompts = prompts_of(*w.model);
  Forward out;
  out.prompts.resize(prompts.size());
  if (together) {
    forward(w, prompts, {0, 1, 2}, piece, out);
  } else {
    for (size_t i = 0; i < prompts.size(); ++i) forward(w, prompts, {i}, piece, out);
  }
  return out;
}

using Plant = std::function<void(World&)>;
// A parameter's master; what is written to it counts from the next refresh_model on.
float* master(World& w, const std::string& name) {
  return w.state.master[static_cast<size_t>(w.model->parameters().find(name)->id)].f32();
}
std::unique_ptr<World> planted(Isa isa, int threads, Numerics numerics, const MakeModel& make, const Plant& plant) {
  auto w = std::make_unique<World>(isa, threads, numerics, make);
  plant(*w);
  train::refresh_model(*w->model, w->state, w->runtime.context());
  return w;
}

void expect_same(const Forward& got, const Forward& want, const std::string& what) {
  for (size_t i = 0; i < want.prompts.size(); ++i) {
    const Rows &a = got.prompts[i], &b = want.prompts[i];
    EXPECT_EQ(a.choices, b.choices) << what << ", prompt " << i;
    ASSERT_EQ(a.logits.size(), b.logits.size());
    EXPECT_EQ(hash_of(a.logits.data(), static_cast<int64_t>(a.logits.size())),
              hash_of(b.logits.data(), static_cast<int64_t>(b.logits.size())))
        << what << ", prompt " << i;
  }
}

// Every way of computing it equals ref's; returns that.
Forward expect_one_set_of_bits(Numerics numerics, const MakeModel& make, const Plant& plant) {
  const Forward want = forward(*planted(Isa::ref, 1, numerics, make, plant), false, 1000);
  for (const Isa isa : kernels::test::test_isas())
    for (const int threads : {1, 2, 7}) {
      const auto w = planted(isa, threads, numerics, make, plant);
      for (const auto& [together, piece] : {std::pair<bool, int64_t>{false, 1000}, {true, 1}, {true, 5}})
        expect_same(forward(*w, together, piece), want,
                    std::string(kernels::isa_name(isa)) + (numerics == Numerics::bf16 ? " bf16" : " f32") +
                        " threads " + std::to_string(threads) + " pieces of " + std::to_string(piece) +
                        (together ? " together" : " alone"));
    }
  return want;
}

void scale(World& w, const std::string& part, float factor) {
  for (const auto& p : w.model->parameters().all())
    if (p.trained() && p.name.find(part) != std::string::npos) {
      float* x = master(w, p.name);
      for (int64_t i = 0; i < p.shape.elements(); ++i) x[i] *= factor;
    }
}

void expect_finite(const Forward& f) {
  for (const Rows& rows : f.prompts)
    EXPECT_TRUE(std::all_of(rows.logits.begin(), rows.logits.end(), [](float x) { return std::isfinite(x); }));
}

class HardCases : public testing::TestWithParam<Numerics> {};

// Of the prompts of 3, 37 and 50 tokens the longest alone is one of the long factors, as in small_longrope.
std::shared_ptr<models::Model> longrope_gelu_tanh(Numerics numerics) {
  auto c = small_sliding_config();
  c.activation = ops::Activation::gelu_tanh;
  c.rope_scaling = models::RopeScalingConfig{.type = ops::RopeScaling::longrope,
                                             .factor = 6,
                                             .original_max_position_embeddings = 40,
                                             .short_factor = {1, 1, 1.1, 1.2, 1.4, 2},
                                             .long_factor = {1, 2, 3, 5, 12, 40}};
  return std::make_shared<models::Llama>(c, numerics);
}
std::shared_ptr<models::Model> small_relu(Numerics numerics) {
  auto c = small_sliding_config();
  c.activation = ops::Activation::relu;
  return std::make_shared<models::Llama>(c, numerics);
}
// Not the model without them: they are computed.
TEST_P(HardCases, OtherActivationsAndLongrope) {
  const auto nothing = [](World&) {};
  for (const auto& [make, plain] : {std::pair<MakeModel, MakeModel>{small_longrope, small_deepseek_v3},
                                    {longrope_gelu_tanh, small_sliding},
                                    {small_relu, small_sliding}}) {
    const Forward f = expect_one_set_of_bits(GetParam(), make, nothing);
    expect_finite(f);
    const Forward other = forward(*planted(Isa::ref, 1, GetParam(), plain, nothing), false, 1000);
    for (size_t i = 0; i < f.prompts.size(); ++i) EXPECT_NE(f.prompts[i].logits, other.prompts[i].logits);
  }
}

// A residual stream of 1e4 and more, to which each layer adds as much.
TEST_P(HardCases, LargeResidualStream) {
  for (const MakeModel& make : {MakeModel(small_deepseek_v3), MakeModel(small_sliding), MakeModel(small_qwen2)}) {
    const Forward f = expect_one_set_of_bits(GetParam(), make, [](World& w) {
      for (const char* part : {"embed_tokens", "o_proj", "down_proj"}) scale(w, part, 1e5f);
    });
    EXPECT_GT(f.largest, 1e5f);
    expect_finite(f);
  }
}

// Norms of 300: scores of 1e5 and more, so that attention takes one key and sigmoids are 0 or 1; products beyond 1e4.
TEST_P(HardCases, LargeScoresAndProducts) {
  for (const MakeModel& make : {MakeModel(small_deepseek_v3), MakeModel(small_sliding), MakeModel(small_qwen2)}) {
    const Forward f = expect_one_set_of_bits(GetParam(), make, [](World& w) { scale(w, "norm", 300.0f); });
    EXPECT_GT(f.largest, 1e4f);
    expect_finite(f);
  }
}

void for_each_router(World& w, const std::function<void(float* matrix, int64_t width)>& f) {
  for (const auto& p : w.model->parameters().all())
    if (p.role == autograd::Role::router_matrix) f(master(w, p.name), p.shape[1]);
}
void copy_expert(World& w, int64_t from, int64_t to) {
  for_each_router(w, [&](float* x, int64_t width) { std::copy_n(x + from * width, width, x + to * width); });
}
// By less than any logit: f32 mode takes an ulp in each weight; bf16 mode rounds weights, so that it takes one of its
// ulps in the smallest.
void nudge_expert(World& w, int64_t expert) {
  for_each_router(w, [&](float* matrix, int64_t width) {
    float* x = matrix + expert * width;
    if (w.runtime.context().numerics == Numerics::f32)
      std::transform(x, x + width, x, [](float v) { return std::nextafter(v, INFINITY); });
    else
      *std::min_element(x, x + width, [](float a, float b) { return std::abs(a) < std::abs(b); }) *= 1 + 0x1p-7f;
  });
}
// How often `expert` was chosen and `other` was not.
int64_t chosen_without(const Forward& f, int32_t expert, int32_t other, int64_t top_k) {
  int64_t count = 0;
  for (const Rows& rows : f.prompts)
    for (const auto& [layer, ids] : rows.choices)
      for (auto row = ids.begin(); row != ids.end(); row += top_k) {
        const auto end = row + top_k;
        const auto has = [&](int32_t e) { return std::find(row, end, e) != end; };
        count += has(expert) && !has(other);
      }
  return count;
}

// Three of six experts that are pairs (e, e + 3): one pair and half of another.
TEST_P(HardCases, OfTiedExpertsTheLowerIsChosen) {
  const Forward f = expect_one_set_of_bits(GetParam(), small_sliding, [](World& w) {
    for (int64_t e = 0; e < 3; ++e) copy_expert(w, e, e + 3);
  });
  int64_t split = 0;
  for (int32_t e = 0; e < 3; ++e) {
    EXPECT_EQ(chosen_without(f, e + 3, e, 3), 0) << e;
    split += chosen_without(f, e, e + 3, 3);
  }
  EXPECT_EQ(split, 2 * 90);  // every row of both MoE layers
}

// All eight alike: tied groups too.
TEST_P(HardCases, OfTiedGroupsTheLowerAreChosen) {
  const Forward f = expect_one_set_of_bits(GetParam(), small_deepseek_v3, [](World& w) {
    for (int64_t e = 1; e < 8; ++e) copy_expert(w, 0, e);
  });
  for (const Rows& rows : f.prompts)
    for (const auto& [layer, ids] : rows.choices)
      for (size_t i = 0; i < ids.size(); ++i) ASSERT_EQ(ids[i], static_cast<int32_t>(i % 3)) << layer;
}

// Pairs hardly apart: either of them may be chosen; which it is depends on nothing.
TEST_P(HardCases, NearlyTiedExpertsAreChosenAlikeEverywhere) {
  const Forward f = expect_one_set_of_bits(GetParam(), small_sliding, [](World& w) {
    for (int64_t e = 0; e < 3; ++e) {
      copy_expert(w, e, e + 3);
      nudge_expert(w, e + 3);
    }
  });
  int64_t lower = 0, upper = 0;
  for (int32_t e = 0; e < 3; ++e) {
    lower += chosen_without(f, e, e + 3, 3);
    upper += chosen_without(f, e + 3, e, 3);
  }
  EXPECT_EQ(lower + upper, 2 * 90);
  EXPECT_GT(lower, 0);
  EXPECT_GT(upper, 0);
}

// The last column is computed as every other, from the row of the head that belongs to it.
TEST_P(HardCases, PrimeVocabularyHasItsLastLogit) {
  const Plant none = [](World&) {};
  for (const MakeModel& make : {MakeModel(prime_deepseek), MakeModel(prime_tied)}) {
    const Forward f = expect_one_set_of_bits(GetParam(), make, none);
    World w(Isa::ref, 1, GetParam(), make);
    const int64_t width = w.model->info().hidden;
    const float* head = master(w, w.model->info().tied_head ? "model.embed_tokens.weight" : "lm_head.weight");
    const double rounding = GetParam() == Numerics::bf16 ? 0x1p-7 : 0x1p-18;  // of both operands; sums of 40
    for (const Rows& rows : f.prompts)
      for (size_t row = 0; row < rows.logits.size() / kVocabulary; ++row)
        for (const int64_t column : {int64_t{0}, int64_t{1007}, int64_t{1008}}) {
          double want = 0, size = 0;
          for (int64_t i = 0; i < width; ++i) {
            const double term =
                static_cast<double>(rows.normed[row * static_cast<size_t>(width) + static_cast<size_t>(i)]) *
                static_cast<double>(head[column * width + i]);
            want += term;
            size += std::abs(term);
          }
          EXPECT_NEAR(static_cast<double>(rows.logits[row * kVocabulary + static_cast<size_t>(column)]), want,
                      rounding * size);
        }
  }
}

// The last token can be drawn, its probability is over all 1,009, and draws are the same on every ISA.
TEST_P(HardCases, PrimeVocabularyIsSampledFrom) {
  const auto prompt = tokens(5, 40);
  std::vector<engine::Request> requests = {
      {.tokens = prompt, .sampling = {.temperature = 0, .logit_bias = {{1008, 1e3}}}, .max_tokens = 1},
      {.tokens = prompt, .sampling = {.temperature = 3, .seed = 7}, .max_tokens = 60},
      {.tokens = prompt, .sampling = {.temperature = 3, .top_p = 0.9, .seed = 8}, .max_tokens = 60}};
  const auto answers = [&](Isa isa) {
    World w(isa, 2, GetParam(), prime_deepseek);
    return ask(*engine::Engine::open(w.model, w.runtime, {}), requests);
  };
  const auto want = answers(Isa::ref);
  ASSERT_EQ(want[0].sampled.size(), 2u);
  EXPECT_EQ(want[0].sampled[0], 1008);
  World w(Isa::ref, 1, GetParam(), prime_deepseek);
  Forward f;
  f.prompts.resize(1);
  forward(w, {prompt}, {0}, 1000, f);
  const float* last = f.prompts[0].logits.data() + 39 * kVocabulary;
  double total = 0;
  for (int64_t i = 0; i < kVocabulary; ++i) total += std::exp(static_cast<double>(last[i]));
  EXPECT_NEAR(static_cast<double>(want[0].sampled[1]), static_cast<double>(last[1008]) - std::log(total), 1e-5);
  float highest = 0;
  for (size_t i = 0; i < want[1].sampled.size(); i += 2) highest = std::max(highest, want[1].sampled[i]);
  EXPECT_GT(highest, 900);
  EXPECT_LT(highest, kVocabulary);
  for (const Isa isa : kernels::test::test_isas()) {
    const auto got = answers(isa);
    for (size_t i = 0; i < want.size(); ++i) EXPECT_EQ(got[i].sampled, want[i].sampled) << kernels::isa_name(isa);
  }
}

INSTANTIATE_TEST_SUITE_P(Modes, HardCases, testing::Values(Numerics::bf16, Numerics::f32),
                         [](const auto& c) { return c.param == Numerics::bf16 ? "bf16" : "f32"; });

}  // namespace
}  // namespace jamsu
