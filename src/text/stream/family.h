#pragma once
// What the formats share: finding markers in text that comes in pieces; reasoning before content.
#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/stream/parser.h"
#include "text/stream/text.h"

namespace jamsu::text {

// A family names the markers of its state; push cuts the text at the first place where one stands, so that every cut of
// the text finds the same. Where one marker begins another, the longer one is named first.
class StreamFamily {
 public:
  struct Marker {
    int id;
    std::string_view text;
  };

  explicit StreamFamily(StreamSink& sink) : sink_(sink) {}
  StreamFamily(const StreamFamily&) = delete;
  StreamFamily& operator=(const StreamFamily&) = delete;
  virtual ~StreamFamily() = default;

  void push(std::string_view text);  // valid UTF-8
  StreamEnd finish();
  virtual bool in_reasoning() const = 0;

 protected:
  virtual std::span<const Marker> markers() const = 0;  // those that count in this state
  // Text without markers. Returns how much of it was taken: less than all after a change of state.
  virtual size_t text(std::string_view s) = 0;
  virtual void marker(const Marker& m) = 0;
  virtual void end() = 0;  // of the text; once more when it calls again
  // A marker that the text's end cuts off is dropped, not text.
  virtual bool drops_pieces() const { return false; }

  void stop() { stopped_ = true; }                // an end-of-sequence token: what follows is ignored
  void again(std::string_view s) { again_ = s; }  // the end of what was taken is read once more
  void drop() { ++end_.dropped; }
  void truncate() { end_.truncated = true; }

  StreamSink& sink_;

 private:
  struct Found {
    size_t at;
    const Marker* marker;  // null: one may have begun at `at`, or there is none and `at` is the size
  };
  Found find(std::string_view s, bool last) const;
  void run(bool last);
  bool put_back();

  std::string buffer_;  // between two calls of push at most a marker that has begun
  size_t at_ = 0;       // what was taken of it
  std::string again_;
  StreamEnd end_;
  bool stopped_ = false;
};

// Reasoning, then content, both with sections inside. A family derives from it with its section's states; alone it is
// the format `think`.
class ThinkFamily : public StreamFamily {
 public:
  struct Tags {
    std::vector<std::string_view> think = {"<think>"};  // one that begins another comes behind it
    std::string_view think_end = "</think>";            // empty: there is no reasoning
    std::string_view content = {};  // the mark of content ends reasoning too, if its end was left out
    bool think_again = false;       // reasoning may begin within content too; an end that nothing began says nothing
    std::vector<std::string_view> sections = {};
    std::vector<std::string_view> ends = {};       // of the sequence
    std::vector<std::string_view> passed = {};     // marks around content that say nothing ("<|START_RESPONSE|>")
    bool section_in_reasoning = true;              // strict rules: a section ends reasoning
    HeldTail::Kind before = HeldTail::Kind::none;  // what belongs to the section when it stands before it
    size_t most_before = 0;
  };
  ThinkFamily(StreamSink& sink, const StreamOptions& options, Tags tags);
  bool in_reasoning() const final;

 protected:
  // Of a table's row, those that are not empty.
  template <size_t N>
  static std::vector<std::string_view> filled(const std::array<std::string_view, N>& words) {
    std::vector<std::string_view> some;
    for (const std::string_view word : words)
      if (!word.empty()) some.push_back(word);
    return some;
  }

  enum Id : int { kThink, kThinkEnd, kSection, kEndOfSequence, kPassed, kOwn };
  // undecided: reasoning with a section in it, which is a call if no end of reasoning follows.
  enum class Stage : uint8_t { start, reasoning, undecided, content, section };

  std::span<const Marker> markers() const final;
  size_t text(std::string_view s) final;
  void marker(const Marker& m) final;
  void end() final;

  // Content may begin with a section that has no marker: true takes it for one, and the text is then the section's.
  virtual bool section_of_content(std::string_view /*first*/) { return false; }
  // Within a section; `before` is what stood before its marker. Markers include the end of sequence where it counts.
  virtual std::span<const Marker> section_markers() const { return {}; }
  virtual void section_begin(std::string_view /*before*/, std::string_view /*mark*/) {}
  virtual size_t section_text(std::string_view s) { return s.size(); }
  virtual void section_marker(const Marker& /*m*/) {}
  virtual void section_end_of_text() {}
  void leave_section() { stage_ = Stage::content; }
  bool in_section() const { return stage_ == Stage::section; }
  bool lenient() const { return lenient_; }
  void add_ends(std::vector<Marker>& markers) const;  // those of the sequence

 private:
  void enter(Stage stage);
  void begin();
  void pass(std::string_view s);
  void emit(std::string_view s);
  size_t hold(std::string_view s);

  Tags tags_;
  bool in_reasoning_, lenient_;
  bool thought_ = false;  // reasoning has begun, or a call: an end of reasoning that nobody began is text
  bool fresh_ = true;     // no content has come since the beginning, or since reasoning ended
  Stage stage_ = Stage::start;
  std::string blank_;  // white space before <think>
  std::string held_;   // undecided: what may be a call
  HeldTail tail_;
  std::vector<Marker> start_markers_, reasoning_markers_, undecided_markers_, content_markers_, unopened_markers_;
};

using FamilyPtr = std::unique_ptr<StreamFamily>;
FamilyPtr make_think(StreamFormat format, const StreamOptions& options, StreamSink& sink);
FamilyPtr make_hermes(StreamFormat format, const StreamOptions& options, StreamSink& sink);
FamilyPtr make_sections(StreamFormat format, const StreamOptions& options, StreamSink& sink);
FamilyPtr make_dsml(StreamFormat format, const StreamOptions& options, StreamSink& sink);
FamilyPtr make_harmony(StreamFormat format, const StreamOptions& options, StreamSink& sink);
FamilyPtr make_tagged(StreamFormat format, const StreamOptions& options, StreamSink& sink);
FamilyPtr make_block(StreamFormat format, const StreamOptions& options, StreamSink& sink);
FamilyPtr make_functionary(StreamFormat format, const StreamOptions& options, StreamSink& sink);
FamilyPtr make_minimax_m3(StreamFormat format, const StreamOptions& options, StreamSink& sink);
FamilyPtr make_mistral(StreamFormat format, const StreamOptions& options, StreamSink& sink);

}  // namespace jamsu::text
