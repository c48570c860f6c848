#include "ops/lightning.h"

#include <algorithm>

#include "base/math.h"

namespace jamsu::ops {
namespace {

struct Head {
  int64_t width;
  float decay;
  float* state;  // [width][width]
};

// One row of one head: the state moves on, the row reads it.
void step(const Head& head, const float* q, const float* k, const float* v, float* out) {
  std::fill_n(out, head.width, 0.0f);
  for (int64_t i = 0; i < head.width; ++i) {
    float* s = head.state + i * head.width;
    const float ki = k[i], qi = q[i];
    for (int64_t j = 0; j < head.width; ++j) {
      const float moved = head.decay * s[j] + ki * v[j];
      s[j] = moved;
      out[j] += qi * moved;
    }
  }
}

}  // namespace

Tensor lightning(const Tensor& qkv, const LightningHeads& of, std::span<const LightningSegment> segments,
                 Context& context) {
  const int64_t heads = of.heads, width = of.width, rows = qkv.dim(0), row = heads * 3 * width;
  JAMSU_CHECK(qkv.dim(1) == row && static_cast<int64_t>(of.decay.size()) == heads);
  Tensor out = context.empty({rows, heads * width});
  const int64_t sequences = static_cast<int64_t>(segments.size());
  context.parallel(sequences * heads, 1, [&](int64_t first, int64_t last, int worker) {
    float* values = context.scratch.get<float>(worker, Scratch::slot_a, 3 * width);
    for (int64_t item = first; item < last; ++item) {
      const LightningSegment& s = segments[static_cast<size_t>(item / heads)];
      const int64_t h = item % heads;
      const Head head{width, of.decay[static_cast<size_t>(h)], s.state + h * width * width};
      for (int64_t r = s.first_row; r < s.first_row + s.rows; ++r) {
        const float* x = qkv.f32() + r * row + h * 3 * width;
        activate(of.activation, x, 3 * width, values);
        step(head, values, values + width, values + 2 * width, out.f32() + (r * heads + h) * width);
      }
    }
  });
  return out;
}

Tensor sigmoid_gate(const Tensor& x, const Tensor& gate, Context& context) {
  JAMSU_CHECK(x.shape() == gate.shape());
  Tensor y = context.empty(x.shape());
  context.parallel(x.elements(), 16384, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) y.f32()[i] = x.f32()[i] * math::sigmoid(gate.f32()[i]);
  });
  return y;
}

}  // namespace jamsu::ops
