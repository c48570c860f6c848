#pragma once
// What of the data is kept from training, and what is asked of it: its loss, and how the model goes on.
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/result.h"
#include "train/data.h"
#include "train/micro_batch.h"

namespace jamsu::train {

// Some documents of other sources, in an order of its own.
class SelectedSource final : public DocumentSource {
 public:
  using Place = std::pair<std::shared_ptr<const DocumentSource>, uint64_t>;
  explicit SelectedSource(std::vector<Place> places) : places_(std::move(places)) {}
  uint64_t size() const override { return places_.size(); }
  Result<Document> at(uint64_t index) const override { return places_[index].first->at(places_[index].second); }
  uint64_t document_of(uint64_t index) const override {
    return places_[index].first->document_of(places_[index].second);
  }
  const std::vector<Place>& places() const { return places_; }

 private:
  std::vector<Place> places_;
};

// A source in two. `validation` is never trained on; null: the source has one part and cannot be divided.
struct HeldOut {
  std::shared_ptr<const DocumentSource> training;
  std::shared_ptr<const SelectedSource> validation;
};
// About `percent` of the documents, at least one, by the smallest hashes of their tokens and the seed: the same document
// twice stays on one side, and what was held out stays so when others are added. Of fewer than 100 / percent documents
// (a book is one) pieces are held out instead, the rows that running text is cut into. Errors: the source's.
// REQUIRES: source->size() > 0, 0 < percent < 100.
Result<HeldOut> hold_out(const std::shared_ptr<const DocumentSource>& source, int64_t percent, uint64_t seed);

// The documents in their order as micro-batches of about `batch_tokens` for Trainer::validate, until `most_tokens` are
// there. Errors: the source's; nothing of it is learned.
Result<std::vector<MicroBatch>> validation_batches(const DocumentSource& source, int64_t batch_tokens,
                                                   int64_t most_tokens);

// What a model is asked to go on with, and how the data do.
struct SamplePrompt {
  std::vector<int32_t> prompt, reply;
};
// Of the first documents whose prompts differ: a conversation up to its last reply, of running text its first 32 tokens
// (half of it, where it is shorter than 64). Errors: the source's. Fewer than `count` where there are no more.
Result<std::vector<SamplePrompt>> sample_prompts(const DocumentSource& source, size_t count);

}  // namespace jamsu::train
