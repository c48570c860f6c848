// numerics.md section 3, processes: the micro-batches of a step are divided over gradient_slots; whichever ranks
// compute the slots, the sum has the same bits.
#include <gtest/gtest.h>

#include "kernels/test_isas.h"
#include "numerics/small_world.h"
#include "train/trainer.h"

namespace jamsu::train {
namespace {

std::vector<MicroBatch> micro_batches(size_t count) {
  std::vector<MicroBatch> parts;
  for (size_t j = 0; j < count; ++j) parts.push_back(pack(numerics_test::data(j), true));
  return parts;
}

const StepOptions kOptions{
    .losses = {.mtp_lambda = 0.3, .balance_alpha = 0.02}, .optimizer = {}, .learning_rate = 3e-3, .bias_gamma = 0};

std::string by_trainer(const std::vector<MicroBatch>& parts, int64_t slots, int threads) {
  ops::Runtime runtime(threads, kernels::test::test_isa(), ops::Numerics::bf16);
  models::DeepseekV3 model(numerics_test::small_config(), ops::Numerics::bf16);
  Trainer trainer(model, runtime, {.seed = 5, .scale = 1.0, .embedding_std = 0.3});
  StepOptions options = kOptions;
  options.gradient_slots = slots;
  trainer.step(parts, options);
  models::NamedTensors masters = trainer.tensors();
  std::erase_if(masters, [](const auto& entry) { return !entry.first.starts_with("master."); });
  return numerics_test::sha256_of(masters);
}

// Ranks that each compute their slots alone, the last rank first;
// each adds up its slots, then the ranks' sums are added.
std::string by_ranks(const std::vector<MicroBatch>& parts, size_t slots, size_t ranks) {
  numerics_test::World w(kernels::test::test_isa(), 1, ops::Numerics::bf16);
  ops::Context& c = w.runtime.context();
  const GlobalCounts counts = count(parts);
  const autograd::GradStore none(static_cast<size_t>(w.model->parameters().trained()));
  std::vector<autograd::GradStore> sums(ranks, none);
  for (size_t rank = ranks; rank-- > 0;) {
    std::vector<autograd::GradStore> own;
    for (size_t slot = rank * slots / ranks; slot < (rank + 1) * slots / ranks; ++slot) {
      own.push_back(none);
      for (size_t j = 0; j < parts.size(); ++j)
        if (j * slots / parts.size() == slot)
          run_micro_batch(*w.model, parts[j], kOptions.losses, counts, own.back(), c);
    }
    reduce_slots(own, c);
    sums[rank] = own[0];
  }
  reduce_slots(sums, c);
  optimizer_step(*w.model, w.state, sums[0], kOptions.optimizer, kOptions.learning_rate, c);
  models::NamedTensors masters;
  for (const auto& p : w.model->parameters().all())
    if (p.trained()) masters.emplace("master." + p.name, w.state.master[static_cast<size_t>(p.id)]);
  return numerics_test::sha256_of(masters);
}

TEST(gradient_slots, any_ranks_that_divide_the_slots_give_equal_bits) {
  for (const size_t count : {4u, 6u, 8u}) {  // 6: slots of 2, 1, 2, 1 micro-batches
    const auto parts = micro_batches(count);
    const std::string want = by_trainer(parts, 4, 1);
    EXPECT_EQ(by_trainer(parts, 4, 2), want);
    for (const size_t ranks : {1u, 2u, 4u}) EXPECT_EQ(by_ranks(parts, 4, ranks), want) << count << ", " << ranks;
    // The slots are a part of the recipe: the order of the sums is another.
    EXPECT_NE(by_trainer(parts, 1, 1), want);
    EXPECT_EQ(by_ranks(parts, 1, 1), by_trainer(parts, 1, 1));
  }
}

}  // namespace
}  // namespace jamsu::train
