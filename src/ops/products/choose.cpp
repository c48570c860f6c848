#include "ops/products/choose.h"

#include <algorithm>

#include "base/check.h"
#include "ops/weight.h"

namespace jamsu::ops::products {
namespace {

using kernels::kLanes;

constexpr int64_t kRowTile = 96;  // a multiple of every register tile in use (6, 12, 16, 32)
// A weight where it lies is packed anew for every tile of rows: tiles as tall as the second-level cache allows, cut
// into columns as well.
constexpr int64_t kBlockTileBytes = int64_t{384} << 10;
// Columns that a task of the stored kernel takes with many rows: their results stay in the second-level cache.
constexpr int64_t kStoredColumns = 256, kManyRows = 128;

int64_t panels_of(int64_t columns) {
  return (columns + kLanes - 1) / kLanes;
}

class Cutter {
 public:
  Cutter(const Size& size, int threads, size_t product, std::vector<Task>& tasks)
      : p_(size), threads_(threads), product_(product), panels_(panels_of(size.n)), tasks_(tasks) {}

  void tall_tiles(const kernels::Kernels& kernels) {
    const kernels::GemmKernel& gemm = kernels::choose_gemm(kernels, kRowTile, kernels::Element::bf16);
    const int64_t tile = kBlockTileBytes / (gemm.a_bytes(kRowTile, kBlockContraction) / kRowTile);
    const int64_t tiles = (p_.m + tile - 1) / tile;
    const int64_t rows = kernels::round_up((p_.m + tiles - 1) / tiles, 6);
    // 16 panels a task, or as few as 4 where threads would have nothing to do.
    const int64_t busy = std::min((panels_ + 3) / 4, (threads_ + tiles - 1) / tiles);
    const int64_t pieces = std::clamp<int64_t>(threads_ * 4 / tiles, 1, std::max((panels_ + 15) / 16, busy));
    for (int64_t row = 0; row < p_.m; row += rows)
      for (int64_t i = 0; i < pieces; ++i)
        add(row, std::min(row + rows, p_.m), panels_ * i / pieces, panels_ * (i + 1) / pieces);
  }
  void wide_columns() {
    const int64_t pairs = (panels_ + 1) / 2;
    const int64_t pieces = kernels::round_up((p_.n + kStoredColumns - 1) / kStoredColumns, threads_);
    const int64_t count = std::min(pieces, pairs);
    for (int64_t i = 0; i < count; ++i)
      add(0, p_.m, pairs * i / count * 2, std::min(pairs * (i + 1) / count * 2, panels_));
  }
  void row_tiles() {
    for (int64_t row = 0; row < p_.m; row += kRowTile) add(row, std::min(row + kRowTile, p_.m), 0, panels_);
  }
  void columns(int64_t pieces) {
    for (int64_t i = 0; i < pieces; ++i) add(0, p_.m, panels_ * i / pieces, panels_ * (i + 1) / pieces);
  }
  void whole() {
    if (p_.m > 0) add(0, p_.m, 0, panels_);
  }
  int64_t panels() const { return panels_; }

 private:
  void add(int64_t row_begin, int64_t row_end, int64_t panel_begin, int64_t panel_end) {
    tasks_.push_back({product_, row_begin, row_end, panel_begin, panel_end});
  }
  const Size& p_;
  const int64_t threads_;
  const size_t product_;
  const int64_t panels_;
  std::vector<Task>& tasks_;
};

const kernels::StoredKernel& stored_kernel(const Format& format, const kernels::Kernels& kernels) {
  const auto source = kernel_source(format);
  JAMSU_CHECK(source && format.used_as_it_lies);
  return kernels.stored(*source);
}

}  // namespace

Choice choose(const Size& p, const kernels::Kernels& kernels) {
  if (!p.format) return {Strategy::panels, p.m};
  if (p.transposed) return {Strategy::blocks, p.m};
  const kernels::StoredKernel& kernel = stored_kernel(*p.format, kernels);
  if (p.m <= kernel.max_rows) return {Strategy::stored, p.m};
  if (!kernel.many_rows) return {Strategy::blocks, p.m};
  const int64_t pieces = (p.m + kernel.max_rows - 1) / kernel.max_rows;
  return {Strategy::stored, kernels::round_up((p.m + pieces - 1) / pieces, 2 * kLanes)};
}

void cut(const Size& p, Strategy strategy, int threads, const kernels::Kernels& kernels, size_t product,
         std::vector<Task>& tasks) {
  const int64_t work = p.m * p.n * p.k;
  Cutter cutter(p, threads, product, tasks);
  const bool stored = strategy == Strategy::stored;
  if (stored && p.m > kManyRows && work > kSmallWork) return cutter.wide_columns();
  if (strategy == Strategy::blocks && p.m >= kRowTile) return cutter.tall_tiles(kernels);
  if (threads == 1 || work <= kSmallWork) return cutter.whole();
  if (strategy == Strategy::panels && p.m >= kRowTile) return cutter.row_tiles();
  // Reading is what a packed x waits for, and no two cores read alike: more pieces than threads even it out.
  cutter.columns(std::min<int64_t>({cutter.panels(), threads * (stored ? 8 : 2), work / kSmallWork + 1}));
}

bool joins_gate_and_up(int64_t rows, const Format* gate, const Format* up, const Format* down,
                       const kernels::Kernels& kernels) {
  if (!gate || !up || !down || gate != up || rows <= kManyRows) return false;
  return stored_kernel(*gate, kernels).many_rows && stored_kernel(*down, kernels).many_rows;
}

int64_t gated_pieces(int64_t width, int threads) {
  constexpr int64_t kColumns = kStoredColumns / 2;  // of each
  const int64_t units = (width + kernels::kDotBlock - 1) / kernels::kDotBlock;
  return std::min(units, kernels::round_up((width + kColumns - 1) / kColumns, threads));
}

std::string describe(const Size& p, int threads, const kernels::Kernels& kernels) {
  const Choice choice = choose(p, kernels);
  const char* name = choice.strategy == Strategy::panels   ? "panels"
                     : choice.strategy == Strategy::stored ? "stored"
                                                           : "blocks";
  std::string text = std::string(name) + ", " + std::to_string(p.m) + " rows";
  if (choice.rows < p.m) text += " in pieces of " + std::to_string(choice.rows);
  Size piece = p;
  std::vector<Task> tasks;
  for (int64_t row = 0; row < p.m; row += choice.rows) {
    piece.m = std::min(choice.rows, p.m - row);
    cut(piece, choice.strategy, threads, kernels, 0, tasks);
  }
  int64_t rows = 0, panels = 0;
  for (const Task& t : tasks) {
    rows = std::max(rows, t.row_end - t.row_begin);
    panels = std::max(panels, t.panel_end - t.panel_begin);
  }
  return text + ": " + std::to_string(tasks.size()) + (tasks.size() == 1 ? " task of " : " tasks of up to ") +
         std::to_string(rows) + " rows x " + std::to_string(panels) + " panels";
}

}  // namespace jamsu::ops::products
