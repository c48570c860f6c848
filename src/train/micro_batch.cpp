#include "train/micro_batch.h"

#include "base/check.h"

namespace jamsu::train {

MicroBatch pack(const DataRows& data, bool document_mask) {
  const auto size = static_cast<size_t>(data.rows * data.width);
  JAMSU_CHECK(data.ids.size() == size && data.labels.size() == size && data.mtp_labels.size() == size &&
              data.doc_ids.size() == size);
  MicroBatch b;
  b.row_begin.push_back(0);
  b.mtp_row_begin.push_back(0);
  for (int64_t r = 0; r < data.rows; ++r) {
    const auto at = [&](int64_t t) { return static_cast<size_t>(r * data.width + t); };
    for (int64_t begin = 0; begin < data.width;) {
      if (data.doc_ids[at(begin)] < 0) {
        ++begin;
        continue;
      }
      int64_t end = begin + 1;
      while (end < data.width && data.doc_ids[at(end)] >= 0 &&
             (!document_mask || data.doc_ids[at(end)] == data.doc_ids[at(begin)]))
        ++end;
      const auto first = static_cast<int64_t>(b.tokens.size()), mtp_first = static_cast<int64_t>(b.mtp_rows.size());
      for (int64_t t = begin; t < end; ++t) {
        b.tokens.push_back(data.ids[at(t)]);
        b.labels.push_back(data.labels[at(t)]);
        if (t + 1 < end) {
          b.mtp_rows.push_back(static_cast<int32_t>(first + t - begin));
          b.mtp_tokens.push_back(data.ids[at(t + 1)]);
          b.mtp_labels.push_back(data.mtp_labels[at(t)]);
        }
      }
      b.segments.push_back({.first_row = first, .rows = end - begin, .position = 0, .state = nullptr});
      if (end - begin > 1)
        b.mtp_segments.push_back({.first_row = mtp_first, .rows = end - begin - 1, .position = 0, .state = nullptr});
      begin = end;
    }
    b.row_begin.push_back(static_cast<int64_t>(b.tokens.size()));
    b.mtp_row_begin.push_back(static_cast<int64_t>(b.mtp_rows.size()));
  }
  return b;
}

GlobalCounts count(std::span<const MicroBatch> batches) {
  GlobalCounts c;
  for (const MicroBatch& b : batches) {
    for (const int32_t label : b.labels) c.labels += label >= 0;
    for (const int32_t label : b.mtp_labels) c.mtp_labels += label >= 0;
    c.rows += static_cast<int64_t>(b.row_begin.size()) - 1;
    c.tokens += static_cast<int64_t>(b.tokens.size());
  }
  return c;
}

}  // namespace jamsu::train
