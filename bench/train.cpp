// A training step of the nano or tiny shape: 16 rows of 512 random tokens.
#include "base/clock.h"
#include "base/rng.h"
#include "bench/bench.h"
#include "bench/measure.h"
#include "bench/shapes.h"
#include "models/deepseek_v3.h"
#include "train/optimizer.h"
#include "train/step.h"

namespace jamsu::bench {
namespace {

constexpr int64_t kRows = 16, kWidth = 512;

std::vector<train::MicroBatch> random_batch(int64_t micro_rows, uint32_t vocab) {
  std::vector<train::MicroBatch> batch;
  for (int64_t r = 0; r < kRows; r += micro_rows) {
    train::DataRows data{micro_rows, kWidth, {}, {}, {}, {}};
    for (int64_t i = 0; i < micro_rows * kWidth; ++i) {
      RandomStream random(1, static_cast<uint64_t>(r * kWidth + i), Purpose::test);
      for (auto* ids : {&data.ids, &data.labels, &data.mtp_labels})
        ids->push_back(static_cast<int32_t>(random.below(vocab)));
      data.doc_ids.push_back(0);
    }
    batch.push_back(train::pack(data, true));
  }
  return batch;
}

}  // namespace

void train(const Setup& setup, const TrainShape& shape, const OnLine& on_line) {
  JAMSU_CHECK(shape.micro_rows > 0 && kRows % shape.micro_rows == 0);
  const models::DeepseekV3Config config = shape.tiny ? tiny() : nano();
  ops::Runtime runtime(setup.threads, setup.isa, ops::Numerics::bf16);
  models::DeepseekV3 model(config, ops::Numerics::bf16);
  train::TrainState state = train::initial_state(model, {}, runtime.context());
  const std::vector<train::MicroBatch> batch = random_batch(shape.micro_rows, static_cast<uint32_t>(config.vocab_size));
  const auto counts = train::count(batch);
  const double tokens = static_cast<double>(kRows * kWidth),
               flops = model.info().training_flops(kWidth / 2.0, true) * tokens;
  const auto step = [&]() -> Work {
    const double start = monotonic_seconds();
    autograd::GradStore grads(static_cast<size_t>(model.parameters().trained()));
    for (const auto& b : batch) train::run_micro_batch(model, b, {}, counts, grads, runtime.context());
    train::optimizer_step(model, state, grads, {}, 1e-3, runtime.context());
    return {tokens, flops, monotonic_seconds() - start};
  };
  const std::string name = std::string(shape.tiny ? "tiny" : "nano") + ", a step of 16 x 512 in micro-batches of " +
                           std::to_string(shape.micro_rows);
  Line line = between_peaks(name, "tokens/s", step, setup.isa, runtime.context().pool, setup.rounds);
  line.tensor_bytes = runtime.memory().peak_bytes();
  on_line(line);
}

}  // namespace jamsu::bench
