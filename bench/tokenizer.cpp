// Encoding a text with a tokenizer.json, on one thread.
#include "tokenizer/tokenizer.h"

#include <fmt/format.h>

#include <span>
#include <string_view>

#include "base/clock.h"
#include "base/files.h"
#include "base/sha256.h"
#include "bench/bench.h"
#include "bench/measure.h"
#include "unicode/utf8.h"

namespace jamsu::bench {
namespace {

// Documents of at most 1 MiB, cut between characters: the same as those of tokenizer_peer.py.
std::vector<std::string_view> documents_of(std::string_view text) {
  constexpr size_t kMost = size_t{1} << 20;
  std::vector<std::string_view> documents;
  while (!text.empty()) {
    size_t end = std::min(kMost, text.size());
    while (end < text.size() && end > 1 && unicode::is_utf8_continuation(text[end])) --end;
    documents.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return documents;
}

}  // namespace

Status tokenizer(const std::string& model, const std::string& text_file, int rounds, const OnLine& on_line) {
  const auto tokenizer = tokenizer::Tokenizer::load(model);
  if (!tokenizer) return tokenizer.error();
  const auto text = read_file(text_file);
  if (!text) return text.error();
  if (text->empty()) return Error{text_file + ": it is empty; nothing to encode."};
  const auto documents = documents_of(*text);
  std::vector<int32_t> ids;
  const auto encode_all = [&] {
    ids.clear();
    for (const std::string_view document : documents) tokenizer->encode_to(document, {}, ids);
  };
  encode_all();
  const double megabytes = static_cast<double>(text->size()) / 1e6, tokens = static_cast<double>(ids.size());
  std::vector<double> bytes_rates, token_rates;
  for (int r = 0; r < rounds; ++r) {
    const double start = monotonic_seconds();
    encode_all();
    const double seconds = monotonic_seconds() - start;
    bytes_rates.push_back(megabytes / seconds);
    token_rates.push_back(tokens / seconds);
  }
  const std::string name = fmt::format("{:.1f} MB in {} documents, {} tokens", megabytes, documents.size(), ids.size());
  Line line{.name = name, .unit = "MB/s", .rate = spread_of(std::move(bytes_rates)), .of_peak = {}, .rounds = rounds};
  line.ids_sha256 = sha256_hex(std::as_bytes(std::span(ids)));
  on_line(line);
  line.unit = "tokens/s";
  line.rate = spread_of(std::move(token_rates));
  on_line(line);
  return {};
}

}  // namespace jamsu::bench
