#include "text/stream/literals.h"

#include <array>
#include <boost/json/parse.hpp>
#include <charconv>

#include "text/stream/text.h"
#include "unicode/utf8.h"

namespace jamsu::text {
namespace {

constexpr std::string_view kGemmaQuote = "<|\"|>";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '.' || c == '-' ||
         static_cast<unsigned char>(c) >= 0x80;
}

// -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?
bool is_json_number(std::string_view s) {
  const auto digits = [&] {
    const size_t before = s.size();
    while (!s.empty() && is_digit(s[0])) s.remove_prefix(1);
    return before - s.size();
  };
  if (s.starts_with('-')) s.remove_prefix(1);
  const bool zero = s.starts_with('0');
  if (const size_t n = digits(); n == 0 || (zero && n > 1)) return false;
  if (s.starts_with('.')) {
    s.remove_prefix(1);
    if (digits() == 0) return false;
  }
  if (s.starts_with('e') || s.starts_with('E')) {
    s.remove_prefix(1);
    if (s.starts_with('+') || s.starts_with('-')) s.remove_prefix(1);
    if (digits() == 0) return false;
  }
  return s.empty();
}

struct Word {
  std::string_view written, json;
};
constexpr std::array<Word, 3> kJsonWords{{{"true", "true"}, {"false", "false"}, {"null", "null"}}};
constexpr std::array<Word, 3> kPythonWords{{{"True", "true"}, {"False", "false"}, {"None", "null"}}};

// The character after a backslash in a Python string; what is no escape keeps its backslash.
void append_escape(std::string_view& s, std::string& out) {
  static constexpr std::string_view kFrom = "\\'\"abfnrtv0", kTo("\\'\"\a\b\f\n\r\t\v\0", 11);
  const char c = s[0];
  const size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
  if (const size_t i = kFrom.find(c); i != std::string_view::npos) {
    out += kTo[i];
    s.remove_prefix(1);
  } else if (c == '\n') {
    s.remove_prefix(1);
  } else if (uint32_t code = 0;
             digits > 0 && s.size() > digits &&
             std::from_chars(s.data() + 1, s.data() + 1 + digits, code, 16).ptr == s.data() + 1 + digits) {
    const bool character = code < 0xD800 || (code > 0xDFFF && code < 0x110000);
    unicode::append_utf8(out, character ? static_cast<char32_t>(code) : U'\uFFFD');
    s.remove_prefix(1 + digits);
  } else {
    out += '\\';
  }
}

}  // namespace

void LiteralReader::skip_space() {
  at_ = text_.size() - trim_left(text_.substr(at_)).size();
}

bool LiteralReader::take(std::string_view mark) {
  skip_space();
  if (!text_.substr(at_).starts_with(mark)) return false;
  at_ += mark.size();
  return true;
}

bool LiteralReader::over() {
  skip_space();
  return at_ == text_.size();
}

std::string_view LiteralReader::word() {
  skip_space();
  const size_t begin = at_;
  while (at_ < text_.size() && is_word(text_[at_])) ++at_;
  return text_.substr(begin, at_ - begin);
}

// A quote ends a Python string where the value may end; templates write strings without escapes ('it's').
bool LiteralReader::closes(std::string_view quote) const {
  const std::string_view rest = trim_left(text_.substr(at_ + quote.size()));
  return rest.empty() || std::string_view(",)]}:=").find(rest[0]) != std::string_view::npos;
}

std::optional<std::string> LiteralReader::quoted(std::string_view quote) {
  std::string out;
  at_ += quote.size();
  const bool escapes = spelling_ == Literals::python;
  while (at_ < text_.size()) {
    std::string_view rest = text_.substr(at_);
    if (rest.starts_with(quote) && (!escapes || closes(quote))) {
      at_ += quote.size();
      return out;
    }
    if (escapes && rest[0] == '\\' && rest.size() > 1) {
      rest.remove_prefix(1);
      append_escape(rest, out);
      at_ = text_.size() - rest.size();
    } else {
      out += text_[at_++];
    }
  }
  return std::nullopt;
}

// As it was written; a control character becomes its escape.
bool LiteralReader::json_string(std::string& out) {
  std::string body = "\"";
  for (size_t i = at_ + 1; i < text_.size(); ++i) {
    const char c = text_[i];
    if (static_cast<unsigned char>(c) < 0x20) {
      const std::string escaped = json_quoted(text_.substr(i, 1));
      body += std::string_view(escaped).substr(1, escaped.size() - 2);
      continue;
    }
    body += c;
    if (c == '\\' && i + 1 < text_.size()) body += text_[++i];
    if (c != '"') continue;
    at_ = i + 1;
    if (!is_json(body)) return false;
    out += body;
    return true;
  }
  at_ = text_.size();
  return false;
}

std::optional<std::string> LiteralReader::string() {
  skip_space();
  const std::string_view rest = text_.substr(at_);
  if (spelling_ == Literals::gemma && rest.starts_with(kGemmaQuote)) return quoted(kGemmaQuote);
  if (spelling_ == Literals::python) {
    for (const std::string_view quote : {"'''", "\"\"\"", "'", "\""}) {
      const bool empty = quote.size() == 3 && rest.find(quote, 3) == std::string_view::npos;
      if (rest.starts_with(quote) && !empty) return quoted(quote);
    }
    return std::nullopt;
  }
  std::string json;
  if (!rest.starts_with('"') || !json_string(json)) return std::nullopt;
  return std::string(std::string_view(boost::json::parse(json).as_string()));
}

std::optional<std::string> LiteralReader::member_name() {
  skip_space();
  if (spelling_ != Literals::gemma) return string();
  if (text_.substr(at_).starts_with(kGemmaQuote) || text_.substr(at_).starts_with('"')) return string();
  const std::string_view name = word();
  return name.empty() ? std::nullopt : std::optional<std::string>(name);
}

bool LiteralReader::members(Members& out) {
  if (!take("{")) return false;
  if (take("}")) return true;
  while (true) {
    if (!out.empty() && spelling_ != Literals::json && take("}")) return true;  // after a last comma
    auto name = member_name();
    if (!name || !take(":")) return false;
    std::string json;
    if (!value(json)) return false;
    out.emplace_back(std::move(*name), std::move(json));
    if (take("}")) return true;
    if (!take(",")) return false;
  }
}

bool LiteralReader::object(std::string& out) {
  Members all;
  if (!members(all)) return false;
  out += '{';
  for (size_t i = 0; i < all.size(); ++i) {
    if (i > 0) out += ", ";
    out += json_quoted(all[i].first) + ": " + all[i].second;
  }
  out += '}';
  return true;
}

bool LiteralReader::list(std::string& out, char close) {
  ++at_;
  out += '[';
  const std::string_view end(&close, 1);
  for (size_t count = 0; !take(end); ++count) {
    if (count > 0) {
      if (!take(",")) return false;
      if (spelling_ != Literals::json && take(end)) break;
      out += ", ";
    }
    if (!value(out)) return false;
  }
  out += ']';
  return true;
}

// A number or a word.
bool LiteralReader::bare(std::string& out) {
  const size_t begin = at_;
  while (at_ < text_.size() && (is_word(text_[at_]) || text_[at_] == '+')) ++at_;
  std::string_view written = text_.substr(begin, at_ - begin);
  for (const Word& w : kJsonWords)
    if (written == w.written) return out += w.json, true;
  if (spelling_ != Literals::json) {
    for (const Word& w : kPythonWords)
      if (written == w.written) return out += w.json, true;
    if (written.starts_with('+')) written.remove_prefix(1);
  }
  if (is_json_number(written)) return out += written, true;
  if (spelling_ != Literals::gemma) return false;
  // A string whose quotes were forgotten.
  const size_t end = text_.find_first_of(",}]", begin);
  if (end == std::string_view::npos || end == begin) return false;
  out += json_quoted(trim(text_.substr(begin, end - begin)));
  at_ = end;
  return true;
}

bool LiteralReader::value(std::string& out) {
  skip_space();
  if (at_ == text_.size() || depth_ >= kMostJsonDepth) return false;
  const char c = text_[at_];
  if (c == '{' || c == '[' || (c == '(' && spelling_ == Literals::python)) {
    ++depth_;
    const bool read = c == '{' ? object(out) : list(out, c == '[' ? ']' : ')');
    --depth_;
    return read;
  }
  const bool quote = c == '"' || (c == '\'' && spelling_ == Literals::python) ||
                     (spelling_ == Literals::gemma && text_.substr(at_).starts_with(kGemmaQuote));
  if (!quote) return bare(out);
  if (c == '"' && spelling_ != Literals::python) return json_string(out);
  const auto text = string();
  if (text) out += json_quoted(*text);
  return text.has_value();
}

std::optional<std::string> literal_to_json(std::string_view text, Literals spelling) {
  LiteralReader reader(text, spelling);
  std::string out;
  if (!reader.value(out) || !reader.over()) return std::nullopt;
  return out;
}

bool is_json(std::string_view text) {
  JsonJudge judge;
  judge.push(text);
  return judge.finish();
}

}  // namespace jamsu::text
