#pragma once
// What every attention layer asks of a batch.
#include <vector>

#include "models/batch.h"
#include "models/sequence_state.h"
#include "ops/attention.h"
#include "ops/rope.h"

namespace jamsu::models {

// The segments with their blocks in layer `layer` of their states, past and new rows.
std::vector<ops::KvSegment> kv_segments(const Batch& batch, size_t layer);
// Rotary tables of the batch's rows by their positions and, where that matters, their lengths (Segment::whole).
// REQUIRES: the segments cover all rows, in order.
ops::RopeTable rope_table_of(const Batch& batch, const ops::Rope& rope, ops::Context& context);

}  // namespace jamsu::models
