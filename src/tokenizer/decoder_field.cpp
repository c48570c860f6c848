// The field "decoder" -> Decoder. The kinds, as `tokenizers` defines each.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "tokenizer/decoder.h"
#include "tokenizer/json_fields.h"
#include "tokenizer/pattern/pattern_field.h"
#include "unicode/utf8.h"

namespace jamsu::tokenizer {

namespace json = boost::json;

namespace {

Result<size_t> count_field(const json::object& object, std::string_view key, const std::string& where) {
  constexpr int64_t kMost = 1024;
  const auto* v = object.if_contains(key);
  if (!v) return Error{fmt::format("{}: \"{}\" is missing.", where, key)};
  if (!v->is_int64() || v->get_int64() < 0 || v->get_int64() > kMost)
    return Error{fmt::format("{}: \"{}\" is no whole number from 0 to {}.", where, key, kMost)};
  return static_cast<size_t>(v->get_int64());
}

Result<std::string> character_field(const json::object& object, std::string_view key, const std::string& where) {
  const auto text = string_field(object, key, where);
  if (!text) return text.error();
  if (!unicode::is_one_character(*text))
    return Error{fmt::format("{}: \"{}\" {} is not one character.", where, key, in_quotes(*text))};
  return std::string(*text);
}

}  // namespace

Result<Decoder::Step> Decoder::read_step(const json::object& object, const std::string& where) const {
  const auto type = string_field(object, "type", where);
  if (!type) return type.error();
  if (*type == "ByteLevel") return Step{.kind = Kind::byte_level};
  if (*type == "ByteFallback") return Step{.kind = Kind::byte_fallback};
  if (*type == "Fuse") return Step{.kind = Kind::fuse};
  if (*type == "Replace") {
    auto pattern = read_pattern(object, where);
    if (!pattern) return pattern.error();
    const auto content = string_field(object, "content", where);
    if (!content) return content.error();
    return Step{.kind = Kind::replace,
                .text = std::string(*content),
                .needle = std::move(pattern->literal),
                .scanner = std::move(pattern->scanner)};
  }
  if (*type == "Strip") {
    const auto content = character_field(object, "content", where);
    if (!content) return content.error();
    const auto start = count_field(object, "start", where), stop = count_field(object, "stop", where);
    if (!start) return start.error();
    if (!stop) return stop.error();
    return Step{
        .kind = Kind::strip, .stripped = unicode::decode_valid(content->data()).c, .start = *start, .stop = *stop};
  }
  if (*type == "Metaspace") {
    auto mark = character_field(object, "replacement", where);
    if (!mark) return mark.error();
    const auto old = bool_field(object, "add_prefix_space", true, where);
    if (!old) return old.error();
    const auto* scheme = object.if_contains("prepend_scheme");
    if (scheme && !scheme->is_string()) return wrong_kind(where, "prepend_scheme", "a string", *scheme);
    if (scheme && scheme->get_string() != "always" && scheme->get_string() != "first" &&
        scheme->get_string() != "never")
      return Error{fmt::format("{}: \"prepend_scheme\" {} is none of always, first, never.", where,
                               in_quotes(scheme->get_string()))};
    const bool never = scheme ? scheme->get_string() == "never" : !*old;
    return Step{.kind = Kind::metaspace, .text = std::move(*mark), .flag = !never};
  }
  if (*type == "WordPiece") {
    const auto prefix = string_field(object, "prefix", where);
    if (!prefix) return prefix.error();
    const auto cleanup = bool_field(object, "cleanup", true, where);
    if (!cleanup) return cleanup.error();
    return Step{.kind = Kind::word_piece, .text = std::string(*prefix), .flag = *cleanup};
  }
  if (*type == "BPEDecoder") {
    const auto suffix = string_field(object, "suffix", where);
    if (!suffix) return suffix.error();
    if (suffix->empty()) return Error{where + ": \"suffix\" is empty."};
    return Step{.kind = Kind::bpe, .text = std::string(*suffix)};
  }
  return Error{
      fmt::format("{}: \"type\" {} is not supported; ByteLevel, Replace, ByteFallback, Fuse, Strip, Metaspace, "
                  "WordPiece, BPEDecoder and Sequence are{}.",
                  where, in_quotes(*type), *type == "CTC" ? " (CTC is of speech recognition)" : "")};
}

Status Decoder::add(const json::value& v, const std::string& where) {
  if (!v.is_object()) return Error{fmt::format("{} is {}; expected an object.", where, json_kind_name(v))};
  const json::object& object = v.get_object();
  const auto type = string_field(object, "type", where);
  if (!type) return type.error();
  if (*type != "Sequence") {
    constexpr size_t kMostSteps = 64;  // one calls the next
    if (steps_.size() == kMostSteps) return Error{fmt::format("{}: more than {} decoders.", where, kMostSteps)};
    auto step = read_step(object, where);
    if (!step) return step.error();
    constexpr double kMostGrowth = 1024;
    if (step->kind == Kind::replace)
      growth_ *= std::max(
          1.0, static_cast<double>(step->text.size()) / static_cast<double>(std::max<size_t>(1, step->needle.size())));
    if (growth_ > kMostGrowth)
      return Error{fmt::format("{}: the replacements up to here can make a text more than {} times longer.", where,
                               kMostGrowth)};
    steps_.push_back(std::move(*step));
    return {};
  }
  const auto* list = object.if_contains("decoders");
  if (!list) return Error{where + ": \"decoders\" is missing."};
  if (!list->is_array()) return wrong_kind(where, "decoders", "an array", *list);
  for (size_t i = 0; i < list->get_array().size(); ++i)
    if (Status s = add(list->get_array()[i], fmt::format("{}.decoders[{}]", where, i)); !s) return s;
  return {};
}

Result<Decoder> Decoder::from_json(const json::value& v, const std::string& where) {
  Decoder decoder;
  if (v.is_null())
    decoder.steps_.push_back({.kind = Kind::spaces});
  else if (Status s = decoder.add(v, where); !s)
    return s.error();
  return decoder;
}

}  // namespace jamsu::tokenizer
