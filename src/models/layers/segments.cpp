#include "models/layers/segments.h"

#include <algorithm>

namespace jamsu::models {

using kernels::kKeyBlock;

std::vector<ops::KvSegment> kv_segments(const Batch& batch, size_t layer) {
  std::vector<ops::KvSegment> segments;
  segments.reserve(batch.segments.size());
  for (const Segment& s : batch.segments) {
    auto blocks = s.state->blocks(layer);
    blocks.resize(static_cast<size_t>((s.position + s.rows + kKeyBlock - 1) / kKeyBlock));
    segments.push_back({s.first_row, s.rows, s.position, std::move(blocks)});
  }
  return segments;
}

ops::RopeTable rope_table_of(const Batch& batch, const ops::Rope& rope, ops::Context& context) {
  std::vector<int64_t> positions, lengths;
  positions.reserve(batch.tokens.size());
  for (const Segment& s : batch.segments) {
    JAMSU_CHECK(s.first_row == static_cast<int64_t>(positions.size()) && s.state != nullptr);
    const int64_t whole = s.whole > 0 ? s.whole : s.position + s.rows;
    for (int64_t i = 0; i < s.rows; ++i) {
      positions.push_back(s.position + i);
      if (rope.by_length()) lengths.push_back(std::max(whole, s.position + i + 1));
    }
  }
  JAMSU_CHECK(positions.size() == batch.tokens.size());
  return ops::rope_table(rope, positions, lengths, context);
}

}  // namespace jamsu::models
