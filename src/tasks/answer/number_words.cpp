#include "tasks/answer/number_words.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace jamsu::tasks {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
}

struct Word {
  std::string_view text;
  int64_t value;
};

constexpr auto kOnes = std::to_array<Word>(
    {{"zero", 0},      {"one", 1},       {"two", 2},       {"three", 3},    {"four", 4},     {"five", 5},
     {"six", 6},       {"seven", 7},     {"eight", 8},     {"nine", 9},     {"ten", 10},     {"eleven", 11},
     {"twelve", 12},   {"thirteen", 13}, {"fourteen", 14}, {"fifteen", 15}, {"sixteen", 16}, {"seventeen", 17},
     {"eighteen", 18}, {"nineteen", 19}, {"twenty", 20},   {"thirty", 30},  {"forty", 40},   {"fifty", 50},
     {"sixty", 60},    {"seventy", 70},  {"eighty", 80},   {"ninety", 90}});
constexpr auto kScales = std::to_array<Word>(
    {{"thousand", 1000}, {"million", 1000000}, {"billion", 1000000000}, {"trillion", 1000000000000}});

template <size_t N>
const Word* find(const std::array<Word, N>& table, std::string_view text) {
  for (const Word& word : table)
    if (word.text == text) return &word;
  return nullptr;
}
template <size_t N>
const Word* begins_with(const std::array<Word, N>& table, std::string_view text) {
  for (const Word& word : table)
    if (text.starts_with(word.text)) return &word;
  return nullptr;
}

// Adds words one by one; false: the word does not go on with the number.
class EnglishNumber {
 public:
  bool add(std::string_view word) {
    if (const Word* one = find(kOnes, word)) return add_ones(one->value);
    if (word == "a") {  // a hundred, a dozen
      if (any_) return false;
      article_ = any_ = true;
      return true;
    }
    if (word == "hundred" || word == "dozen") {
      if (any_ && (below_ == 0 || below_ > 99) && !article_) return false;
      below_ = std::max<int64_t>(below_, 1) * (word == "dozen" ? 12 : 100);
      return settle();
    }
    if (const Word* scale = find(kScales, word)) {
      if ((any_ && below_ == 0 && !article_) || scale->value >= last_scale_) return false;
      total_ += std::max<int64_t>(below_, 1) * scale->value;
      below_ = 0;
      last_scale_ = scale->value;
      return settle();
    }
    return false;
  }
  bool complete() const { return any_ && !article_; }
  int64_t value() const { return total_ + below_; }

 private:
  bool add_ones(int64_t value) {
    if (article_) return false;
    const int64_t last = below_ % 100;
    const bool fits = last == 0 || (last >= 20 && last % 10 == 0 && value < 10 && value > 0);
    if (any_ && (!fits || value == 0)) return false;
    below_ += value;
    return settle();
  }
  bool settle() {
    any_ = true;
    article_ = false;
    return true;
  }

  int64_t total_ = 0, below_ = 0, last_scale_ = int64_t{1} << 60;
  bool any_ = false, article_ = false;  // an article waits for its word
};

constexpr auto kSinoDigits = std::to_array<Word>({{"영", 0},
                                                  {"공", 0},
                                                  {"일", 1},
                                                  {"이", 2},
                                                  {"삼", 3},
                                                  {"사", 4},
                                                  {"오", 5},
                                                  {"육", 6},
                                                  {"칠", 7},
                                                  {"팔", 8},
                                                  {"구", 9}});
constexpr auto kSinoUnits = std::to_array<Word>({{"십", 10}, {"백", 100}, {"천", 1000}});
constexpr auto kSinoScales = std::to_array<Word>({{"만", 10000}, {"억", 100000000}, {"조", 1000000000000}});
// Native numbers; longer ones first. Those of `kDeterminers` stand before a counter alone.
constexpr auto kNativeOnes = std::to_array<Word>(
    {{"하나", 1}, {"다섯", 5}, {"여섯", 6}, {"일곱", 7}, {"여덟", 8}, {"아홉", 9}, {"둘", 2}, {"셋", 3}, {"넷", 4}});
constexpr auto kDeterminers = std::to_array<Word>({{"한", 1}, {"두", 2}, {"세", 3}, {"네", 4}});
constexpr auto kNativeTens = std::to_array<Word>({{"스물", 20},
                                                  {"스무", 20},
                                                  {"서른", 30},
                                                  {"마흔", 40},
                                                  {"예순", 60},
                                                  {"일흔", 70},
                                                  {"여든", 80},
                                                  {"아흔", 90},
                                                  {"쉰", 50},
                                                  {"열", 10}});

constexpr auto kCounters = std::to_array<std::string_view>(
    {"개",   "명",     "원",   "살",   "마리", "권",   "장",   "번",   "시간", "분",   "초", "일",     "주",
     "달",   "년",     "송이", "그루", "대",   "자루", "병",   "잔",   "봉지", "상자", "컵", "판",     "조각",
     "쪽",   "페이지", "킬로", "미터", "센티", "밀리", "그램", "리터", "도",   "점",   "배", "퍼센트", "%",
     "사람", "가지",   "묶음", "줄",   "층",   "세트", "켤레", "채",   "척",   "통",   "알", "모",     "포기",
     "다발", "달러",   "유로", "엔",   "km",   "cm",   "mm",   "kg",   "m",    "g",    "L"});
constexpr auto kEndings = std::to_array<std::string_view>({"입니다", "이다", "이에요", "예요", "이요", "이고", "이며",
                                                           "임", "이 ", "가 ", "을", "를", "은 ", "는 ", "으로", "로"});

// Sections of four digits, each with its scale.
class KoreanNumber {
 public:
  explicit KoreanNumber(std::string_view text) : text_(text) {}

  std::optional<NumberWord> run() {
    while (step()) {
      ++parts_;
      complete_ = at_;
    }
    const auto value = this->value();
    if (parts_ == 0 || !value || (arabic_ && !scaled_)) return std::nullopt;
    return NumberWord{*value, complete_, clear()};
  }

 private:
  // What one syllable says alone is a word of its own more often than a number: 일, 이, 만, 열.
  bool clear() const { return !determiner_ && (parts_ > 1 || native_); }

  bool step() {
    size_t at = at_;
    if (parts_ > 0 && unit_last_ && at < text_.size() && text_[at] == ' ') ++at;
    const std::string_view rest = text_.substr(at);
    if (rest.empty()) return false;
    if (is_digit(rest[0])) return arabic(rest, at);
    if (const Word* word = begins_with(kSinoScales, rest)) return scale(*word, at);
    if (const Word* word = begins_with(kSinoUnits, rest)) return unit(*word, at);
    if (const Word* word = begins_with(kNativeTens, rest)) return native(*word, at, 100);
    if (const Word* word = begins_with(kNativeOnes, rest)) return native(*word, at, 10);
    if (const Word* word = begins_with(kSinoDigits, rest)) return digit(*word, at);
    if (const Word* word = begins_with(kDeterminers, rest)) {
      if (!native(*word, at, 10)) return false;
      return determiner_ = true;
    }
    return false;
  }

  void take(size_t at, size_t bytes, bool unit) {
    at_ = at + bytes;
    unit_last_ = unit;
  }

  bool arabic(std::string_view rest, size_t at) {
    if (current_ || native_) return false;
    size_t end = 0;
    std::string digits;
    while (end < rest.size() && (is_digit(rest[end]) || ((rest[end] == ',' || rest[end] == '.') &&
                                                         end + 1 < rest.size() && is_digit(rest[end + 1])))) {
      if (rest[end] != ',') digits += rest[end];
      ++end;
    }
    current_ = from_digits(digits);
    if (!current_) return false;
    arabic_ = true;
    take(at, end, false);
    return true;
  }

  bool digit(const Word& word, size_t at) {
    if (current_ || native_ || (word.value == 0 && parts_ > 0)) return false;
    current_ = Exact{word.value, 1};
    take(at, word.text.size(), false);
    return true;
  }

  bool unit(const Word& word, size_t at) {
    if (native_ || word.value >= last_unit_) return false;
    const auto term = product(current_.value_or(Exact{1, 1}), Exact{word.value, 1});
    const auto section = term ? sum(section_, *term) : std::nullopt;
    if (!section) return false;
    section_ = *section;
    current_.reset();
    last_unit_ = word.value;
    scaled_ = true;
    take(at, word.text.size(), true);
    return true;
  }

  bool scale(const Word& word, size_t at) {
    if (native_ || word.value >= last_scale_) return false;
    auto before = current_ ? sum(section_, *current_) : std::optional(section_);
    if (before && before->numerator == 0) before = Exact{1, 1};  // 만 원
    const auto term = before ? product(*before, Exact{word.value, 1}) : std::nullopt;
    const auto total = term ? sum(total_, *term) : std::nullopt;
    if (!total) return false;
    total_ = *total;
    section_ = {};
    current_.reset();
    last_unit_ = kNoUnit;
    last_scale_ = word.value;
    scaled_ = true;
    take(at, word.text.size(), true);
    return true;
  }

  // Tens (below 100) may be followed by ones (below 10).
  bool native(const Word& word, size_t at, int64_t below) {
    if (current_ || below >= last_native_ || last_unit_ <= 10) return false;
    const auto section = sum(section_, Exact{word.value, 1});
    if (!section) return false;
    section_ = *section;
    last_native_ = below;
    native_ = true;
    take(at, word.text.size(), false);
    return true;
  }

  std::optional<Exact> value() const {
    const auto section = current_ ? sum(section_, *current_) : std::optional(section_);
    return section ? sum(total_, *section) : std::nullopt;
  }

  static constexpr int64_t kNoUnit = 10000;
  std::string_view text_;
  Exact total_{}, section_{};
  std::optional<Exact> current_;
  int64_t last_unit_ = kNoUnit, last_scale_ = int64_t{1} << 60, last_native_ = 1000;
  size_t at_ = 0, complete_ = 0;
  int parts_ = 0;
  bool unit_last_ = false, arabic_ = false, scaled_ = false, native_ = false, determiner_ = false;
};

}  // namespace

std::optional<NumberWord> english_number(std::string_view text) {
  EnglishNumber number;
  std::optional<NumberWord> found;
  int words = 0;
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    while (end < text.size() && is_letter(text[end])) ++end;
    const std::string_view word = text.substr(at, end - at);
    if (!(word == "and" && words > 0) && !number.add(word)) break;
    ++words;
    if (word != "and" && number.complete()) found = NumberWord{{number.value(), 1}, end, words > 1 || word != "one"};
    if (end == text.size() || (text[end] != ' ' && text[end] != '-')) break;
    at = end + 1;
  }
  return found;
}

std::optional<NumberWord> korean_number(std::string_view text) {
  return KoreanNumber(text).run();
}

bool korean_number_ends(std::string_view rest, bool needs_counter) {
  const bool spaced = rest.starts_with(' ');
  const std::string_view next = spaced ? rest.substr(1) : rest;
  const auto begins = [&](std::string_view word) { return next.starts_with(word); };
  const bool counter = std::any_of(kCounters.begin(), kCounters.end(), begins);
  if (needs_counter) return counter;
  if (rest.empty() || spaced || counter || !is_letter(rest[0])) return true;
  return std::any_of(kEndings.begin(), kEndings.end(), [&](std::string_view ending) {
    // A particle of one syllable ends its word.
    return rest.starts_with(ending) || (ending.ends_with(' ') && rest == ending.substr(0, ending.size() - 1));
  });
}

}  // namespace jamsu::tasks
