// str() and repr() of values, as Python prints them.
#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>

#include "jinja/strings.h"
#include "jinja/value.h"
#include "unicode/utf8.h"

namespace jamsu::jinja {
namespace {

// Noncharacters behind which text/typed_text.h hides what a person typed: Python escapes them, and what was hidden could
// not be shown again.
bool hides_text(char32_t c) {
  return c == 0xFDD0 || c == 0xFDD1;
}

void append_quoted(std::string& out, const std::string& text) {
  const bool single = text.find('\'') != std::string::npos && text.find('"') == std::string::npos;
  const char quote = single ? '"' : '\'';
  out += quote;
  for (size_t at = 0; at < text.size();) {
    const unicode::Decoded d = unicode::decode_valid(text.data() + at);
    if (d.c == static_cast<char32_t>(quote) || d.c == '\\') {
      out += '\\';
      out += static_cast<char>(d.c);
    } else if (d.c == '\n') {
      out += "\\n";
    } else if (d.c == '\r') {
      out += "\\r";
    } else if (d.c == '\t') {
      out += "\\t";
    } else if (is_printable(d.c) || hides_text(d.c)) {
      out.append(text, at, d.bytes);
    } else if (d.c < 0x100) {
      out += fmt::format("\\x{:02x}", static_cast<uint32_t>(d.c));
    } else if (d.c < 0x10000) {
      out += fmt::format("\\u{:04x}", static_cast<uint32_t>(d.c));
    } else {
      out += fmt::format("\\U{:08x}", static_cast<uint32_t>(d.c));
    }
    at += d.bytes;
  }
  out += quote;
}

void append_items(Budget& budget, std::string& out, const Value& value) {
  bool first = true;
  for (const Value& item : value.items()) {
    if (!first) out += ", ";
    first = false;
    append_repr(budget, out, item);
  }
}

}  // namespace

double out_of_range_real(std::string_view digits) {
  const size_t e = digits.find_first_of("eE");
  const bool tiny = e != std::string_view::npos && e + 1 < digits.size() && digits[e + 1] == '-';
  return tiny ? 0.0 : std::numeric_limits<double>::infinity();
}

std::string float_repr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  const std::string_view scientific(buffer, static_cast<size_t>(end - buffer));  // -d.ddde+XX
  const size_t e = scientific.find('e');
  std::string digits;
  for (char c : scientific.substr(0, e))
    if (c >= '0' && c <= '9') digits += c;
  int exponent = 0;
  std::from_chars(buffer + e + (scientific[e + 1] == '+' ? 2 : 1), end, exponent);
  std::string out = scientific[0] == '-' ? "-" : "";
  if (exponent < -4 || exponent >= 16) {
    out += digits[0];
    if (digits.size() > 1) out += "." + digits.substr(1);
    return out + fmt::format("e{}{:02d}", exponent < 0 ? '-' : '+', std::abs(exponent));
  }
  if (exponent < 0) return out + "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  const auto whole = static_cast<size_t>(exponent) + 1;
  if (digits.size() <= whole) return out + digits + std::string(whole - digits.size(), '0') + ".0";
  return out + digits.substr(0, whole) + "." + digits.substr(whole);
}

void append_repr(Budget& budget, std::string& out, const Value& value) {
  budget.step();
  budget.require(out.size());
  const Budget::Nest nest(budget);
  switch (value.kind()) {
    case Kind::undefined:
      out += "Undefined";
      return;
    case Kind::string:
      budget.require(4 * value.text().size());
      budget.work(4 * value.text().size());
      if (value.safe()) out += "Markup(";
      append_quoted(out, value.text());
      if (value.safe()) out += ")";
      return;
    case Kind::list:
    case Kind::tuple:
      out += value.is(Kind::list) ? "[" : "(";
      append_items(budget, out, value);
      out += value.is(Kind::list) ? "]" : value.items().size() == 1 ? ",)" : ")";
      return;
    case Kind::view:
      out += type_name(value) + "([";
      append_items(budget, out, value);
      out += "])";
      return;
    case Kind::generator:
      out += "<generator object>";
      return;
    case Kind::range: {
      const ListObject& range = value.list_object();
      out += fmt::format("range({}, {}", range.start, range.stop);
      out += range.step == 1 ? ")" : fmt::format(", {})", range.step);
      return;
    }
    case Kind::dict: {
      out += '{';
      bool first = true;
      for (const auto& [key, item] : value.entries().entries) {
        if (!first) out += ", ";
        first = false;
        append_repr(budget, out, key);
        out += ": ";
        append_repr(budget, out, item);
      }
      out += '}';
      return;
    }
    default:
      append_text(budget, out, value);
  }
}

void append_text(Budget& budget, std::string& out, const Value& value) {
  switch (value.kind()) {
    case Kind::undefined:
      return;
    case Kind::none:
      out += "None";
      return;
    case Kind::boolean:
      out += value.boolean() ? "True" : "False";
      return;
    case Kind::integer:
      budget.work(value.object() ? 10000 : 1);
      out += value.object() ? value.integer().text() : std::to_string(value.small());
      return;
    case Kind::real:
      out += float_repr(value.real());
      return;
    case Kind::string:
      budget.require(value.text().size());
      out += value.text();
      return;
    case Kind::object:
      out += value.object()->repr();
      return;
    default:
      append_repr(budget, out, value);
  }
}

std::string to_text(Budget& budget, const Value& value) {
  if (value.is_string()) {
    budget.require(value.text().size());
    return value.text();
  }
  std::string out;
  append_text(budget, out, value);
  return out;
}

}  // namespace jamsu::jinja
