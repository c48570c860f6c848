#include "tokenizer/added_tokens.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <utility>

#include "tokenizer/json_fields.h"
#include "unicode/categories.h"
#include "unicode/unicode.h"
#include "unicode/utf8.h"

namespace jamsu::tokenizer {
namespace {

namespace json = boost::json;

constexpr int64_t kMaxId = int64_t{1} << 30;

char32_t last_character(std::string_view s) {
  size_t i = s.size() - 1;
  while (unicode::is_utf8_continuation(s[i])) --i;
  return unicode::decode_valid(s.data() + i).c;
}
bool ends_with_word(std::string_view s) {
  return !s.empty() && unicode::is_word(last_character(s));
}
bool starts_with_word(std::string_view s) {
  return !s.empty() && unicode::is_word(unicode::decode_valid(s.data()).c);
}

}  // namespace

AddedTokenMatcher::AddedTokenMatcher(std::vector<AddedToken> tokens, std::vector<std::string> patterns)
    : tokens_(std::move(tokens)) {
  for (uint32_t i = 0; i < tokens_.size(); ++i)
    if (!patterns[i].empty()) sorted_.push_back({std::move(patterns[i]), i});
  std::stable_sort(sorted_.begin(), sorted_.end(), [](const Pattern& a, const Pattern& b) { return a.text < b.text; });
  sorted_.erase(
      std::unique(sorted_.begin(), sorted_.end(), [](const Pattern& a, const Pattern& b) { return a.text == b.text; }),
      sorted_.end());
  for (const Pattern& p : sorted_) starts_[static_cast<unsigned char>(p.text[0])] = true;
  one_start_ = std::count(starts_.begin(), starts_.end(), true) == 1;
}

size_t AddedTokenMatcher::next_start(std::string_view text, size_t at) const {
  if (one_start_) return std::min(text.find(sorted_[0].text[0], at), text.size());
  while (at < text.size() && !starts_[static_cast<unsigned char>(text[at])]) ++at;
  return at;
}

const AddedTokenMatcher::Pattern* AddedTokenMatcher::longest_at(std::string_view text, size_t at) const {
  // [low, high): the patterns that begin with text[at, at + depth).
  // The one of exactly that length is the first of them.
  const Pattern *low = sorted_.data(), *high = low + sorted_.size(), *best = nullptr;
  for (size_t depth = 0; low < high; ++depth) {
    if (low->text.size() == depth) {
      best = low;
      if (++low == high) break;
    }
    if (at + depth == text.size()) break;
    const auto byte = static_cast<unsigned char>(text[at + depth]);
    const auto at_depth = [depth](const Pattern& p) { return static_cast<unsigned char>(p.text[depth]); };
    low = std::partition_point(low, high, [&](const Pattern& p) { return at_depth(p) < byte; });
    high = std::partition_point(low, high, [&](const Pattern& p) { return at_depth(p) == byte; });
  }
  return best;
}

void AddedTokenMatcher::split(std::string_view text, FunctionRef<void(std::string_view)> on_text,
                              FunctionRef<void(int32_t)> on_token) const {
  size_t done = 0, at = 0;
  while (!sorted_.empty() && (at = next_start(text, at)) < text.size()) {
    const Pattern* p = longest_at(text, at);
    if (!p) {
      ++at;
      continue;
    }
    const AddedToken& token = tokens_[p->token];
    size_t begin = at, end = at + p->text.size();
    at = end;  // where the search goes on, also when rstrip takes more
    if (token.single_word && (ends_with_word(text.substr(0, begin)) || starts_with_word(text.substr(end)))) continue;
    if (token.lstrip)
      begin = begin > done ? done + unicode::without_trailing_space(text.substr(done, begin - done)) : done;
    if (token.rstrip) end += unicode::leading_space(text.substr(end));
    if (done < begin) on_text(text.substr(done, begin - done));
    on_token(token.id);
    done = end;
  }
  if (done < text.size()) on_text(text.substr(done));
}

namespace {

// The flags by their names, of a token that is read or written.
template <class Token>
auto flags_of(Token& t) {
  return std::array{std::pair{"single_word", &t.single_word}, std::pair{"lstrip", &t.lstrip},
                    std::pair{"rstrip", &t.rstrip}, std::pair{"normalized", &t.normalized},
                    std::pair{"special", &t.special}};
}

}  // namespace

Result<AddedToken> read_added_token(const json::value& v, const std::string& where) {
  if (!v.is_object()) return Error{fmt::format("{} is {}; expected an object.", where, json_kind_name(v))};
  const auto& o = v.get_object();
  AddedToken t;
  const auto content = string_field(o, "content", where);
  if (!content) return content.error();
  t.content = *content;
  if (t.content.empty()) return Error{where + ": \"content\" is empty."};
  for (const auto& [key, flag] : flags_of(t)) {
    const auto set = bool_field(o, key, false, where);
    if (!set) return set.error();
    *flag = *set;
  }
  return t;
}

json::array written_added_tokens(const std::vector<AddedToken>& added) {
  json::array list;
  for (const AddedToken& t : added) {
    json::object o{{"id", t.id}, {"content", t.content}};
    for (const auto& [key, flag] : flags_of(t)) o[key] = *flag;
    list.push_back(std::move(o));
  }
  return list;
}

Result<std::vector<AddedToken>> read_added_tokens(const json::value& list, const std::string& name) {
  if (!list.is_array()) return wrong_kind(name, "added_tokens", "an array", list);
  std::vector<AddedToken> added;
  json::object seen;  // the strings met so far
  for (size_t i = 0; i < list.get_array().size(); ++i) {
    const std::string where = fmt::format("{}: added_tokens[{}]", name, i);
    const auto& v = list.get_array()[i];
    auto t = read_added_token(v, where);
    if (!t) return t.error();
    if (!seen.emplace(t->content, nullptr).second)
      return Error{fmt::format("{}: {} stands twice among the added tokens.", where, in_quotes(t->content))};
    const auto* id = v.get_object().if_contains("id");
    if (!id) return Error{where + ": \"id\" is missing."};
    const auto number = id_value(*id, where);
    if (!number) return number.error();
    if (*number < 0 || *number > kMaxId)
      return Error{fmt::format("{}: id {} of {} is out of range.", where, *number, in_quotes(t->content))};
    t->id = static_cast<int32_t>(*number);
    added.push_back(std::move(*t));
  }
  return added;
}

}  // namespace jamsu::tokenizer
