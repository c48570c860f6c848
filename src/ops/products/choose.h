#pragma once
// How a product of rows with a weight is computed, and how it is shared out: a pure function of sizes, threads, the
// weight's format and the table of kernels. No choice changes a result (docs/numerics.md), only speed.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/registry.h"
#include "tensor/format.h"

namespace jamsu::ops::products {

enum class Strategy : uint8_t {
  panels,  // panels packed once: training, f32 mode, routers
  stored,  // rows of the weight are read as they lie by a StoredKernel; x is packed once for all columns
  blocks,  // block after block of such rows is packed into cache, where all rows of x pass it
};

// C[m, n] with contraction k; of a weight that is stored its format, else null. `transposed`: contraction over the rows
// of the stored matrix, as dX has it.
struct Size {
  int64_t m, n, k;
  const Format* format = nullptr;
  bool transposed = false;
};

struct Choice {
  Strategy strategy;
  int64_t rows;  // of C together: a stored product of more is one of several, each with its x
};
Choice choose(const Size& size, const kernels::Kernels& kernels);

// What a thread does at once: rows of C and panels of 16 columns of product number `product`.
struct Task {
  size_t product;
  int64_t row_begin, row_end, panel_begin, panel_end;
};
// Appends those of a product of a chosen strategy, of `rows` at most. Every value of C belongs to one of them.
void cut(const Size& size, Strategy strategy, int threads, const kernels::Kernels& kernels, size_t product,
         std::vector<Task>& tasks);

// Below this many multiply-adds a task costs less than handing it to another thread.
inline constexpr int64_t kSmallWork = 200'000;

// Blocks of a weight that are packed into cache: 64 KiB of panels.
inline constexpr int64_t kBlockColumns = 64, kBlockContraction = 512;

// Whether gate, up and down of so many rows become one product of three (gated.h): all of them stored, the first two
// alike, by kernels that take many rows.
bool joins_gate_and_up(int64_t rows, const Format* gate, const Format* up, const Format* down,
                       const kernels::Kernels& kernels);
// Its pieces of columns of h; each begins at a multiple of 32.
int64_t gated_pieces(int64_t width, int threads);

// For reports and tests: "stored, 300 rows in pieces of 160: 16 tasks of up to 160 rows x 2 panels".
std::string describe(const Size& size, int threads, const kernels::Kernels& kernels);

}  // namespace jamsu::ops::products
