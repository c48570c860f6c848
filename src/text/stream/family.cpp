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
  for (size_t at = s.find('<'); at != std::string_view::npos; at = s.find('<', at + 1)) {
    const std::string_view rest = s.substr(at);
    for (const Marker& m : wanted) {
      if (rest.starts_with(m.text)) return {at, &m};
      if (!last && m.text.starts_with(rest)) return {at, nullptr};
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

ThinkFamily::ThinkFamily(StreamSink& sink, bool in_reasoning, const Tags& tags)
    : StreamFamily(sink), tags_(tags), in_reasoning_(in_reasoning), tail_(tags.before, tags.most_before) {
  start_markers_ = {{kThink, "<think>"}};
  reasoning_markers_ = {{kThinkEnd, "</think>"}};
  if (!tags.end_of_sequence.empty()) {
    reasoning_markers_.push_back(end_of_sequence());
    content_markers_.push_back(end_of_sequence());
  }
  if (!tags.section.empty()) {
    if (tags.section_in_reasoning) reasoning_markers_.push_back({kSection, tags.section});
    content_markers_.push_back({kSection, tags.section});
  }
}

std::span<const StreamFamily::Marker> ThinkFamily::markers() const {
  if (stage_ == Stage::start) return start_markers_;
  if (stage_ == Stage::reasoning) return reasoning_markers_;
  if (stage_ == Stage::content) return content_markers_;
  return section_markers();
}

// There is no <think>: what was held is text of what comes first.
void ThinkFamily::begin() {
  stage_ = in_reasoning_ ? Stage::reasoning : Stage::content;
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

size_t ThinkFamily::text(std::string_view s) {
  if (stage_ == Stage::section) return section_text(s);
  if (stage_ == Stage::start) {
    if (blank_.size() + s.size() > kMostWhiteSpace || !trim_left(s).empty()) {
      begin();
      return 0;
    }
    blank_ += s;
  } else {
    pass(s);
  }
  return s.size();
}

void ThinkFamily::marker(const Marker& m) {
  const auto out = [this](std::string_view t) { emit(t); };
  if (m.id == kEndOfSequence) return stop();
  if (stage_ == Stage::section) return section_marker(m);
  switch (m.id) {
    case kThink:
      blank_.clear();
      stage_ = Stage::reasoning;
      return;
    case kThinkEnd:
      tail_.release(out);
      stage_ = Stage::content;
      return;
    case kSection: {
      const std::string before = tail_.take(out);
      stage_ = Stage::section;
      return section_begin(before);
    }
    default:
      JAMSU_CHECK(false);
  }
}

void ThinkFamily::end() {
  if (stage_ == Stage::start) begin();
  if (stage_ == Stage::section) return section_end_of_text();
  if (stage_ == Stage::reasoning) truncate();
  tail_.release([this](std::string_view t) { emit(t); });
}

}  // namespace jamsu::text
