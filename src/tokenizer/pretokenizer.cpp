#include "tokenizer/pretokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "tokenizer/json_fields.h"
#include "tokenizer/pattern_field.h"

namespace jamsu::tokenizer {
namespace json = boost::json;

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
      if (stage + 1 == stages_.size()) return s.scanner->cut(text, sink);
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
  auto pattern = read_pattern(object, where);
  if (!pattern) return pattern.error();
  Stage stage;
  stage.scanner = std::move(pattern->scanner);
  uses_regex_ |= pattern->regex;
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

// Spaces become the mark; one stands in front, by the scheme; with `split` each mark begins a piece.
void PreTokenizer::run_metaspace(std::string_view text, bool at_start, Sink sink) const {
  if (text.empty()) return;
  const std::string_view mark = metaspace_->mark;
  std::string marked;
  const auto spaces = static_cast<size_t>(std::count(text.begin(), text.end(), ' '));
  marked.reserve(text.size() + (spaces + 1) * mark.size());
  for (const char c : text) c == ' ' ? marked.append(mark) : marked.append(1, c);
  const bool wanted =
      metaspace_->scheme == Metaspace::Scheme::always || (metaspace_->scheme == Metaspace::Scheme::first && at_start);
  if (wanted && !marked.starts_with(mark)) marked.insert(0, mark);
  std::string_view rest = marked;
  while (!rest.empty()) {
    const size_t next =
        metaspace_->split ? rest.find(mark, rest.starts_with(mark) ? mark.size() : 0) : std::string_view::npos;
    sink(rest.substr(0, next));
    if (next == std::string_view::npos) break;
    rest.remove_prefix(next);
  }
}

Status PreTokenizer::add_metaspace(const json::value& value, const std::string& where) {
  if (value.is_null()) return {};
  if (!value.is_object()) return Error{fmt::format("{} is {}; expected an object.", where, json_kind_name(value))};
  const auto& object = value.get_object();
  const auto type = string_field(object, "type", where);
  if (!type) return type.error();
  if (*type != "Metaspace")
    return Error{fmt::format("{}: \"type\" {} is not supported before a decoder that is not ByteLevel; Metaspace is.",
                             where, in_quotes(*type))};
  const auto mark = string_field(object, "replacement", where);
  if (!mark) return mark.error();
  if (mark->empty()) return Error{where + ": \"replacement\" is empty."};
  const auto split = bool_field(object, "split", true, where);
  if (!split) return split.error();
  using Scheme = Metaspace::Scheme;
  Scheme scheme = Scheme::always;
  if (const auto* v = object.if_contains("prepend_scheme")) {
    if (!v->is_string()) return wrong_kind(where, "prepend_scheme", "a string", *v);
    const std::string_view name = v->get_string();
    if (name != "always" && name != "first" && name != "never")
      return Error{fmt::format("{}: \"prepend_scheme\" {} is none of always, first, never.", where, in_quotes(name))};
    scheme = name == "always" ? Scheme::always : name == "first" ? Scheme::first : Scheme::never;
  } else {  // files of before 2024
    const auto prefix = bool_field(object, "add_prefix_space", true, where);
    if (!prefix) return prefix.error();
    if (!*prefix) scheme = Scheme::never;
  }
  metaspace_ = Metaspace{std::string(*mark), scheme, *split};
  return {};
}

Result<PreTokenizer> PreTokenizer::from_json(const json::value& value, const std::string& where, Alphabet alphabet) {
  constexpr size_t kMaxStages = 64;  // run_stage goes one call deeper per stage
  PreTokenizer p;
  if (alphabet == Alphabet::characters) {
    if (Status s = p.add_metaspace(value, where); !s) return s.error();
    return p;
  }
  if (value.is_null())
    return Error{where +
                 " is null; a decoder ByteLevel needs a pre-tokenizer ByteLevel, other pairs are not supported."};
  if (Status s = p.add(value, where, true); !s) return s.error();
  if (p.stages_.size() > kMaxStages)
    return Error{
        fmt::format("{}: a chain of {} pre-tokenizers; the limit is {}.", where, p.stages_.size(), kMaxStages)};
  return p;
}

}  // namespace jamsu::tokenizer
