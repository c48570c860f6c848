#pragma once
// Row operations by their definitions (docs/numerics.md section 5 and "formulas ref decided"), over float or double.
#include <limits>

#include "kernels/ref/dot.h"

namespace jamsu::kernels::ref {

// Returns 1 / sqrt(ms + eps).
template <class T>
T rms_norm_row(const T* x, const T* w, T* y, int64_t d, T eps) {
  const auto at = [&](int64_t i) { return x[i]; };
  const T ms = sum16_products<T>(d, at, at) / static_cast<T>(d);
  const T scale = T(1) / std::sqrt(ms + eps);
  for (int64_t i = 0; i < d; ++i) y[i] = x[i] * scale * w[i];
  return scale;
}

// n = x r, a = dy w, c = sum16(a n) / d: dx = fma(-n, c, a) r.
template <class T>
void rms_norm_backward_row(const T* x, const T* w, const T* dy, T scale, T* dx, int64_t d) {
  const T c = sum16_products<T>(
                  d, [&](int64_t i) { return dy[i] * w[i]; }, [&](int64_t i) { return x[i] * scale; }) /
              static_cast<T>(d);
  for (int64_t i = 0; i < d; ++i) dx[i] = std::fma(-(x[i] * scale), c, dy[i] * w[i]) * scale;
}

// One column of the norm's weight gradient: a long sum over rows, chunks of 64 by sum16, their results by the binary
// tree. dy(row), xhat(row) = x(row) * scale(row); scratch: [ceil(rows / 64)].
template <class T, class Dy, class Xhat>
T norm_weight_grad_column(int64_t rows, const Dy& dy, const Xhat& xhat, T* scratch) {
  int64_t chunks = 0;
  for (int64_t begin = 0; begin < rows; begin += 64)
    scratch[chunks++] = sum16_products<T>(
        rows - begin < 64 ? rows - begin : 64, [&](int64_t i) { return dy(begin + i); },
        [&](int64_t i) { return xhat(begin + i); });
  return tree_sum(scratch, chunks);
}

template <class T>
T sigmoid(T x) {
  return T(1) / (T(1) + exp(-x));
}

template <class T>
T swiglu_value(T gate, T up) {
  return gate * sigmoid(gate) * up;
}
template <class T>
void swiglu_backward_value(T gate, T up, T dh, T& dgate, T& dup) {
  const T s = sigmoid(gate);
  dup = dh * (gate * s);
  dgate = dh * up * (s * (T(1) + gate * (T(1) - s)));
}

template <class T>
T log_of(T x) {
  return math::log(x);
}

// m and log(l) of a row: logp = (x - m) - log(l).
template <class T>
struct RowSoftmax {
  T max, log_sum;
};
template <class T>
RowSoftmax<T> row_softmax(const T* x, int64_t n) {
  T m = -std::numeric_limits<T>::infinity();
  for (int64_t i = 0; i < n; ++i) m = max_or_nan(m, x[i]);
  T l = 0;
  for (int64_t begin = 0; begin < n; begin += 4096)
    l = l + sum16<T>(n - begin < 4096 ? n - begin : 4096, [&](int64_t i) { return exp(x[begin + i] - m); });
  return {m, log_of(l)};
}

// Returns the loss of one row; dlogits (may be x, or null) = (exp(logp) - [j = label]) * seed.
template <class T>
T cross_entropy_row(const T* x, int64_t n, int64_t label, T seed, T* dlogits) {
  const auto s = row_softmax(x, n);
  const T loss = -((x[label] - s.max) - s.log_sum);
  for (int64_t j = 0; dlogits && j < n; ++j)
    dlogits[j] = (exp((x[j] - s.max) - s.log_sum) - (j == label ? T(1) : T(0))) * seed;
  return loss;
}

template <class T>
void rope_pair(T& x0, T& x1, T c, T s) {
  const T y0 = x0 * c - x1 * s, y1 = x1 * c + x0 * s;
  x0 = y0;
  x1 = y1;
}

}  // namespace jamsu::kernels::ref
