#include "jinja/lexer.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "jinja/budget.h"
#include "unicode/unicode.h"
#include "unicode/utf8.h"

namespace jamsu::jinja {
namespace {

[[noreturn]] void syntax_error(std::string message, int line) {
  throw Failure{"TemplateSyntaxError", std::move(message), line};
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Python's \s of str: White_Space and the four separators U+001C-U+001F.
bool is_python_space(char32_t c) {
  return unicode::is_space(c) || (c >= 0x1C && c <= 0x1F);
}

// Line ends become '\n', and one at the end of the source is dropped.
std::string normal_lines(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      out += source[i];
      continue;
    }
    out += '\n';
    if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

class Lexer {
 public:
  Lexer(std::string source, size_t most_tokens) : text_(std::move(source)), most_tokens_(most_tokens) {}

  std::vector<Token> run() {
    while (at_ < text_.size()) {
      const size_t tag = find_tag(at_);
      if (tag == std::string::npos) {
        add_data(text_.substr(at_));
        at_ = text_.size();
        break;
      }
      tag_at(tag);
    }
    push(TokenKind::end, "");
    return std::move(tokens_);
  }

 private:
  void push(TokenKind kind, std::string text) {
    if (tokens_.size() >= most_tokens_) syntax_error("the template has too many tokens", line_);
    tokens_.push_back({kind, std::move(text), line_});
  }

  void count_lines(size_t begin, size_t end) {
    line_ += static_cast<int>(std::count(text_.begin() + static_cast<std::ptrdiff_t>(begin),
                                         text_.begin() + static_cast<std::ptrdiff_t>(end), '\n'));
  }

  void add_data(std::string data) {
    if (data.empty()) return;
    push(TokenKind::data, std::move(data));
  }

  size_t find_tag(size_t from) const {
    for (size_t i = text_.find('{', from); i != std::string::npos; i = text_.find('{', i + 1))
      if (i + 1 < text_.size() && (text_[i + 1] == '{' || text_[i + 1] == '%' || text_[i + 1] == '#')) return i;
    return std::string::npos;
  }

  size_t skip_space(size_t at) const {
    while (at < text_.size()) {
      const unicode::Decoded d = unicode::decode_valid(text_.data() + at);
      if (!is_python_space(d.c)) break;
      at += d.bytes;
    }
    return at;
  }

  static bool all_space(std::string_view text) {
    for (size_t at = 0; at < text.size();) {
      const unicode::Decoded d = unicode::decode_valid(text.data() + at);
      if (!is_python_space(d.c)) return false;
      at += d.bytes;
    }
    return true;
  }

  static size_t right_trimmed(std::string_view text) {
    size_t end = text.size();
    while (end > 0) {
      size_t start = end - 1;
      while (start > 0 && unicode::is_utf8_continuation(text[start])) --start;
      if (!is_python_space(unicode::decode_valid(text.data() + start).c)) break;
      end = start;
    }
    return end;
  }

  // The text before a tag, as its sign and lstrip_blocks leave it.
  std::string before_tag(size_t begin, size_t end, char sign, bool variable) const {
    std::string data = text_.substr(begin, end - begin);
    if (sign == '-') {
      data.resize(right_trimmed(data));
    } else if (sign != '+' && !variable) {
      const size_t newline = data.rfind('\n');
      const size_t line = newline == std::string::npos ? 0 : newline + 1;
      if ((line > 0 || line_starting_) && all_space(std::string_view(data).substr(line))) data.resize(line);
    }
    return data;
  }

  // What follows the start of a tag's end ("%}" with its sign): lines are counted, at_ moves behind.
  void finish_tag(size_t end, char sign, bool trim_newline) {
    size_t next = end;
    if (sign == '-') {
      next = skip_space(next);
    } else if (trim_newline && sign != '+' && next < text_.size() && text_[next] == '\n') {
      ++next;
    }
    count_lines(at_, next);
    line_starting_ = next > 0 && text_[next - 1] == '\n';
    at_ = next;
  }

  // `{%- raw -%}` at `tag`: the offset behind its "%}", or npos; `minus` when white space is eaten there.
  size_t raw_begin(size_t tag, bool& minus) const {
    size_t at = tag + 2;
    if (at < text_.size() && (text_[at] == '-' || text_[at] == '+')) ++at;
    at = skip_space(at);
    if (text_.compare(at, 3, "raw") != 0) return std::string::npos;
    at = skip_space(at + 3);
    minus = at < text_.size() && text_[at] == '-';
    if (minus) ++at;
    return text_.compare(at, 2, "%}") == 0 ? at + 2 : std::string::npos;
  }

  void tag_at(size_t tag) {
    const char kind = text_[tag + 1];
    const char sign =
        tag + 2 < text_.size() && (text_[tag + 2] == '-' || text_[tag + 2] == '+') ? text_[tag + 2] : '\0';
    add_data(before_tag(at_, tag, sign, kind == '{'));
    count_lines(at_, tag);
    at_ = tag;
    bool minus = false;
    if (kind == '%') {
      if (const size_t end = raw_begin(tag, minus); end != std::string::npos) return raw_block(end, minus);
    }
    const size_t body = tag + (sign ? 3 : 2);
    if (kind == '#') return comment(body);
    push(kind == '%' ? TokenKind::block_begin : TokenKind::variable_begin, "");
    at_ = body;
    expression(kind == '%');
  }

  void comment(size_t body) {
    const size_t end = text_.find("#}", body);
    if (end == std::string::npos) {
      if (body >= text_.size()) {
        at_ = text_.size();
        return;
      }
      syntax_error("Missing end of comment tag", line_);
    }
    const char sign = end > body && (text_[end - 1] == '-' || text_[end - 1] == '+') ? text_[end - 1] : '\0';
    finish_tag(end + 2, sign, true);
  }

  void raw_block(size_t begin, bool minus) {
    finish_tag(begin, minus ? '-' : '+', false);
    if (at_ >= text_.size()) return;
    for (size_t tag = text_.find("{%", at_); tag != std::string::npos; tag = text_.find("{%", tag + 1)) {
      size_t at = tag + 2;
      const char sign = at < text_.size() && (text_[at] == '-' || text_[at] == '+') ? text_[at++] : '\0';
      at = skip_space(at);
      if (text_.compare(at, 6, "endraw") != 0) continue;
      at = skip_space(at + 6);
      const char end_sign = at < text_.size() && (text_[at] == '-' || text_[at] == '+') ? text_[at++] : '\0';
      if (text_.compare(at, 2, "%}") != 0) continue;
      add_data(before_tag(at_, tag, sign, false));
      count_lines(at_, tag);
      at_ = tag;
      return finish_tag(at + 2, end_sign, true);
    }
    syntax_error("Missing end of raw directive", line_);
  }

  void expression(bool block) {
    std::string open;  // the closers that are awaited
    while (true) {
      const size_t next = skip_space(at_);
      count_lines(at_, next);
      at_ = next;
      if (at_ >= text_.size()) return;
      if (open.empty() && tag_end(block)) return;
      token(open);
    }
  }

  bool tag_end(bool block) {
    const std::string_view close = block ? "%}" : "}}";
    size_t at = at_;
    char sign = '\0';
    if (text_[at] == '-' || (block && text_[at] == '+')) sign = text_[at++];
    if (text_.compare(at, 2, close) != 0) return false;
    push(block ? TokenKind::block_end : TokenKind::variable_end, "");
    finish_tag(at + 2, sign, block);
    return true;
  }

  void token(std::string& open) {
    const char c = text_[at_];
    if (is_digit(c)) return number();
    if (c == '\'' || c == '"') return string(c);
    const unicode::Decoded d = unicode::decode_valid(text_.data() + at_);
    if (d.c == '_' || unicode::is_word(d.c)) return name();
    static constexpr std::array<std::string_view, 26> kOperators = {"//", "**", "==", "!=", ">=", "<=", "+", "-", "/",
                                                                    "*",  "%",  "~",  "[",  "]",  "(",  ")", "{", "}",
                                                                    ">",  "<",  "=",  ".",  ":",  "|",  ",", ";"};
    const auto op = std::find_if(kOperators.begin(), kOperators.end(),
                                 [&](std::string_view o) { return text_.compare(at_, o.size(), o) == 0; });
    if (op == kOperators.end())
      syntax_error("unexpected char '" + text_.substr(at_, d.bytes) + "' at " + std::to_string(at_), line_);
    if (*op == "(") open += ')';
    if (*op == "[") open += ']';
    if (*op == "{") open += '}';
    if (*op == ")" || *op == "]" || *op == "}") {
      if (open.empty()) syntax_error("unexpected '" + std::string(*op) + "'", line_);
      if (open.back() != (*op)[0])
        syntax_error("unexpected '" + std::string(*op) + "', expected '" + open.back() + "'", line_);
      open.pop_back();
    }
    push(TokenKind::op, std::string(*op));
    at_ += op->size();
  }

  void name() {
    const size_t begin = at_;
    while (at_ < text_.size()) {
      const unicode::Decoded d = unicode::decode_valid(text_.data() + at_);
      if (d.c != '_' && !unicode::is_word(d.c)) break;
      at_ += d.bytes;
    }
    push(TokenKind::name, text_.substr(begin, at_ - begin));
  }

  // (\d+_)*\d+ : the end of digits with single underscores between them.
  size_t digits(size_t at, std::string_view allowed = "0123456789") const {
    size_t end = at;
    while (at < text_.size()) {
      if (allowed.find(text_[at]) != std::string_view::npos) {
        end = ++at;
      } else if (text_[at] == '_' && at > 0 && text_[at - 1] != '_') {
        ++at;
      } else {
        break;
      }
    }
    return end;
  }

  size_t exponent(size_t at) const {  // behind e[+-]digits, or `at`
    if (at >= text_.size() || (text_[at] | 0x20) != 'e') return at;
    size_t next = at + 1;
    if (next < text_.size() && (text_[next] == '+' || text_[next] == '-')) ++next;
    return next < text_.size() && is_digit(text_[next]) ? digits(next) : at;
  }

  void number() {
    const size_t begin = at_;
    if (text_[begin] == '0' && begin + 1 < text_.size()) {
      const char base = static_cast<char>(text_[begin + 1] | 0x20);
      const std::string_view allowed = base == 'x'   ? "0123456789abcdefABCDEF"
                                       : base == 'o' ? "01234567"
                                       : base == 'b' ? "01"
                                                     : "";
      if (!allowed.empty()) {
        const size_t end = digits(begin + 2, allowed);
        if (end > begin + 2) return push_number(TokenKind::integer, begin, end);
      }
    }
    const size_t whole = digits(begin);
    if (begin == 0 || text_[begin - 1] != '.') {
      size_t end = whole;
      if (end + 1 < text_.size() && text_[end] == '.' && is_digit(text_[end + 1])) end = digits(end + 1);
      end = exponent(end);
      if (end > whole) return push_number(TokenKind::real, begin, end);
    }
    if (text_[begin] == '0') {  // 0(_?0)*: "012" is 0 and then 12
      return push_number(TokenKind::integer, begin, digits(begin, "0"));
    }
    push_number(TokenKind::integer, begin, whole);
  }

  void push_number(TokenKind kind, size_t begin, size_t end) {
    std::string digits_only;
    for (size_t i = begin; i < end; ++i)
      if (text_[i] != '_') digits_only += text_[i];
    push(kind, std::move(digits_only));
    at_ = end;
  }

  void string(char quote) {
    const size_t begin = at_;
    size_t at = begin + 1;
    while (at < text_.size() && text_[at] != quote) at += text_[at] == '\\' ? 2 : 1;
    if (at >= text_.size())
      syntax_error("unexpected char \"" + std::string(1, quote) + "\" at " + std::to_string(begin), line_);
    push(TokenKind::string, unescape(std::string_view(text_).substr(begin + 1, at - begin - 1)));
    count_lines(begin, at);
    at_ = at + 1;
  }

  // Python's "unicode-escape".
  std::string unescape(std::string_view s) const {
    std::string out;
    for (size_t i = 0; i < s.size(); ++i) {
      if (s[i] != '\\' || i + 1 >= s.size()) {
        out += s[i];
        continue;
      }
      const char c = s[++i];
      static constexpr std::string_view kFrom = "\\'\"abfnrtv", kTo = "\\'\"\a\b\f\n\r\t\v";
      if (const size_t simple = kFrom.find(c); simple != std::string_view::npos) {
        out += kTo[simple];
      } else if (c == '\n') {
        continue;
      } else if (c == 'x' || c == 'u' || c == 'U') {
        const size_t wanted = c == 'x' ? 2 : c == 'u' ? 4 : 8;
        append_scalar(out, s, i + 1, wanted, 16);
        i += wanted;
      } else if (c >= '0' && c <= '7') {
        size_t n = 1;
        while (n < 3 && i + n < s.size() && s[i + n] >= '0' && s[i + n] <= '7') ++n;
        append_scalar(out, s, i, n, 8);
        i += n - 1;
      } else if (c == 'N') {
        syntax_error("\\N{...} names are not supported", line_);
      } else {
        out += '\\';
        out += c;
      }
    }
    return out;
  }

  void append_scalar(std::string& out, std::string_view s, size_t at, size_t wanted, uint32_t base) const {
    uint32_t value = 0;
    for (size_t i = at; i < at + wanted; ++i) {
      const char c = i < s.size() ? s[i] : '?';
      const bool hex = (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
      if (!is_digit(c) && !hex) syntax_error("truncated escape in a string", line_);
      value = value * base + static_cast<uint32_t>(hex ? (c | 0x20) - 'a' + 10 : c - '0');
    }
    if (value >= 0xD800 && value < 0xE000) throw Failure{"UnicodeEncodeError", "lone surrogate", line_};
    if (value > 0x10FFFF) syntax_error("an escape is no Unicode scalar value", line_);
    unicode::append_utf8(out, value);
  }

  const std::string text_;
  const size_t most_tokens_;
  size_t at_ = 0;
  int line_ = 1;
  bool line_starting_ = true;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source, size_t most_tokens) {
  return Lexer(normal_lines(source), most_tokens).run();
}

std::string describe(const Token& token) {
  switch (token.kind) {
    case TokenKind::data:
      return "template data / text";
    case TokenKind::block_begin:
      return "begin of statement block";
    case TokenKind::block_end:
      return "end of statement block";
    case TokenKind::variable_begin:
      return "begin of print statement";
    case TokenKind::variable_end:
      return "end of print statement";
    case TokenKind::string:
      return "string";
    case TokenKind::integer:
      return "integer";
    case TokenKind::real:
      return "float";
    case TokenKind::end:
      return "end of template";
    case TokenKind::name:
    case TokenKind::op:
      return token.text;
  }
  return "";
}

}  // namespace jamsu::jinja
