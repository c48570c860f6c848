#include "ops/products/gated.h"

#include <algorithm>

#include "ops/products/stored.h"

namespace jamsu::ops::products {
namespace {

// h = swiglu of both products, as x of the next one, packed.
void gate_and_up(const Product& x, const Weight& gate, const Weight& up, std::byte* h, Context& context) {
  const kernels::Source source = *kernel_source(*gate.format);
  const kernels::StoredKernel& kernel = context.kernels.stored(source);
  const int64_t units = (gate.out + kernels::kDotBlock - 1) / kernels::kDotBlock;
  const int64_t pieces = gated_pieces(gate.out, context.pool.threads());
  context.pool.run(pieces, [&](int64_t i, int worker) {
    const int64_t column = units * i / pieces * kernels::kDotBlock,
                  n = std::min(units * (i + 1) / pieces * kernels::kDotBlock, gate.out) - column;
    void* scratch = context.scratch.get<std::byte>(worker, Scratch::slot_a, kernel.scratch_bytes(x.m, 2 * n));
    context.kernels.gated(source)({.gate = stored_params(x, gate, column, n, scratch),
                                   .up = stored_params(x, up, column, n, scratch),
                                   .h = h,
                                   .column = column,
                                   .width = gate.out});
  });
}

}  // namespace

Tensor gated(const Tensor& x, const Weight& gate, const Weight& up, const Weight& down, Context& context) {
  JAMSU_CHECK(x.dim(1) == gate.in && up.in == gate.in && up.out == gate.out && down.in == gate.out);
  const int64_t rows = x.dim(0);
  Tensor y = context.empty({rows, down.out});
  std::vector<Product> inputs{
      {.a = x.f32(), .row_stride = gate.in, .weight = &gate, .c = nullptr, .m = rows, .n = gate.out, .k = gate.in}};
  const Tensor memory = place(inputs, context);  // its pieces of rows; their result is h
  pack_x(inputs, context);
  for (const Product& input : inputs) {
    const int64_t row = (input.a - x.f32()) / gate.in;
    const Tensor h = context.empty({context.kernels.stored_x.bytes(input.m, down.in)}, DType::u8);
    gate_and_up(input, gate, up, h.raw(), context);
    const std::vector<Product> product{{.a = nullptr,
                                        .row_stride = down.in,
                                        .weight = &down,
                                        .c = y.f32() + row * down.out,
                                        .m = input.m,
                                        .n = down.out,
                                        .k = down.in,
                                        .strategy = Strategy::stored,
                                        .x = h.raw()}};
    run_placed(product, down.element, context);
  }
  return y;
}

}  // namespace jamsu::ops::products
