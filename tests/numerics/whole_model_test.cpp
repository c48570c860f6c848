// docs/numerics.md section 8 for whole models: no result depends on ISA, threads, batch, pieces of prefill, cache
// policy, cached prefix, or on whether the trainer or the engine computes it.
// A test for each ISA; each asserts which kernels ran.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "base/math.h"
#include "kernels/test_isas.h"
#include "numerics/ask.h"
#include "numerics/small_world.h"
#include "ops/loss.h"
#include "train/step.h"

namespace jamsu {
namespace {

using kernels::Isa;
using models::CachePolicy;
using numerics_test::Answer;
using numerics_test::MakeModel;
using numerics_test::small_deepseek_v3;
using numerics_test::small_longrope;
using numerics_test::small_sliding;
using numerics_test::tokens;
using numerics_test::train_hash;
using numerics_test::World;
using ops::Numerics;

constexpr Numerics kModes[] = {Numerics::bf16, Numerics::f32};
const char* mode_name(Numerics n) {
  return n == Numerics::bf16 ? "bf16" : "f32";
}

class WholeModel : public testing::TestWithParam<Isa> {
 protected:
  Isa isa() const { return GetParam(); }
  // False, and said so, where this CPU or JAMSU_ISA leaves the ISA out.
  bool present() const {
    const auto& isas = kernels::test::test_isas();
    const bool is = std::find(isas.begin(), isas.end(), isa()) != isas.end();
    if (!is) std::printf("%s: not run\n", std::string(kernels::isa_name(isa())).c_str());
    return is;
  }
  // ref is naive and emulated tiles trap: they run a part of the matrix, which is printed.
  bool slow() const { return isa() == Isa::ref || isa() > kernels::best_isa(); }

  void expect_kernels(std::vector<std::string> operations, Numerics numerics, bool decoding) const {
    operations.insert(operations.end(),
                      {"gemm_f32", "pack_b", "store_kv", "attention", "rms_norm", "rope", "swiglu", "add_scaled"});
    if (numerics == Numerics::bf16) operations.emplace_back("gemm_bf16");
    if (decoding) operations.emplace_back("gemm_few_rows");
    std::set<std::string> expected, ran = kernels::test::kernels_that_ran();
    for (const auto& operation : operations) expected.insert(kernels::test::kernel_name(isa(), operation));
    // Without decoding, two rows meet only where an expert has so few: as the data will.
    if (!decoding && isa() != Isa::ref) ran.erase(kernels::test::kernel_name(isa(), "gemm_few_rows"));
    // Of emulated tiles only pieces of 40 rows: gate and up come together from 129 on.
    if (slow()) ran.erase("amx_gemm_gated_bf16");
    EXPECT_EQ(ran, expected) << kernels::isa_name(isa()) << " " << mode_name(numerics);
  }
};
const std::vector<std::string> kOfTraining = {"attention_backward", "rms_norm_backward", "norm_weight_grad",
                                              "swiglu_backward",    "cross_entropy",     "row_dot"};

// Masters and moments, in two micro-batches a step.
TEST_P(WholeModel, TrainedWeightsAreEqualOnEveryThreadCount) {
  if (!present()) return;
  const int many = slow() ? 6 : 50, few = 4;
  std::printf("%d steps on 1 and 2 threads, %d on 7 and against ref; both modes\n", many, few);
  for (const Numerics numerics : kModes) {
    const uint64_t ref = train_hash(Isa::ref, 1, numerics, few);
    kernels::test::kernels_that_ran();
    EXPECT_EQ(train_hash(isa(), 7, numerics, few), ref) << mode_name(numerics);
    EXPECT_EQ(train_hash(isa(), 1, numerics, many), train_hash(isa(), 2, numerics, many)) << mode_name(numerics);
    auto operations = kOfTraining;
    operations.emplace_back("adamw");
    expect_kernels(operations, numerics, false);
  }
}

std::vector<Answer> ask(engine::Engine& engine, const std::vector<std::vector<int32_t>>& prompts,
                        bool prompt_logprobs) {
  std::vector<engine::Request> requests;
  for (size_t i = 0; i < prompts.size(); ++i)
    requests.push_back(
        {.tokens = prompts[i], .sampling = {.seed = i}, .max_tokens = 5, .prompt_logprobs = prompt_logprobs});
  return numerics_test::ask(engine, std::move(requests));
}
bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// Lengths 3 to 49, some beyond a block of 32 positions.
std::vector<std::vector<int32_t>> all_prompts() {
  std::vector<std::vector<int32_t>> prompts;
  for (uint64_t i = 0; i < 32; ++i) prompts.push_back(tokens(i, 3 + static_cast<int64_t>(i) * 17 % 47));
  return prompts;
}
// One prompt after the other, in one piece, on ref and one thread.
std::vector<Answer> reference_answers(Numerics numerics, CachePolicy policy = CachePolicy::expanded,
                                      const MakeModel& make = small_deepseek_v3) {
  World w(Isa::ref, 1, numerics, make);
  return ask(*engine::Engine::open(w.model, w.runtime, {.max_sequences = 1, .cached_prefixes = 0, .policy = policy}),
             all_prompts(), true);
}

// The mean difference between log-probabilities of the prompts.
double mean_gap(const std::vector<Answer>& a, const std::vector<Answer>& b) {
  double sum = 0, count = 0;
  for (size_t i = 0; i < a.size(); ++i)
    for (size_t t = 0; t < a[i].prompt.size(); ++t) {
      sum += std::abs(static_cast<double>(a[i].prompt[t]) - static_cast<double>(b[i].prompt[t]));
      ++count;
    }
  return sum / count;
}

// numerics.md section 4: what `absorbed` costs. Its sums are rounded in other places, so it may not be further from
// bf16's training bits than those are from f32's, give or take.
void check_absorbed_gap(const std::vector<Answer>& want, const std::vector<Answer>& absorbed, Numerics numerics) {
  const double gap = mean_gap(want, absorbed);
  EXPECT_GT(gap, 0);
  if (numerics == Numerics::f32) {
    std::printf("f32: log-probabilities under absorbed are %.1e off those of training, in the mean\n", gap);
    EXPECT_LT(gap, 1e-5);
    return;
  }
  const double rounding = mean_gap(want, reference_answers(Numerics::f32));
  std::printf(
      "bf16: log-probabilities under absorbed are %.1e off those of training, in the mean; those are %.1e off "
      "f32's\n",
      gap, rounding);
  EXPECT_LT(gap, 2 * rounding);
}

struct EngineCase {
  int64_t batch, piece;
  CachePolicy policy;
  std::string text() const {
    return "batch " + std::to_string(batch) + ", pieces of " + std::to_string(piece) + ", " +
           std::string(policy_name(policy));
  }
};

// Cold, then again with the prefixes cached. Prompts are independent: small batches take fewer of them.
void check_engine(World& w, const EngineCase& c, const std::vector<Answer>& want, const std::string& where) {
  auto prompts = all_prompts();
  prompts.resize(c.batch == 1 ? 3 : c.batch == 3 ? 7 : prompts.size());
  const auto engine = engine::Engine::open(
      w.model, w.runtime,
      {.max_sequences = c.batch, .max_step_rows = c.piece, .cached_prefixes = 40, .policy = c.policy});
  const auto cold = ask(*engine, prompts, true), warm = ask(*engine, prompts, false);
  for (size_t i = 0; i < prompts.size(); ++i) {
    const std::string what = where + ", " + c.text() + ", prompt " + std::to_string(i);
    EXPECT_EQ(cold[i].cached, 0) << what;
    EXPECT_EQ(warm[i].cached, static_cast<int64_t>(prompts[i].size()) > 32 ? 32 : 0) << what;
    EXPECT_TRUE(same_bits(cold[i].prompt, want[i].prompt)) << what << ": log-probabilities of the prompt";
    EXPECT_TRUE(same_bits(cold[i].sampled, want[i].sampled)) << what << ": sampled";
    EXPECT_TRUE(same_bits(warm[i].sampled, want[i].sampled)) << what << ": sampled from a cached prefix";
  }
}

// The model as it would be opened from the file that the trainer writes: bf16, used where it lies.
void use_as_saved(World& w) {
  for (autograd::Parameter& p : w.model->parameters().all()) {
    if (!p.trained()) continue;
    const Tensor& master = w.state.master[static_cast<size_t>(p.id)];
    Tensor saved = w.runtime.context().empty(p.shape, DType::bf16);
    for (int64_t i = 0; i < saved.elements(); ++i) saved.bf16()[i] = f32_to_bf16(master.f32()[i]);
    if (autograd::keeps_rows(p, ops::Packs::forward, w.runtime.context())) autograd::keep_rows(p, saved);
  }
}

// The trainer's forward on the same prompts, packed as documents: the difference of log-probabilities is exactly 0.
void check_trainer(World& w, const std::vector<Answer>& want, const std::string& where) {
  const auto prompts = all_prompts();
  constexpr int64_t kWidth = 50;
  train::DataRows rows{static_cast<int64_t>(prompts.size()), kWidth, {}, {}, {}, {}};
  for (const auto& prompt : prompts)
    for (int64_t t = 0; t < kWidth; ++t) {
      const auto length = static_cast<int64_t>(prompt.size());
      const auto at = [&](int64_t i, int32_t otherwise) {
        return i < length ? prompt[static_cast<size_t>(i)] : otherwise;
      };
      rows.ids.push_back(at(t, 0));
      rows.doc_ids.push_back(t < length ? 0 : -1);
      rows.labels.push_back(at(t + 1, -100));
      rows.mtp_labels.push_back(at(t + 2, -100));
    }
  const train::MicroBatch micro = train::pack(rows, true);
  autograd::GradStore grads(static_cast<size_t>(w.model->parameters().trained()));
  const auto losses =
      train::run_micro_batch(*w.model, micro, {}, train::count({&micro, 1}), grads, w.runtime.context(), nullptr, true);
  const Tensor logp = ops::log_softmax(losses.kept.at(0), w.runtime.context());
  ASSERT_EQ(micro.segments.size(), prompts.size());
  for (size_t i = 0; i < prompts.size(); ++i) {
    std::vector<float> got;
    for (size_t t = 0; t + 1 < prompts[i].size(); ++t)
      got.push_back(
          logp.f32()[(micro.segments[i].first_row + static_cast<int64_t>(t)) * logp.dim(1) + prompts[i][t + 1]]);
    EXPECT_TRUE(same_bits(got, want[i].prompt)) << where << ": trainer against engine, prompt " << i;
  }
}

TEST_P(WholeModel, EngineAndTrainerAreEqualForEveryThreadCountBatchPiecePolicyAndCachedPrefix) {
  if (!present()) return;
  const std::vector<int> threads = slow() ? std::vector<int>{1, 2} : std::vector<int>{1, 2, 7};
  const std::vector<int64_t> pieces = slow() ? std::vector<int64_t>{40} : std::vector<int64_t>{5, 40, 512};
  std::printf("threads 1 to %d, batch 1, 3, 32, %zu sizes of pieces, all policies, cold and cached, both modes\n",
              threads.back(), pieces.size());
  for (const Numerics numerics : kModes) {
    const auto want = reference_answers(numerics), absorbed = reference_answers(numerics, CachePolicy::absorbed);
    check_absorbed_gap(want, absorbed, numerics);
    kernels::test::kernels_that_ran();
    for (const int count : threads) {
      World w(isa(), count, numerics);
      const std::string where =
          std::string(kernels::isa_name(isa())) + " " + mode_name(numerics) + " threads " + std::to_string(count);
      for (const int64_t batch : {1, 3, 32})
        for (const int64_t piece : pieces)
          for (const CachePolicy policy : models::kCachePolicies)
            check_engine(w, {batch, piece, policy}, policy == CachePolicy::absorbed ? absorbed : want, where);
      check_trainer(w, want, where);
      if (numerics == Numerics::f32) continue;
      World saved(isa(), count, numerics);
      use_as_saved(saved);
      for (const CachePolicy policy : models::kCachePolicies)
        for (const int64_t batch : {1, 3, 32})
          check_engine(saved, {batch, pieces.back(), policy}, policy == CachePolicy::absorbed ? absorbed : want,
                       where + " as saved");
    }
    auto operations = kOfTraining;
    operations.emplace_back("log_softmax");
    if (numerics == Numerics::bf16) operations.emplace_back("gemm_stored_bf16");
    if (numerics == Numerics::bf16 && isa() == Isa::amx && !slow()) operations.emplace_back("gemm_gated_bf16");
    expect_kernels(operations, numerics, true);
  }
}

TEST_P(WholeModel, SlidingLayersAreEqualForEveryThreadCountBatchPieceAndCachedPrefix) {
  if (!present()) return;
  const std::vector<int> threads = slow() ? std::vector<int>{1, 2} : std::vector<int>{1, 2, 7};
  const std::vector<int64_t> pieces = slow() ? std::vector<int64_t>{40} : std::vector<int64_t>{1, 5, 40, 512};
  for (const Numerics numerics : kModes) {
    const auto want = reference_answers(numerics, CachePolicy::expanded, small_sliding);
    kernels::test::kernels_that_ran();
    for (const int count : threads) {
      World w(isa(), count, numerics, small_sliding);
      const std::string where = std::string(kernels::isa_name(isa())) + " " + mode_name(numerics) +
                                " sliding threads " + std::to_string(count);
      for (const int64_t batch : {1, 3, 32})
        for (const int64_t piece : pieces) check_engine(w, {batch, piece, CachePolicy::expanded}, want, where);
      check_trainer(w, want, where);
    }
    auto operations = kOfTraining;
    operations.emplace_back("log_softmax");
    expect_kernels(operations, numerics, true);
  }
}

// A document in training is a prompt: its rows are of the short factors or of the long ones as a whole.
TEST_P(WholeModel, TheTrainerOfLongropeAndGeluSaysWhatTheEngineSays) {
  if (!present()) return;
  for (const Numerics numerics : kModes) {
    const auto want = reference_answers(numerics, CachePolicy::expanded, small_longrope);
    for (const int count : {1, 2}) {
      World w(isa(), count, numerics, small_longrope);
      check_trainer(w, want, std::string(kernels::isa_name(isa())) + " " + mode_name(numerics) + " longrope");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, WholeModel, testing::Values(Isa::ref, Isa::avx2, Isa::avx512, Isa::avx512bf16, Isa::amx),
                         [](const auto& c) { return std::string(kernels::isa_name(c.param)); });

// A prefix shared with an earlier, longer and other prompt.
TEST(CachedPrefix, OfAnotherPromptGivesTheSameTokens) {
  World w(kernels::test::test_isa(), 2, Numerics::bf16);
  const auto prompt = tokens(3, 100);
  auto longer = prompt;
  longer.push_back(7);
  const auto engine = engine::Engine::open(w.model, w.runtime, {});
  EXPECT_EQ(ask(*engine, {prompt}, false)[0].cached, 0);
  const Answer got = ask(*engine, {longer}, false)[0];
  EXPECT_EQ(got.cached, 96);  // whole blocks of 32
  const auto fresh = engine::Engine::open(w.model, w.runtime, {.cached_prefixes = 0});
  EXPECT_TRUE(same_bits(got.sampled, ask(*fresh, {longer}, false)[0].sampled));
}

}  // namespace
}  // namespace jamsu
