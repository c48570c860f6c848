#pragma once
// Row kernels over the 16-lane type V of an ISA folder:
// the operations of kernels/ref/rows.h, sixteen columns at a time.
#include "kernels/cpu/vec_math.h"
#include "kernels/params.h"

namespace jamsu::kernels::cpu {

template <class V>
[[gnu::always_inline]] static inline V load(const float* p, int64_t n) {
  return n >= kLanes ? V::load(p) : V::load_partial(p, n);
}
template <class V>
[[gnu::always_inline]] static inline void store(float* p, int64_t n, V v) {
  if (n >= kLanes)
    v.store(p);
  else
    v.store_partial(p, n);
}

template <class V>
static inline void rms_norm(const RmsNormParams& p) {
  for (int64_t r = 0; r < p.rows; ++r) {
    const float* x = p.x + r * p.x_stride;
    float* y = p.y + r * p.y_stride;
    V sum = V::zero();
    for (int64_t i = 0; i < p.d; i += kLanes) {
      const V v = load<V>(x + i, p.d - i);
      sum = V::fma(v, v, sum);
    }
    const float ms = V::tree_sum(sum) / static_cast<float>(p.d), scale = 1.0f / __builtin_sqrtf(ms + p.eps);
    const V s = V::set1(scale);
    for (int64_t i = 0; i < p.d; i += kLanes)
      store(y + i, p.d - i, load<V>(x + i, p.d - i) * s * load<V>(p.w + i, p.d - i));
    if (p.scale) p.scale[r] = scale;
  }
}

template <class V>
static inline void rms_norm_backward(const RmsNormBackwardParams& p) {
  for (int64_t r = 0; r < p.rows; ++r) {
    const float *x = p.x + r * p.x_stride, *dy = p.dy + r * p.dy_stride;
    const V scale = V::set1(p.scale[r]);
    V sum = V::zero();
    for (int64_t i = 0; i < p.d; i += kLanes) {
      const int64_t n = p.d - i;
      sum = V::fma(load<V>(dy + i, n) * load<V>(p.w + i, n), load<V>(x + i, n) * scale, sum);
    }
    const V c = V::set1(V::tree_sum(sum) / static_cast<float>(p.d));
    for (int64_t i = 0; i < p.d; i += kLanes) {
      const int64_t n = p.d - i;
      const V negative = V::zero() - load<V>(x + i, n) * scale;
      store(p.dx + r * p.dx_stride + i, n, V::fma(negative, c, load<V>(dy + i, n) * load<V>(p.w + i, n)) * scale);
    }
  }
}

// Sixteen columns at a time; row i of a chunk of 64 goes to lane i % 16 of each column: 16 accumulators of 16 columns.
template <class V>
static inline void norm_weight_grad(const NormWeightGradParams& p) {
  for (int64_t column = p.column_begin; column < p.column_end; column += kLanes) {
    const int64_t n = p.column_end - column < kLanes ? p.column_end - column : kLanes;
    int64_t chunks = 0;
    for (int64_t begin = 0; begin < p.rows; begin += 64) {
      const int64_t count = p.rows - begin < 64 ? p.rows - begin : 64;
      V lanes[16];
      for (V& lane : lanes) lane = V::zero();
      for (int64_t i = 0; i < count; ++i) {
        const V xhat = load<V>(p.x + (begin + i) * p.x_stride + column, n) * V::set1(p.scale[begin + i]);
        lanes[i % 16] = V::fma(load<V>(p.dy + (begin + i) * p.dy_stride + column, n), xhat, lanes[i % 16]);
      }
      for (int width = 8; width >= 1; width /= 2)
        for (int l = 0; l < width; ++l) lanes[l] = lanes[l] + lanes[l + width];
      lanes[0].store(p.scratch + chunks++ * kLanes);
    }
    for (; chunks > 1; chunks = chunks / 2 + chunks % 2) {
      for (int64_t i = 0; i < chunks / 2; ++i)
        (V::load(p.scratch + 2 * i * kLanes) + V::load(p.scratch + (2 * i + 1) * kLanes)).store(p.scratch + i * kLanes);
      if (chunks % 2) V::load(p.scratch + (chunks - 1) * kLanes).store(p.scratch + chunks / 2 * kLanes);
    }
    store(p.out + column, n, chunks == 1 ? V::load(p.scratch) : V::zero());
  }
}

// One head of one row, pairs side by side: y = x c + swapped x (-s, s).
template <class V>
static inline void rope_interleaved(float* x, const float* cosine, const float* sine, int64_t width, V sign) {
  for (int64_t i = 0; i < width; i += kLanes) {
    const int64_t n = width - i, half = n / 2 < 8 ? n / 2 : 8;
    const V c = V::spread(V::load_partial(cosine + i / 2, half)),
            s = V::spread(V::load_partial(sine + i / 2, half)) * sign;
    const V v = load<V>(x + i, n);
    store(x + i, n, v * c + V::swap_pairs(v) * s);
  }
}
template <class V>
static inline void rope_half(float* x, const float* cosine, const float* sine, int64_t width, V sign) {
  const int64_t half = width / 2;
  for (int64_t i = 0; i < half; i += kLanes) {
    const int64_t n = half - i;
    const V c = load<V>(cosine + i, n), s = load<V>(sine + i, n) * sign, x0 = load<V>(x + i, n),
            x1 = load<V>(x + half + i, n);
    store(x + i, n, x0 * c - x1 * s);
    store(x + half + i, n, x1 * c + x0 * s);
  }
}
template <class V>
static inline void rope(const RopeParams& p) {
  static constexpr float kForward[16] = {-1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1};
  const V turn = V::set1(p.inverse ? -1.0f : 1.0f), alternate = V::load(kForward) * turn;
  const int64_t half = p.width / 2;
  for (int64_t r = 0; r < p.rows; ++r)
    for (int64_t h = 0; h < p.heads; ++h) {
      float* x = p.x + r * p.row_stride + h * p.head_stride;
      if (p.layout == RopeLayout::interleaved)
        rope_interleaved(x, p.cosine + r * half, p.sine + r * half, p.width, alternate);
      else
        rope_half(x, p.cosine + r * half, p.sine + r * half, p.width, turn);
    }
}

template <class V>
static inline void swiglu(const SwigluParams& p) {
  for (int64_t i = 0; i < p.count; i += kLanes) {
    const int64_t n = p.count - i;
    const V gate = load<V>(p.gate + i, n);
    store(p.h + i, n, gate * sigmoid(gate) * load<V>(p.up + i, n));
  }
}

template <class V>
static inline void swiglu_backward(const SwigluBackwardParams& p) {
  const V one = V::set1(1.0f);
  for (int64_t i = 0; i < p.count; i += kLanes) {
    const int64_t n = p.count - i;
    const V gate = load<V>(p.gate + i, n), up = load<V>(p.up + i, n), dh = load<V>(p.dh + i, n), s = sigmoid(gate);
    store(p.dup + i, n, dh * (gate * s));
    store(p.dgate + i, n, dh * up * (s * (one + gate * (one - s))));
  }
}

struct RowSoftmax {
  float max, log_sum;
};
template <class V>
static inline RowSoftmax row_softmax(const float* x, int64_t n) {
  V m = V::set1(-__builtin_inff());
  bool nan = false;
  for (int64_t i = 0; i < n; i += kLanes) {
    const auto valid = V::first_lanes(n - i);
    const V v = V::select(valid, load<V>(x + i, n - i), V::set1(-__builtin_inff()));
    nan |= V::any_nan(v, valid);
    m = V::max(m, v);
  }
  const float max = nan ? __builtin_nanf("") : V::tree_max(m);
  float l = 0;
  for (int64_t begin = 0; begin < n; begin += 4096) {
    const int64_t end = begin + 4096 < n ? begin + 4096 : n;
    V sum = V::zero();
    for (int64_t i = begin; i < end; i += kLanes) {
      const V e = exp(load<V>(x + i, end - i) - V::set1(max));
      sum = sum + (end - i >= kLanes ? e : V::select(V::first_lanes(end - i), e, V::zero()));
    }
    l = l + V::tree_sum(sum);
  }
  return {max, log1<V>(l)};
}

template <class V>
static inline void log_softmax(const LogSoftmaxParams& p) {
  for (int64_t r = 0; r < p.rows; ++r) {
    const float* x = p.x + r * p.x_stride;
    const RowSoftmax s = row_softmax<V>(x, p.n);
    for (int64_t i = 0; i < p.n; i += kLanes)
      store(p.y + r * p.y_stride + i, p.n - i, (load<V>(x + i, p.n - i) - V::set1(s.max)) - V::set1(s.log_sum));
  }
}

template <class V>
static inline void cross_entropy(const CrossEntropyParams& p) {
  for (int64_t r = 0; r < p.rows; ++r) {
    const float* x = p.logits + r * p.stride;
    float* d = p.dlogits ? p.dlogits + r * p.stride : nullptr;
    const int64_t label = p.labels[r];
    p.loss[r] = 0;
    if (label < 0) {
      for (int64_t i = 0; d && i < p.n; i += kLanes) store(d + i, p.n - i, V::zero());
      continue;
    }
    const RowSoftmax s = row_softmax<V>(x, p.n);
    const float logp = (x[label] - s.max) - s.log_sum;
    p.loss[r] = -logp;
    if (!d) continue;
    const V seed = V::set1(p.seed);
    for (int64_t i = 0; i < p.n; i += kLanes)
      store(d + i, p.n - i, exp((load<V>(x + i, p.n - i) - V::set1(s.max)) - V::set1(s.log_sum)) * seed);
    d[label] = (exp1<V>(logp) - 1.0f) * p.seed;  // (d may be the logits: logp was taken before)
  }
}

template <class V>
static inline void row_dot(const RowDotParams& p) {
  for (int64_t r = 0; r < p.rows; ++r) {
    V sum = V::zero();
    for (int64_t i = 0; i < p.n; i += kLanes)
      sum = V::fma(load<V>(p.a + r * p.a_stride + i, p.n - i), load<V>(p.b + r * p.b_stride + i, p.n - i), sum);
    p.out[r] = V::tree_sum(sum);
  }
}

template <class V>
static inline void add_scaled(const AddScaledParams& p) {
  const V scale = V::set1(p.scale);
  for (int64_t r = 0; r < p.rows; ++r) {
    const float* x = p.x + r * p.x_stride;
    float* y = p.y + r * p.y_stride;
    for (int64_t i = 0; i < p.n; i += kLanes)
      store(y + i, p.n - i, V::fma(scale, load<V>(x + i, p.n - i), load<V>(y + i, p.n - i)));
  }
}

template <class V>
static inline void adamw(const AdamWParams& p) {
  const V clip = V::set1(p.clip), decay = V::set1(p.decay), one_minus_b1 = V::set1(p.one_minus_b1), b2 = V::set1(p.b2);
  const V one_minus_b2 = V::set1(p.one_minus_b2), root = V::set1(p.root_correction), eps = V::set1(p.eps),
          step = V::set1(p.step);
  for (int64_t i = 0; i < p.count; i += kLanes) {
    const int64_t n = p.count - i;
    const V g = load<V>(p.g + i, n) * clip, decayed = load<V>(p.p + i, n) * decay, m0 = load<V>(p.m + i, n);
    const V m = V::fma(one_minus_b1, g - m0, m0), v = V::fma(one_minus_b2, g * g, b2 * load<V>(p.v + i, n));
    const V d = V::div(V::sqrt(v), root) + eps;
    store(p.m + i, n, m);
    store(p.v + i, n, v);
    store(p.p + i, n, V::fma(step, V::div(m, d), decayed));
  }
}

}  // namespace jamsu::kernels::cpu
