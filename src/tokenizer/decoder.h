#pragma once
// The decoder of a tokenizer.json: how tokens become text. A chain of steps, each of which sees the strings that the
// step before made: ByteLevel, Replace, ByteFallback, Fuse, Strip, Metaspace, WordPiece, BPEDecoder; none: tokens are
// joined by spaces. As `tokenizers` does it, but in one pass, so that a reply is decoded while it is written.
#include <boost/json/fwd.hpp>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tokenizer/pattern/pattern_scanner.h"
#include "unicode/utf8_stream.h"

namespace jamsu::tokenizer {

class Decoder {
 public:
  // null: none. Errors name file and field by `where`.
  static Result<Decoder> from_json(const boost::json::value& json, const std::string& where);

  bool byte_level() const;       // ByteLevel is among them
  bool only_byte_level() const;  // and nothing else
  bool byte_fallback() const;    // ByteFallback is among them
  // What a token stands for inside a text: bytes, not necessarily complete UTF-8.
  std::string meaning(std::string_view token) const;

  // A text that is being decoded. Not thread-safe; the decoder must live as long.
  class Text {
   public:
    // exact: what `tokenizers` makes of the tokens, where each byte of a run of byte tokens that is no UTF-8 is one
    // U+FFFD; else text comes as soon as it can, and such a run becomes one U+FFFD for each maximal invalid part.
    explicit Text(bool exact = false) : exact_(exact) {}
    // Appends what the tokens so far have become, as far as no later one changes it.
    void push(const Decoder& decoder, std::string_view token, std::string& out);
    void finish(const Decoder& decoder, std::string& out);  // and the rest; begins anew

   private:
    friend class Decoder;
    struct State {
      bool started = false;   // a token has come
      bool in_token = false;  // what comes belongs to the token before
      bool in_first = false;  // to the first one
      size_t stripped = 0;    // characters taken from the token's front
      bool at_front = false;  // nothing but those has come of it
      std::string held;       // what waits for the rest of the token
      unicode::Utf8Stream bytes;
    };
    std::vector<State> states_;  // by step
    bool exact_;
  };

 private:
  enum class Kind : uint8_t { byte_level, replace, byte_fallback, fuse, strip, metaspace, word_piece, bpe, spaces };
  struct Step {
    Kind kind;
    std::string text = {};                                    // a mark, a prefix, a suffix, or what Replace writes
    std::string needle = {};                                  // of Replace for a text; empty: for a pattern
    std::shared_ptr<const PatternScanner> scanner = nullptr;  // of Replace
    char32_t stripped = 0;
    size_t start = 0, stop = 0;
    bool flag = false;  // metaspace: marks of the first token go; word_piece: spaces before punctuation go
  };
  // A part of a string between two steps.
  struct Part {
    std::string_view text;
    bool begins, ends;
  };
  class Run;
  Status add(const boost::json::value& json, const std::string& where);
  Result<Step> read_step(const boost::json::object& object, const std::string& where) const;
  std::vector<Step> steps_;
  double growth_ = 1;  // how many times longer replacements can make a text
};

// <0xNN>: the byte, else -1.
int byte_of_token(std::string_view token);

}  // namespace jamsu::tokenizer
