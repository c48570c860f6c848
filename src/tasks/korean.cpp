#include "tasks/korean.h"

#include <array>
#include <cctype>
#include <utility>

#include "base/ascii.h"
#include "base/check.h"

namespace jamsu::tasks {
namespace {

constexpr std::string_view kClosing[] = {")", "]", "}", "\"", "'", "’", "”", "」", "』", " "};

std::string_view without_closing(std::string_view word) {
  for (bool again = true; again;) {
    again = false;
    for (std::string_view mark : kClosing) {
      if (word.ends_with(mark)) {
        word.remove_suffix(mark.size());
        again = true;
      }
    }
  }
  return word;
}

// 일 이 삼 사 오 육 칠 팔 구; a trailing zero is read 영, 십, 백, 천, 만 or 억,
// all closed by a consonant other than ㄹ.
Final final_of_digit(char digit) {
  switch (digit) {
    case '1':
    case '7':
    case '8':
      return Final::rieul;
    case '2':
    case '4':
    case '5':
    case '9':
      return Final::none;
    default:
      return Final::other;
  }
}

bool is_latin(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// `word` is a run of Latin letters; `after_digit`: it is the unit of a number.
Final final_of_latin(std::string_view word, bool after_digit) {
  const std::string lower = lower_ascii(word);
  constexpr std::array<std::pair<std::string_view, Final>, 4> units = {
      {{"kg", Final::other}, {"mg", Final::other}, {"cm", Final::none}, {"km", Final::none}}};
  for (const auto& [unit, sound] : units) {
    if (lower == unit) return sound;
  }
  if (lower == "mm" || lower == "ml") return Final::none;
  if (after_digit && lower == "g") return Final::other;
  if (after_digit && (lower == "m" || lower == "l")) return Final::none;
  const char last = lower.back();
  if (last == 'l') return Final::rieul;
  if (last == 'm' || last == 'n') return Final::other;
  if (lower.size() == 1) return last == 'r' ? Final::rieul : Final::none;  // names of letters: 알; 에이, 비, 씨...
  const bool closed = last == 'b' || last == 'c' || last == 'k' || last == 'p' || last == 't' || lower.ends_with("ng");
  return closed ? Final::other : Final::none;
}

}  // namespace

Final final_sound(std::string_view word) {
  word = without_closing(word);
  if (word.empty()) return Final::none;
  const char last = word.back();
  if (last >= '0' && last <= '9') return final_of_digit(last);
  if (is_latin(last)) {
    size_t begin = word.size();
    while (begin > 0 && is_latin(word[begin - 1])) --begin;
    const bool after_digit = begin > 0 && std::isdigit(static_cast<unsigned char>(word[begin - 1])) != 0;
    return final_of_latin(word.substr(begin), after_digit);
  }
  if (word.size() < 3) return Final::none;
  const auto byte = [&](size_t back) {
    return static_cast<unsigned>(static_cast<unsigned char>(word[word.size() - back]));
  };
  if ((byte(3) & 0xF0u) != 0xE0u) return Final::none;
  const unsigned code = ((byte(3) & 0x0Fu) << 12) | ((byte(2) & 0x3Fu) << 6) | (byte(1) & 0x3Fu);
  if (code < 0xAC00 || code > 0xD7A3) return Final::none;
  const unsigned final = (code - 0xAC00) % 28;  // Unicode 16.0, section 3.12: 28 finals, 0 none, 8 ㄹ
  if (final == 0) return Final::none;
  return final == 8 ? Final::rieul : Final::other;
}

std::string particle(std::string_view word, std::string_view pair) {
  const size_t slash = pair.find('/');
  JAMSU_CHECK(slash != std::string_view::npos);
  const Final sound = final_sound(word);
  const bool rieul_is_open = pair.starts_with("으");
  const bool closed = sound == Final::other || (sound == Final::rieul && !rieul_is_open);
  return std::string(closed ? pair.substr(0, slash) : pair.substr(slash + 1));
}

std::string with_particle(std::string_view word, std::string_view pair) {
  return std::string(word) + particle(word, pair);
}

}  // namespace jamsu::tasks
