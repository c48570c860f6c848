#include "jinja/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "unicode/utf8.h"

namespace jamsu::jinja {
namespace {

class Writer {
 public:
  struct Style {
    bool ascii = false, sorted = false;
    std::optional<std::string> indent;
    std::string item = ", ", key = ": ";
  };
  Writer(Budget& budget, Style style) : budget_(budget), style_(std::move(style)) {}

  std::string run(const Value& value) {
    write(value);
    return std::move(out_);
  }

 private:
  void add(std::string_view text) {
    budget_.work(text.size());
    budget_.require(out_.size() + text.size());
    out_ += text;
  }

  void new_line() {
    if (!style_.indent) return;
    add("\n");
    for (int i = 0; i < level_; ++i) add(*style_.indent);
  }

  static std::string real(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
    return float_repr(value);
  }

  void string(const std::string& text) {
    budget_.work(text.size());
    add("\"");
    size_t begin = 0;  // of what is copied as it is
    for (size_t at = 0; at < text.size();) {
      const auto byte = static_cast<unsigned char>(text[at]);
      if (byte >= 0x20 && byte != '"' && byte != '\\' && (byte < 0x80 || !style_.ascii)) {
        ++at;
        continue;
      }
      add(std::string_view(text).substr(begin, at - begin));
      const unicode::Decoded d = unicode::decode_valid(text.data() + at);
      add(escaped(d.c));
      begin = at += d.bytes;
    }
    add(std::string_view(text).substr(begin));
    add("\"");
  }

  static std::string escaped(char32_t c) {
    static constexpr std::string_view kFrom = "\"\\\b\f\n\r\t", kTo = "\"\\bfnrt";
    const size_t simple = c < 0x80 ? kFrom.find(static_cast<char>(c)) : std::string_view::npos;
    if (simple != std::string_view::npos) return {'\\', kTo[simple]};
    const auto n = static_cast<uint32_t>(c);
    if (n < 0x10000) return fmt::format("\\u{:04x}", n);
    return fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + ((n - 0x10000) >> 10), 0xDC00 + (n & 0x3FF));
  }

  std::string key(const Value& value) {
    switch (value.kind()) {
      case Kind::string:
        return value.text();
      case Kind::none:
        return "null";
      case Kind::boolean:
        return value.boolean() ? "true" : "false";
      case Kind::integer:
        return to_text(budget_, value);
      case Kind::real:
        return real(value.real());
      default:
        fail("TypeError", "keys must be str, int, float, bool or None, not " + type_name(value));
    }
  }

  template <class Items, class F>
  void group(char open, char close, const Items& items, const F& one) {
    add({&open, 1});
    ++level_;
    bool first = true;
    for (const auto& item : items) {
      if (!first) add(style_.item);
      first = false;
      new_line();
      one(item);
    }
    --level_;
    if (!items.empty()) new_line();
    add({&close, 1});
  }

  void write(const Value& value) {
    budget_.step();
    const Budget::Nest nest(budget_);
    switch (value.kind()) {
      case Kind::none:
        add("null");
        return;
      case Kind::boolean:
        add(value.boolean() ? "true" : "false");
        return;
      case Kind::integer:
        add(to_text(budget_, value));
        return;
      case Kind::real:
        add(real(value.real()));
        return;
      case Kind::string:
        string(value.text());
        return;
      case Kind::list:
      case Kind::tuple:
        group('[', ']', value.items(), [&](const Value& item) { write(item); });
        return;
      case Kind::dict: {
        auto entries = value.entries().entries;
        if (style_.sorted)
          std::stable_sort(entries.begin(), entries.end(),
                           [&](const auto& a, const auto& b) { return less(budget_, a.first, b.first); });
        group('{', '}', entries, [&](const auto& entry) {
          string(key(entry.first));
          add(style_.key);
          write(entry.second);
        });
        return;
      }
      default:
        fail("TypeError", "Object of type " + type_name(value) + " is not JSON serializable");
    }
  }

  Budget& budget_;
  const Style style_;
  std::string out_;
  int level_ = 0;
};

class Reader {
 public:
  Reader(Interpreter& in, std::string_view text) : in_(in), text_(text) {}

  Value run() {
    Value value = read();
    space();
    if (at_ < text_.size()) error("Extra data");
    return value;
  }

 private:
  [[noreturn]] void error(const char* what) const { fail("JSONDecodeError", fmt::format("{}: char {}", what, at_)); }
  void space() {
    while (at_ < text_.size() && std::string_view(" \t\n\r").find(text_[at_]) != std::string_view::npos) ++at_;
  }
  bool take(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  Value read() {
    in_.budget().step();
    const Budget::Nest nest(in_.budget());
    space();
    if (at_ >= text_.size()) error("Expecting value");
    switch (text_[at_]) {
      case '"':
        return in_.string(string());
      case '{':
        return object();
      case '[':
        return array();
      default:
        break;
    }
    if (take("null")) return Value::none();
    if (take("true")) return Value::boolean(true);
    if (take("false")) return Value::boolean(false);
    if (take("NaN")) return Value::real(std::numeric_limits<double>::quiet_NaN());
    if (take("Infinity")) return Value::real(std::numeric_limits<double>::infinity());
    if (take("-Infinity")) return Value::real(-std::numeric_limits<double>::infinity());
    return number();
  }

  Value object() {
    auto dict = std::make_shared<DictObject>(&in_.budget());
    ++at_;
    space();
    if (take("}")) return Value::of(Kind::dict, std::move(dict));
    while (true) {
      space();
      if (at_ >= text_.size() || text_[at_] != '"') error("Expecting property name enclosed in double quotes");
      const Value key = in_.string(string());
      space();
      if (!take(":")) error("Expecting ':' delimiter");
      dict->set(key, read());
      space();
      if (take("}")) return Value::of(Kind::dict, std::move(dict));
      if (!take(",")) error("Expecting ',' delimiter");
    }
  }

  Value array() {
    std::vector<Value> items;
    ++at_;
    space();
    if (take("]")) return in_.list({});
    while (true) {
      items.push_back(read());
      in_.budget().require(items.size() * sizeof(Value));
      space();
      if (take("]")) return in_.list(std::move(items));
      if (!take(",")) error("Expecting ',' delimiter");
    }
  }

  // After "\u": its value, or an error.
  char32_t unit() {
    uint32_t value = 0;
    if (at_ + 4 > text_.size()) error("Invalid \\uXXXX escape");
    const auto read = std::from_chars(text_.data() + at_, text_.data() + at_ + 4, value, 16);
    if (read.ptr != text_.data() + at_ + 4) error("Invalid \\uXXXX escape");
    at_ += 4;
    return value;
  }

  std::string string() {
    std::string out;
    for (++at_; at_ < text_.size();) {
      const char c = text_[at_];
      if (static_cast<unsigned char>(c) < 0x20) error("Invalid control character");
      ++at_;
      if (c == '"') {
        in_.budget().work(out.size());
        return out;
      }
      if (c != '\\') {
        out += c;
        continue;
      }
      if (at_ >= text_.size()) break;
      const char escape = text_[at_++];
      static constexpr std::string_view kFrom = "\"\\/bfnrt", kTo = "\"\\/\b\f\n\r\t";
      if (const size_t simple = kFrom.find(escape); simple != std::string_view::npos) {
        out += kTo[simple];
      } else if (escape == 'u') {
        char32_t scalar = unit();
        if (scalar >= 0xD800 && scalar < 0xDC00 && take("\\u")) {
          const char32_t low = unit();
          if (low < 0xDC00 || low > 0xDFFF) error("lone surrogate");
          scalar = 0x10000 + ((scalar - 0xD800) << 10) + (low - 0xDC00);
        }
        if (scalar >= 0xD800 && scalar < 0xE000) error("lone surrogate");
        unicode::append_utf8(out, scalar);
      } else {
        error("Invalid \\escape");
      }
    }
    error("Unterminated string");
  }

  // -?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?
  Value number() {
    const size_t begin = at_;
    const auto digits = [&] {
      const size_t from = at_;
      while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
      return at_ - from;
    };
    take("-");
    const size_t whole = at_;
    if (!take("0") && !digits()) error("Expecting value");
    const std::string_view integer = text_.substr(whole, at_ - whole);
    bool real = false;
    size_t end = at_;
    if (take(".")) {
      if (digits()) {
        real = true;
        end = at_;
      }
      at_ = end;
    }
    if (take("e") || take("E")) {
      if (!take("+")) take("-");
      if (digits()) {
        real = true;
        end = at_;
      }
      at_ = end;
    }
    if (!real) {
      const Integer value = Integer::parse(integer, 10);
      return Value::big(in_.budget(), whole > begin ? -value : value);
    }
    double value = 0;
    const auto read = std::from_chars(text_.data() + begin, text_.data() + end, value);
    if (read.ec == std::errc::result_out_of_range)
      value = (whole > begin ? -1 : 1) * out_of_range_real(text_.substr(begin, end - begin));
    return Value::real(value);
  }

  Interpreter& in_;
  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

Value tojson(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("tojson", arguments, {"ensure_ascii", "indent", "separators", "sort_keys"});
  Writer::Style style;
  style.ascii = p.flag(0);
  style.sorted = p.flag(3);
  if (p.has(1) && !p[1].is_none()) {
    if (p[1].is_string()) {
      style.indent = p[1].text();
    } else {
      const int64_t width = std::max<int64_t>(0, p.integer(1));
      if (static_cast<uint64_t>(width) > in.budget().limits().memory_bytes)
        in.budget().require(in.budget().limits().memory_bytes + 1);
      in.budget().require(static_cast<size_t>(width));
      style.indent = std::string(static_cast<size_t>(width), ' ');
    }
    style.item = ",";
  }
  if (p.has(2) && !p[2].is_none()) {
    const std::vector<Value> separators = in.iterate(p[2]);
    if (separators.size() != 2 || !separators[0].is_string() || !separators[1].is_string())
      fail("TypeError", "tojson: separators are not two strings");
    style.item = separators[0].text();
    style.key = separators[1].text();
  }
  return in.string(Writer(in.budget(), std::move(style)).run(value));
}

Value from_json(Interpreter& in, std::string_view text) {
  in.budget().work(text.size());
  return Reader(in, text).run();
}

}  // namespace jamsu::jinja
