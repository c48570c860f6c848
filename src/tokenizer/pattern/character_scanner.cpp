#include "tokenizer/pattern/character_scanner.h"

#include <algorithm>

#include "unicode/unicode.h"
#include "unicode/utf8.h"

namespace jamsu::tokenizer {
namespace {

// The end of the characters from `at` on that `holds` of.
template <class Predicate>
size_t run(std::string_view text, size_t at, const Predicate& holds) {
  while (at < text.size()) {
    const unicode::Decoded d = unicode::decode_valid(text.data() + at);
    if (!holds(d.c)) break;
    at += d.bytes;
  }
  return at;
}

class CharacterScanner final : public PatternScanner {
 public:
  explicit CharacterScanner(bool (*is_match)(char32_t)) : is_match_(is_match) {}
  void scan(std::string_view text, Sink sink) const override {
    for (size_t at = 0; at < text.size();) {
      const size_t gap = at;
      at = run(text, at, [this](char32_t c) { return !is_match_(c); });
      if (gap < at) sink(text.substr(gap, at - gap), false);
      if (at == text.size()) return;
      const size_t bytes = unicode::decode_valid(text.data() + at).bytes;
      sink(text.substr(at, bytes), true);
      at += bytes;
    }
  }

 private:
  bool (*is_match_)(char32_t);
};

class WordScanner final : public PatternScanner {
 public:
  void scan(std::string_view text, Sink sink) const override {
    const auto kind = [](char32_t c) { return unicode::is_word(c) ? 0 : unicode::is_space(c) ? 1 : 2; };
    for (size_t at = 0; at < text.size();) {
      const size_t begin = at;
      const int first = kind(unicode::decode_valid(text.data() + at).c);
      at = run(text, at, [&](char32_t c) { return kind(c) == first; });
      sink(text.substr(begin, at - begin), first != 1);
    }
  }
};

class LengthScanner final : public PatternScanner {
 public:
  explicit LengthScanner(size_t characters) : characters_(characters) {}
  void scan(std::string_view text, Sink sink) const override {
    for (size_t at = 0; at < text.size();) {
      const size_t begin = at;
      for (size_t n = 0; n < characters_ && at < text.size(); ++n) at += unicode::decode_valid(text.data() + at).bytes;
      sink(text.substr(begin, at - begin), true);
    }
  }

 private:
  size_t characters_;
};

class LiteralScanner final : public PatternScanner {
 public:
  explicit LiteralScanner(std::string_view needle) : needle_(needle) {}
  void scan(std::string_view text, Sink sink) const override {
    size_t gap = 0;
    for (size_t at = text.find(needle_); at != std::string_view::npos; at = text.find(needle_, gap)) {
      if (gap < at) sink(text.substr(gap, at - gap), false);
      gap = at + needle_.size();
      sink(text.substr(at, needle_.size()), true);
    }
    if (gap < text.size()) sink(text.substr(gap), false);
  }

 private:
  std::string needle_;
};

}  // namespace

std::shared_ptr<const PatternScanner> make_character_scanner(bool (*is_match)(char32_t)) {
  return std::make_shared<CharacterScanner>(is_match);
}
std::shared_ptr<const PatternScanner> make_word_scanner() {
  return std::make_shared<WordScanner>();
}
std::shared_ptr<const PatternScanner> make_length_scanner(size_t characters) {
  return std::make_shared<LengthScanner>(characters);
}
std::shared_ptr<const PatternScanner> make_literal_scanner(std::string_view text) {
  return std::make_shared<LiteralScanner>(text);
}

}  // namespace jamsu::tokenizer
