#pragma once
// Parts of the stream parsers: ends of text that are held back, arguments on their way out,
// JSON that is judged as it passes.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/function_ref.h"
#include "text/stream/parser.h"

namespace jamsu::text {

// All text here is valid UTF-8. White space is that of Python's str.
std::string_view trim_left(std::string_view s);
std::string_view trim_right(std::string_view s);
std::string_view trim(std::string_view s);
// Takes white space and a word from the start of s; empty: there is none.
std::string_view take_word(std::string_view& s);
std::string json_quoted(std::string_view s);
// A name as it stands between its marks: without white space and quotes.
std::string_view bare_name(std::string_view s);
bool is_name(std::string_view s);  // of a function: no brackets, quotes or white space
// How many bytes of s, up to the end of a character, may follow `size` bytes where `most` are allowed.
size_t fitting(size_t size, std::string_view s, size_t most);

// Holds back the end of a text while all of its characters are of one kind, `most` bytes of it: they may belong to what
// follows. What is older than that is passed on.
class HeldTail {
 public:
  enum class Kind : uint8_t { none, line_feeds, white_space, white_space_or_ticks };
  using Emit = FunctionRef<void(std::string_view)>;

  HeldTail(Kind kind, size_t most) : kind_(kind), most_(most) {}
  void push(std::string_view text, Emit emit);
  void release(Emit emit);      // it was text after all
  std::string take(Emit emit);  // it belongs to what follows; what is older than `most` goes to emit

 private:
  Kind kind_;
  size_t most_;
  std::string held_;  // up to twice `most_`, so that each byte moves once
};

// Says whether a text is one JSON value, without keeping it.
class JsonJudge {
 public:
  JsonJudge();
  JsonJudge(JsonJudge&&) noexcept;
  JsonJudge& operator=(JsonJudge&&) noexcept;
  ~JsonJudge();
  void push(std::string_view text);
  bool finish();  // once

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
  bool failed_ = false;
};

// Where an object or a list ends, in text that comes in pieces. Anything else has no end.
class JsonEnd {
 public:
  size_t take(std::string_view s);  // how much of the piece belongs to it
  bool whole() const { return whole_; }

 private:
  void step(char c);
  int64_t depth_ = 0;
  bool in_text_ = false, escaped_ = false, whole_ = false;
};

// The arguments of one call: trimmed, taken out of a code fence where the format has one, judged.
class Arguments {
 public:
  // lenient: of a fence that was cut off nothing stays (StreamOptions).
  Arguments(StreamSink& sink, bool fenced, bool lenient);
  void push(std::string_view text);
  void finish(bool complete);  // calls call_end
  bool finish_at_end();        // of a call that has no mark for its end: complete if it is JSON, which is the answer

 private:
  void open(bool last);
  void body(std::string_view text);
  void emit(std::string_view text);
  void flush(bool complete);

  StreamSink* sink_;
  bool fenced_, lenient_, opened_ = false, started_ = false;
  std::string opening_;  // what may become the fence
  HeldTail tail_;
  JsonJudge judge_;
};

}  // namespace jamsu::text
