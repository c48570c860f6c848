#include "ops/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/math.h"

namespace jamsu::ops {
namespace {

// DeepSeek's and transformers' yarn_get_mscale.
double yarn_mscale(double factor, double mscale) {
  return factor <= 1.0 ? 1.0 : 0.1 * mscale * math::log(factor) + 1.0;
}

// The dimension that turns `rotations` times within the original context.
double correction_dimension(const RopeConfig& c, double rotations) {
  return static_cast<double>(c.width) * math::log(c.original_context / (rotations * 2.0 * std::numbers::pi)) /
         (2.0 * math::log(c.theta));
}

// Llama 3.1 (transformers' _compute_llama3_parameters): waves that turn less than low_freq_factor times within the
// original context are stretched by the factor,
// those that turn more than high_freq_factor times stay, in between mixed.
double llama3_frequency(const RopeConfig& c, double f) {
  const double turns = c.original_context * f / (2.0 * std::numbers::pi);
  const double share = std::clamp((turns - c.low_freq_factor) / (c.high_freq_factor - c.low_freq_factor), 0.0, 1.0);
  return (1.0 - share) * f / c.factor + share * f;
}

// transformers' _compute_dynamic_ntk_parameters: theta of a text of `length` tokens. A width of 2 has the frequency 1
// alone, whatever theta.
double dynamic_theta(const RopeConfig& c, double length) {
  if (length <= c.original_context || c.width == 2) return c.theta;
  const auto width = static_cast<double>(c.width);
  return c.theta * math::pow(c.factor * length / c.original_context - (c.factor - 1.0), width / (width - 2.0));
}

// transformers' _compute_longrope_parameters: more of the context is more to choose from, so that scores are sharpened.
double longrope_attention(const RopeConfig& c) {
  if (c.attention_factor) return *c.attention_factor;
  return c.factor <= 1.0 ? 1.0 : std::sqrt(1.0 + math::log(c.factor) / math::log(c.original_context));
}

double frequency(double theta, int64_t pair, int64_t width) {
  return math::pow(theta, -static_cast<double>(2 * pair) / static_cast<double>(width));
}

}  // namespace

Rope::Rope(const RopeConfig& c) : config(c) {
  JAMSU_CHECK(c.width > 0 && c.width % 2 == 0);
  const int64_t half = c.width / 2;
  double low = 0, high = 0;
  if (c.scaling == RopeScaling::yarn) {
    low = correction_dimension(c, c.beta_fast);
    high = correction_dimension(c, c.beta_slow);
    if (c.truncate) {
      low = std::floor(low);
      high = std::ceil(high);
    }
    low = std::max(low, 0.0);
    high = std::min(high, static_cast<double>(c.width - 1));
    if (low == high) high += 0.001;
    attention_factor =
        static_cast<float>(c.has_mscale ? yarn_mscale(c.factor, c.mscale) / yarn_mscale(c.factor, c.mscale_all_dim)
                                        : yarn_mscale(c.factor, 1.0));
    if (c.attention_factor) attention_factor = static_cast<float>(*c.attention_factor);
    if (c.mscale_all_dim != 0.0) {
      const double m = yarn_mscale(c.factor, c.mscale_all_dim);
      softmax_factor = m * m;
    }
  }
  if (c.scaling == RopeScaling::longrope) {
    const auto pairs = static_cast<size_t>(half);
    JAMSU_CHECK(c.short_factor.size() == pairs && c.long_factor.size() == pairs);
    attention_factor = static_cast<float>(longrope_attention(c));
  }
  for (int64_t i = 0; i < half; ++i) {
    double f = frequency(c.theta, i, c.width);
    if (c.scaling == RopeScaling::longrope) {
      long_frequency.push_back(static_cast<float>(f / c.long_factor[static_cast<size_t>(i)]));
      f /= c.short_factor[static_cast<size_t>(i)];
    }
    if (c.scaling == RopeScaling::yarn) {
      const double ramp = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
      f = f / c.factor * ramp + f * (1.0 - ramp);
    }
    if (c.scaling == RopeScaling::linear) f /= c.factor;
    if (c.scaling == RopeScaling::llama3) f = llama3_frequency(c, f);
    inverse_frequency.push_back(static_cast<float>(f));
  }
}

std::vector<float> Rope::frequencies_of(int64_t length) const {
  if (!by_length()) return inverse_frequency;
  if (config.scaling == RopeScaling::longrope)
    return static_cast<double>(length) > config.original_context ? long_frequency : inverse_frequency;
  const double theta = dynamic_theta(config, static_cast<double>(length));
  std::vector<float> all;
  for (int64_t i = 0; i < config.width / 2; ++i) all.push_back(static_cast<float>(frequency(theta, i, config.width)));
  return all;
}

RopeTable rope_table(const Rope& rope, std::span<const int64_t> positions, Context& context) {
  JAMSU_CHECK(!rope.by_length());
  return rope_table(rope, positions, {}, context);
}

RopeTable rope_table(const Rope& rope, std::span<const int64_t> positions, std::span<const int64_t> lengths,
                     Context& context) {
  const auto rows = static_cast<int64_t>(positions.size()), half = static_cast<int64_t>(rope.inverse_frequency.size());
  JAMSU_CHECK(!rope.by_length() || lengths.size() == positions.size());
  RopeTable table{context.empty({rows, half}), context.empty({rows, half})};
  context.parallel(rows, 64, [&](int64_t begin, int64_t end, int) {
    std::vector<float> scaled;
    const std::vector<float>* frequencies = &rope.inverse_frequency;
    for (int64_t i = begin; i < end; ++i) {
      const auto row = static_cast<size_t>(i);
      if (rope.by_length() && (i == begin || lengths[row] != lengths[row - 1])) {
        scaled = rope.frequencies_of(lengths[row]);
        frequencies = &scaled;
      }
      for (int64_t j = 0; j < half; ++j) {
        const float angle = static_cast<float>(positions[row]) * (*frequencies)[static_cast<size_t>(j)];
        table.cosine.f32()[i * half + j] = static_cast<float>(math::cos(angle)) * rope.attention_factor;
        table.sine.f32()[i * half + j] = static_cast<float>(math::sin(angle)) * rope.attention_factor;
      }
    }
  });
  return table;
}

void rope(Tensor& x, int64_t heads, int64_t head_width, int64_t begin, const RopeTable& table,
          kernels::RopeLayout layout, bool inverse, Context& context) {
  const int64_t rows = x.dim(0), width = table.cosine.dim(1) * 2, stride = heads * head_width;
  JAMSU_CHECK(x.dim(1) == stride && begin + width <= head_width && table.cosine.dim(0) == rows);
  context.parallel(rows, rows * heads * width < 16384 ? std::max<int64_t>(rows, 1) : 64,
                   [&](int64_t first, int64_t last, int) {
                     context.kernels.rope({.x = x.f32() + first * stride + begin,
                                           .cosine = table.cosine.f32() + first * (width / 2),
                                           .sine = table.sine.f32() + first * (width / 2),
                                           .rows = last - first,
                                           .heads = heads,
                                           .row_stride = stride,
                                           .head_stride = head_width,
                                           .width = width,
                                           .layout = layout,
                                           .inverse = inverse});
                   });
}

}  // namespace jamsu::ops
