// Decoding through the engine; the rate is taken from the last sequence's first token to the last token of all.
#include "bench/decode.h"

#include <condition_variable>
#include <mutex>
#include <stdexcept>

#include "base/clock.h"
#include "base/rng.h"
#include "bench/bench.h"
#include "bench/measure.h"
#include "bench/shapes.h"
#include "models/deepseek_v3.h"
#include "train/optimizer.h"

namespace jamsu::bench {

Timed decode_once(engine::Engine& engine, const Prompts& prompts) {
  std::mutex mutex;
  std::condition_variable done;
  int64_t finished = 0, started = 0;
  double begin = 0, end = 0;
  Timed timed;
  const double submitted = monotonic_seconds();
  const auto vocab = static_cast<uint32_t>(engine.model().info().vocab);
  for (int64_t i = 0; i < prompts.sequences; ++i) {
    engine::Request request;
    RandomStream random(3, static_cast<uint64_t>(i), Purpose::test);
    for (int64_t t = 0; t < prompts.prompt; ++t) request.tokens.push_back(static_cast<int32_t>(random.below(vocab)));
    request.max_tokens = prompts.tokens;
    request.sampling.temperature = 0;
    const auto id = engine.submit(std::move(request), [&, first = true](const engine::Event& event) mutable {
      std::lock_guard lock(mutex);
      if (std::holds_alternative<engine::TokenEvent>(event)) {
        if (first && started == 0) timed.first = monotonic_seconds() - submitted;
        if (first && ++started == prompts.sequences) begin = monotonic_seconds();
        if (!first && started == prompts.sequences) ++timed.tokens;
        first = false;
      } else if (++finished == prompts.sequences) {
        end = monotonic_seconds();
        done.notify_all();
      }
    });
    if (!id) throw std::runtime_error(id.error().message);
  }
  std::unique_lock lock(mutex);
  done.wait(lock, [&] { return finished == prompts.sequences; });
  timed.seconds = end - begin;
  return timed;
}

void decode(const Setup& setup, const OnLine& on_line) {
  constexpr int64_t kPrompt = 64, kNew = 128;
  ops::Runtime runtime(setup.threads, setup.isa, ops::Numerics::bf16);
  auto model = std::make_shared<models::DeepseekV3>(nano(), ops::Numerics::bf16);
  train::initial_state(*model, {}, runtime.context());
  const auto engine = engine::Engine::open(model, runtime, {.cached_prefixes = 0});
  const double flops = model->info().forward_flops(kPrompt + kNew / 2.0);
  ThreadPool own(setup.threads);  // the runtime's belongs to the engine
  for (const int64_t sequences : {int64_t{1}, int64_t{64}})
    on_line(between_peaks(
        sequences == 1 ? "nano, alone" : "nano, 64 sequences", "tokens/s",
        [&] {
          const Timed t = decode_once(*engine, {sequences, kPrompt, kNew});
          return Work{t.tokens, flops * t.tokens, t.seconds};
        },
        setup.isa, own, setup.rounds));
}

}  // namespace jamsu::bench
