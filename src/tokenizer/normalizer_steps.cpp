// The kinds of normalizers, as `tokenizers` defines each.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <memory>
#include <utility>

#include "base/base64.h"
#include "tokenizer/bpe.h"
#include "tokenizer/charsmap.h"
#include "tokenizer/json_fields.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/pattern/pattern_field.h"
#include "unicode/categories.h"
#include "unicode/unicode.h"
#include "unicode/utf8.h"

namespace jamsu::tokenizer {
namespace {

namespace json = boost::json;
using Effect = NormalizerStep::Effect;
using Scope = NormalizerStep::Scope;

// Each character by itself: `change` appends what becomes of it.
template <class Change>
Effect each_character(std::string_view text, std::string& out, const Change& change) {
  out.reserve(text.size());
  bool cut = false;
  for (size_t at = 0; at < text.size();) {
    const unicode::Decoded d = unicode::decode_valid(text.data() + at);
    change(d.c, out);
    at += d.bytes;
    cut |= out.empty();
  }
  return cut ? Effect::cut_front : Effect::changed;
}

Result<NormalizerStep> read_nfc(const json::object&, const std::string&) {
  return NormalizerStep{[](std::string_view text, std::string& out) {
    if (!unicode::may_change_in_nfc(text)) return Effect::none;
    out = unicode::to_nfc(text);
    return Effect::changed;
  }};
}

template <std::string (*form)(std::string_view)>
Result<NormalizerStep> read_form(const json::object&, const std::string&) {
  return NormalizerStep{[](std::string_view text, std::string& out) {
    out = form(text);
    return Effect::changed;
  }};
}

Effect lowercase(std::string_view text, std::string& out) {
  return each_character(text, out, [](char32_t c, std::string& to) { unicode::append_lowercase(to, c); });
}
Result<NormalizerStep> read_lowercase(const json::object&, const std::string&) {
  return NormalizerStep{lowercase};
}

Result<NormalizerStep> read_strip_accents(const json::object&, const std::string&) {
  return NormalizerStep{[](std::string_view text, std::string& out) {
    return each_character(text, out, [](char32_t c, std::string& to) {
      if (!unicode::is_combining_mark_9(c)) unicode::append_utf8(to, c);
    });
  }};
}

Result<NormalizerStep> read_strip(const json::object& object, const std::string& where) {
  const auto left = bool_field(object, "strip_left", true, where);
  if (!left) return left.error();
  const auto right = bool_field(object, "strip_right", true, where);
  if (!right) return right.error();
  return NormalizerStep{[left = *left, right = *right](std::string_view text, std::string& out) {
                          const size_t front = left ? unicode::leading_space(text) : 0;
                          const size_t end = right ? unicode::without_trailing_space(text) : text.size();
                          if (front == 0 && end == text.size()) return Effect::none;
                          if (front < end) out = text.substr(front, end - front);
                          return front ? Effect::cut_front : Effect::changed;
                        },
                        Scope::ends};
}

Result<NormalizerStep> read_prepend(const json::object& object, const std::string& where) {
  const auto text = string_field(object, "prepend", where);
  if (!text) return text.error();
  return NormalizerStep{[front = std::string(*text)](std::string_view rest, std::string& out) {
                          out.reserve(front.size() + rest.size());
                          out.append(front).append(rest);
                          return Effect::changed;
                        },
                        Scope::ends};
}

Result<NormalizerStep> read_replace(const json::object& object, const std::string& where) {
  auto pattern = read_pattern(object, where);
  if (!pattern) return pattern.error();
  const auto content = string_field(object, "content", where);
  if (!content) return content.error();
  NormalizerStep step;
  step.scope = Scope::matches;
  step.growth = std::max(1.0, static_cast<double>(content->size()) / static_cast<double>(pattern->least_bytes));
  step.run = [by = std::string(*content), scanner = std::move(pattern->scanner)](std::string_view text,
                                                                                 std::string& out) {
    out.reserve(text.size());
    bool cut = false;
    scanner->scan(text, [&](std::string_view part, bool match) {
      out += match ? by : part;
      cut |= out.empty();
    });
    return cut ? Effect::cut_front : Effect::changed;
  };
  return step;
}

Result<NormalizerStep> read_precompiled(const json::object& object, const std::string& where) {
  const auto text = string_field(object, "precompiled_charsmap", where);
  if (!text) return text.error();
  const auto bytes = decode_base64(*text);
  if (!bytes) return Error{where + ": \"precompiled_charsmap\" is not the base64 of a map."};
  auto map = Charsmap::parse(*bytes);
  if (!map) return Error{fmt::format("{}: \"precompiled_charsmap\": {}.", where, map.error().message)};
  NormalizerStep step;
  step.growth = std::max(1.0, static_cast<double>(map->longest()));
  step.run = [shared = std::make_shared<const Charsmap>(std::move(*map))](std::string_view line, std::string& out) {
    out.reserve(line.size());
    shared->apply(line, out);
    return Effect::changed;
  };
  return step;
}

// SentencePiece's rules for machine translation: controls go, other spaces become one.
void nmt(char32_t c, std::string& to) {
  const bool dropped = (c >= 1 && c <= 8) || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F || c == 0x8F || c == 0x9F;
  const bool space = c == 9 || c == 0xA || c == 0xC || c == 0xD || c == 0x1680 || (c >= 0x200B && c <= 0x200F) ||
                     c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xFEFF || c == 0xFFFD;
  if (!dropped) unicode::append_utf8(to, space ? U' ' : c);
}
Result<NormalizerStep> read_nmt(const json::object&, const std::string&) {
  return NormalizerStep{[](std::string_view text, std::string& out) { return each_character(text, out, nmt); }};
}

bool is_ideograph(char32_t c) {
  constexpr std::pair<char32_t, char32_t> kBlocks[] = {{0x4E00, 0x9FFF},   {0x3400, 0x4DBF},   {0x20000, 0x2A6DF},
                                                       {0x2A700, 0x2B73F}, {0x2B740, 0x2B81F}, {0x2B920, 0x2CEAF},
                                                       {0xF900, 0xFAFF},   {0x2F800, 0x2FA1F}};
  return std::any_of(std::begin(kBlocks), std::end(kBlocks),
                     [c](const auto& block) { return block.first <= c && c <= block.second; });
}

struct BertRules {
  bool clean = true, ideographs = true, accents = true, lower = true;
};
Effect bert(const BertRules& rules, std::string_view text, std::string& out) {
  auto effect = each_character(text, out, [&](char32_t c, std::string& to) {
    const bool space = unicode::is_space(c);
    const bool line = c == '\t' || c == '\n' || c == '\r';
    if (rules.clean && !line && (c == unicode::kReplacement || unicode::is_other_8(c))) return;
    const bool apart = rules.ideographs && is_ideograph(c);
    if (apart) to += ' ';
    unicode::append_utf8(to, rules.clean && space ? U' ' : c);
    if (apart) to += ' ';
  });
  std::string next;
  const auto then = [&](Effect more) {
    if (more == Effect::cut_front) effect = more;
    out = std::exchange(next, {});
  };
  if (rules.accents) {
    out = unicode::to_nfd(out);
    then(each_character(out, next, [](char32_t c, std::string& to) {
      if (!unicode::is_nonspacing_mark_8(c)) unicode::append_utf8(to, c);
    }));
  }
  if (rules.lower) then(lowercase(out, next));
  return effect;
}

Result<NormalizerStep> read_bert(const json::object& object, const std::string& where) {
  BertRules rules;
  for (const auto& [key, rule] : {std::pair{"clean_text", &rules.clean},
                                  {"handle_chinese_chars", &rules.ideographs},
                                  {"lowercase", &rules.lower}}) {
    const auto set = bool_field(object, key, true, where);
    if (!set) return set.error();
    *rule = *set;
  }
  const auto accents = bool_field(object, "strip_accents", rules.lower, where);
  if (!accents) return accents.error();
  rules.accents = *accents;
  NormalizerStep step;
  step.growth = 2;  // an ideograph of three bytes and two spaces
  step.run = [rules](std::string_view text, std::string& out) { return bert(rules, text, out); };
  return step;
}

constexpr NormalizerKind kKinds[] = {
    {"NFC", read_nfc},
    {"NFD", read_form<unicode::to_nfd>},
    {"NFKC", read_form<unicode::to_nfkc>},
    {"NFKD", read_form<unicode::to_nfkd>},
    {"Lowercase", read_lowercase},
    {"StripAccents", read_strip_accents},
    {"Strip", read_strip},
    {"Prepend", read_prepend},
    {"Replace", read_replace},
    {"Precompiled", read_precompiled},
    {"Nmt", read_nmt},
    {"BertNormalizer", read_bert},
};

}  // namespace

std::span<const NormalizerKind> normalizer_kinds() {
  return kKinds;
}

}  // namespace jamsu::tokenizer
