#pragma once
// What the formats share: finding markers in text that comes in pieces; reasoning before content.
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/stream/parser.h"
#include "text/stream/text.h"

namespace jamsu::text {

// A family names the markers of its state; push cuts the text at them. A marker starts with '<' and has no other '<',
// so the first one in a text is the same for every cut.
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

// Reasoning, then content, both with one kind of section inside. A family derives from it with its section's states;
// alone it is the format `think`.
class ThinkFamily : public StreamFamily {
 public:
  struct Tags {
    std::string_view section = {};  // empty: none
    std::string_view end_of_sequence = {};
    bool section_in_reasoning = true;              // a section ends reasoning
    HeldTail::Kind before = HeldTail::Kind::none;  // what belongs to the section when it stands before it
    size_t most_before = 0;
  };
  ThinkFamily(StreamSink& sink, bool in_reasoning, const Tags& tags);
  bool in_reasoning() const final { return stage_ == Stage::reasoning || (stage_ == Stage::start && in_reasoning_); }

 protected:
  enum Id : int { kThink, kThinkEnd, kSection, kEndOfSequence, kOwn };
  enum class Stage : uint8_t { start, reasoning, content, section };

  std::span<const Marker> markers() const final;
  size_t text(std::string_view s) final;
  void marker(const Marker& m) final;
  void end() final;

  // Within a section; `before` is what stood before its marker. Markers include the end of sequence where it counts.
  virtual std::span<const Marker> section_markers() const { return {}; }
  virtual void section_begin(std::string_view /*before*/) {}
  virtual size_t section_text(std::string_view s) { return s.size(); }
  virtual void section_marker(const Marker& /*m*/) {}
  virtual void section_end_of_text() {}
  void leave_section() { stage_ = Stage::content; }
  bool in_section() const { return stage_ == Stage::section; }
  Marker end_of_sequence() const { return {kEndOfSequence, tags_.end_of_sequence}; }

 private:
  void begin();
  void pass(std::string_view s);
  void emit(std::string_view s);

  Tags tags_;
  bool in_reasoning_;
  Stage stage_ = Stage::start;
  std::string blank_;  // white space before <think>
  HeldTail tail_;
  std::vector<Marker> start_markers_, reasoning_markers_, content_markers_;
};

std::unique_ptr<StreamFamily> make_sections(StreamFormat format, bool in_reasoning, StreamSink& sink);
std::unique_ptr<StreamFamily> make_dsml(StreamFormat format, bool in_reasoning, StreamSink& sink);
std::unique_ptr<StreamFamily> make_hermes(bool in_reasoning, StreamSink& sink);
std::unique_ptr<StreamFamily> make_harmony(StreamSink& sink);

}  // namespace jamsu::text
