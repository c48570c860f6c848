#pragma once
// Rotary position embedding (Su et al. 2021, arXiv:2104.09864) with YaRN (Peng et al. 2023, arXiv:2309.00071),
// Llama 3.1's scaling, the linear one (Chen et al. 2023, arXiv:2306.15595), dynamic NTK (transformers'
// modeling_rope_utils.py) and LongRoPE (Ding et al. 2024, arXiv:2402.13753).
#include <optional>
#include <span>
#include <vector>

#include "ops/context.h"

namespace jamsu::ops {

enum class RopeScaling : uint8_t { none, yarn, llama3, linear, dynamic, longrope };
struct RopeConfig {
  int64_t width = 0;  // dimensions rotated, even
  double theta = 10000.0;
  RopeScaling scaling = RopeScaling::none;
  double factor = 1.0;
  double beta_fast = 32.0, beta_slow = 1.0;              // yarn
  double low_freq_factor = 1.0, high_freq_factor = 4.0;  // llama3
  // yarn, llama3: the length trained on; dynamic: up to which nothing is scaled; longrope: up to which the short
  // factors hold
  double original_context = 0.0;
  bool has_mscale = false;  // yarn: mscale and mscale_all_dim are given
  double mscale = 1.0, mscale_all_dim = 0.0;
  std::optional<double> attention_factor;         // yarn, longrope: on cos and sin, instead of what the others give
  bool truncate = true;                           // yarn: the bounds of the ramp are whole dimensions
  std::vector<double> short_factor, long_factor;  // longrope: [width / 2], what each pair's frequency is divided by
};

// What a config comes to: inverse frequencies (formed in f64, rounded to f32), the factor on cos and sin, and the
// factor DeepSeek puts on the softmax scale, m(mscale_all_dim)^2 (1 without).
struct Rope {
  explicit Rope(const RopeConfig& config);
  // Whether a row's frequencies depend on the length of the text it is read in (dynamic NTK, LongRoPE).
  bool by_length() const { return config.scaling == RopeScaling::dynamic || config.scaling == RopeScaling::longrope; }
  // Those of a text of `length` tokens. Beyond original_context dynamic has a theta that grows with the length, longrope
  // the long factors; others: the same.
  std::vector<float> frequencies_of(int64_t length) const;

  RopeConfig config;
  std::vector<float> inverse_frequency;  // [width / 2]; dynamic, longrope: of a text within original_context
  std::vector<float> long_frequency;     // longrope: of a longer one
  float attention_factor = 1.0f;
  double softmax_factor = 1.0;
};

// cos and sin of f32(position) * inverse_frequency, [rows, width / 2] each; numerics.md section 4.
struct RopeTable {
  Tensor cosine, sine;
};
// `lengths`, one a row, are read where rope.by_length().
RopeTable rope_table(const Rope& rope, std::span<const int64_t> positions, std::span<const int64_t> lengths,
                     Context& context);
// REQUIRES: !rope.by_length().
RopeTable rope_table(const Rope& rope, std::span<const int64_t> positions, Context& context);

// Rotates in place columns [begin, begin + width) of each of `heads` heads
// of width head_width in x [N, heads * head_width].
void rope(Tensor& x, int64_t heads, int64_t head_width, int64_t begin, const RopeTable& table,
          kernels::RopeLayout layout, bool inverse, Context& context);

}  // namespace jamsu::ops
