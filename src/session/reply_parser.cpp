#include "session/reply_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace jamsu::session {
namespace {

double since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

std::string StopTexts::push(std::string piece) {
  if (texts_.empty()) return piece;
  held_ += piece;
  size_t first = std::string::npos;
  for (const std::string& text : texts_)
    if (const size_t at = held_.find(text); at < first) {
      first = at;
      met_ = text;
    }
  const size_t sure = first != std::string::npos ? first : held_.size() - longest_beginning();
  std::string out = held_.substr(0, sure);
  held_.erase(0, sure);
  return out;
}

std::string StopTexts::flush() {
  return met_.empty() ? std::exchange(held_, {}) : std::string();
}

// Bytes at the end that begin a stop text.
size_t StopTexts::longest_beginning() const {
  size_t longest = 0;
  for (const std::string& text : texts_)
    for (size_t n = std::min(text.size() - 1, held_.size()); n > longest; --n)
      if (held_.compare(held_.size() - n, n, text, 0, n) == 0) longest = n;
  return longest;
}

ReplyParser::ReplyParser(const tokenizer::Tokenizer& tokenizer, const std::vector<int32_t>& end_tokens,
                         ReplyOptions options, EventSink sink)
    : decoder_(tokenizer, false),
      end_tokens_(end_tokens),
      format_(options.format.value_or(text::StreamFormat::think)),
      has_tools_(!options.tools.empty()),
      stop_(std::move(options.stop)),
      sink_(std::move(sink)),
      tokens_(options.tokens) {
  done_.warnings = std::move(options.warnings);
  if (options.format)
    stream_.emplace(*options.format,
                    text::StreamOptions{.in_reasoning = options.in_reasoning, .tools = std::move(options.tools)},
                    *this);
}

SinkAnswer ReplyParser::push(const engine::TokenEvent& token) {
  if (over()) return SinkAnswer::stop;
  ++pushed_;
  const bool in_reasoning = stream_ && stream_->in_reasoning();
  if (in_reasoning) {
    ++done_.reasoning_tokens;
    done_.reasoning_seconds = since(start_);
  }
  if (tokens_) tell(TokenPiece{token.token, token.logprob, in_reasoning});
  if (std::find(end_tokens_.begin(), end_tokens_.end(), token.token) == end_tokens_.end())
    take(decoder_.push(token.token));
  return over() ? SinkAnswer::stop : SinkAnswer::keep;
}

void ReplyParser::finish(const engine::Finished& f) {
  if (!over()) {
    take(decoder_.flush());
    if (stream_) warn(stream_->finish());
  }
  send(stop_.flush());
  done_.reason = stop_.met().empty() ? f.reason : engine::FinishReason::stop_token;
  done_.stop = stop_.met();
  done_.error = f.error;
  done_.prompt_tokens = f.prompt_tokens;
  done_.cached_tokens = f.cached_tokens;
  done_.output_tokens = f.output_tokens;
  done_.dropped_tokens = f.dropped_tokens;
  done_.seconds = since(start_);
  sink_(done_);
}

void ReplyParser::take(const std::string& text) {
  if (text.empty()) return;
  if (stream_)
    stream_->push(text);
  else
    content(text);
}

void ReplyParser::tell(const Event& event) {
  if (!stopped_) stopped_ = sink_(event) == SinkAnswer::stop;
}

void ReplyParser::send(std::string content) {
  if (!content.empty()) tell(ContentPiece{std::move(content)});
}

// What of it a stop text has held back was none.
void ReplyParser::content_was_reasoning() {
  if (over()) return;
  send(stop_.flush());
  done_.reasoning_tokens = pushed_;
  done_.reasoning_seconds = since(start_);
  tell(ContentWasReasoning{});
}

void ReplyParser::warn(const text::StreamEnd& end) {
  if (format_ == text::StreamFormat::unknown && has_tools_)
    done_.warnings.emplace_back(
        "the model's chat template writes tool calls in marks of no format that is known here: calls, if the reply has "
        "any, are in its content");
  if (end.dropped > 0)
    done_.warnings.push_back(fmt::format("{} of the reply could not be read as {}",
                                         end.dropped == 1 ? "a call or parameter" : "calls or parameters",
                                         text::stream_format_name(format_)));
}

void ReplyParser::call_begin(const text::StreamCall& call) {
  if (stop_.met().empty()) tell(CallBegin{call});
}
void ReplyParser::call_arguments(std::string_view text) {
  if (stop_.met().empty()) tell(CallArguments{std::string(text)});
}
void ReplyParser::call_end(bool complete, bool valid) {
  if (stop_.met().empty()) tell(CallEnd{complete, valid});
}

}  // namespace jamsu::session
