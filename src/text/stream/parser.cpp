#include "text/stream/parser.h"

#include "text/stream/family.h"
#include "text/stream/formats.h"
#include "unicode/utf8.h"

namespace jamsu::text {

StreamParser::StreamParser(StreamFormat format, const StreamOptions& options, StreamSink& sink)
    : family_(format_row(format).make(format, options, sink)) {}
StreamParser::StreamParser(StreamFormat format, bool in_reasoning, StreamSink& sink)
    : StreamParser(format, StreamOptions{.in_reasoning = in_reasoning, .lenient = false}, sink) {}
StreamParser::StreamParser(StreamParser&&) noexcept = default;
StreamParser& StreamParser::operator=(StreamParser&&) noexcept = default;
StreamParser::~StreamParser() = default;

void StreamParser::push(std::string_view piece) {
  if (!incomplete_.empty()) {
    incomplete_ += piece;
    piece = incomplete_;
  }
  size_t last = piece.size();  // where the last character begins
  while (last > 0 && piece.size() - last < 4 && unicode::is_utf8_continuation(piece[last - 1])) --last;
  if (last > 0) --last;
  const std::string_view end = piece.substr(last);
  const bool whole = end.empty() || unicode::utf8_step(end).kind != unicode::Utf8Step::incomplete;
  const std::string_view ready = whole ? piece : piece.substr(0, last);
  std::string rest(whole ? std::string_view() : end);
  if (unicode::is_valid_utf8(ready)) {
    family_->push(ready);
  } else {
    family_->push(unicode::to_valid_utf8(ready));
  }
  incomplete_ = std::move(rest);
}

bool StreamParser::in_reasoning() const {
  return family_->in_reasoning();
}

StreamEnd StreamParser::finish() {
  if (!incomplete_.empty()) family_->push(unicode::to_valid_utf8(incomplete_));
  return family_->finish();
}

}  // namespace jamsu::text
