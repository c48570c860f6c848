#include "text/stream/text.h"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/serialize.hpp>

#include "jinja/strings.h"
#include "unicode/utf8.h"

namespace jamsu::text {
namespace {

// Where the last character of s begins. REQUIRES: s is not empty.
size_t last_character(std::string_view s) {
  size_t at = s.size() - 1;
  while (at > 0 && unicode::is_utf8_continuation(s[at])) --at;
  return at;
}

bool is_of(HeldTail::Kind kind, std::string_view character) {
  const char c = character[0];
  if (kind == HeldTail::Kind::none) return false;
  if (kind == HeldTail::Kind::line_feeds) return c == '\n';
  if (kind == HeldTail::Kind::white_space_or_ticks && c == '`') return true;
  return jinja::is_python_space(unicode::decode_valid(character.data()).c);
}

size_t tail_begin(HeldTail::Kind kind, std::string_view s) {
  size_t begin = s.size();
  while (begin > 0) {
    const size_t at = last_character(s.substr(0, begin));
    if (!is_of(kind, s.substr(at))) break;
    begin = at;
  }
  return begin;
}

}  // namespace

std::string_view trim_left(std::string_view s) {
  while (!s.empty() && is_of(HeldTail::Kind::white_space, s)) s.remove_prefix(unicode::decode_valid(s.data()).bytes);
  return s;
}
std::string_view trim_right(std::string_view s) {
  return s.substr(0, tail_begin(HeldTail::Kind::white_space, s));
}
std::string_view trim(std::string_view s) {
  return trim_right(trim_left(s));
}

std::string_view take_word(std::string_view& s) {
  s = trim_left(s);
  size_t size = 0;
  while (size < s.size() && !is_of(HeldTail::Kind::white_space, s.substr(size)))
    size += unicode::decode_valid(s.data() + size).bytes;
  const std::string_view word = s.substr(0, size);
  s.remove_prefix(size);
  return word;
}

std::string json_quoted(std::string_view s) {
  return boost::json::serialize(boost::json::string_view(s.data(), s.size()));
}

std::string_view bare_name(std::string_view s) {
  s = trim(s);
  if (s.size() >= 2 && (s[0] == '"' || s[0] == '\'') && s.back() == s[0]) s = s.substr(1, s.size() - 2);
  return s;
}

bool is_name(std::string_view s) {
  return !s.empty() && s.find_first_of("<>{}()[]\"' \t\r\n") == std::string_view::npos;
}

size_t fitting(size_t size, std::string_view s, size_t most) {
  size_t fits = std::min(s.size(), most - std::min(most, size));
  while (fits < s.size() && fits > 0 && unicode::is_utf8_continuation(s[fits])) --fits;
  return fits;
}

void HeldTail::push(std::string_view text, Emit emit) {
  const size_t begin = tail_begin(kind_, text);
  if (begin > 0) {
    release(emit);
    emit(text.substr(0, begin));
  }
  held_ += text.substr(begin);
  if (held_.size() < 2 * most_) return;
  std::string rest = take(emit);
  held_ = std::move(rest);
}

void HeldTail::release(Emit emit) {
  if (!held_.empty()) emit(held_);
  held_.clear();
}

std::string HeldTail::take(Emit emit) {
  size_t cut = held_.size() - std::min(held_.size(), most_);
  while (cut < held_.size() && unicode::is_utf8_continuation(held_[cut])) ++cut;
  if (cut > 0) emit(std::string_view(held_).substr(0, cut));
  std::string rest = held_.substr(cut);
  held_.clear();
  return rest;
}

namespace {

// Takes everything and keeps nothing.
struct Nothing {
  using error_code = boost::json::error_code;
  using string_view = boost::json::string_view;
  static constexpr size_t max_object_size = static_cast<size_t>(-1);
  static constexpr size_t max_array_size = static_cast<size_t>(-1);
  static constexpr size_t max_key_size = static_cast<size_t>(-1);
  static constexpr size_t max_string_size = static_cast<size_t>(-1);
  static bool on_document_begin(error_code&) { return true; }
  static bool on_document_end(error_code&) { return true; }
  static bool on_object_begin(error_code&) { return true; }
  static bool on_object_end(size_t, error_code&) { return true; }
  static bool on_array_begin(error_code&) { return true; }
  static bool on_array_end(size_t, error_code&) { return true; }
  static bool on_key_part(string_view, size_t, error_code&) { return true; }
  static bool on_key(string_view, size_t, error_code&) { return true; }
  static bool on_string_part(string_view, size_t, error_code&) { return true; }
  static bool on_string(string_view, size_t, error_code&) { return true; }
  static bool on_number_part(string_view, error_code&) { return true; }
  static bool on_int64(int64_t, string_view, error_code&) { return true; }
  static bool on_uint64(uint64_t, string_view, error_code&) { return true; }
  static bool on_double(double, string_view, error_code&) { return true; }
  static bool on_bool(bool, error_code&) { return true; }
  static bool on_null(error_code&) { return true; }
  static bool on_comment_part(string_view, error_code&) { return true; }
  static bool on_comment(string_view, error_code&) { return true; }
};

boost::json::parse_options judge_options() {
  boost::json::parse_options options;
  options.max_depth = kMostJsonDepth;
  return options;
}

}  // namespace

struct JsonJudge::Parser {
  boost::json::basic_parser<Nothing> json{judge_options()};
};

JsonJudge::JsonJudge() : parser_(std::make_unique<Parser>()) {}
JsonJudge::JsonJudge(JsonJudge&&) noexcept = default;
JsonJudge& JsonJudge::operator=(JsonJudge&&) noexcept = default;
JsonJudge::~JsonJudge() = default;

void JsonJudge::push(std::string_view text) {
  if (failed_) return;
  boost::json::error_code error;
  size_t taken = 0;
  if (!parser_->json.done()) taken = parser_->json.write_some(true, text.data(), text.size(), error);
  failed_ = error || text.substr(taken).find_first_not_of(" \t\r\n") != std::string_view::npos;
}

bool JsonJudge::finish() {
  if (failed_) return false;
  boost::json::error_code error;
  if (!parser_->json.done()) parser_->json.write_some(false, "", 0, error);
  return !error && parser_->json.done();
}

size_t JsonEnd::take(std::string_view s) {
  for (size_t i = 0; i < s.size() && !whole_; ++i) {
    step(s[i]);
    if (whole_) return i + 1;
  }
  return s.size();
}

void JsonEnd::step(char c) {
  if (escaped_) {
    escaped_ = false;
  } else if (in_text_) {
    escaped_ = c == '\\';
    in_text_ = c != '"';
  } else if (c == '"') {
    in_text_ = true;
  } else if (c == '{' || c == '[') {
    ++depth_;
  } else if (c == '}' || c == ']') {
    whole_ = --depth_ <= 0;
  }
}

Arguments::Arguments(StreamSink& sink, bool fenced, bool lenient)
    : sink_(&sink),
      fenced_(fenced),
      lenient_(lenient),
      tail_(fenced ? HeldTail::Kind::white_space_or_ticks : HeldTail::Kind::white_space, kMostWhiteSpace) {}

void Arguments::push(std::string_view text) {
  if (!fenced_ || opened_) return body(text);
  opening_ += opening_.empty() ? trim_left(text) : text;
  open(false);
}

// ``` or ```json at the start does not belong to the arguments.
void Arguments::open(bool last) {
  constexpr std::string_view kFence = "```json";
  if (!last && opening_.size() < kFence.size() && kFence.starts_with(opening_)) return;
  opened_ = true;
  std::string_view rest = opening_;
  if (last && lenient_ && kFence.starts_with(rest)) rest = {};
  if (rest.starts_with(kFence)) {
    rest.remove_prefix(kFence.size());
  } else if (rest.starts_with("```")) {
    rest.remove_prefix(3);
  }
  body(rest);
  opening_.clear();
}

void Arguments::body(std::string_view text) {
  if (!started_) text = trim_left(text);
  if (text.empty()) return;
  started_ = true;
  tail_.push(text, [this](std::string_view s) { emit(s); });
}

void Arguments::emit(std::string_view text) {
  sink_->call_arguments(text);
  judge_.push(text);
}

void Arguments::finish(bool complete) {
  flush(complete);
  sink_->call_end(complete, judge_.finish());
}

bool Arguments::finish_at_end() {
  flush(false);
  const bool valid = judge_.finish();
  sink_->call_end(valid, valid);
  return valid;
}

void Arguments::flush(bool complete) {
  if (fenced_ && !opened_) open(true);
  const std::string held = tail_.take([this](std::string_view s) { emit(s); });
  std::string_view rest = trim_right(held);
  if (fenced_ && rest.ends_with("```")) rest = trim_right(rest.substr(0, rest.size() - 3));
  if (fenced_ && lenient_ && !complete) rest = rest.substr(0, rest.find_last_not_of("` \t\r\n") + 1);
  if (!rest.empty()) emit(rest);
}

}  // namespace jamsu::text
