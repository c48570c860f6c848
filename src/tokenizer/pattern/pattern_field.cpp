#include "tokenizer/pattern/pattern_field.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "tokenizer/json_fields.h"
#include "tokenizer/pattern/character_scanner.h"
#include "tokenizer/pattern/regex.h"
#include "unicode/utf8.h"

namespace jamsu::tokenizer {
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
        from += from < text.size() ? unicode::decode_valid(text.data() + from).bytes : 1;
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

}  // namespace

Result<PatternField> read_pattern(const json::object& object, const std::string& where) {
  const auto* pattern = object.if_contains("pattern");
  if (!pattern) return Error{where + ": \"pattern\" is missing."};
  if (!pattern->is_object() || pattern->get_object().size() != 1)
    return wrong_kind(where, "pattern", "an object with \"Regex\" or \"String\"", *pattern);
  const auto& [kind, body] = *pattern->get_object().begin();
  if (kind != "Regex" && kind != "String")
    return Error{fmt::format("{}: \"pattern\" has {}; expected \"Regex\" or \"String\".", where, in_quotes(kind))};
  if (!body.is_string()) return wrong_kind(where + ".pattern", kind, "a string", body);
  const std::string_view text = body.get_string();
  if (text.empty()) return Error{fmt::format("{}.pattern: \"{}\" is empty.", where, std::string_view(kind))};
  if (kind == "String") return PatternField{make_literal_scanner(text), false, std::string(text), text.size()};
  if (auto known = make_known_scanner(text)) return PatternField{std::move(known)};
  auto regex = Regex::compile(text);
  if (!regex) return Error{fmt::format("{}.pattern: \"Regex\" {}: {}.", where, in_quotes(text), regex.error().message)};
  return PatternField{std::make_shared<RegexScanner>(std::move(*regex)), true};
}

}  // namespace jamsu::tokenizer
