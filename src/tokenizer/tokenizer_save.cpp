// TokenizerData -> tokenizer.json.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "base/files.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/tokenizer_data.h"

namespace jamsu::tokenizer {
namespace {

namespace json = boost::json;

void append_vocab(std::string& out, const TokenizerData& data) {
  const char* separator = data.unigram ? "[" : "{";
  for (int32_t id = 0; id < data.vocabulary.size(); ++id) {
    if (!data.vocabulary.has(id) || data.is_outside[static_cast<size_t>(id)]) continue;
    const std::string token = json::serialize(json::string(data.vocabulary.token(id)));
    out += separator;
    if (data.unigram)
      out += fmt::format("[{},{}]", token, data.unigram->scores()[static_cast<size_t>(id)]);
    else
      out += fmt::format("{}:{}", token, id);
    separator = ",";
  }
  out += data.unigram ? "]" : "}";
}

// "left right" is what every version of `tokenizers` reads; pairs (0.20 and later) only where a token has a space.
void append_merges(std::string& out, const TokenizerData& data) {
  const auto spaced = [&](int32_t id) { return data.vocabulary.token(id).find(' ') != std::string_view::npos; };
  const bool pairs = std::any_of(data.merges.begin(), data.merges.end(),
                                 [&](const Merge& m) { return spaced(m.left) || spaced(m.right); });
  out += "[";
  const char* separator = "";
  for (const Merge& m : data.merges) {
    const std::string left(data.vocabulary.token(m.left)), right(data.vocabulary.token(m.right));
    out += separator;
    out += pairs ? json::serialize(json::array{left, right}) : json::serialize(json::string(left + " " + right));
    separator = ",";
  }
  out += "]";
}

}  // namespace

std::string Tokenizer::to_json() const {
  std::string out = "{";
  for (const auto& [key, value] : data_->shell) {
    if (out.size() > 1) out += ",";
    out += json::serialize(json::string(key)) + ":";
    if (key != "model") {
      out += json::serialize(value);
      continue;
    }
    const char* separator = "{";
    for (const auto& [k, v] : value.get_object()) {
      out += separator + json::serialize(json::string(k)) + ":";
      separator = ",";
      if (k == "vocab") {
        append_vocab(out, *data_);
      } else if (k == "merges") {
        append_merges(out, *data_);
      } else {
        out += json::serialize(v);
      }
    }
    out += "}";
  }
  return out + "}";
}

Status Tokenizer::save(const std::filesystem::path& file) const {
  return write_file(file.string(), to_json());
}

}  // namespace jamsu::tokenizer
