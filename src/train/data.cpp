#include "train/data.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <boost/json.hpp>

#include "base/check.h"
#include "base/rng.h"

namespace jamsu::train {
namespace {

// Documents that wait at most: enough that first fit finds small ones for the gaps,
// few enough to be made again on resume.
constexpr size_t kMaxWaiting = 32;
constexpr int kMaxSkippedInARow = 10'000;
constexpr int32_t kIgnored = -100;

// Pieces of `context` tokens that share one token with the piece before, where it is no target.
void cut(const Document& document, int64_t context, std::vector<Document>& pieces) {
  const auto size = static_cast<int64_t>(document.ids.size());
  for (int64_t begin = 0; begin == 0 || begin + 1 < size; begin += context - 1) {
    const int64_t end = std::min(begin + context, size);
    Document piece{{document.ids.begin() + begin, document.ids.begin() + end},
                   {document.learned.begin() + begin, document.learned.begin() + end},
                   true};
    if (begin > 0) piece.learned[0] = 0;
    pieces.push_back(std::move(piece));
  }
}

// One row while it is filled.
struct Row {
  std::vector<int32_t> ids, doc_ids;
  std::vector<uint8_t> learned;
  int64_t free(int64_t context) const { return context - static_cast<int64_t>(ids.size()); }
};

// Labels by the rules in data.h. `row` is not padded yet.
void finish_row(const Row& row, const DataOptions& o, PackedBatch& batch) {
  const auto used = row.ids.size(), width = static_cast<size_t>(o.context);
  const auto joined = [&](size_t a) {
    return a + 1 < used && (!o.document_mask || row.doc_ids[a] == row.doc_ids[a + 1]);
  };
  std::vector<int32_t> labels(width, kIgnored);
  for (size_t t = 0; t < used; ++t)
    if (joined(t) && row.learned[t + 1]) labels[t] = row.ids[t + 1];
  int32_t position = 0;
  for (size_t t = 0; t < width; ++t) {
    const bool padding = t >= used;
    if (!padding && o.document_mask && t > 0 && row.doc_ids[t] != row.doc_ids[t - 1]) position = 0;
    batch.rows.ids.push_back(padding ? 0 : row.ids[t]);
    batch.rows.doc_ids.push_back(padding ? -1 : row.doc_ids[t]);
    batch.rows.labels.push_back(labels[t]);
    batch.rows.mtp_labels.push_back(joined(t) ? labels[t + 1] : kIgnored);
    batch.positions.push_back(padding ? 0 : position++);
    batch.learned += labels[t] >= 0;
  }
  batch.tokens += static_cast<int64_t>(used);
}

}  // namespace

std::tm data_day() {
  std::tm day{};
  day.tm_year = 2026 - 1900;
  day.tm_mday = 1;
  day.tm_wday = 4;
  return day;
}

ListSource::ListSource(std::vector<Document> documents, int64_t context) {
  JAMSU_CHECK(context >= 2);
  for (size_t i = 0; i < documents.size(); ++i) {
    Document& d = documents[i];
    JAMSU_CHECK(d.ids.size() == d.learned.size());
    if (d.may_cut && static_cast<int64_t>(d.ids.size()) > context)
      cut(d, context, documents_);
    else
      documents_.push_back(std::move(d));
    origin_.resize(documents_.size(), i);
  }
}

uint64_t shuffled(uint64_t index, uint64_t size, uint64_t seed, uint64_t epoch) {
  JAMSU_CHECK(index < size && size <= uint64_t{1} << 62);
  if (size <= 1) return 0;
  const int half = (static_cast<int>(std::bit_width(size - 1)) + 1) / 2;
  const uint64_t mask = (uint64_t{1} << half) - 1;
  do {
    uint64_t left = index >> half, right = index & mask;
    for (uint32_t round = 0; round < 6; ++round) {
      const auto words = philox4x32(seed, right | epoch << 32, round, Purpose::data_order);
      const uint64_t mixed = left ^ (words[0] & mask);
      left = right;
      right = mixed;
    }
    index = left << half | right;
  } while (index >= size);
  return index;
}

boost::json::object to_json(const DataState& state) {
  return {{"next", state.next}, {"waiting", boost::json::value_from(state.waiting)}, {"skipped", state.skipped}};
}

Result<DataState> data_state_from_json(const boost::json::value& value, std::string_view file) {
  const auto number = [](const boost::json::value* v, uint64_t& out) {
    if (!v || !(v->is_int64() || v->is_uint64())) return false;
    if (v->is_int64() && v->get_int64() < 0) return false;
    out = v->to_number<uint64_t>();
    return true;
  };
  if (!value.is_object()) return Error{fmt::format("{}: \"data\" is no object.", file)};
  const auto& o = value.get_object();
  DataState state;
  if (!number(o.if_contains("next"), state.next))
    return Error{fmt::format("{}: \"data.next\" is no whole number.", file)};
  if (!number(o.if_contains("skipped"), state.skipped))
    return Error{fmt::format("{}: \"data.skipped\" is no whole number.", file)};
  const auto* waiting = o.if_contains("waiting");
  if (!waiting || !waiting->is_array()) return Error{fmt::format("{}: \"data.waiting\" is no list.", file)};
  for (const auto& v : waiting->get_array()) {
    uint64_t place = 0;
    if (!number(&v, place) || place >= state.next)
      return Error{fmt::format("{}: \"data.waiting\" holds something else than places before \"next\".", file)};
    state.waiting.push_back(place);
  }
  return state;
}

Dataset::Dataset(std::vector<WeightedSource> sources, const DataOptions& options)
    : sources_(std::move(sources)), options_(options) {
  for (const WeightedSource& s : sources_) total_weight_ += s.weight;
}

Result<Dataset> Dataset::create(std::vector<WeightedSource> sources, const DataOptions& options) {
  JAMSU_CHECK(options.context >= 2 && options.rows >= 1);
  if (sources.empty()) return Error{"data: no source is given."};
  for (const WeightedSource& s : sources) {
    JAMSU_CHECK(s.source && s.weight > 0);
    const uint64_t size = s.source->size();
    for (uint64_t i = 0; i < size; ++i) {
      const auto d = s.source->at(i);
      if (!d) return d.error();
      if (static_cast<int64_t>(d->ids.size()) > options.context)
        return Error{fmt::format(
            "data: {}: document {} has {} tokens, more than the context of {}; a sample is never truncated.", s.name, i,
            d->ids.size(), options.context)};
    }
  }
  return Dataset(std::move(sources), options);
}

// The stream is cut into blocks of total_weight places;
// in each block every source has exactly its weight, in shuffled order.
Dataset::Where Dataset::locate(uint64_t place) const {
  const uint64_t block = place / total_weight_;
  uint64_t slot = shuffled(place % total_weight_, total_weight_, options_.seed ^ 0x6D697874u, block);
  size_t source = 0;
  while (slot >= sources_[source].weight) slot -= sources_[source++].weight;
  return {source, block * sources_[source].weight + slot};
}

Result<Document> Dataset::document(uint64_t place) const {
  const Where where = locate(place);
  const DocumentSource& source = *sources_[where.source].source;
  const uint64_t size = source.size();
  const uint64_t index =
      size == 0 ? where.index : shuffled(where.index % size, size, options_.seed + where.source, where.index / size);
  auto document = source.at(index);
  if (document) JAMSU_CHECK(!document->ids.empty() && document->ids.size() == document->learned.size());
  return document;
}

Status Dataset::restore(const DataState& state) {
  std::vector<Waiting> waiting;
  for (const uint64_t place : state.waiting) {
    auto d = document(place);
    if (!d) return d.error();
    waiting.push_back({place, std::move(*d)});
  }
  state_ = state;
  waiting_ = std::move(waiting);
  return {};
}

Result<PackedBatch> Dataset::next() {
  PackedBatch batch;
  std::vector<Row> rows(static_cast<size_t>(options_.rows));
  std::vector<Waiting> waiting;
  DataState state = state_;
  int64_t free = options_.rows * options_.context;

  const auto place_or_wait = [&](Waiting&& item) {
    const auto size = static_cast<int64_t>(item.document.ids.size());
    for (Row& row : rows) {
      if (row.free(options_.context) < size) continue;
      row.ids.insert(row.ids.end(), item.document.ids.begin(), item.document.ids.end());
      row.learned.insert(row.learned.end(), item.document.learned.begin(), item.document.learned.end());
      row.doc_ids.insert(row.doc_ids.end(), item.document.ids.size(), static_cast<int32_t>(batch.places.size()));
      batch.places.push_back(item.place);
      free -= size;
      return;
    }
    waiting.push_back(std::move(item));
  };
  // Copies: after an error the state is the one before.
  for (const Waiting& item : waiting_) place_or_wait(Waiting(item));
  for (int skipped = 0; free > 0 && waiting.size() < kMaxWaiting;) {
    const uint64_t place = state.next;
    auto d = document(place);
    if (!d) return d.error();
    ++state.next;
    if (static_cast<int64_t>(d->ids.size()) > options_.context) {
      ++state.skipped;
      batch.skipped_places.push_back(place);
      if (++skipped >= kMaxSkippedInARow)
        return Error{fmt::format("data: {}: {} samples in a row are longer than the context of {} tokens.",
                                 source_name(place), skipped, options_.context)};
      continue;
    }
    skipped = 0;
    place_or_wait({place, std::move(*d)});
  }

  batch.rows.rows = options_.rows;
  batch.rows.width = options_.context;
  for (const Row& row : rows) finish_row(row, options_, batch);
  state.waiting.clear();
  for (const Waiting& item : waiting) state.waiting.push_back(item.place);
  state_ = state;
  waiting_ = std::move(waiting);
  batch.after = state_;
  return batch;
}

DataRows slice(const DataRows& rows, int64_t begin, int64_t end) {
  JAMSU_CHECK(0 <= begin && begin <= end && end <= rows.rows);
  const auto part = [&](const std::vector<int32_t>& v) {
    return std::vector<int32_t>(v.begin() + begin * rows.width, v.begin() + end * rows.width);
  };
  return {end - begin, rows.width, part(rows.ids), part(rows.labels), part(rows.mtp_labels), part(rows.doc_ids)};
}

std::string describe(const PackedBatch& batch, FunctionRef<std::string(int32_t)> token_text) {
  const DataRows& d = batch.rows;
  std::string out;
  for (int64_t r = 0; r < d.rows; ++r) {
    const auto at = [&](int64_t t) { return static_cast<size_t>(r * d.width + t); };
    int64_t t = 0;
    while (t < d.width && d.doc_ids[at(t)] >= 0) {
      const int32_t id = d.doc_ids[at(t)];
      int64_t end = t;
      while (end < d.width && d.doc_ids[at(end)] == id) ++end;
      // A token is learned where the position before has it as its label.
      const auto learned = [&](int64_t u) { return u > 0 && d.labels[at(u - 1)] >= 0; };
      int64_t count = 0;
      for (int64_t u = t; u < end; ++u) count += learned(u);
      out += fmt::format("row {}, tokens {}-{}: document {}, {} tokens, {} learned\n", r, t, end - 1,
                         batch.places[static_cast<size_t>(id)], end - t, count);
      for (int64_t u = t; u < end;) {
        const bool kind = learned(u);
        std::string line = kind ? "  learned  |" : "  context  |";
        for (; u < end && learned(u) == kind; ++u) line += token_text(d.ids[at(u)]) + "|";
        // Line ends are shown, not made.
        for (size_t p = 0; (p = line.find('\n', p)) != std::string::npos; p += 3) line.replace(p, 1, "⏎");
        out += line + "\n";
      }
      t = end;
    }
    out += fmt::format("row {}: {} of {} tokens, {} padding\n", r, t, d.width, d.width - t);
  }
  return out;
}

}  // namespace jamsu::train
