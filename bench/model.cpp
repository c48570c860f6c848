// A model's folder as a user runs it: opening, prefill, decoding.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>

#include "base/clock.h"
#include "bench/bench.h"
#include "bench/decode.h"
#include "bench/measure.h"
#include "models/open.h"
#include "plan/plan.h"

namespace jamsu::bench {
namespace {

constexpr int64_t kStepRows = 512;  // EngineOptions::max_step_rows

// The most memory of the process so far, pages of files included.
int64_t most_memory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<int64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace

Status model(const Setup& setup, const std::string& folder, const ModelLoad& load, const OnLine& on_line) {
  constexpr auto kNumerics = ops::Numerics::bf16;
  const auto source = plan::read_source(folder, kNumerics);
  if (!source) return source.error();
  const double start = monotonic_seconds();
  ops::Runtime runtime(setup.threads, setup.isa, kNumerics);
  auto opened = models::open_model(folder, ops::Packs::forward, runtime.context());
  if (!opened) return opened.error();
  const auto engine = engine::Engine::open(opened->model, runtime, {.cached_prefixes = 0, .policy = load.policy});
  const double loaded = monotonic_seconds() - start;
  const double first = decode_once(*engine, {1, load.prompt, 1}).first;
  ThreadPool own(setup.threads);  // the runtime's belongs to the engine
  const auto once = [&](double seconds) { return machine::Spread{seconds, seconds, seconds}; };
  on_line({fmt::format("opened; then the first token of {} took {:.2f} s", load.prompt, first),
           "s",
           once(loaded),
           {},
           1,
           most_memory()});
  const plan::Load prompt{
      .context = load.prefill, .step_rows = std::min(load.prefill, kStepRows), .policy = load.policy};
  const plan::Load step{
      .context = load.prompt + load.decoded / 2, .step_rows = prompt.step_rows, .policy = load.policy};
  // A long prompt goes in steps, each with more behind it: in the mean half of it.
  const double prefill_flops = plan::prefill_step(*source, prompt, kNumerics).flops *
                               static_cast<double>(load.prefill) / static_cast<double>(prompt.step_rows);
  Line prefill = between_peaks(
      fmt::format("prefill of {}", load.prefill), "tokens/s",
      [&] {
        const Timed t = decode_once(*engine, {1, load.prefill, 1});
        return Work{static_cast<double>(load.prefill), prefill_flops, t.first};
      },
      setup.isa, own, setup.rounds);
  prefill.tensor_bytes = most_memory();  // before the buffer that measures bandwidth
  const plan::Machine machine = plan::measure(setup.threads, setup.isa, kNumerics);
  prefill.planned_bytes = plan::memory(*source, prompt, kNumerics, setup.threads).total();
  prefill.planned = plan::prefill_speed(*source, prompt, machine, kNumerics).tokens_per_second;
  on_line(prefill);
  const double bytes = plan::decode_step(*source, step, kNumerics).bytes;
  Line decode = between_bandwidths(
      fmt::format("decoding {} after {}, {:.2f} GB a token", load.decoded, load.prompt, bytes / 1e9), "tokens/s",
      [&] {
        const Timed t = decode_once(*engine, {1, load.prompt, load.decoded + 1});
        return Work{t.tokens, t.tokens * bytes, t.seconds};
      },
      own, setup.rounds);
  decode.planned = plan::decode_speed(*source, step, machine, kNumerics).tokens_per_second;
  on_line(decode);
  return {};
}

}  // namespace jamsu::bench
