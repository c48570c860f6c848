// The field "pre_tokenizer" -> PreTokenizer. The kinds, as `tokenizers` defines each, stand in the table below.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/json.hpp>
#include <iterator>
#include <utility>

#include "tokenizer/json_fields.h"
#include "tokenizer/pattern/character_scanner.h"
#include "tokenizer/pattern/pattern_field.h"
#include "tokenizer/pretokenizer.h"
#include "unicode/categories.h"
#include "unicode/unicode.h"
#include "unicode/utf8.h"

namespace jamsu::tokenizer {

namespace json = boost::json;

class PreTokenizerReader {
 public:
  Status add(const json::value& value, const std::string& where) {
    if (!value.is_object()) return Error{fmt::format("{} is {}; expected an object.", where, json_kind_name(value))};
    const auto& object = value.get_object();
    const auto type = string_field(object, "type", where);
    if (!type) return type.error();
    if (*type == "Sequence") return sequence(object, where);
    const auto kind =
        std::find_if(std::begin(kKinds), std::end(kKinds), [&](const Kind& k) { return k.type == *type; });
    if (kind == std::end(kKinds)) {
      std::vector<std::string_view> names;
      for (const Kind& k : kKinds) names.push_back(k.type);
      return Error{fmt::format("{}: \"type\" {} is not supported; {} and Sequence are.", where, in_quotes(*type),
                               fmt::join(names, ", "))};
    }
    p_.last_type_ = *type;
    return (this->*kind->read)(object, where);
  }

  Result<PreTokenizer> finish(const std::string& where) {
    constexpr size_t kMaxStages = 64;  // run_stage goes one call deeper per stage
    if (p_.stages_.size() > kMaxStages)
      return Error{
          fmt::format("{}: a chain of {} pre-tokenizers; the limit is {}.", where, p_.stages_.size(), kMaxStages)};
    // What stands behind ByteLevel works on its alphabet; where nothing does, pieces stay bytes.
    if (p_.byte_level_ && byte_level_stage_ < p_.stages_.size()) {
      p_.stages_[byte_level_stage_ - 1].to_alphabet = true;
      p_.in_alphabet_ = true;
    } else if (p_.byte_level_ && !p_.stages_.back().scanner && !p_.stages_.back().add_prefix_space) {
      p_.stages_.pop_back();
    }
    return std::move(p_);
  }

 private:
  using Stage = PreTokenizer::Stage;
  using Behavior = PreTokenizer::Behavior;
  using Metaspace = PreTokenizer::Metaspace;
  struct Kind {
    std::string_view type;
    Status (PreTokenizerReader::*read)(const json::object& object, const std::string& where);
  };
  static const Kind kKinds[10];

  Status add_stage(Stage stage) {
    p_.stages_.push_back(std::move(stage));
    return {};
  }

  Status sequence(const json::object& object, const std::string& where) {
    const auto* list = object.if_contains("pretokenizers");
    if (!list) return Error{where + ": \"pretokenizers\" is missing."};
    if (!list->is_array()) return wrong_kind(where, "pretokenizers", "an array", *list);
    for (size_t i = 0; i < list->get_array().size(); ++i)  // as deep as the JSON parser allowed
      if (Status s = add(list->get_array()[i], fmt::format("{}.pretokenizers[{}]", where, i)); !s) return s;
    return {};
  }

  // An absent behaviour reads as `otherwise`, where there is one.
  static Result<Behavior> behavior(const json::object& object, std::optional<Behavior> otherwise,
                                   const std::string& where) {
    if (otherwise && !object.contains("behavior")) return *otherwise;
    const auto name = string_field(object, "behavior", where);
    if (!name) return name.error();
    constexpr std::pair<std::string_view, Behavior> kNames[] = {{"Removed", Behavior::removed},
                                                                {"Isolated", Behavior::isolated},
                                                                {"MergedWithPrevious", Behavior::merged_with_previous},
                                                                {"MergedWithNext", Behavior::merged_with_next},
                                                                {"Contiguous", Behavior::contiguous}};
    for (const auto& [known, value] : kNames)
      if (known == *name) return value;
    return Error{
        fmt::format("{}: \"behavior\" {} is none of Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous.",
                    where, in_quotes(*name))};
  }

  Status split(const json::object& object, const std::string& where) {
    auto pattern = read_pattern(object, where);
    if (!pattern) return pattern.error();
    p_.uses_regex_ |= pattern->regex;
    const auto how = behavior(object, {}, where);
    if (!how) return how.error();
    const auto invert = bool_field(object, "invert", false, where);
    if (!invert) return invert.error();
    return add_stage({.scanner = std::move(pattern->scanner), .behavior = *how, .invert = *invert});
  }

  Status digits(const json::object& object, const std::string& where) {
    const auto individual = bool_field(object, "individual_digits", false, where);
    if (!individual) return individual.error();
    return add_stage(
        {.scanner = make_digit_scanner(), .behavior = *individual ? Behavior::isolated : Behavior::contiguous});
  }

  Status punctuation(const json::object& object, const std::string& where) {
    const auto how = behavior(object, Behavior::isolated, where);
    if (!how) return how.error();
    return add_stage({.scanner = make_character_scanner(unicode::is_punctuation_8), .behavior = *how});
  }

  Status whitespace(const json::object&, const std::string&) {
    return add_stage({.scanner = make_word_scanner(), .behavior = Behavior::removed, .invert = true});
  }
  Status whitespace_split(const json::object&, const std::string&) {
    return add_stage({.scanner = make_character_scanner(unicode::is_space), .behavior = Behavior::removed});
  }
  Status bert(const json::object& object, const std::string& where) {
    if (Status s = whitespace_split(object, where); !s) return s;
    return add_stage({.scanner = make_character_scanner(unicode::is_punctuation_8)});
  }

  Status delimiter(const json::object& object, const std::string& where) {
    const auto text = string_field(object, "delimiter", where);
    if (!text) return text.error();
    if (!unicode::is_one_character(*text))
      return Error{fmt::format("{}: \"delimiter\" {} is not one character.", where, in_quotes(*text))};
    return add_stage({.scanner = make_literal_scanner(*text), .behavior = Behavior::removed});
  }

  Status fixed_length(const json::object& object, const std::string& where) {
    constexpr int64_t kDefault = 5, kMost = int64_t{1} << 30;
    int64_t length = kDefault;
    if (const auto* v = object.if_contains("length")) {
      if (!v->is_int64() || v->get_int64() < 1 || v->get_int64() > kMost)
        return Error{fmt::format("{}: \"length\" is no whole number from 1 to {}.", where, kMost)};
      length = v->get_int64();
    }
    return add_stage({.scanner = make_length_scanner(static_cast<size_t>(length))});
  }

  Status byte_level(const json::object& object, const std::string& where) {
    if (p_.byte_level_)
      return Error{fmt::format("{}: ByteLevel stands twice in the chain, first as {}; that is not supported.", where,
                               byte_level_where_)};
    const auto prefix = bool_field(object, "add_prefix_space", true, where);
    if (!prefix) return prefix.error();
    const auto use_regex = bool_field(object, "use_regex", true, where);
    if (!use_regex) return use_regex.error();
    p_.byte_level_ = true;
    byte_level_where_ = where;
    Stage stage{.add_prefix_space = *prefix};
    if (*use_regex) stage.scanner = make_gpt2_scanner();
    p_.stages_.push_back(std::move(stage));
    byte_level_stage_ = p_.stages_.size();
    return {};
  }

  Status metaspace(const json::object& object, const std::string& where) {
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
    return add_stage({.metaspace = Metaspace{std::string(*mark), scheme, *split}});
  }

  PreTokenizer p_;
  size_t byte_level_stage_ = 0;  // behind it
  std::string byte_level_where_;
};

const PreTokenizerReader::Kind PreTokenizerReader::kKinds[10] = {
    {"Split", &PreTokenizerReader::split},
    {"Digits", &PreTokenizerReader::digits},
    {"Punctuation", &PreTokenizerReader::punctuation},
    {"Whitespace", &PreTokenizerReader::whitespace},
    {"WhitespaceSplit", &PreTokenizerReader::whitespace_split},
    {"BertPreTokenizer", &PreTokenizerReader::bert},
    {"CharDelimiterSplit", &PreTokenizerReader::delimiter},
    {"FixedLength", &PreTokenizerReader::fixed_length},
    {"ByteLevel", &PreTokenizerReader::byte_level},
    {"Metaspace", &PreTokenizerReader::metaspace},
};

Result<PreTokenizer> PreTokenizer::from_json(const json::value& value, const std::string& where) {
  if (value.is_null()) return PreTokenizer{};
  PreTokenizerReader reader;
  if (Status s = reader.add(value, where); !s) return s.error();
  return reader.finish(where);
}

}  // namespace jamsu::tokenizer
