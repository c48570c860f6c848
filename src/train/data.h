#pragma once
// The stream of training data: documents (token ids and which of them are learned) packed into rows. Everything is a
// pure function of (sources, seed, state): no result depends on threads, and a saved DataState continues exactly.
#include <boost/json/object.hpp>
#include <cstdint>
#include <ctime>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/function_ref.h"
#include "base/result.h"
#include "train/micro_batch.h"

namespace jamsu::train {

struct Document {
  std::vector<int32_t> ids;
  std::vector<uint8_t> learned;  // [ids]: 1 where the token is a target of the loss
  bool may_cut = false;          // running text may be cut into pieces; a sample may not
};

// What chat templates that write the date see: 1 January 2026, so that a resumed run reads what the first one read.
std::tm data_day();

// Numbered documents. Thread-safe: at() is const and pure.
class DocumentSource {
 public:
  virtual ~DocumentSource() = default;
  // Documents there are; 0: without end (generated).
  virtual uint64_t size() const = 0;
  virtual Result<Document> at(uint64_t index) const = 0;
  // Which text it is a piece of: neighbours of one number are one text that was cut. REQUIRES: size() > 0.
  virtual uint64_t document_of(uint64_t index) const { return index; }
};

// Documents held in memory; running text longer than `context` is cut into pieces that share one token, so that each
// target stays a target exactly once.
class ListSource : public DocumentSource {
 public:
  ListSource(std::vector<Document> documents, int64_t context);
  uint64_t size() const override { return documents_.size(); }
  Result<Document> at(uint64_t index) const override { return documents_[index]; }
  uint64_t document_of(uint64_t index) const override { return origin_[index]; }

 private:
  std::vector<Document> documents_;
  std::vector<uint64_t> origin_;  // of each, its number among those that were given
};

// The place of `index` in a pseudo-random order of [0, size): a Feistel network over Philox with cycle walking (Black &
// Rogaway, "Ciphers with arbitrary finite domains", 2002). A bijection for every (seed, epoch).
// REQUIRES: index < size <= 2^62.
uint64_t shuffled(uint64_t index, uint64_t size, uint64_t seed, uint64_t epoch);

struct WeightedSource {
  std::shared_ptr<const DocumentSource> source;
  uint32_t weight = 1;  // documents of this source among each `sum of weights` of the stream, exactly
  std::string name;     // for descriptions and errors
};

struct DataOptions {
  int64_t context = 1024;  // tokens of a row
  int64_t rows = 8;        // of a batch
  bool document_mask = true;
  uint64_t seed = 1;
};

// Where the stream stands; goes into checkpoints.
struct DataState {
  uint64_t next = 0;              // first place of the stream not read yet
  std::vector<uint64_t> waiting;  // places read before it, whose documents did not fit into any row yet
  uint64_t skipped = 0;           // samples longer than the context, left out (reported, never silent)
  bool operator==(const DataState&) const = default;
};
boost::json::object to_json(const DataState& state);
// `file` names the source in errors.
Result<DataState> data_state_from_json(const boost::json::value& value, std::string_view file);

// R rows of T positions. rows.labels and rows.mtp_labels follow golden/training: labels[t] is the token at t + 1, or
// -100 where it is not learned, lies in another document (with document mask) or does not exist; mtp_labels[t] =
// labels[t + 1], -100 at the end of a row and, with document mask, where t + 1 is in another document.
struct PackedBatch {
  DataRows rows;
  // [R * T]: restart at each document with document mask, else count the row; padding 0.
  std::vector<int32_t> positions;
  std::vector<uint64_t> places;          // by document id: its place in the stream
  int64_t tokens = 0, learned = 0;       // without padding; labels that count
  std::vector<uint64_t> skipped_places;  // samples left out while this batch was packed
  DataState after;                       // the state from which the next batch follows
};

class Dataset {
 public:
  // Errors: no source, or an empty one.
  static Result<Dataset> create(std::vector<WeightedSource> sources, const DataOptions& options);

  // The next batch. Documents are placed whole, first fit; those that fit nowhere wait for the next batch, which takes
  // them first. Errors: those of a source; 10,000 samples in a row that are longer than the context.
  Result<PackedBatch> next();

  const DataState& state() const { return state_; }
  // Errors: a source's, while waiting documents are made again.
  Status restore(const DataState& state);

  // Document at a place of the stream, and the name of its source.
  Result<Document> document(uint64_t place) const;
  const std::string& source_name(uint64_t place) const { return sources_[locate(place).source].name; }
  const DataOptions& options() const { return options_; }

 private:
  struct Where {
    size_t source;
    uint64_t index;  // in the source's own stream
  };
  struct Waiting {
    uint64_t place;
    Document document;
  };
  Dataset(std::vector<WeightedSource> sources, const DataOptions& options);
  Where locate(uint64_t place) const;

  std::vector<WeightedSource> sources_;
  uint64_t total_weight_ = 0;
  DataOptions options_;
  DataState state_;
  std::vector<Waiting> waiting_;  // the documents of state_.waiting
};

// Rows [begin, end) of a batch: a micro-batch, or the share of a rank.
DataRows slice(const DataRows& rows, int64_t begin, int64_t end);

// For `jamsu data show`: each document of each row, its tokens separated by '|',
// learned and other stretches on lines of their own.
std::string describe(const PackedBatch& batch, FunctionRef<std::string(int32_t)> token_text);

}  // namespace jamsu::train
