#include "tokenizer/pattern/pattern_scanner.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "tokenizer/pattern/character_class.h"
#include "unicode/categories.h"
#include "unicode/unicode.h"
#include "unicode/unicode_tables.h"
#include "unicode/utf8.h"

namespace jamsu::tokenizer {

const std::string_view kGpt2Pattern =
    R"re('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)re";
const std::string_view kQwen2Pattern =
    R"re((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)re";

namespace {

constexpr std::string_view kLlama3Pattern =
    R"re((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)re";
constexpr std::string_view kQwen35Pattern =
    R"re((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)re";
constexpr std::string_view kTekkenPattern =
    R"re([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)re";
constexpr std::string_view kO200kPattern =
    R"re([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)re";
constexpr std::string_view kKimiPattern =
    R"re([\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)re";
// The line breaks of its first class stand raw in the file.
constexpr std::string_view kDeepseekV3Pattern =
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| "
    "?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+";

constexpr size_t kNone = static_cast<size_t>(-1);

// What a matcher sees of one text; `end` is also what `$` and (?!\S) see.
struct View {
  const char* s;
  size_t end;
  const uint8_t* properties;

  struct Char {
    char32_t c;
    uint32_t bytes;
    uint8_t property;
    bool in(unicode::CategorySet set) const { return set >> (property & 0x1F) & 1; }
    bool space() const { return property & unicode::kFlagSpace; }
    bool newline() const { return c == '\r' || c == '\n'; }
  };
  [[gnu::always_inline]] Char at(size_t i) const {
    const auto byte = static_cast<unsigned char>(s[i]);
    if (byte < 0x80) return {byte, 1, properties[byte]};
    const unicode::Decoded d = unicode::decode_valid(s + i);
    return {d.c, d.bytes, properties[d.c]};
  }
  template <class Predicate>
  size_t run(size_t i, Predicate predicate) const {
    while (i < end) {
      const Char c = at(i);
      if (!predicate(c)) break;
      i += c.bytes;
    }
    return i;
  }
  size_t run_in(size_t i, unicode::CategorySet set) const {
    return run(i, [set](Char c) { return c.in(set); });
  }
};
using Char = View::Char;

// 's|'t|'re|'ve|'m|'ll|'d at i; 0 when none. Case folding adds one letter outside ASCII: U+017F folds to s.
template <bool fold>
size_t contraction(const View& v, size_t i) {
  if (i + 1 >= v.end || v.s[i] != '\'') return 0;
  const auto lower = [&v](size_t k) -> char {
    if (k >= v.end) return 0;
    const char c = v.s[k];
    return fold && c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  };
  switch (lower(i + 1)) {
    case 's':
    case 't':
    case 'm':
    case 'd':
      return 2;
    case 'r':
    case 'v':
      return lower(i + 2) == 'e' ? 3 : 0;
    case 'l':
      return lower(i + 2) == 'l' ? 3 : 0;
    default:
      return fold && i + 2 < v.end && v.s[i + 1] == '\xC5' && v.s[i + 2] == '\xBF' ? 3 : 0;
  }
}

// \s*[\r\n]+|\s+(?!\S)|\s+ at i, where a white space stands (without the first alternative: newlines = false).
// The first gives back until the last newline of the run; the second gives back one character unless the text ends.
template <bool newlines>
size_t white_space(const View& v, size_t i) {
  size_t e = i, last = i, after_newline = 0;
  while (e < v.end) {
    const Char c = v.at(e);
    if (!c.space()) break;
    last = e;
    e += c.bytes;
    if (newlines && c.newline()) after_newline = e;
  }
  if (newlines && after_newline) return after_newline;
  return e == v.end || last == i ? e : last;
}

// Each matcher: match(v, i) = end of the match that begins at i, or kNone. REQUIRES: i < v.end.

struct Gpt2 {
  static size_t match(const View& v, size_t i) {
    if (const size_t n = contraction<false>(v, i)) return i + n;
    const size_t p = v.s[i] == ' ' && i + 1 < v.end ? i + 1 : i;
    const Char c = v.at(p);
    if (c.in(unicode::kLetter)) return v.run_in(p, unicode::kLetter);
    if (c.in(unicode::kNumber)) return v.run_in(p, unicode::kNumber);
    if (!c.space()) return v.run(p, [](Char x) { return !x.space() && !x.in(unicode::kLetter | unicode::kNumber); });
    return white_space<false>(v, i);
  }
};

// [^\s word]+[\r\n]*, with a slash among what follows or without.
template <bool slash, unicode::CategorySet word = unicode::kLetter | unicode::kNumber>
size_t other_run(const View& v, size_t p) {
  const size_t e = v.run(p, [](Char x) { return !x.space() && !x.in(word); });
  return v.run(e, [](Char x) { return x.newline() || (slash && x.c == '/'); });
}

inline size_t digits(const View& v, size_t i, int limit) {
  for (int n = 0; n < limit && i < v.end; ++n) {
    const Char c = v.at(i);
    if (!c.in(unicode::kNumber)) break;
    i += c.bytes;
  }
  return i;
}

// GPT-4 (cl100k) and its descendants: Llama 3 (three digits), Qwen 2 (one), Qwen 3.5 (marks belong to words).
template <int max_digits, unicode::CategorySet word = unicode::kLetter>
struct Cl100k {
  static size_t match(const View& v, size_t i) {
    if (const size_t n = contraction<true>(v, i)) return i + n;
    const Char c = v.at(i);
    if (c.in(unicode::kLetter)) return v.run_in(i, word);
    if (c.in(unicode::kNumber)) return digits(v, i, max_digits);
    const size_t next = i + c.bytes;
    if (!c.newline() && next < v.end && v.at(next).in(word)) return v.run_in(next, word);
    if (c.in(word)) return next;
    const size_t p = c.c == ' ' && next < v.end ? next : i;
    const Char o = v.at(p);
    if (!o.space() && !o.in(word | unicode::kNumber)) return other_run<false, word | unicode::kNumber>(v, p);
    return white_space<true>(v, i);
  }
};

// GPT-4o (o200k): words cut where a capital follows small letters. Kimi: the same outside Han, Han runs first. Tekken
// (Mistral): without contractions, one digit.
template <bool han, bool contractions = true, int max_digits = 3>
struct O200k {
  static constexpr unicode::CategorySet kCased =
      unicode::category_set(unicode::Category::Lt, unicode::Category::Lm, unicode::Category::Lo) | unicode::kMark;
  static constexpr unicode::CategorySet kUpper = kCased | unicode::category_set(unicode::Category::Lu);
  static constexpr unicode::CategorySet kLower =
      unicode::category_set(unicode::Category::Ll, unicode::Category::Lm, unicode::Category::Lo) | unicode::kMark;
  static bool upper(Char c) { return c.in(kUpper) && !(han && (c.property & unicode::kFlagHan)); }
  static bool lower(Char c) { return c.in(kLower) && !(han && (c.property & unicode::kFlagHan)); }

  // [upper]*[lower]+ from q, or kNone. The second class may take what the first gives back.
  static size_t upper_then_lower(const View& v, size_t q) {
    size_t u = q, given_back = kNone;  // end of the last character of the first run that the second class has too
    while (u < v.end) {
      const Char c = v.at(u);
      if (!upper(c)) break;
      u += c.bytes;
      if (lower(c)) given_back = u;
    }
    if (u < v.end && lower(v.at(u))) return v.run(u, lower);
    return given_back;
  }
  // [upper]+[lower]* from q, or kNone.
  static size_t upper_run(const View& v, size_t q) {
    const size_t u = v.run(q, upper);
    return u == q ? kNone : v.run(u, lower);
  }

  static size_t match(const View& v, size_t i) {
    const Char c = v.at(i);
    if (han && (c.property & unicode::kFlagHan))
      return v.run(i, [](Char x) { return (x.property & unicode::kFlagHan) != 0; });
    const bool prefix = !c.newline() && !c.in(unicode::kLetter | unicode::kNumber);
    const size_t next = i + c.bytes;
    for (const auto word : {upper_then_lower, upper_run}) {
      size_t e = prefix && next < v.end ? word(v, next) : kNone;
      if (e == kNone) e = word(v, i);
      if (e != kNone) return contractions ? e + contraction<true>(v, e) : e;
    }
    if (c.in(unicode::kNumber)) return digits(v, i, max_digits);
    const size_t p = c.c == ' ' && next < v.end ? next : i;
    const Char o = v.at(p);
    if (!o.space() && !o.in(unicode::kLetter | unicode::kNumber)) return other_run<!han>(v, p);
    return c.space() ? white_space<true>(v, i) : kNone;  // none: a Han number in a text that the first run did not take
  }
};

struct DeepseekV3 {
  static bool ascii_letter(char c) { return static_cast<unsigned>((c | 0x20) - 'a') < 26; }
  static bool ascii_punctuation(char c) {
    return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
  }
  static size_t match(const View& v, size_t i) {
    constexpr unicode::CategorySet word = unicode::kLetter | unicode::kMark,
                                   sign = unicode::kPunctuation | unicode::kSymbol;
    if (ascii_punctuation(v.s[i]) && i + 1 < v.end && ascii_letter(v.s[i + 1])) {
      size_t e = i + 2;
      while (e < v.end && ascii_letter(v.s[e])) ++e;
      return e;
    }
    const Char c = v.at(i);
    const size_t next = i + c.bytes;
    if (!c.newline() && !c.in(unicode::kLetter | sign) && next < v.end && v.at(next).in(word))
      return v.run_in(next, word);
    if (c.in(word)) return v.run_in(i, word);
    const size_t p = c.c == ' ' && next < v.end ? next : i;
    if (v.at(p).in(sign)) return v.run(v.run_in(p, sign), [](Char x) { return x.newline(); });
    return c.space() ? white_space<true>(v, i) : kNone;
  }
};

// The first bytes of the characters that a match can begin with.
class Starts {
 public:
  void add(char32_t first, char32_t last) {
    std::string low, high;
    unicode::append_utf8(low, first);
    unicode::append_utf8(high, last);
    for (unsigned byte = static_cast<unsigned char>(low[0]); byte <= static_cast<unsigned char>(high[0]); ++byte)
      is_start_[byte] = true;
  }
  // The next character at or after i that may begin a match.
  size_t next(const View& v, size_t i) const {
    while (i < v.end && !is_start_[static_cast<unsigned char>(v.s[i])]) ++i;
    return i;
  }

 private:
  std::array<bool, 256> is_start_{};
};

Starts number_starts() {
  Starts starts;
  for (const unicode::CategoryRange& r : unicode::kCategoryRanges)
    if (unicode::kNumber >> r.category & 1) starts.add(r.first, r.last);
  return starts;
}

template <int limit>
struct Digits {
  Starts starts = number_starts();
  static size_t match(const View& v, size_t i) {
    const size_t e = digits(v, i, limit);
    return e == i ? kNone : e;
  }
};

// Rust's char::is_numeric, one character a match.
struct NumericCharacter {
  Starts starts = number_starts();
  static size_t match(const View& v, size_t i) {
    const Char c = v.at(i);
    return unicode::is_numeric_17(c.c) ? i + c.bytes : kNone;
  }
};

// " {2,}": the normalizer of Unigram models makes them one.
struct Spaces {
  static size_t match(const View& v, size_t i) {
    const size_t e = std::min(std::string_view(v.s, v.end).find_first_not_of(' ', i), v.end);
    return e - i >= 2 ? e : kNone;
  }
  static size_t skip(const View& v, size_t i) { return std::min(std::string_view(v.s, v.end).find(' ', i + 1), v.end); }
};

// \s+$ where $ is Ruby's: before any \n, or at the end.
struct TrailingSpace {
  static size_t match(const View& v, size_t i) {
    size_t e = i, best = kNone;
    while (e < v.end) {
      const Char c = v.at(e);
      if (!c.space()) break;
      if (c.c == '\n' && e != i) best = e;
      e += c.bytes;
    }
    return e == v.end && e != i ? e : best;
  }
  // Where no match begins at i, none begins later in the same run of white space.
  static size_t skip(const View& v, size_t i) {
    const size_t e = v.run(i, [](Char c) { return c.space(); });
    return e != i ? e : v.run(i, [](Char c) { return !c.space(); });
  }
};

template <class Matcher>
class Scanner final : public PatternScanner {
 public:
  explicit Scanner(Matcher matcher = {}) : matcher_(std::move(matcher)) {}
  void scan(std::string_view text, Sink sink) const override { run(text, sink); }
  void cut(std::string_view text, FunctionRef<void(std::string_view)> sink) const override {
    run(text, [sink](std::string_view part, bool) { sink(part); });
  }

 private:
  template <class F>
  void run(std::string_view text, const F& sink) const {
    const View v{text.data(), text.size(), unicode::unicode_properties()};
    size_t gap = 0, i = 0;
    while (true) {
      if constexpr (requires { matcher_.starts; }) i = matcher_.starts.next(v, i);
      if (i >= v.end) break;
      const size_t e = matcher_.match(v, i);
      if (e == kNone) {
        i = after(v, i);
        continue;
      }
      if (gap < i) sink(text.substr(gap, i - gap), false);
      sink(text.substr(i, e - i), true);
      gap = i = e;
    }
    if (gap < v.end) sink(text.substr(gap), false);
  }
  // Where a match may begin, none having begun at i.
  size_t after(const View& v, size_t i) const {
    if constexpr (requires { matcher_.skip(v, i); }) {
      return matcher_.skip(v, i);
    } else {
      return i + v.at(i).bytes;
    }
  }

  Matcher matcher_;
};

// [class], [class]+, \s?[class]+ with literal characters and ranges.
struct ClassRun {
  CharacterClass set;
  bool space_before, repeated;
  Starts starts;
  size_t match(const View& v, size_t i) const {
    const Char c = v.at(i);
    if (space_before && c.space()) {
      const size_t next = i + c.bytes;
      const size_t e = v.run(next, [this](Char x) { return set.has(x.c); });
      if (e != next) return e;
    }
    if (!set.has(c.c)) return kNone;
    return repeated ? v.run(i, [this](Char x) { return set.has(x.c); }) : i + c.bytes;
  }
};

std::shared_ptr<const PatternScanner> make_class_run(std::string_view pattern) {
  const bool space_before = pattern.starts_with("\\s?");
  if (space_before) pattern.remove_prefix(3);
  const bool repeated = pattern.ends_with("]+");
  if (repeated) pattern.remove_suffix(1);
  if (space_before && !repeated) return nullptr;
  auto set = CharacterClass::parse(pattern);
  if (!set) return nullptr;
  Starts starts;
  for (const auto& range : set->ranges()) starts.add(range.first, range.last);
  for (const unicode::CodePointRange& range : unicode::kSpaceRanges)
    if (space_before) starts.add(range.first, range.last);
  return std::make_shared<Scanner<ClassRun>>(ClassRun{std::move(*set), space_before, repeated, starts});
}

}  // namespace

std::shared_ptr<const PatternScanner> make_gpt2_scanner() {
  return std::make_shared<Scanner<Gpt2>>();
}
std::shared_ptr<const PatternScanner> make_digit_scanner() {
  return std::make_shared<Scanner<NumericCharacter>>();
}

std::shared_ptr<const PatternScanner> make_known_scanner(std::string_view pattern) {
  if (pattern == kGpt2Pattern) return make_gpt2_scanner();
  if (pattern == kQwen2Pattern) return std::make_shared<Scanner<Cl100k<1>>>();
  if (pattern == kLlama3Pattern) return std::make_shared<Scanner<Cl100k<3>>>();
  if (pattern == kQwen35Pattern) return std::make_shared<Scanner<Cl100k<1, unicode::kLetter | unicode::kMark>>>();
  if (pattern == kTekkenPattern) return std::make_shared<Scanner<O200k<false, false, 1>>>();
  if (pattern == kO200kPattern) return std::make_shared<Scanner<O200k<false>>>();
  if (pattern == kKimiPattern) return std::make_shared<Scanner<O200k<true>>>();
  if (pattern == kDeepseekV3Pattern) return std::make_shared<Scanner<DeepseekV3>>();
  if (pattern == R"re(\p{N})re") return std::make_shared<Scanner<Digits<1>>>();
  if (pattern == R"re(\p{N}{1,3})re") return std::make_shared<Scanner<Digits<3>>>();
  if (pattern == R"re(\s+$)re") return std::make_shared<Scanner<TrailingSpace>>();
  if (pattern == " {2,}") return std::make_shared<Scanner<Spaces>>();
  return make_class_run(pattern);
}

}  // namespace jamsu::tokenizer
