#pragma once
// From data rows to the packed rows of one forward.   R data rows, T positions each, N packed rows.
#include <cstdint>
#include <span>
#include <vector>

#include "models/batch.h"

namespace jamsu::train {

// R rows of T positions as they come from the data: padding has doc_ids -1; labels are already shifted, < 0 is ignored.
struct DataRows {
  int64_t rows = 0, width = 0;
  std::vector<int32_t> ids, labels, mtp_labels, doc_ids;  // [R * T] each
};

// Packed without padding: what the model sees. A segment is a document, or (without document mask) a data row.
struct MicroBatch {
  std::vector<int32_t> tokens, labels;    // [N]
  std::vector<models::Segment> segments;  // states are filled in by the step
  std::vector<int64_t> row_begin;         // [R + 1]
  // The MTP module runs on rows whose next token is in the same segment.
  std::vector<int32_t> mtp_rows, mtp_tokens, mtp_labels;  // row of the main model, token at t + 1, target at t + 2
  std::vector<models::Segment> mtp_segments;
  std::vector<int64_t> mtp_row_begin;
};

MicroBatch pack(const DataRows& data, bool document_mask);

// What the loss is a mean over; known before the first micro-batch (numerics.md section 3).
struct GlobalCounts {
  int64_t labels = 0, mtp_labels = 0, rows = 0, tokens = 0;
};
GlobalCounts count(std::span<const MicroBatch> batches);

}  // namespace jamsu::train
