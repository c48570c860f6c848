#include "tokenizer/pattern/regex_properties.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

#include "unicode/unicode.h"

namespace jamsu::tokenizer {
namespace {

using unicode::Category;
using unicode::CategorySet;

// Ranges of a class, without its brackets.
std::string ranges_of(const std::function<bool(char32_t)>& has) {
  std::string out;
  const auto add = [&out](char32_t first, char32_t last) {
    out += fmt::format("\\x{{{:X}}}", static_cast<uint32_t>(first));
    if (last > first) out += fmt::format("-\\x{{{:X}}}", static_cast<uint32_t>(last));
  };
  std::optional<char32_t> first;
  for (char32_t c = 0; c <= 0x110000; ++c) {
    const bool in = c < 0x110000 && (c < 0xD800 || c > 0xDFFF) && has(c);
    if (in && !first) first = c;
    if (!in && first) add(*std::exchange(first, std::nullopt), c - 1);
  }
  return out;
}

// \w outside a class asks a table of Latin-1 that has superscripts and fractions besides.
bool is_word_alone(char32_t c) {
  return unicode::is_word_of_oniguruma(c) || c == 0xB2 || c == 0xB3 || c == 0xB9 || (c >= 0xBC && c <= 0xBE);
}

constexpr CategorySet kCased = unicode::category_set(Category::Lu, Category::Ll, Category::Lt);
struct Name {
  std::string_view name;  // in small letters
  CategorySet set;
};
constexpr Name kNames[] = {
    {"l", unicode::kLetter},
    {"letter", unicode::kLetter},
    {"lc", kCased},
    {"m", unicode::kMark},
    {"mark", unicode::kMark},
    {"n", unicode::kNumber},
    {"number", unicode::kNumber},
    {"p", unicode::kPunctuation},
    {"punctuation", unicode::kPunctuation},
    {"s", unicode::kSymbol},
    {"symbol", unicode::kSymbol},
    {"z", unicode::category_set(Category::Zl, Category::Zp, Category::Zs)},
    {"c", unicode::category_set(Category::Cc, Category::Cf, Category::Cn, Category::Co, Category::Cs)},
};
// In the order of Category.
constexpr std::string_view kTwoLetters[] = {"cn", "cc", "cf", "co", "cs", "ll", "lm", "lo", "lt", "lu",
                                            "mc", "me", "mn", "nd", "nl", "no", "pc", "pd", "pe", "pf",
                                            "pi", "po", "ps", "sc", "sk", "sm", "so", "zl", "zp", "zs"};

std::function<bool(char32_t)> in_set(CategorySet set) {
  return [set](char32_t c) { return (set >> static_cast<int>(unicode::category(c)) & 1) != 0; };
}

// Ranges of the property, or none where our tables do not have it. `name`: as in \p{name}, without a ^.
std::optional<std::string> property(std::string_view name) {
  std::string plain;
  for (const char c : name)
    if (c != ' ' && c != '_' && c != '-') plain += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (plain == "han")
    return ranges_of([](char32_t c) { return (unicode::unicode_properties()[c] & unicode::kFlagHan) != 0; });
  if (const auto* known =
          std::find_if(std::begin(kNames), std::end(kNames), [&](const Name& n) { return n.name == plain; });
      known != std::end(kNames))
    return ranges_of(in_set(known->set));
  if (const auto* known = std::find(std::begin(kTwoLetters), std::end(kTwoLetters), plain);
      known != std::end(kTwoLetters))
    return ranges_of(in_set(CategorySet{1} << (known - std::begin(kTwoLetters))));
  return {};
}

class Rewriter {
 public:
  explicit Rewriter(std::string_view pattern) : pattern_(pattern) {}

  std::string run() {
    while (at_ < pattern_.size()) {
      const char c = pattern_[at_];
      if (c == '\\' && at_ + 1 < pattern_.size()) {
        escape();
      } else if (c == '[' && depth_ > 0 && pattern_.substr(at_).starts_with("[:")) {
        copy(std::min(pattern_.find(":]", at_), pattern_.size() - 2) + 2 - at_);
      } else {
        if (c == '[') ++depth_;
        if (c == ']' && depth_ > 0) --depth_;
        copy(1);
      }
    }
    return std::move(out_);
  }

 private:
  void copy(size_t bytes) {
    out_ += pattern_.substr(at_, bytes);
    at_ += bytes;
  }
  void write(const std::string& ranges, bool negated) {
    if (depth_ > 0 && !negated)
      out_ += ranges;
    else
      out_.append(negated ? "[^" : "[").append(ranges).append("]");
  }
  const std::string& ranges(const std::string& name, const std::function<std::string()>& make) {
    const auto [found, is_new] = made_.try_emplace(name);
    if (is_new) found->second = make();
    return found->second;
  }

  void escape() {
    const char kind = pattern_[at_ + 1];
    const auto word = [this] {
      return depth_ > 0 ? ranges("[\\w]", [] { return ranges_of(unicode::is_word_of_oniguruma); })
                        : ranges("\\w", [] { return ranges_of(is_word_alone); });
    };
    switch (kind) {
      case 'p':
      case 'P':
        return braces(kind == 'P');
      case 'd':
      case 'D':
        at_ += 2;
        return write(ranges("\\d", [] { return ranges_of(in_set(unicode::category_set(Category::Nd))); }), kind == 'D');
      case 'w':
      case 'W':
        at_ += 2;
        return write(word(), kind == 'W');
      case 'b':
      case 'B': {
        if (depth_ > 0) return copy(2);  // a backspace
        at_ += 2;
        const std::string w = "[" + word() + "]";
        const char* form = kind == 'b' ? "(?:(?<={0})(?!{0})|(?<!{0})(?={0}))" : "(?:(?<={0})(?={0})|(?<!{0})(?!{0}))";
        out_ += fmt::format(fmt::runtime(form), w);
        return;
      }
      default:
        return copy(2);
    }
  }

  void braces(bool negated) {
    const size_t open = at_ + 2, close = pattern_.find('}', at_);
    if (open >= pattern_.size() || pattern_[open] != '{' || close == std::string_view::npos) return copy(2);
    std::string_view name = pattern_.substr(open + 1, close - open - 1);
    if (name.starts_with('^')) {
      negated = !negated;
      name.remove_prefix(1);
    }
    const std::string& text = ranges("\\p{" + std::string(name) + "}", [name] { return property(name).value_or(""); });
    if (text.empty()) return copy(close + 1 - at_);
    at_ = close + 1;
    write(text, negated);
  }

  std::string_view pattern_;
  size_t at_ = 0;
  int depth_ = 0;  // of classes
  std::string out_;
  std::map<std::string, std::string> made_;
};

}  // namespace

std::string with_own_properties(std::string_view pattern) {
  if (pattern.find("[]") != std::string_view::npos || pattern.find("[^]") != std::string_view::npos)
    return std::string(pattern);
  return Rewriter(pattern).run();
}

}  // namespace jamsu::tokenizer
