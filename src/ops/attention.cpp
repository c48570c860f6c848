#include "ops/attention.h"

#include <algorithm>

namespace jamsu::ops {
namespace {

constexpr int64_t kQueryTile = 64;  // query rows a task takes: two key blocks' worth

struct Task {
  const KvSegment* segment;
  int64_t row_begin, row_end;  // within the segment
  int64_t head_begin, head_end;
};

std::vector<Task> cut(std::span<const KvSegment> segments, int64_t heads, int threads) {
  std::vector<Task> tasks;
  const bool many = static_cast<int64_t>(segments.size()) >= 4 * threads;
  for (const KvSegment& s : segments) {
    if (many && s.rows <= 4) {  // decoding many sequences: one task a sequence
      tasks.push_back({&s, 0, s.rows, 0, heads});
      continue;
    }
    for (int64_t row = 0; row < s.rows; row += kQueryTile)
      for (int64_t h = 0; h < heads; ++h) tasks.push_back({&s, row, std::min(row + kQueryTile, s.rows), h, h + 1});
  }
  return tasks;
}

// The pointers to one head's keys and values in each block; `pointers` has room for two per block.
struct HeadBlocks {
  const void** keys;
  const void** values;
};
HeadBlocks head_blocks(const KvSegment& segment, int64_t kv_head, const KvGeometry& g, const void** pointers) {
  const size_t count = segment.blocks.size();
  HeadBlocks b{pointers, pointers + count};
  for (size_t i = 0; i < count; ++i) {
    b.keys[i] = segment.blocks[i] + kv_head * g.head_bytes();
    b.values[i] = segment.blocks[i] + kv_head * g.head_bytes() + g.key_bytes();
  }
  return b;
}

}  // namespace

void store_kv(const KvSource& first, const KvSource& second, const KvSource& value, std::span<const KvSegment> segments,
              const KvGeometry& g, Context& context) {
  JAMSU_CHECK(first.width + second.width == g.d && value.width == g.v);
  // A task is one block of one segment: no two tasks write the same block.
  struct Piece {
    const KvSegment* segment;
    int64_t begin, end;  // positions
  };
  std::vector<Piece> pieces;
  for (const KvSegment& s : segments)
    for (int64_t p = s.position; p < s.position + s.rows;) {
      const int64_t end = std::min((p / kernels::kKeyBlock + 1) * kernels::kKeyBlock, s.position + s.rows);
      pieces.push_back({&s, p, end});
      p = end;
    }
  const auto store = [&](const Piece& piece) {
    const KvSegment& s = *piece.segment;
    std::byte* block = s.blocks[static_cast<size_t>(piece.begin / kernels::kKeyBlock)];
    for (int64_t h = 0; h < g.heads; ++h)
      for (int64_t p = piece.begin; p < piece.end; ++p) {
        const int64_t row = s.first_row + p - s.position;
        context.kernels.store_kv(
            {.first = first.data + row * first.row_stride + h * first.head_stride,
             .second = second.data ? second.data + row * second.row_stride + h * second.head_stride : nullptr,
             .value = value.data + row * value.row_stride + h * value.head_stride,
             .first_width = first.width,
             .second_width = second.width,
             .v_width = g.v,
             .key_block = block + h * g.head_bytes(),
             .value_block = block + h * g.head_bytes() + g.key_bytes(),
             .slot = p % kernels::kKeyBlock,
             .element = g.element});
      }
  };
  int64_t rows = 0;
  for (const KvSegment& s : segments) rows += s.rows;
  if (rows < 64) {
    const FlushScope flush;
    for (const Piece& piece : pieces) store(piece);
  } else {
    context.pool.run(static_cast<int64_t>(pieces.size()),
                     [&](int64_t i, int) { store(pieces[static_cast<size_t>(i)]); });
  }
}

AttentionResult attention(const Tensor& q, int64_t heads, std::span<const KvSegment> segments, const KvGeometry& g,
                          float scale, bool want_lse, Context& context, int64_t window) {
  JAMSU_CHECK(q.dim(1) == heads * g.d && heads % g.heads == 0 && g.d <= kernels::kMaxHeadWidth &&
              g.v <= kernels::kMaxHeadWidth && window >= 1);
  const int64_t group = heads / g.heads;
  AttentionResult r{context.empty({q.dim(0), heads * g.v}), {}};
  if (want_lse) r.lse = context.empty({q.dim(0), heads});
  const std::vector<Task> tasks = cut(segments, heads, context.pool.threads());
  context.pool.run(static_cast<int64_t>(tasks.size()), [&](int64_t i, int worker) {
    const Task& t = tasks[static_cast<size_t>(i)];
    auto* pointers =
        context.scratch.get<const void*>(worker, Scratch::slot_b, 2 * static_cast<int64_t>(t.segment->blocks.size()));
    for (int64_t h = t.head_begin; h < t.head_end; ++h) {
      const HeadBlocks blocks = head_blocks(*t.segment, h / group, g, pointers);
      const int64_t row = t.segment->first_row + t.row_begin;
      context.kernels.attention({.q = q.f32() + row * heads * g.d + h * g.d,
                                 .q_stride = heads * g.d,
                                 .key_blocks = blocks.keys,
                                 .value_blocks = blocks.values,
                                 .out = r.out.f32() + row * heads * g.v + h * g.v,
                                 .out_stride = heads * g.v,
                                 .lse = want_lse ? r.lse.f32() + row * heads + h : nullptr,
                                 .lse_stride = heads,
                                 .rows = t.row_end - t.row_begin,
                                 .first_position = t.segment->position + t.row_begin,
                                 .d = g.d,
                                 .v = g.v,
                                 .scale = scale,
                                 .element = g.element,
                                 .window = window});
    }
  });
  return r;
}

AttentionGrads attention_backward(const Tensor& dout, const Tensor& q, const AttentionResult& forward, int64_t heads,
                                  std::span<const KvSegment> segments, const KvGeometry& g, float scale,
                                  Context& context, int64_t window) {
  JAMSU_CHECK(q.dim(1) == heads * g.d && heads % g.heads == 0 && g.d <= kernels::kMaxHeadWidth &&
              g.v <= kernels::kMaxHeadWidth && window >= 1);
  const int64_t rows = q.dim(0), group = heads / g.heads;
  AttentionGrads r{context.empty({rows, heads * g.d}), context.empty({rows, g.heads * g.d}),
                   context.empty({rows, g.heads * g.v})};
  context.pool.run(static_cast<int64_t>(segments.size()) * g.heads, [&](int64_t i, int worker) {
    const KvSegment& s = segments[static_cast<size_t>(i / g.heads)];
    const int64_t kv_head = i % g.heads, row = s.first_row;
    JAMSU_CHECK(s.position == 0);
    auto* pointers =
        context.scratch.get<const void*>(worker, Scratch::slot_b, 2 * static_cast<int64_t>(s.blocks.size()));
    auto* scratch =
        context.scratch.get<float>(worker, Scratch::slot_a, kernels::attention_backward_scratch(s.rows, g.d, g.v));
    const HeadBlocks blocks = head_blocks(s, kv_head, g, pointers);
    for (int64_t h = kv_head * group; h < (kv_head + 1) * group; ++h) {  // ascending: one running sum of dK and dV
      const int64_t q_offset = row * heads * g.d + h * g.d, v_offset = row * heads * g.v + h * g.v;
      context.kernels.attention_backward({.q = q.f32() + q_offset,
                                          .q_stride = heads * g.d,
                                          .key_blocks = blocks.keys,
                                          .value_blocks = blocks.values,
                                          .out = forward.out.f32() + v_offset,
                                          .lse = forward.lse.f32() + row * heads + h,
                                          .dout = dout.f32() + v_offset,
                                          .out_stride = heads * g.v,
                                          .lse_stride = heads,
                                          .dq = r.dq.f32() + q_offset,
                                          .dk = r.dk.f32() + row * g.heads * g.d + kv_head * g.d,
                                          .dv = r.dv.f32() + row * g.heads * g.v + kv_head * g.v,
                                          .dq_stride = heads * g.d,
                                          .dk_stride = g.heads * g.d,
                                          .dv_stride = g.heads * g.v,
                                          .rows = s.rows,
                                          .d = g.d,
                                          .v = g.v,
                                          .scale = scale,
                                          .element = g.element,
                                          .scratch = scratch,
                                          .continue_kv = h > kv_head * group,
                                          .window = window});
    }
  });
  return r;
}

}  // namespace jamsu::ops
