#include "ops/activation.h"

#include "base/gelu.h"

namespace jamsu::ops {
namespace {

constexpr int64_t kGrain = 1 << 13;  // elements a task takes

struct Silu {
  static float value(float x) { return math::silu(x); }
};
struct Gelu {
  static float value(float x) { return math::gelu(x); }
  static float derivative(float x) { return math::gelu_derivative(x); }
};
struct GeluTanh {
  static float value(float x) { return math::gelu_tanh(x); }
  static float derivative(float x) { return math::gelu_tanh_derivative(x); }
};
// NaN stays NaN.
struct Relu {
  static float value(float x) { return x < 0.0f ? 0.0f : x; }
  static float derivative(float x) { return x > 0.0f ? 1.0f : 0.0f; }
};

template <class F>
void values(const float* x, int64_t count, float* y) {
  for (int64_t i = 0; i < count; ++i) y[i] = F::value(x[i]);
}

template <class F>
Tensor forward(const Tensor& gate, const Tensor& up, Context& context) {
  Tensor h = context.empty(gate.shape());
  context.parallel(h.elements(), kGrain, [&](int64_t begin, int64_t end, int) {
    const float *g = gate.f32(), *u = up.f32();
    float* y = h.f32();
    for (int64_t i = begin; i < end; ++i) y[i] = F::value(g[i]) * u[i];
  });
  return h;
}

template <class F>
SwigluGrads backward(const Tensor& dh, const Tensor& gate, const Tensor& up, Context& context) {
  SwigluGrads grads{context.empty(gate.shape()), context.empty(gate.shape())};
  context.parallel(dh.elements(), kGrain, [&](int64_t begin, int64_t end, int) {
    const float *d = dh.f32(), *g = gate.f32(), *u = up.f32();
    float *dgate = grads.dgate.f32(), *dup = grads.dup.f32();
    for (int64_t i = begin; i < end; ++i) {
      dup[i] = d[i] * F::value(g[i]);
      dgate[i] = d[i] * u[i] * F::derivative(g[i]);
    }
  });
  return grads;
}

}  // namespace

void activate(Activation f, const float* x, int64_t count, float* y) {
  switch (f) {
    case Activation::silu:
      return values<Silu>(x, count, y);
    case Activation::gelu:
      return values<Gelu>(x, count, y);
    case Activation::gelu_tanh:
      return values<GeluTanh>(x, count, y);
    case Activation::relu:
      return values<Relu>(x, count, y);
  }
}

Tensor gated(Activation f, const Tensor& gate, const Tensor& up, Context& context) {
  JAMSU_CHECK(gate.shape() == up.shape());
  switch (f) {
    case Activation::gelu:
      return forward<Gelu>(gate, up, context);
    case Activation::gelu_tanh:
      return forward<GeluTanh>(gate, up, context);
    case Activation::relu:
      return forward<Relu>(gate, up, context);
    case Activation::silu:
      break;
  }
  return swiglu(gate, up, context);
}

SwigluGrads gated_backward(Activation f, const Tensor& dh, const Tensor& gate, const Tensor& up, Context& context) {
  switch (f) {
    case Activation::gelu:
      return backward<Gelu>(dh, gate, up, context);
    case Activation::gelu_tanh:
      return backward<GeluTanh>(dh, gate, up, context);
    case Activation::relu:
      return backward<Relu>(dh, gate, up, context);
    case Activation::silu:
      break;
  }
  return swiglu_backward(dh, gate, up, context);
}

}  // namespace jamsu::ops
