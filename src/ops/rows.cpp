#include "ops/rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/math.h"

namespace jamsu::ops {
namespace {

constexpr int64_t kRowGrain = 32;           // rows a task takes
constexpr int64_t kElementGrain = 1 << 15;  // elements a task takes

struct Matrix {
  int64_t rows, width;
};
Matrix matrix(const Tensor& x) {
  JAMSU_CHECK(x.shape().rank() == 2);
  return {x.dim(0), x.dim(1)};
}

// Few elements are done by the caller: waking another thread costs microseconds.
int64_t row_grain(const Matrix& m) {
  return m.rows * m.width < 16384 ? std::max<int64_t>(m.rows, 1) : kRowGrain;
}

}  // namespace

RmsNormResult rms_norm(const Tensor& x, const Tensor& w, float eps, Context& context) {
  const Matrix m = matrix(x);
  JAMSU_CHECK(w.elements() == m.width);
  RmsNormResult r{context.empty({m.rows, m.width}), context.empty({m.rows})};
  context.parallel(m.rows, row_grain(m), [&](int64_t begin, int64_t end, int) {
    context.kernels.rms_norm({.x = x.f32() + begin * m.width,
                              .w = w.f32(),
                              .y = r.y.f32() + begin * m.width,
                              .scale = r.scale.f32() + begin,
                              .rows = end - begin,
                              .d = m.width,
                              .x_stride = m.width,
                              .y_stride = m.width,
                              .eps = eps});
  });
  return r;
}

Tensor rms_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& w, const Tensor& scale, Context& context) {
  const Matrix m = matrix(x);
  Tensor dx = context.empty({m.rows, m.width});
  context.parallel(m.rows, row_grain(m), [&](int64_t begin, int64_t end, int) {
    const int64_t offset = begin * m.width;
    context.kernels.rms_norm_backward({.x = x.f32() + offset,
                                       .w = w.f32(),
                                       .dy = dy.f32() + offset,
                                       .scale = scale.f32() + begin,
                                       .dx = dx.f32() + offset,
                                       .rows = end - begin,
                                       .d = m.width,
                                       .x_stride = m.width,
                                       .dy_stride = m.width,
                                       .dx_stride = m.width});
  });
  return dx;
}

void rms_norm_weight_grad(const Tensor& dy, const Tensor& x, const Tensor& scale, Tensor& dw, Context& context) {
  const Matrix m = matrix(x);
  JAMSU_CHECK(dw.elements() == m.width);
  Tensor sums = context.empty({m.width});
  context.parallel(m.width, 16, [&](int64_t begin, int64_t end, int worker) {
    context.kernels.norm_weight_grad(
        {.x = x.f32(),
         .dy = dy.f32(),
         .scale = scale.f32(),
         .out = sums.f32(),
         .rows = m.rows,
         .d = m.width,
         .x_stride = m.width,
         .dy_stride = m.width,
         .column_begin = begin,
         .column_end = end,
         .scratch = context.scratch.get<float>(worker, Scratch::slot_a, (m.rows + 63) / 64 * 16)});
  });
  for (int64_t j = 0; j < m.width; ++j) dw.f32()[j] += sums.f32()[j];
}

Tensor swiglu(const Tensor& gate, const Tensor& up, Context& context) {
  JAMSU_CHECK(gate.shape() == up.shape());
  Tensor h = context.empty(gate.shape());
  context.parallel(h.elements(), kElementGrain, [&](int64_t begin, int64_t end, int) {
    context.kernels.swiglu(
        {.gate = gate.f32() + begin, .up = up.f32() + begin, .h = h.f32() + begin, .count = end - begin});
  });
  return h;
}

SwigluGrads swiglu_backward(const Tensor& dh, const Tensor& gate, const Tensor& up, Context& context) {
  SwigluGrads g{context.empty(gate.shape()), context.empty(gate.shape())};
  context.parallel(dh.elements(), kElementGrain, [&](int64_t begin, int64_t end, int) {
    context.kernels.swiglu_backward({.gate = gate.f32() + begin,
                                     .up = up.f32() + begin,
                                     .dh = dh.f32() + begin,
                                     .dgate = g.dgate.f32() + begin,
                                     .dup = g.dup.f32() + begin,
                                     .count = end - begin});
  });
  return g;
}

Tensor add(const Tensor& a, const Tensor& b, Context& context) {
  JAMSU_CHECK(a.shape() == b.shape());
  Tensor y = context.empty(a.shape());
  context.parallel(y.elements(), kElementGrain, [&](int64_t begin, int64_t end, int) {
    const float *pa = a.f32(), *pb = b.f32();
    float* py = y.f32();
    for (int64_t i = begin; i < end; ++i) py[i] = pa[i] + pb[i];
  });
  return y;
}

void add_to(Tensor& a, const Tensor& b, Context& context) {
  JAMSU_CHECK(a.shape() == b.shape());
  context.parallel(a.elements(), kElementGrain, [&](int64_t begin, int64_t end, int) {
    float* pa = a.f32();
    const float* pb = b.f32();
    for (int64_t i = begin; i < end; ++i) pa[i] += pb[i];
  });
}

Tensor scale(const Tensor& a, float factor, Context& context) {
  Tensor y = context.empty(a.shape());
  context.parallel(y.elements(), kElementGrain, [&](int64_t begin, int64_t end, int) {
    const float* pa = a.f32();
    float* py = y.f32();
    for (int64_t i = begin; i < end; ++i) py[i] = pa[i] * factor;
  });
  return y;
}

Tensor copy(const Tensor& a, Context& context) {
  Tensor y = context.empty(a.shape(), a.dtype());
  std::memcpy(y.raw(), a.raw(), static_cast<size_t>(a.bytes()));
  return y;
}

Tensor slice_columns(const Tensor& x, int64_t begin, int64_t width, Context& context) {
  const Matrix m = matrix(x);
  JAMSU_CHECK(begin >= 0 && begin + width <= m.width);
  Tensor y = context.empty({m.rows, width});
  for (int64_t i = 0; i < m.rows; ++i)
    std::memcpy(y.f32() + i * width, x.f32() + i * m.width + begin, static_cast<size_t>(width) * sizeof(float));
  return y;
}

void add_to_columns(Tensor& x, int64_t begin, const Tensor& slice, Context&) {
  const Matrix m = matrix(x), s = matrix(slice);
  JAMSU_CHECK(m.rows == s.rows && begin >= 0 && begin + s.width <= m.width);
  for (int64_t i = 0; i < m.rows; ++i) {
    float* to = x.f32() + i * m.width + begin;
    const float* from = slice.f32() + i * s.width;
    for (int64_t j = 0; j < s.width; ++j) to[j] += from[j];
  }
}

Tensor concat_columns(const Tensor& a, const Tensor& b, Context& context) {
  const Matrix ma = matrix(a), mb = matrix(b);
  JAMSU_CHECK(ma.rows == mb.rows);
  Tensor y = context.empty({ma.rows, ma.width + mb.width});
  for (int64_t i = 0; i < ma.rows; ++i) {
    float* row = y.f32() + i * (ma.width + mb.width);
    std::memcpy(row, a.f32() + i * ma.width, static_cast<size_t>(ma.width) * sizeof(float));
    std::memcpy(row + ma.width, b.f32() + i * mb.width, static_cast<size_t>(mb.width) * sizeof(float));
  }
  return y;
}

Tensor gather_rows(const Tensor& x, std::span<const int32_t> rows, Context& context) {
  const Matrix m = matrix(x);
  const auto count = static_cast<int64_t>(rows.size());
  Tensor y = context.empty({count, m.width});
  context.parallel(count, row_grain({count, m.width}), [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i)
      std::memcpy(y.f32() + i * m.width, x.f32() + rows[static_cast<size_t>(i)] * m.width,
                  static_cast<size_t>(m.width) * sizeof(float));
  });
  return y;
}

void scatter_add_rows(Tensor& dx, const Tensor& dy, std::span<const int32_t> rows, Context& context) {
  const Matrix m = matrix(dx);
  JAMSU_CHECK(dy.dim(1) == m.width && dy.dim(0) == static_cast<int64_t>(rows.size()));
  // Cut over columns, so that each sum keeps the order of rows.
  context.parallel(m.width, 32, [&](int64_t begin, int64_t end, int) {
    for (size_t i = 0; i < rows.size(); ++i) {
      float* to = dx.f32() + rows[i] * m.width;
      const float* from = dy.f32() + static_cast<int64_t>(i) * m.width;
      for (int64_t j = begin; j < end; ++j) to[j] += from[j];
    }
  });
}

Tensor embedding(const Tensor& table, std::span<const int32_t> ids, Context& context) {
  const Matrix m = matrix(table);
  const auto count = static_cast<int64_t>(ids.size());
  Tensor y = context.empty({count, m.width});
  context.parallel(count, row_grain({count, m.width}), [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t id = ids[static_cast<size_t>(i)];
      JAMSU_CHECK(id >= 0 && id < m.rows);
      float* to = y.f32() + i * m.width;
      if (table.dtype() == DType::f32) {
        std::memcpy(to, table.f32() + id * m.width, static_cast<size_t>(m.width) * sizeof(float));
      } else {
        const uint16_t* from = table.bf16() + id * m.width;
        for (int64_t j = 0; j < m.width; ++j)
          to[j] = round_to_bf16(bf16_to_f32(from[j]));  // a file may hold subnormals
      }
    }
  });
  return y;
}

namespace {

template <bool kSquares>
float sum16(const float* x, int64_t count) {
  float lanes[16] = {};
  int64_t i = 0;
  for (; i + 16 <= count; i += 16)
    for (int l = 0; l < 16; ++l) lanes[l] = kSquares ? std::fma(x[i + l], x[i + l], lanes[l]) : lanes[l] + x[i + l];
  for (int l = 0; i + l < count; ++l)
    lanes[l] = kSquares ? std::fma(x[i + l], x[i + l], lanes[l]) : lanes[l] + x[i + l];
  for (int width = 8; width >= 1; width /= 2)
    for (int l = 0; l < width; ++l) lanes[l] += lanes[l + width];
  return lanes[0];
}

template <bool kSquares>
float chunked(const float* x, int64_t count) {
  std::vector<float> chunks;
  for (int64_t i = 0; i < count; i += 4096)
    chunks.push_back(sum16<kSquares>(x + i, std::min<int64_t>(4096, count - i)));
  return tree_sum(std::move(chunks));
}

}  // namespace

float long_sum(const float* x, int64_t count) {
  return chunked<false>(x, count);
}
float long_sum_of_squares(const float* x, int64_t count) {
  return chunked<true>(x, count);
}

float tree_sum(std::vector<float> values) {
  if (values.empty()) return 0.0f;
  while (values.size() > 1) {
    const size_t pairs = values.size() / 2;
    for (size_t i = 0; i < pairs; ++i) values[i] = values[2 * i] + values[2 * i + 1];
    if (values.size() % 2) values[pairs] = values.back();
    values.resize(pairs + values.size() % 2);
  }
  return values[0];
}

}  // namespace jamsu::ops
