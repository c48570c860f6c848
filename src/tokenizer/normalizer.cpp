#include "tokenizer/normalizer.h"

#include <fmt/format.h>

#include <algorithm>

#include "tokenizer/json_fields.h"
#include "tokenizer/pattern_field.h"
#include "unicode/unicode.h"

namespace jamsu::tokenizer {

namespace json = boost::json;

Status Normalizer::add(const json::value& v, const std::string& where) {
  if (v.is_null()) return {};
  if (!v.is_object()) return Error{fmt::format("{} is {}; expected an object.", where, json_kind_name(v))};
  const json::object& object = v.get_object();
  const auto type = string_field(object, "type", where);
  if (!type) return type.error();
  if (*type == "NFC" || *type == "NFKC") {
    steps_.push_back({*type == "NFC" ? Step::Kind::nfc : Step::Kind::nfkc, {}, nullptr});
    return {};
  }
  if (*type == "Prepend") {
    const auto text = string_field(object, "prepend", where);
    if (!text) return text.error();
    steps_.push_back({Step::Kind::prepend, std::string(*text), nullptr});
    return {};
  }
  if (*type == "Replace") {
    auto pattern = read_pattern(object, where);
    if (!pattern) return pattern.error();
    const auto content = string_field(object, "content", where);
    if (!content) return content.error();
    constexpr double kMostGrowth = 1024;  // a chain that doubles a text forty times ends no encoding
    growth_ *= std::max(1.0, static_cast<double>(content->size()) / static_cast<double>(pattern->least_bytes));
    if (growth_ > kMostGrowth)
      return Error{fmt::format("{}: the replacements up to here can make a text more than {} times longer.", where,
                               kMostGrowth)};
    steps_.push_back({Step::Kind::replace, std::string(*content), std::move(pattern->scanner)});
    return {};
  }
  if (*type != "Sequence")
    return Error{fmt::format("{}: \"type\" {} is not supported; NFC, NFKC, Prepend, Replace and Sequence are.", where,
                             in_quotes(*type))};
  const auto* list = object.if_contains("normalizers");
  if (!list) return Error{where + ": \"normalizers\" is missing."};
  if (!list->is_array()) return wrong_kind(where, "normalizers", "an array", *list);
  for (size_t i = 0; i < list->get_array().size(); ++i)  // as deep as the JSON parser allowed
    if (Status s = add(list->get_array()[i], fmt::format("{}.normalizers[{}]", where, i)); !s) return s;
  return {};
}

Result<Normalizer> Normalizer::from_json(const json::value& v, const std::string& where) {
  Normalizer n;
  if (Status s = n.add(v, where); !s) return s.error();
  return n;
}

std::string Normalizer::composed(std::string text) const {
  for (const Step& step : steps_) {
    if (step.kind == Step::Kind::nfc && unicode::may_change_in_nfc(text)) text = unicode::to_nfc(text);
    if (step.kind == Step::Kind::nfkc) text = unicode::to_nfkc(text);
  }
  return text;
}

std::string_view Normalizer::run(std::string_view text, std::string& owner) const {
  for (const Step& step : steps_) {
    if (text.empty()) return text;
    std::string next;
    switch (step.kind) {
      case Step::Kind::nfc:
        if (!unicode::may_change_in_nfc(text)) continue;
        next = unicode::to_nfc(text);
        break;
      case Step::Kind::nfkc:
        next = unicode::to_nfkc(text);
        break;
      case Step::Kind::prepend:
        next.reserve(step.text.size() + text.size());
        next.append(step.text).append(text);
        break;
      case Step::Kind::replace:
        next.reserve(text.size());
        step.scanner->scan(text, [&](std::string_view part, bool match) { next += match ? step.text : part; });
        break;
    }
    owner = std::move(next);
    text = owner;
  }
  return text;
}

}  // namespace jamsu::tokenizer
