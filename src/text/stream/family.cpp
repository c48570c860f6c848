#include "text/stream/family.h"

#include <algorithm>

#include "base/check.h"
#include "unicode/utf8.h"

namespace jamsu::text {
namespace {

constexpr size_t kPiece = 4096;  // so that a long text is not moved again and again

}  // namespace

void StreamFamily::push(std::string_view text) {
  while (!text.empty() && !stopped_) {
    size_t size = std::min(text.size(), kPiece);
    while (size < text.size() && unicode::is_utf8_continuation(text[size])) --size;
    buffer_ += text.substr(0, size);
    text.remove_prefix(size);
    run(false);
  }
}

StreamEnd StreamFamily::finish() {
  do {
    run(true);
    end();
  } while (put_back());
  return end_;
}

StreamFamily::Found StreamFamily::find(std::string_view s, bool last) const {
  const std::span<const Marker> wanted = markers();
  std::string firsts;  // a marker begins with one of these
  for (const Marker& m : wanted)
    if (firsts.find(m.text[0]) == std::string::npos) firsts += m.text[0];
  const auto next = [&](size_t at) { return firsts.size() == 1 ? s.find(firsts[0], at) : s.find_first_of(firsts, at); };
  for (size_t at = next(0); at != std::string_view::npos; at = next(at + 1)) {
    const std::string_view rest = s.substr(at);
    for (const Marker& m : wanted) {
      if (rest.starts_with(m.text)) return {at, &m};
      if (m.text.starts_with(rest) && (!last || drops_pieces())) return {at, nullptr};
    }
  }
  return {s.size(), nullptr};
}

void StreamFamily::run(bool last) {
  while (at_ < buffer_.size()) {
    const std::string_view rest = std::string_view(buffer_).substr(at_);
    const Found found = find(rest, last);
    if (found.at > 0) {
      at_ += text(rest.substr(0, found.at));
    } else if (found.marker) {
      const Marker m = *found.marker;
      at_ += m.text.size();
      marker(m);
    } else if (last) {
      at_ = buffer_.size();  // a piece of a marker
    } else {
      break;  // a marker has begun
    }
    put_back();
    if (stopped_ && !last) at_ = buffer_.size();  // what is read again at the end stood before it
  }
  buffer_.erase(0, at_);
  at_ = 0;
}

// In place where it was taken from this buffer, so that reading again costs its own length only.
bool StreamFamily::put_back() {
  if (again_.empty()) return false;
  if (at_ >= again_.size()) {
    at_ -= again_.size();
    buffer_.replace(at_, again_.size(), again_);
  } else {
    buffer_.replace(0, at_, again_);
    at_ = 0;
  }
  again_.clear();
  return true;
}

ThinkFamily::ThinkFamily(StreamSink& sink, const StreamOptions& options, Tags tags)
    : StreamFamily(sink),
      tags_(std::move(tags)),
      in_reasoning_(options.in_reasoning),
      lenient_(options.lenient),
      tail_(tags_.before, tags_.most_before) {
  for (const std::string_view think : tags_.think) start_markers_.push_back({kThink, think});
  for (const std::string_view end : {tags_.think_end, tags_.content})
    if (!end.empty()) undecided_markers_.push_back({kThinkEnd, end});
  for (const std::string_view section : tags_.sections) {  // before the ends: a section's mark may begin with one
    if (tags_.section_in_reasoning || lenient_) reasoning_markers_.push_back({kSection, section});
    content_markers_.push_back({kSection, section});
  }
  reasoning_markers_.insert(reasoning_markers_.end(), undecided_markers_.begin(), undecided_markers_.end());
  for (std::vector<Marker>* markers : {&reasoning_markers_, &undecided_markers_, &content_markers_}) add_ends(*markers);
  if (tags_.think_again) content_markers_.insert(content_markers_.end(), start_markers_.begin(), start_markers_.end());
  for (const std::string_view mark : tags_.passed) content_markers_.push_back({kPassed, mark});
  if (!tags_.content.empty()) content_markers_.push_back({kPassed, tags_.content});
  unopened_markers_ = content_markers_;
  if (!tags_.think_end.empty()) unopened_markers_.push_back({kThinkEnd, tags_.think_end});
  if (tags_.think_again) content_markers_.push_back({kPassed, tags_.think_end});
}

void ThinkFamily::add_ends(std::vector<Marker>& markers) const {
  for (const std::string_view end : tags_.ends) markers.push_back({kEndOfSequence, end});
}

bool ThinkFamily::in_reasoning() const {
  return stage_ == Stage::reasoning || stage_ == Stage::undecided || (stage_ == Stage::start && in_reasoning_);
}

std::span<const StreamFamily::Marker> ThinkFamily::markers() const {
  switch (stage_) {
    case Stage::start:
      return start_markers_;
    case Stage::reasoning:
      return reasoning_markers_;
    case Stage::undecided:
      return undecided_markers_;
    case Stage::content:
      return lenient_ && !thought_ ? unopened_markers_ : content_markers_;
    case Stage::section:
      break;
  }
  return section_markers();
}

void ThinkFamily::enter(Stage stage) {
  if (stage == Stage::reasoning || stage == Stage::section) thought_ = true;
  stage_ = stage;
}

// There is no <think>: what was held is text of what comes first.
void ThinkFamily::begin() {
  enter(in_reasoning_ ? Stage::reasoning : Stage::content);
  const std::string blank = std::move(blank_);
  blank_.clear();
  if (!blank.empty()) pass(blank);
}

void ThinkFamily::pass(std::string_view s) {
  tail_.push(s, [this](std::string_view t) { emit(t); });
}

void ThinkFamily::emit(std::string_view s) {
  if (stage_ == Stage::reasoning) {
    sink_.reasoning(s);
  } else {
    sink_.content(s);
  }
}

// Reasoning that is longer than a call may be is reasoning.
size_t ThinkFamily::hold(std::string_view s) {
  const size_t size = fitting(held_.size(), s, kMostBody);
  held_ += s.substr(0, size);
  if (size == s.size()) return size;
  sink_.reasoning(held_);
  held_.clear();
  stage_ = Stage::reasoning;
  return size;
}

size_t ThinkFamily::text(std::string_view s) {
  if (stage_ == Stage::section) return section_text(s);
  if (stage_ == Stage::undecided) return hold(s);
  const std::string_view first = trim_left(s);
  if (stage_ == Stage::start) {
    if (blank_.size() + s.size() > kMostWhiteSpace || !first.empty()) {
      begin();
      return 0;
    }
    blank_ += s;
    return s.size();
  }
  if (fresh_ && stage_ == Stage::content && !first.empty()) {
    fresh_ = false;
    if (section_of_content(first)) {
      const size_t blank = s.size() - first.size();
      pass(s.substr(0, blank));
      const std::string before = tail_.take([this](std::string_view t) { emit(t); });
      enter(Stage::section);
      section_begin(before, {});
      return blank;
    }
  }
  pass(s);
  return s.size();
}

void ThinkFamily::marker(const Marker& m) {
  const auto out = [this](std::string_view t) { emit(t); };
  if (m.id == kEndOfSequence) return stop();
  if (stage_ == Stage::section) return section_marker(m);
  switch (m.id) {
    case kThink:
      blank_.clear();
      tail_.release(out);
      return enter(Stage::reasoning);
    case kThinkEnd:
      if (stage_ == Stage::undecided) {
        sink_.reasoning(held_);
        held_.clear();
      }
      tail_.release(out);
      if (!thought_) sink_.content_was_reasoning();
      thought_ = fresh_ = true;
      stage_ = Stage::content;
      return;
    case kSection: {
      const std::string before = tail_.take(out);
      if (stage_ == Stage::reasoning && lenient_) {
        held_ = before + std::string(m.text);
        stage_ = Stage::undecided;
        return;
      }
      enter(Stage::section);
      return section_begin(before, m.text);
    }
    case kPassed:
      return tail_.release(out);
    default:
      JAMSU_CHECK(false);
  }
}

void ThinkFamily::end() {
  if (stage_ == Stage::start) begin();
  if (stage_ == Stage::section) return section_end_of_text();
  if (stage_ == Stage::undecided) {  // no end of reasoning has come: the calls are calls
    again(held_);
    held_.clear();
    stage_ = Stage::content;
    return;
  }
  if (stage_ == Stage::reasoning) truncate();
  tail_.release([this](std::string_view t) { emit(t); });
}

FamilyPtr make_think(StreamFormat /*format*/, const StreamOptions& options, StreamSink& sink) {
  return std::make_unique<ThinkFamily>(sink, options, ThinkFamily::Tags{});
}

}  // namespace jamsu::text
