#include "train/setup/validation.h"

#include <algorithm>
#include <map>
#include <string>

#include "base/check.h"
#include "base/sha256.h"

namespace jamsu::train {
namespace {

constexpr int32_t kIgnored = -100;
constexpr size_t kContinued = 32;      // tokens of running text that a sample begins with
constexpr uint64_t kSearched = 1'000;  // documents that are looked at for prompts

// What is held out as a whole: a document, or a piece of one.
struct Unit {
  std::string hash;
  std::vector<uint64_t> indices;
};

Result<std::vector<Unit>> units_of(const DocumentSource& source, bool by_piece, uint64_t seed) {
  std::vector<Unit> units;
  std::vector<Sha256> hashes;
  uint64_t last = 0;
  for (uint64_t i = 0; i < source.size(); ++i) {
    const auto document = source.at(i);
    if (!document) return document.error();
    const uint64_t number = by_piece ? i : source.document_of(i);
    if (i == 0 || number != last) {
      units.emplace_back();
      hashes.emplace_back().update("jamsu validation " + std::to_string(seed) + "\n");
    }
    last = number;
    units.back().indices.push_back(i);
    hashes.back().update(
        std::string_view(reinterpret_cast<const char*>(document->ids.data()), document->ids.size() * sizeof(int32_t)));
  }
  for (size_t u = 0; u < units.size(); ++u) units[u].hash = hashes[u].hex();
  return units;
}

// One row a document; padding is dropped when it is packed.
MicroBatch batch_of(const std::vector<Document>& documents) {
  DataRows r;
  r.rows = static_cast<int64_t>(documents.size());
  for (const Document& d : documents) r.width = std::max(r.width, static_cast<int64_t>(d.ids.size()));
  for (size_t i = 0; i < documents.size(); ++i) {
    const Document& d = documents[i];
    for (size_t t = 0; t < static_cast<size_t>(r.width); ++t) {
      const bool there = t < d.ids.size();
      r.ids.push_back(there ? d.ids[t] : 0);
      r.doc_ids.push_back(there ? static_cast<int32_t>(i) : -1);
      r.labels.push_back(t + 1 < d.ids.size() && d.learned[t + 1] ? d.ids[t + 1] : kIgnored);
      r.mtp_labels.push_back(kIgnored);
    }
  }
  return pack(r, true);
}

// The first token of what a sample is asked for; nothing: this document gives none.
size_t reply_begin(const Document& d) {
  size_t end = d.ids.size();
  while (end > 0 && !d.learned[end - 1]) --end;
  size_t begin = end;
  while (begin > 0 && d.learned[begin - 1]) --begin;
  return begin > 1 ? begin : std::min(kContinued, d.ids.size() / 2);
}

}  // namespace

Result<HeldOut> hold_out(const std::shared_ptr<const DocumentSource>& source, int64_t percent, uint64_t seed) {
  JAMSU_CHECK(source && source->size() > 0 && percent > 0 && percent < 100);
  auto units = units_of(*source, false, seed);
  if (!units) return units.error();
  if (static_cast<int64_t>(units->size()) * percent < 100) units = units_of(*source, true, seed);
  if (!units) return units.error();
  std::stable_sort(units->begin(), units->end(), [](const Unit& a, const Unit& b) { return a.hash < b.hash; });
  const auto count = static_cast<int64_t>(units->size());
  auto held = static_cast<size_t>(std::max<int64_t>((count * percent + 50) / 100, 1));
  while (held < units->size() && (*units)[held].hash == (*units)[held - 1].hash) ++held;
  if (held >= units->size()) return HeldOut{source, nullptr};
  std::vector<SelectedSource::Place> kept;
  std::vector<uint64_t> trained;
  for (size_t u = 0; u < units->size(); ++u)
    for (const uint64_t index : (*units)[u].indices) {
      if (u < held)
        kept.emplace_back(source, index);
      else
        trained.push_back(index);
    }
  std::sort(trained.begin(), trained.end());
  std::vector<SelectedSource::Place> rest;
  rest.reserve(trained.size());
  for (const uint64_t index : trained) rest.emplace_back(source, index);
  return HeldOut{std::make_shared<SelectedSource>(std::move(rest)), std::make_shared<SelectedSource>(std::move(kept))};
}

Result<std::vector<MicroBatch>> validation_batches(const DocumentSource& source, int64_t batch_tokens,
                                                   int64_t most_tokens) {
  std::vector<MicroBatch> batches;
  std::vector<Document> waiting;
  int64_t tokens = 0, all = 0;
  const auto flush = [&] {
    if (!waiting.empty()) batches.push_back(batch_of(waiting));
    waiting.clear();
    tokens = 0;
  };
  for (uint64_t i = 0; i < source.size() && all < most_tokens; ++i) {
    auto document = source.at(i);
    if (!document) return document.error();
    const auto size = static_cast<int64_t>(document->ids.size());
    if (tokens + size > batch_tokens) flush();
    tokens += size;
    all += size;
    waiting.push_back(std::move(*document));
  }
  flush();
  if (count(batches).labels == 0) return Error{"validation: nothing of what is kept for it is learned."};
  return batches;
}

Result<std::vector<SamplePrompt>> sample_prompts(const DocumentSource& source, size_t count) {
  const uint64_t size = source.size();
  std::vector<SamplePrompt> prompts;
  for (uint64_t i = 0; i < (size ? std::min(size, kSearched) : kSearched) && prompts.size() < count; ++i) {
    const auto d = source.at(i);
    if (!d) return d.error();
    const auto begin = static_cast<std::ptrdiff_t>(reply_begin(*d));
    if (begin == 0) continue;
    SamplePrompt prompt{{d->ids.begin(), d->ids.begin() + begin}, {d->ids.begin() + begin, d->ids.end()}};
    if (std::any_of(prompts.begin(), prompts.end(), [&](const SamplePrompt& p) { return p.prompt == prompt.prompt; }))
      continue;
    prompts.push_back(std::move(prompt));
  }
  return prompts;
}

}  // namespace jamsu::train
