#include "autograd/parameter.h"

#include <algorithm>
#include <array>

#include "base/mapped_file.h"
#include "base/math.h"
#include "tensor/format.h"

namespace jamsu::autograd {
namespace {

Tensor widened(const Tensor& values, ops::Context& context) {
  const Format* format = format_of(values.dtype());
  JAMSU_CHECK(format && format->scales == Scales::none);
  Tensor y = context.empty(values.shape());
  format->decode(values.raw(), format->blocks(values.elements()), 1.0f, y.f32());
  return y;
}

void round_in_place(Tensor& values) {
  for (int64_t i = 0; i < values.elements(); ++i) values.f32()[i] = round_to_bf16(values.f32()[i]);
}

Tensor as_bf16(const Tensor& values, ops::Context& context) {
  Tensor y = context.empty(values.shape(), DType::bf16);
  for (int64_t i = 0; i < values.elements(); ++i) y.bf16()[i] = f32_to_bf16(values.f32()[i]);
  return y;
}

}  // namespace

void set_values(Parameter& p, const Tensor& values, ops::Packs packs, ops::Context& context) {
  JAMSU_CHECK(values.shape() == p.shape);
  const bool rounds = context.numerics == ops::Numerics::bf16 && p.role != Role::constant;
  // Matrices in bf16 elements are rounded while they are packed.
  if (p.role == Role::matrix && ops::can_be_packed(format_of(values.dtype()))) {
    if (p.weight.forward.defined())
      ops::refresh_weight(p.weight, values, context);
    else
      p.weight = ops::make_weight(values, ops::matmul_element(context.numerics), packs, context);
    return;
  }
  Tensor f32 = widened(values, context);
  if (p.role == Role::matrix || p.role == Role::router_matrix) {
    const bool router = p.role == Role::router_matrix;
    if (router && rounds) round_in_place(f32);
    if (p.weight.forward.defined())
      ops::refresh_weight(p.weight, f32, context);
    else
      p.weight =
          ops::make_weight(f32, router ? kernels::Element::f32 : ops::matmul_element(context.numerics), packs, context);
    return;
  }
  if (p.role == Role::table && rounds) {
    p.values = as_bf16(f32, context);
    return;
  }
  if (rounds) round_in_place(f32);
  p.values = f32;
}

bool keeps_rows(const Parameter& p, ops::Packs packs, const ops::Context& context) {
  if (context.numerics != ops::Numerics::bf16) return false;
  const bool only_read = packs == ops::Packs::forward || p.frozen();
  return only_read && (p.role == Role::matrix || p.role == Role::table);
}

void keep_rows(Parameter& p, const Tensor& rows) {
  JAMSU_CHECK(rows.shape() == p.shape && rows.dtype() == DType::bf16);
  if (p.role == Role::table)
    p.values = rows;
  else
    p.weight = ops::make_stored_weight(rows);
}

Tensor bf16_rows(const Tensor& values, ops::Context& context) {
  const Format* format = format_of(values.dtype());
  if (format == &kBf16Format) return values;
  JAMSU_CHECK(format && format->scales == Scales::none && format->block_elements == 1);
  constexpr int64_t kPiece = int64_t{1} << 20, kDecoded = 1024;
  Tensor y = context.empty(values.shape(), DType::bf16);
  context.parallel(values.elements(), kPiece, [&](int64_t begin, int64_t end, int) {
    const std::byte* from = values.raw() + format->row_bytes(begin);
    std::array<float, kDecoded> decoded;
    for (int64_t i = begin; i < end; i += kDecoded) {
      const int64_t count = std::min(kDecoded, end - i);
      format->decode(values.raw() + format->row_bytes(i), count, 1.0f, decoded.data());
      for (int64_t j = 0; j < count; ++j) y.bf16()[i + j] = f32_to_bf16(decoded[static_cast<size_t>(j)]);
    }
    forget_pages({from, static_cast<size_t>(format->row_bytes(end - begin))});
  });
  return y;
}

void set_fp8_values(Parameter& p, const Tensor& values, const Tensor& scales, ops::Context& context) {
  JAMSU_CHECK(p.role == Role::matrix && values.shape() == p.shape);
  p.weight = ops::make_fp8_weight(values, scales, context);
}

Tensor& GradStore::at(const Parameter& parameter, ops::Context& context) {
  JAMSU_CHECK(parameter.id >= 0);
  Tensor& g = gradients_[static_cast<size_t>(parameter.id)];
  if (!g.defined()) g = context.zeros(parameter.shape);
  return g;
}

}  // namespace jamsu::autograd
