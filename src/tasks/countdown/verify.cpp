// Reads an expression out of a reply, as strictly as a teacher who has seen a few tricks. Knows no generator.
#include <algorithm>

#include "tasks/answer/answer.h"
#include "tasks/answer/plain_text.h"
#include "tasks/countdown/countdown.h"
#include "tasks/expression.h"

namespace jamsu::tasks {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// What was written in thinking marks is no answer, even where nobody took them for marks.
std::string_view after_thinking(std::string_view reply) {
  constexpr std::string_view kBegin = "<think>", kEnd = "</think>";
  if (const size_t end = reply.rfind(kEnd); end != std::string_view::npos) reply.remove_prefix(end + kEnd.size());
  return reply.substr(0, reply.find(kBegin));
}

// Whether plain_text changes what the digits of a reply say: those of other scripts, fractions and powers in one sign
// become ASCII's, and of `2**3` is left 23.
bool digits_change(std::string_view reply) {
  const std::string plain = plain_text(reply);
  if (std::count_if(plain.begin(), plain.end(), is_digit) > std::count_if(reply.begin(), reply.end(), is_digit))
    return true;
  for (size_t at = reply.find("**"); at != std::string_view::npos; at = reply.find("**", at + 1)) {
    const char before = at > 0 ? reply[at - 1] : ' ', behind = at + 2 < reply.size() ? reply[at + 2] : ' ';
    if ((is_digit(before) || before == ')') && (is_digit(behind) || behind == '(')) return true;
  }
  return false;
}

// Of UTF-8 at text[at]: a Hangul syllable, U+AC00 to U+D7A3.
bool is_hangul(std::string_view text, size_t at) {
  if (at + 3 > text.size()) return false;
  const auto byte = [&](size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(text[at + i])); };
  if ((byte(0) & 0xF0u) != 0xE0u) return false;
  const unsigned code = (byte(0) & 0xFu) << 12 | (byte(1) & 0x3Fu) << 6 | (byte(2) & 0x3Fu);
  return code >= 0xAC00 && code <= 0xD7A3;
}

// Words and the marks of sentences, nothing that could change a value.
bool is_prose(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    if (is_hangul(text, i)) {
      i += 3;
    } else if (is_letter(text[i]) || std::string_view(" .,:;?\"'=[]<>~\n").find(text[i]) != std::string_view::npos) {
      ++i;
    } else {
      const bool quote = text.substr(i).starts_with("“") || text.substr(i).starts_with("”");
      if (!quote) return false;
      i += 3;
    }
  }
  return true;
}

// From the first digit or parenthesis to the last, with a sign that touches it, if all around it is prose.
std::optional<std::string_view> mathematics_of(std::string_view text) {
  if (text.starts_with("- ")) text.remove_prefix(2);  // of a list
  size_t begin = text.find_first_of("0123456789("), end = text.find_last_of("0123456789)");
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) return std::nullopt;
  if (begin > 0 && text[begin - 1] == '-') --begin;
  const std::string_view before = text.substr(0, begin), behind = text.substr(++end);
  if (!is_prose(before) || !is_prose(behind)) return std::nullopt;
  if (!before.empty() && is_letter(before.back())) return std::nullopt;  // sqrt(9)
  if (!behind.empty() && is_letter(behind.front())) return std::nullopt;
  for (const std::string_view unit : {"십", "백", "천", "만", "억", "조"})
    if (behind.starts_with(unit)) return std::nullopt;
  return text.substr(begin, end - begin);
}

bool is_target(std::span<const Piece> side, const Rational& target) {
  return side.size() == 1 && side[0].type == Piece::Type::number && side[0].value == target;
}

// Numbers of the list, each at most once, with operations between them.
bool is_allowed(std::span<const Piece> side, std::vector<int64_t> left) {
  size_t used = 0;
  for (const Piece& piece : side) {
    if (piece.type == Piece::Type::op && piece.op != '%') continue;
    if (piece.type != Piece::Type::number || piece.value.denominator != 1) return false;
    const auto found = std::find(left.begin(), left.end(), piece.value.numerator);
    if (found == left.end()) return false;
    left.erase(found);
    ++used;
  }
  return used > 1;
}

}  // namespace

bool countdown_right(std::span<const int64_t> numbers, std::string_view target, std::string_view reply) {
  reply = after_thinking(reply);
  const std::string place = answer_place(reply);
  const auto text = mathematics_of(place);
  if (!text || digits_change(reply)) return false;
  const auto wanted = evaluate_pieces(split_mathematics(target));
  if (!wanted) return false;
  const std::vector<Piece> pieces = split_mathematics(*text);
  std::span<const Piece> side = pieces;
  const auto sign = std::find_if(pieces.begin(), pieces.end(),
                                 [](const Piece& piece) { return piece.type == Piece::Type::relation; });
  if (sign != pieces.end()) {  // expression = target, or target = expression
    const std::span<const Piece> first(pieces.begin(), sign), second(sign + 1, pieces.end());
    if (sign->op != '=' || is_target(first, *wanted) == is_target(second, *wanted)) return false;
    side = is_target(first, *wanted) ? second : first;
  }
  return is_allowed(side, {numbers.begin(), numbers.end()}) && evaluate_pieces(side) == wanted;
}

}  // namespace jamsu::tasks
