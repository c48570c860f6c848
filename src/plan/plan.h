#pragma once
// Memory, time and money of a model before it is loaded: from config and headers alone. What the machine can do is
// measured (machine/measure.h); what share of that the kernels reach was measured once (Shares).
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "machine/measure.h"
#include "models/model.h"
#include "tensor/format.h"

namespace jamsu::plan {

// A model without its values, and the format of each of its tensors (integers and bytes count as BF16).
struct Source {
  std::shared_ptr<models::Model> model;
  std::function<const Format&(const std::string& tensor)> format;
  int64_t file_bytes = 0;  // 0: there is only a config
  std::string stored;      // "BF16", "F8_E4M3"; of a config alone: what it says
};
// A folder with config.json, with or without weights, or a bare config.json. Errors name file and field.
Result<Source> read_source(const std::string& path, ops::Numerics numerics);

// Bytes of the weights as this program holds them: what is used as it lies (Format) in the file, everything else
// converted and packed (panels, kernels/params.h). The MTP module apart.
struct WeightBytes {
  int64_t main = 0, mtp = 0;
  int64_t total() const { return main + mtp; }
};
WeightBytes weight_bytes(const Source& source, ops::Numerics numerics);

struct Load {
  int64_t context = 4096;   // tokens of each sequence
  int64_t parallel = 1;     // sequences at once
  int64_t step_rows = 512;  // of a prefill step (EngineOptions::max_step_rows)
  models::CachePolicy policy = models::CachePolicy::expanded;
};

struct Memory {
  int64_t weights = 0, state = 0, activations = 0, program = 0;
  int64_t total() const { return weights + state + activations + program; }
};
Memory memory(const Source& source, const Load& load, ops::Numerics numerics, int threads);

// Bytes read from memory and operations of one decoding step, every sequence one token, each with `context` behind it.
// Of the experts those that `parallel` tokens are expected to choose, if all are as likely: E (1 - (1 - k / E)^n).
struct Step {
  double bytes = 0, flops = 0;
};
Step decode_step(const Source& source, const Load& load, ops::Numerics numerics);
// The same for a prefill step of step_rows tokens, half the context behind them.
Step prefill_step(const Source& source, const Load& load, ops::Numerics numerics);

struct Machine {
  kernels::Isa isa = kernels::Isa::ref;
  int threads = 1;
  double peak = 0, bandwidth = 0;  // flop/s, bytes/s
  int64_t free_bytes = 0;
};
Machine measure(int threads, kernels::Isa isa, ops::Numerics numerics, int slices = 5);

// What share of peak and bandwidth the kernels reach (bench/results, qwen2-1.5b in bf16 and in FP8; AMX on a Xeon,
// AVX-512 and AVX2 on a Zen 4): of bandwidth while decoding, of peak in prefill and in decoding, of peak in training.
struct Shares {
  double bandwidth, prefill, decode, training;
};
Shares shares_of(kernels::Isa isa, bool fp8);

struct Speed {
  double tokens_per_second = 0;
  bool by_memory = false;  // memory is what limits; else arithmetic
};
Speed decode_speed(const Source& source, const Load& load, const Machine& machine, ops::Numerics numerics);
Speed prefill_speed(const Source& source, const Load& load, const Machine& machine, ops::Numerics numerics);

// Forward and backward: three times the forward, attention over half the context.
struct Training {
  double flops = 0, seconds = 0;
  int64_t bytes = 0;  // f32 masters, two moments and gradients, panels for both directions
};
Training training(const Source& source, double tokens, int64_t context, const Machine& machine);

// DeepSeek-V3's own figures (arXiv:2412.19437, table 1 and section 4.1), for a config of its shape.
struct PublishedV3 {
  double pretrain_hours = 2664e3, extension_hours = 119e3, post_training_hours = 5e3;  // H800 GPU hours
  double tokens = 14.8e12, dollars_per_hour = 2, peak = 1979e12;                       // FP8, flop/s of one GPU
  double hours() const { return pretrain_hours + extension_hours + post_training_hours; }
  double dollars() const { return hours() * dollars_per_hour; }
  // Of the peak, if each token of pre-training costs so many operations.
  double utilisation(double flops_per_token) const { return tokens * flops_per_token / (pretrain_hours * 3600 * peak); }
};
bool is_deepseek_v3_671b(const models::ModelInfo& info);

}  // namespace jamsu::plan
