#pragma once
// The measures of `jamsu bench`: one function each, by the protocol of bench/README.md. Peers are measured by programs
// of their own (gemm_bench), which share bench/measure.h.
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "kernels/registry.h"
#include "machine/measure.h"
#include "models/sequence_state.h"

namespace jamsu::bench {

struct Setup {
  kernels::Isa isa;
  int threads = 1;
  int rounds = 21;
};

// One figure: medians and quartiles over the rounds.
struct Line {
  std::string name;
  std::string unit;         // of rate: "FLOP/s", "tokens/s"
  machine::Spread rate;     // by the clock
  machine::Spread of_peak;  // FLOP/s by formula, over the register-only peak measured beside it
  int rounds = 0;
  int64_t tensor_bytes = 0;     // the most that tensors held at once; 0: not asked
  bool of_bandwidth = false;    // of_peak is bytes/s by formula, over the read bandwidth measured beside it
  double planned = 0;           // of rate, what plan/plan.h says with the peak and bandwidth measured beside it
  int64_t planned_bytes = 0;    // of tensor_bytes
  std::string ids_sha256 = {};  // of encoding: all ids as little-endian 32-bit numbers, to compare with a peer's
};
using OnLine = std::function<void(const Line&)>;  // as each is done

struct GemmShape {
  int64_t m = 512, k = 2048, n = 2048;
};
// y[M, N] = x[M, K] w[N, K]^T in bf16: weights packed and in cache;
// in bf16 and in FP8 as they lie in a file, out of cache.
void gemm(const Setup& setup, const GemmShape& shape, const OnLine& on_line);
// One head, forward and backward, on one thread whatever the setup says.
void attention(const Setup& setup, const OnLine& on_line);
struct TrainShape {
  bool tiny = false;       // else nano
  int64_t micro_rows = 4;  // of the 16 rows of 512 tokens; divides 16
};
// Whole training steps: MTP and balance loss on, AdamW included. REQUIRES: micro_rows divides 16.
void train(const Setup& setup, const TrainShape& shape, const OnLine& on_line);
// Decoding of nano's shape through the engine: 64 tokens of prompt, 128 new ones; one sequence alone, and 64 at once.
void decode(const Setup& setup, const OnLine& on_line);

// A folder with a config and weights drawn at random (bf16, or FP8 with a scale per 128 x 128 where `fp8`), of a
// published shape, to measure with; no tokenizer. Errors: an unknown shape, a folder that exists, what writing meets.
std::vector<std::string> model_shapes();
Status make_model(const std::string& shape, bool fp8, const std::string& folder);
// A model's folder as it is: prefill of 512 tokens (of peak), then decoding of 32 after 64 (of the bandwidth measured
// beside it, by the bytes of a step: plan/plan.h), the largest memory of the process and the time to the first token;
// each beside what the planner says of it.
// Errors: what opening meets.
struct ModelLoad {
  int64_t prefill = 512, prompt = 64, decoded = 32;
  models::CachePolicy policy = models::CachePolicy::expanded;
};
Status model(const Setup& setup, const std::string& folder, const ModelLoad& load, const OnLine& on_line);
// Encoding of a text file, cut into documents of 1 MiB, by a tokenizer.json (or a folder with one), on one thread; the
// first pass is not counted. Errors: what reading meets, an empty text.
Status tokenizer(const std::string& model, const std::string& text_file, int rounds, const OnLine& on_line);

}  // namespace jamsu::bench
