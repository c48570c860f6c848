#include "tasks/answer/answer.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "tasks/answer/plain_text.h"

namespace jamsu::tasks {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_latin(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// The content of the last box; `there` and no text: it is empty, or was cut.
struct Box {
  bool there = false;
  std::string_view content;
};
Box last_box(std::string_view reply) {
  size_t at = std::string_view::npos, begin = 0;
  for (const std::string_view command : {"\\boxed", "\\fbox"}) {
    const size_t found = reply.rfind(command);
    if (found == std::string_view::npos || (at != std::string_view::npos && found < at)) continue;
    at = found;
    begin = found + command.size();
  }
  if (at == std::string_view::npos) return {};
  while (begin < reply.size() && reply[begin] == ' ') ++begin;
  if (begin < reply.size() && reply[begin] != '{')
    return {true, reply.substr(begin, reply.find_first_of(" .,;$\n", begin) - begin)};
  int depth = 0;
  for (size_t i = begin; i < reply.size(); ++i) {
    if (reply[i] == '\\') {
      ++i;  // \{ and \} are no braces of LaTeX's own
    } else if (reply[i] == '{') {
      ++depth;
    } else if (reply[i] == '}' && --depth == 0) {
      return {true, reply.substr(begin + 1, i - begin - 1)};
    }
  }
  return {true, {}};
}

Answer number_answer(std::string_view text, const NumberSpan& span) {
  return {std::string(text.substr(span.begin, span.end - span.begin)), span.quantity};
}

// Up to a full stop (no decimal point), an exclamation or question mark, or the line's end.
std::string_view sentence_of(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const bool stop = text[i] == '.' && (i + 1 == text.size() || text[i + 1] == ' ' || text[i + 1] == '\n');
    if (stop || text[i] == '!' || text[i] == '?' || text[i] == '\n') return text.substr(0, i);
  }
  return text;
}

// What may stand between a cue and its number: `the answer is: ($18`.
bool is_direct(std::string_view between) {
  return between.find_first_not_of(" \x01:=(\"'*-") == std::string_view::npos;
}

// The sentence behind a cue.
std::string_view announced_sentence(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \n\r\t:"), text.size()));
  return sentence_of(text);
}

// Of text that an answer was announced for. Empty: it holds no number.
std::optional<Answer> announced(std::string_view text) {
  std::string_view sentence = announced_sentence(text);
  if (sentence.empty()) return std::nullopt;
  if (const size_t sign = sentence.rfind('='); sign != std::string_view::npos) sentence.remove_prefix(sign + 1);
  if (auto whole = whole_quantity(sentence)) return Answer{std::string(trimmed(sentence)), std::move(whole)};
  const std::vector<NumberSpan> numbers = numbers_in(sentence);
  if (numbers.empty()) {
    auto word = last_number_word(sentence);
    return word ? std::optional(Answer{std::string(trimmed(sentence)), std::move(word)}) : std::nullopt;
  }
  const bool direct = is_direct(sentence.substr(0, numbers[0].begin));
  return number_answer(sentence, direct ? numbers[0] : numbers.back());
}

// What follows the last of GSM8K's marks in its line.
std::optional<std::string_view> marked_line(std::string_view text) {
  constexpr std::string_view kMark = "####";
  const size_t mark = text.rfind(kMark);
  if (mark == std::string_view::npos) return std::nullopt;
  const std::string_view line = text.substr(mark + kMark.size());
  return line.substr(0, line.find('\n'));
}

// GSM8K's mark is followed by the number; a heading of Markdown (`#### 3. Sum`) is not meant.
std::optional<Answer> marked(std::string_view text) {
  const auto after = marked_line(text);
  if (!after) return std::nullopt;
  const std::string_view line = *after;
  const std::vector<NumberSpan> numbers = numbers_in(line);
  if (numbers.empty()) {
    auto whole = whole_quantity(line);
    return whole ? std::optional(Answer{std::string(trimmed(line)), std::move(whole)}) : std::nullopt;
  }
  const std::string_view behind = line.substr(numbers[0].end);
  const bool heading = (behind.starts_with(". ") || behind.starts_with(": ")) && !trimmed(behind.substr(1)).empty();
  if (!is_direct(line.substr(0, numbers[0].begin)) || heading) return std::nullopt;
  return number_answer(line, numbers[0]);
}

constexpr auto kCues = std::to_array<std::string_view>(
    {"answer is", "answer:", "answer :", "answer =", "정답은", "답은", "정답:", "답:", "답 :", "정답 =", "답 ="});

// What `read` makes of the text behind the last cue that it makes something of.
template <class Read>
auto after_cue(std::string_view text, Read read) -> decltype(read(text)) {
  const std::string small = lower_ascii(text);
  size_t end = small.size();
  while (true) {
    size_t last = std::string::npos, begin = 0;
    for (const std::string_view cue : kCues) {
      if (cue.size() > end) continue;
      const size_t found = small.rfind(cue, end - cue.size());
      if (found == std::string::npos || (last != std::string::npos && found <= last)) continue;
      last = found;
      begin = found + cue.size();
    }
    if (last == std::string::npos) return std::nullopt;
    if (auto found = read(text.substr(begin))) return found;
    end = last;
  }
}

// Text to compare: no case, no spaces, no brackets around it.
std::string squeezed(std::string_view text) {
  std::string out;
  for (char c : lower_ascii(text))
    if (c != ' ' && c != kJoint && c != '\n' && c != '\t' && c != '\r') out += c;
  while (!out.empty() && (out.back() == '.' || out.back() == '!')) out.pop_back();
  if (out.size() > 2 && out.front() == '(' && out.back() == ')' && out.find('(', 1) == std::string::npos)
    return out.substr(1, out.size() - 2);
  return out;
}

}  // namespace

Answer read_answer(std::string_view reply) {
  if (const Box box = last_box(reply); box.there) {
    std::string content = plain_text(box.content);
    auto quantity = whole_quantity(content);
    return {std::move(content), std::move(quantity)};
  }
  const std::string text = plain_text(reply);
  if (auto answer = marked(text)) return *answer;
  if (auto answer = after_cue(text, announced)) return *answer;  // the last that a number follows
  // A reply that is a number and no sentence. A dash at its beginning is a list's, not a sign.
  const bool item = trimmed(text).starts_with("- ");
  if (auto whole = whole_quantity(item ? trimmed(text).substr(1) : std::string_view(text)))
    return {text, std::move(whole)};
  const std::vector<NumberSpan> numbers = numbers_in(text);
  if (!numbers.empty()) return number_answer(text, numbers.back());
  return {text, last_number_word(text)};
}

std::string answer_place(std::string_view reply) {
  if (const Box box = last_box(reply); box.there) return plain_text(box.content);
  const std::string text = plain_text(reply);
  if (const auto line = marked_line(text)) return std::string(trimmed(*line));
  const auto sentence = after_cue(text, [](std::string_view behind) -> std::optional<std::string_view> {
    const std::string_view said = announced_sentence(behind);
    return std::any_of(said.begin(), said.end(), is_digit) ? std::optional(said) : std::nullopt;
  });
  if (sentence) return std::string(trimmed(*sentence));
  const std::string_view rest = trimmed(text);
  const size_t line = rest.rfind('\n');
  return std::string(trimmed(line == std::string_view::npos ? rest : rest.substr(line + 1)));
}

bool same_answer(const Answer& a, const Answer& b) {
  if (a.quantity && b.quantity) return same_quantity(*a.quantity, *b.quantity);
  return a.quantity.has_value() == b.quantity.has_value() && squeezed(a.text) == squeezed(b.text);
}

bool answer_holds(std::string_view reply, std::string_view expected) {
  const std::string text = lower_ascii(reply), value = lower_ascii(expected);
  if (value.empty()) return false;
  for (size_t at = text.find(value); at != std::string::npos; at = text.find(value, at + 1)) {
    const char before = at > 0 ? text[at - 1] : ' ';
    const std::string_view after = std::string_view(text).substr(at + value.size());
    const bool goes_on =
        after.size() > 1 && std::string_view("/:.,").find(after[0]) != std::string_view::npos && is_digit(after[1]);
    const bool list_goes_on =
        value.find(", ") != std::string::npos && after.size() > 2 && after.starts_with(", ") && is_digit(after[2]);
    bool begins = true, ends = true;
    if (is_digit(value.front()))
      begins = !is_digit(before) && std::string_view("-/:.").find(before) == std::string_view::npos;
    if (is_latin(value.front())) begins = !is_latin(before);
    if (is_digit(value.back())) ends = after.empty() || (!is_digit(after[0]) && !goes_on && !list_goes_on);
    if (is_latin(value.back())) ends = after.empty() || !is_latin(after[0]);
    if (begins && ends) return true;
  }
  return false;
}

bool answer_is(std::string_view reply, std::string_view expected) {
  const std::string wanted = plain_text(expected);
  const auto value = whole_quantity(wanted);
  if (value) {
    const Answer answer = read_answer(reply);
    if (answer.quantity && same_quantity(*answer.quantity, *value)) return true;
    if (std::any_of(wanted.begin(), wanted.end(), is_digit)) return false;
  }
  // A text, or a number in words, which may be a word of its own.
  const Box box = last_box(reply);
  const std::string text = plain_text(box.there ? box.content : reply);
  return (box.there && !text.empty() && squeezed(text) == squeezed(wanted)) || answer_holds(text, trimmed(wanted));
}

}  // namespace jamsu::tasks
