#include "text/pretokenizer.h"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <utility>

#include "text/json_fields.h"
#include "text/regex.h"
#include "text/utf8.h"

namespace jamsu::text {
namespace {

namespace json = boost::json;

// Oniguruma as a scanner, with the rules of `tokenizers` for empty matches. When a search runs out of its limits, the
// rest of the text stays one part without a match: encoding cannot fail, and the ids decode to the same text.
class RegexScanner final : public PatternScanner {
 public:
  explicit RegexScanner(Regex regex) : regex_(std::move(regex)) {}
  void scan(std::string_view text, Sink sink) const override {
    size_t gap = 0, from = 0;
    std::optional<size_t> last_end;
    while (from <= text.size()) {
      const auto found = regex_.search(text, from);
      if (found.outcome != Regex::Outcome::match) break;
      if (found.begin == found.end && last_end == found.end) {  // no empty match right behind the last one
        from += from < text.size() ? decode_valid(text.data() + from).bytes : 1;
        continue;
      }
      if (gap < found.begin) sink(text.substr(gap, found.begin - gap), false);
      if (found.begin < found.end) sink(text.substr(found.begin, found.end - found.begin), true);
      gap = from = found.end;
      last_end = found.end;
    }
    if (gap < text.size()) sink(text.substr(gap), false);
  }

 private:
  Regex regex_;
};

class LiteralScanner final : public PatternScanner {
 public:
  explicit LiteralScanner(std::string_view needle) : needle_(needle) {}
  void scan(std::string_view text, Sink sink) const override {
    size_t gap = 0;
    for (size_t at = text.find(needle_); at != std::string_view::npos; at = text.find(needle_, gap)) {
      if (gap < at) sink(text.substr(gap, at - gap), false);
      gap = at + needle_.size();
      sink(text.substr(at, needle_.size()), true);
    }
    if (gap < text.size()) sink(text.substr(gap), false);
  }

 private:
  std::string needle_;
};

}  // namespace

void PreTokenizer::run_stage(size_t stage, std::string_view text, Sink sink) const {
  if (text.empty()) return;
  if (stage == stages_.size()) return sink(text);
  const Stage& s = stages_[stage];
  std::string prefixed;
  if (s.add_prefix_space && text.front() != ' ') {
    prefixed.reserve(text.size() + 1);
    prefixed += ' ';
    prefixed += text;
    text = prefixed;
  }
  if (!s.scanner) return run_stage(stage + 1, text, sink);
  switch (s.behavior) {
    case Behavior::isolated:
      return s.scanner->scan(text, [&](std::string_view part, bool) { run_stage(stage + 1, part, sink); });
    case Behavior::removed:
      return s.scanner->scan(text, [&](std::string_view part, bool is_match) {
        if (is_match == s.invert) run_stage(stage + 1, part, sink);
      });
    default:
      return run_merged(stage, text, sink);
  }
}

// The behaviours that join neighbours; `begin` is where the part that still grows starts. After `invert`, "match" means
// the stretches between matches.
void PreTokenizer::run_merged(size_t stage, std::string_view text, Sink sink) const {
  const Stage& s = stages_[stage];
  const char* begin = text.data();
  const char* const end = text.data() + text.size();
  bool first = true, previous = false;
  s.scanner->scan(text, [&](std::string_view part, bool is_match) {
    const bool match = is_match != s.invert;
    bool cut = false;
    if (s.behavior == Behavior::contiguous) cut = match != previous;
    if (s.behavior == Behavior::merged_with_previous) cut = !match || previous;
    if (s.behavior == Behavior::merged_with_next) cut = match || !previous;
    if (!first && cut) {
      run_stage(stage + 1, {begin, static_cast<size_t>(part.data() - begin)}, sink);
      begin = part.data();
    }
    first = false;
    previous = match;
  });
  run_stage(stage + 1, {begin, static_cast<size_t>(end - begin)}, sink);
}

Status PreTokenizer::add_split(const json::object& object, const std::string& where) {
  const auto* pattern = object.if_contains("pattern");
  if (!pattern) return Error{where + ": \"pattern\" is missing."};
  if (!pattern->is_object() || pattern->get_object().size() != 1)
    return wrong_kind(where, "pattern", "an object with \"Regex\" or \"String\"", *pattern);
  const auto& [kind, body] = *pattern->get_object().begin();
  if (kind != "Regex" && kind != "String")
    return Error{fmt::format("{}: \"pattern\" has {}; expected \"Regex\" or \"String\".", where, in_quotes(kind))};
  if (!body.is_string()) return wrong_kind(where + ".pattern", kind, "a string", body);
  const std::string_view text = body.get_string();

  Stage stage;
  if (text.empty()) return Error{fmt::format("{}.pattern: \"{}\" is empty.", where, std::string_view(kind))};
  if (kind == "String") {
    stage.scanner = std::make_shared<LiteralScanner>(text);
  } else if (stage.scanner = make_known_scanner(text); !stage.scanner) {
    auto regex = Regex::compile(text);
    if (!regex)
      return Error{fmt::format("{}.pattern: \"Regex\" {}: {}.", where, in_quotes(text), regex.error().message)};
    stage.scanner = std::make_shared<RegexScanner>(std::move(*regex));
    uses_regex_ = true;
  }
  const auto behavior = string_field(object, "behavior", where);
  if (!behavior) return behavior.error();
  constexpr std::array<std::pair<std::string_view, Behavior>, 5> names = {
      {{"Removed", Behavior::removed},
       {"Isolated", Behavior::isolated},
       {"MergedWithPrevious", Behavior::merged_with_previous},
       {"MergedWithNext", Behavior::merged_with_next},
       {"Contiguous", Behavior::contiguous}}};
  bool known = false;
  for (const auto& [name, value] : names) {
    if (name != *behavior) continue;
    stage.behavior = value;
    known = true;
  }
  if (!known)
    return Error{
        fmt::format("{}: \"behavior\" {} is none of Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous.",
                    where, in_quotes(*behavior))};
  const auto invert = bool_field(object, "invert", false, where);
  if (!invert) return invert.error();
  stage.invert = *invert;
  stages_.push_back(std::move(stage));
  return {};
}

Status PreTokenizer::add_byte_level(const json::object& object, const std::string& where) {
  const auto prefix = bool_field(object, "add_prefix_space", true, where);
  if (!prefix) return prefix.error();
  const auto use_regex = bool_field(object, "use_regex", true, where);
  if (!use_regex) return use_regex.error();
  Stage stage;
  stage.add_prefix_space = *prefix;
  if (*use_regex) stage.scanner = make_gpt2_scanner();
  if (stage.add_prefix_space || stage.scanner) stages_.push_back(std::move(stage));
  return {};
}

Status PreTokenizer::add(const json::value& value, const std::string& where, bool is_last) {
  if (!value.is_object()) return Error{fmt::format("{} is {}; expected an object.", where, json_kind_name(value))};
  const auto& object = value.get_object();
  const auto type = string_field(object, "type", where);
  if (!type) return type.error();
  if (*type == "Sequence") {
    const auto* list = object.if_contains("pretokenizers");
    if (!list) return Error{where + ": \"pretokenizers\" is missing."};
    if (!list->is_array()) return wrong_kind(where, "pretokenizers", "an array", *list);
    const auto& items = list->get_array();
    if (items.empty() && is_last)
      return Error{where + ": \"pretokenizers\" is empty; expected a chain that ends in ByteLevel."};
    for (size_t i = 0; i < items.size(); ++i)  // as deep as the JSON parser allowed
      if (Status s = add(items[i], fmt::format("{}.pretokenizers[{}]", where, i), is_last && i + 1 == items.size()); !s)
        return s;
    return {};
  }
  if (*type == "ByteLevel") {
    if (!is_last) return Error{where + ": ByteLevel is not the last pre-tokenizer; such chains are not supported."};
    return add_byte_level(object, where);
  }
  if (is_last)
    return Error{fmt::format(
        "{}: \"type\" {} is not supported as the last pre-tokenizer; only byte-level tokenizers (ByteLevel) are.",
        where, in_quotes(*type))};
  if (*type == "Split") return add_split(object, where);
  if (*type == "Digits") {
    const auto individual = bool_field(object, "individual_digits", false, where);
    if (!individual) return individual.error();
    stages_.push_back(
        {.scanner = make_digit_scanner(), .behavior = *individual ? Behavior::isolated : Behavior::contiguous});
    return {};
  }
  return Error{fmt::format("{}: \"type\" {} is not supported; Split, Digits, Sequence and ByteLevel are.", where,
                           in_quotes(*type))};
}

Result<PreTokenizer> PreTokenizer::from_json(const json::value& value, const std::string& where) {
  constexpr size_t kMaxStages = 64;  // run_stage goes one call deeper per stage
  PreTokenizer p;
  if (value.is_null())
    return Error{where + " is null; only byte-level tokenizers (pre-tokenizer ByteLevel) are supported."};
  if (Status s = p.add(value, where, true); !s) return s.error();
  if (p.stages_.size() > kMaxStages)
    return Error{
        fmt::format("{}: a chain of {} pre-tokenizers; the limit is {}.", where, p.stages_.size(), kMaxStages)};
  return p;
}

}  // namespace jamsu::text
