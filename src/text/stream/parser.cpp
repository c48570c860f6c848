#include "text/stream/parser.h"

#include <array>

#include "base/check.h"
#include "text/stream/family.h"
#include "unicode/utf8.h"

namespace jamsu::text {
namespace {

constexpr std::array<std::string_view, kStreamFormats> kNames = {"think",    "hermes",  "deepseek_v3", "deepseek_v31",
                                                                 "dsml_v32", "dsml_v4", "kimi_k2",     "harmony"};

std::unique_ptr<StreamFamily> make(StreamFormat format, bool in_reasoning, StreamSink& sink) {
  switch (format) {
    case StreamFormat::think:
      return std::make_unique<ThinkFamily>(sink, in_reasoning, ThinkFamily::Tags{});
    case StreamFormat::hermes:
      return make_hermes(in_reasoning, sink);
    case StreamFormat::deepseek_v3:
    case StreamFormat::deepseek_v31:
    case StreamFormat::kimi_k2:
      return make_sections(format, in_reasoning, sink);
    case StreamFormat::dsml_v32:
    case StreamFormat::dsml_v4:
      return make_dsml(format, in_reasoning, sink);
    case StreamFormat::harmony:
      return make_harmony(sink);
  }
  JAMSU_CHECK(false);
}

}  // namespace

std::string_view stream_format_name(StreamFormat format) {
  return kNames[static_cast<size_t>(format)];
}

StreamFormat stream_format_of_template(std::string_view chat_template) {
  const auto has = [&](std::string_view marker) { return chat_template.find(marker) != std::string_view::npos; };
  if (has("<|channel|>") && has("<|message|>")) return StreamFormat::harmony;
  // The templates put the DSML tags together from parts.
  if (has("｜DSML｜") && has("function_calls>")) return StreamFormat::dsml_v32;
  if (has("｜DSML｜") && has("tool_calls>")) return StreamFormat::dsml_v4;
  if (has("<｜tool▁calls▁begin｜>")) return has("```json") ? StreamFormat::deepseek_v3 : StreamFormat::deepseek_v31;
  if (has("<|tool_calls_section_begin|>")) return StreamFormat::kimi_k2;
  if (has("<tool_call>")) return StreamFormat::hermes;
  return StreamFormat::think;
}

StreamParser::StreamParser(StreamFormat format, bool in_reasoning, StreamSink& sink)
    : family_(make(format, in_reasoning, sink)) {}
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
