#include "text/typed_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "unicode/utf8.h"

namespace jamsu::text {
namespace {

using tokenizer::AddedToken;
using tokenizer::AddedTokenMatcher;

constexpr std::string_view kOpen = "\uFDD0", kClose = "\uFDD1";

// How families mark thinking.
struct ThinkingMarks {
  std::string_view begin, end;
};
constexpr std::array kThinking = {ThinkingMarks{"<think>", "</think>"}, ThinkingMarks{"<seed:think>", "</seed:think>"},
                                  ThinkingMarks{"[THINK]", "[/THINK]"},
                                  ThinkingMarks{"<|START_THINKING|>", "<|END_THINKING|>"},
                                  ThinkingMarks{"<|channel>", "<channel|>"}};

bool begins_thinking(std::string_view token) {
  return std::any_of(kThinking.begin(), kThinking.end(), [&](const ThinkingMarks& t) { return t.begin == token; });
}
bool ends_thinking(std::string_view token) {
  return std::any_of(kThinking.begin(), kThinking.end(), [&](const ThinkingMarks& t) { return t.end == token; });
}

jinja::Value plain_message(std::string_view role) {
  return jinja::Value::dict(
      {{"role", jinja::Value::string(std::string(role))}, {"content", jinja::Value::string("hello")}});
}

// The tokens that part turns: what the template writes around plain ones, and those that the tokenizer's files name
// (the end of text). A template that knows no system message tells the rest.
std::set<std::string, std::less<>> turn_marks(const ChatFormat& format, const AddedTokenMatcher& all,
                                              const std::vector<AddedToken>& added) {
  std::set<std::string, std::less<>> marks;
  for (const char* name : {"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"})
    marks.emplace(format.token(name));
  std::tm day{};  // for templates that write the date
  day.tm_year = 126;
  day.tm_mday = 1;
  const auto system = plain_message("system"), user = plain_message("user"), assistant = plain_message("assistant");
  for (auto messages : {std::vector{user, assistant, user}, std::vector{system, user}, std::vector{user}}) {
    const auto text =
        format.render(jinja::Value::list(std::move(messages)), {.add_generation_prompt = true, .now = day});
    if (!text) continue;
    all.split(
        *text, [](std::string_view) {},
        [&](int32_t number) {
          if (static_cast<size_t>(number) < added.size()) marks.insert(added[static_cast<size_t>(number)].content);
        });
  }
  for (const ThinkingMarks& t : kThinking)
    for (const std::string_view mark : {t.begin, t.end})
      if (const auto at = marks.find(mark); at != marks.end()) marks.erase(at);
  return marks;
}

// A matcher of the tokens that `wanted` takes, and of the sign that hides places. Its tokens' ids are their numbers in
// `added`.
template <class Wanted>
AddedTokenMatcher matcher(const std::vector<AddedToken>& added, const Wanted& wanted) {
  std::vector<AddedToken> tokens;
  std::vector<std::string> patterns;
  const auto add = [&](const std::string& content, size_t number) {
    AddedToken token;
    token.content = content;
    token.id = static_cast<int32_t>(number);
    tokens.push_back(std::move(token));
    patterns.push_back(content);
  };
  for (size_t i = 0; i < added.size(); ++i)
    if (wanted(added[i].content)) add(added[i].content, i);
  add(std::string(kOpen), added.size());
  return {std::move(tokens), std::move(patterns)};
}

}  // namespace

Marks::Marks(const tokenizer::TokenizerData& data, const ChatFormat& format)
    : typed_(matcher(data.added, [](const std::string&) { return true; })) {
  const auto turns = turn_marks(format, typed_, data.added);
  said_ = matcher(data.added, [&](const std::string& token) { return turns.contains(token); });
  answer_ =
      matcher(data.added, [&](const std::string& token) { return turns.contains(token) || begins_thinking(token); });
  thought_ = matcher(data.added, [&](const std::string& token) {
    return turns.contains(token) || begins_thinking(token) || ends_thinking(token);
  });
  for (const AddedToken& token : data.added)
    if (ends_thinking(token.content)) ends_.push_back(token.content);
}

size_t Marks::end_of_thinking(std::string_view text) const {
  size_t end = 0;
  for (const std::string& mark : ends_)
    if (const size_t at = text.rfind(mark); at != std::string_view::npos) end = std::max(end, at + mark.size());
  return end;
}

std::string TypedText::plain(std::string_view raw) const {
  return normalizer_.composed(unicode::to_valid_utf8(raw));
}

std::string TypedText::hide(std::string_view text, const AddedTokenMatcher& letters) {
  std::string out;
  const char* at = text.data();
  const auto place_until = [&](const char* end) {  // a mark was passed over: [at, end)
    if (at == end) return;
    out += fmt::format("{}{}{}", kOpen, places_.size(), kClose);
    places_.emplace_back(at, end);
    at = end;
  };
  letters.split(
      text,
      [&](std::string_view stretch) {
        place_until(stretch.data());
        out += stretch;
        at = stretch.data() + stretch.size();
      },
      [](int32_t) {});
  place_until(text.data() + text.size());
  return out;
}

std::string TypedText::said(std::string_view raw) {
  const std::string text = plain(raw);
  const std::string_view all = text;
  const size_t answer = marks_.end_of_thinking(all);
  return hide(all.substr(0, answer), marks_.in_said()) + hide(all.substr(answer), marks_.in_answer());
}

boost::json::value TypedText::typed(const boost::json::value& value) {
  if (const auto* text = value.if_string()) return boost::json::string(typed(std::string_view(*text)));
  if (const auto* list = value.if_array()) {
    boost::json::array out;
    for (const auto& item : *list) out.push_back(typed(item));
    return out;
  }
  if (const auto* object = value.if_object()) {
    boost::json::object out;
    for (const auto& [name, item] : *object) out[typed(std::string_view(name))] = typed(item);
    return out;
  }
  return value;
}

std::string TypedText::show(std::string_view text) const {
  std::string out;
  while (true) {
    const size_t open = places_.empty() ? std::string_view::npos : text.find(kOpen);
    if (open == std::string_view::npos) return out += text;
    const char *digits = text.data() + open + kOpen.size(), *end = text.data() + text.size();
    size_t number = 0;
    const auto read = std::from_chars(digits, end, number);
    const bool whole = read.ec == std::errc() && number < places_.size() &&
                       std::string_view(read.ptr, static_cast<size_t>(end - read.ptr)).starts_with(kClose);
    out += text.substr(0, open);
    out += whole ? std::string_view(places_[number]) : kOpen;
    text.remove_prefix(whole ? static_cast<size_t>(read.ptr - text.data()) + kClose.size() : open + kOpen.size());
  }
}

}  // namespace jamsu::text
