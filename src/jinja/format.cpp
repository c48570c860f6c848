#include "jinja/format.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "jinja/format_spec.h"
#include "jinja/strings.h"
#include "unicode/utf8.h"

namespace jamsu::jinja {
namespace {

// ---- format % values

class Percent {
 public:
  Percent(Interpreter& in, const std::string& format, const Value& values)
      : in_(in), format_(format), values_(values) {}

  std::string run() {
    std::string out;
    for (at_ = 0; at_ < format_.size();) {
      const size_t next = std::min(format_.find('%', at_), format_.size());
      out.append(format_, at_, next - at_);
      at_ = next;
      if (at_ >= format_.size()) break;
      ++at_;
      out += one();
      in_.budget().step();
      in_.budget().require(out.size());
    }
    const bool all = values_.is(Kind::tuple) ? used_ == values_.items().size() : used_ == 1 || has_items();
    if (!all && !by_name_) fail("TypeError", "not all arguments converted during string formatting");
    return out;
  }

 private:
  // What may be asked for an item is a mapping to Python, and nothing of it has to be used.
  bool has_items() const {
    return values_.is_dict() || values_.is(Kind::list) || values_.is(Kind::range) || values_.is_undefined();
  }

  Value next_value() {
    if (!values_.is(Kind::tuple)) {
      if (used_++) fail("TypeError", "not enough arguments for format string");
      return values_;
    }
    if (used_ >= values_.items().size()) fail("TypeError", "not enough arguments for format string");
    return values_.items()[used_++];
  }

  Value named_value() {
    const size_t end = format_.find(')', at_);
    if (end == std::string::npos) fail("ValueError", "incomplete format key");
    if (!values_.is_dict()) fail("TypeError", "format requires a mapping");
    const std::string key = format_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    const Value* found = values_.entries().find(key);
    if (!found) fail("KeyError", "'" + key + "'");
    by_name_ = true;
    return *found;
  }

  int64_t number() {
    if (at_ < format_.size() && format_[at_] == '*') {
      ++at_;
      const Value width = next_value();
      if (!width.is_small()) fail("TypeError", "* wants int");
      if (width.small() > kMostWidth || width.small() < -kMostWidth)
        fail("LimitError", "a width in a format is too large");
      return width.small();
    }
    return read_number(format_, at_);
  }

  std::string one() {
    FormatSpec spec;
    std::optional<Value> value;
    if (at_ < format_.size() && format_[at_] == '(') value = named_value();
    bool left = false;
    for (; at_ < format_.size() && std::string_view("-+ #0").find(format_[at_]) != std::string_view::npos; ++at_) {
      const char c = format_[at_];
      if (c == '-') left = true;
      if (c == '+' || (c == ' ' && spec.sign != '+')) spec.sign = c;
      if (c == '#') spec.alternate = true;
      if (c == '0') spec.fill = "0";
    }
    spec.width = number();
    if (spec.width < 0) {
      left = true;
      spec.width = -spec.width;
    }
    if (at_ < format_.size() && format_[at_] == '.') {
      ++at_;
      spec.precision = std::max<int64_t>(0, number());
    }
    while (at_ < format_.size() && std::string_view("hlL").find(format_[at_]) != std::string_view::npos) ++at_;
    if (at_ >= format_.size()) fail("ValueError", "incomplete format");
    spec.type = format_[at_++];
    if (spec.type == '%') return "%";
    if (left || spec.fill == " ") spec.fill = " ";
    spec.align = left ? '<' : spec.fill == "0" ? '=' : '>';
    return convert(spec, value ? *value : next_value());
  }

  std::string convert(FormatSpec spec, const Value& value) {
    switch (spec.type) {
      case 's':
      case 'r':
      case 'a': {
        std::string text;
        if (spec.type == 's') {
          text = in_.text(value);
        } else {
          append_repr(in_.budget(), text, value);
        }
        if (spec.align == '=') spec.align = '>';
        spec.fill = " ";
        return format_text(in_, std::move(text), spec, '>');
      }
      case 'c': {
        std::string text;
        if (value.is_string()) {
          text = value.text();
        } else if (value.is_small() && value.small() >= 0 && value.small() < 0x110000 &&
                   (value.small() < 0xD800 || value.small() > 0xDFFF)) {
          unicode::append_utf8(text, static_cast<char32_t>(value.small()));
        }
        if (count_characters(text) != 1) fail("TypeError", "%c requires int or char");
        spec.fill = " ";
        return format_text(in_, std::move(text), spec, '>');
      }
      case 'd':
      case 'i':
      case 'u':
      case 'x':
      case 'X':
      case 'o':
        if (value.is_undefined()) fail_undefined(value);
        if (!value.is_number() ||
            (value.is(Kind::real) &&
             (std::string_view("xXo").find(spec.type) != std::string_view::npos || !std::isfinite(value.real()))))
          fail("TypeError", fmt::format("%{} format: a real number is required, not {}", spec.type, type_name(value)));
        return format_number(in_, value, spec, true);
      default:
        if (!is_real_type(spec.type)) fail("ValueError", fmt::format("unsupported format character '{}'", spec.type));
        if (value.is_undefined()) fail_undefined(value);
        if (!value.is_number()) fail("TypeError", "must be real number, not " + type_name(value));
        return format_number(in_, value, spec, false);
    }
  }

  Interpreter& in_;
  const std::string& format_;
  const Value& values_;
  size_t at_ = 0, used_ = 0;
  bool by_name_ = false;
};

// ---- format.format(...)

std::string format_value(Interpreter& in, const Value& value, std::string_view text) {
  const FormatSpec spec = read_spec(text);
  if (value.is_number() && (!value.is(Kind::boolean) || spec.type)) {
    const bool whole = value.is_integral() && !is_real_type(spec.type);
    if (whole && spec.precision >= 0) fail("ValueError", "Precision not allowed in integer format specifier");
    if (!whole && spec.type && !is_real_type(spec.type))
      fail("ValueError", "Unknown format code for object of type 'float'");
    if (whole && spec.type == 'c') {
      if (!value.is_small() || value.small() < 0 || value.small() > 0x10FFFF)
        fail("OverflowError", "%c arg not in range(0x110000)");
      std::string character;
      const auto c = static_cast<char32_t>(value.small());
      unicode::append_utf8(character, c >= 0xD800 && c < 0xE000 ? unicode::kReplacement : c);
      return format_text(in, std::move(character), spec, '>');
    }
    if (whole && spec.type && std::string_view("dnxXob").find(spec.type) == std::string_view::npos)
      fail("ValueError", "Unknown format code for object of type 'int'");
    return format_number(in, value, spec, whole);
  }
  if (value.is_string() || value.is(Kind::boolean)) {
    if (spec.type && spec.type != 's') fail("ValueError", "Unknown format code for object of type 'str'");
    if (spec.sign != '-') fail("ValueError", "Sign not allowed in string format specifier");
    if (spec.grouped) fail("ValueError", "Cannot specify ',' with 's'.");
    if (spec.align == '=') fail("ValueError", "'=' alignment not allowed in string format specifier");
    return format_text(in, in.text(value), spec, '<');
  }
  if (!text.empty()) fail("TypeError", "unsupported format string passed to " + type_name(value) + ".__format__");
  return in.text(value);
}

class Braces {
 public:
  Braces(Interpreter& in, const Arguments& arguments) : in_(in), arguments_(arguments) {}

  std::string run(std::string_view format, int depth = 0) {
    if (depth > 2) fail("ValueError", "Max string recursion exceeded");
    std::string out;
    for (size_t at = 0; at < format.size();) {
      const char c = format[at];
      const bool doubled = at + 1 < format.size() && format[at + 1] == c;
      if ((c == '{' || c == '}') && doubled) {
        out += c;
        at += 2;
      } else if (c == '}') {
        fail("ValueError", "Single '}' encountered in format string");
      } else if (c == '{') {
        const size_t end = closing(format, at);
        out += field(format.substr(at + 1, end - at - 1), depth);
        at = end + 1;
      } else {
        out += c;
        ++at;
      }
      in_.budget().require(out.size());
    }
    in_.budget().work(format.size());
    return out;
  }

 private:
  static size_t closing(std::string_view format, size_t at) {
    int open = 0;
    for (size_t i = at; i < format.size(); ++i) {
      if (format[i] == '{') ++open;
      if (format[i] == '}' && --open == 0) return i;
    }
    fail("ValueError", "expected '}' before end of string");
  }

  std::string field(std::string_view text, int depth) {
    in_.budget().work(text.size());
    const size_t mark = text.find_first_of("!:");
    std::string_view name = text.substr(0, mark);
    std::string_view rest = mark == std::string_view::npos ? "" : text.substr(mark);
    char conversion = 0;
    if (rest.starts_with('!')) {
      if (rest.size() < 2) fail("ValueError", "end of string while looking for conversion specifier");
      conversion = rest[1];
      rest.remove_prefix(2);
      if (!rest.empty() && rest[0] != ':') fail("ValueError", "expected ':' after conversion specifier");
    }
    if (rest.starts_with(':')) rest.remove_prefix(1);
    Value value = lookup(name);
    if (conversion == 'r' || conversion == 'a') {
      std::string shown;
      append_repr(in_.budget(), shown, value);
      value = in_.string(std::move(shown));
    } else if (conversion == 's') {
      value = in_.string(in_.text(value));
    } else if (conversion) {
      fail("ValueError", "Unknown conversion specifier");
    }
    return format_value(in_, value, run(rest, depth + 1));
  }

  // 0.a[b]: the head is a place or a name, then attributes and items.
  Value lookup(std::string_view name) {
    const size_t end = std::min(name.find_first_of(".["), name.size());
    Value value = head(name.substr(0, end));
    for (size_t at = end; at < name.size();) {
      if (name[at] == '.') {
        const size_t next = std::min(name.find_first_of(".[", at + 1), name.size());
        value = in_.attribute(value, name.substr(at + 1, next - at - 1));
        at = next;
      } else {
        const size_t close = name.find(']', at);
        if (name[at] != '[' || close == std::string_view::npos) fail("ValueError", "Missing ']' in format string");
        const std::string_view key = name.substr(at + 1, close - at - 1);
        int64_t index = 0;
        const auto read = std::from_chars(key.data(), key.data() + key.size(), index);
        const bool number = !key.empty() && read.ec == std::errc() && read.ptr == key.data() + key.size();
        value = in_.item(value, number ? Value::integer(index) : in_.string(std::string(key)));
        at = close + 1;
      }
    }
    return value;
  }

  Value head(std::string_view name) {
    size_t index = 0;
    if (name.empty()) {
      index = next_++;
    } else {
      const auto read = std::from_chars(name.data(), name.data() + name.size(), index);
      if (read.ec != std::errc() || read.ptr != name.data() + name.size()) {
        for (const auto& [key, value] : arguments_.named)
          if (key == name) return value;
        fail("KeyError", "'" + std::string(name) + "'");
      }
    }
    if (index >= arguments_.positional.size())
      fail("IndexError", "Replacement index out of range for positional args tuple");
    return arguments_.positional[index];
  }

  Interpreter& in_;
  const Arguments& arguments_;
  size_t next_ = 0;
};

}  // namespace

std::string format_percent(Interpreter& in, const std::string& format, const Value& values) {
  return Percent(in, format, values).run();
}
std::string format_braces(Interpreter& in, const std::string& format, const Arguments& arguments) {
  return Braces(in, arguments).run(format);
}

}  // namespace jamsu::jinja
