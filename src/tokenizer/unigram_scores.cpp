#include "tokenizer/unigram_scores.h"

#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <string>

namespace jamsu::tokenizer {
namespace {

namespace json = boost::json;

// Follows the keys of the two outer objects; keeps every number below model.vocab.
struct Handler {
  static constexpr size_t max_object_size = SIZE_MAX, max_array_size = SIZE_MAX, max_key_size = SIZE_MAX,
                          max_string_size = SIZE_MAX;
  std::vector<double> scores;
  std::vector<std::string> keys;  // of the open objects
  int arrays = 0;                 // open ones
  std::string part;

  bool in_vocab() const { return keys.size() == 2 && keys[0] == "model" && keys[1] == "vocab" && arrays == 2; }
  bool number(json::string_view rest) {
    part += rest;
    if (in_vocab()) {
      double value = 0;
      std::from_chars(part.data(), part.data() + part.size(), value);
      scores.push_back(value);
    }
    part.clear();
    return true;
  }

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code&) {
    keys.emplace_back();
    return true;
  }
  bool on_object_end(size_t, json::error_code&) {
    keys.pop_back();
    return true;
  }
  bool on_array_begin(json::error_code&) {
    ++arrays;
    return true;
  }
  bool on_array_end(size_t, json::error_code&) {
    --arrays;
    return true;
  }
  bool on_key_part(json::string_view s, size_t, json::error_code&) {
    part += s;
    return true;
  }
  bool on_key(json::string_view s, size_t, json::error_code&) {
    keys.back() = part.append(s);
    part.clear();
    return true;
  }
  bool on_string_part(json::string_view, size_t, json::error_code&) { return true; }
  bool on_string(json::string_view, size_t, json::error_code&) { return true; }
  bool on_number_part(json::string_view s, json::error_code&) {
    part += s;
    return true;
  }
  bool on_int64(int64_t, json::string_view s, json::error_code&) { return number(s); }
  bool on_uint64(uint64_t, json::string_view s, json::error_code&) { return number(s); }
  bool on_double(double, json::string_view s, json::error_code&) { return number(s); }
  bool on_bool(bool, json::error_code&) { return true; }
  bool on_null(json::error_code&) { return true; }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }
};

}  // namespace

std::vector<double> exact_scores(std::string_view text) {
  json::basic_parser<Handler> parser(json::parse_options{});
  json::error_code failed;
  parser.write_some(true, text.data(), text.size(), failed);
  (void)parser.write_some(false, nullptr, 0, failed);
  return std::move(parser.handler().scores);
}

}  // namespace jamsu::tokenizer
