#include "jinja/format_spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "jinja/strings.h"
#include "unicode/utf8.h"

namespace jamsu::jinja {
namespace {

constexpr int64_t kMostPrecision = 300;

void require_precision(int64_t precision) {
  if (precision > kMostPrecision) fail("LimitError", "a precision in a format is too large");
}

std::string with_commas(std::string digits) {
  for (size_t at = digits.size(); at > 3;) digits.insert(at -= 3, ",");
  return digits;
}

// Digits of |value| and the prefix that `alternate` asks for.
std::string integer_digits(const Integer& value, const FormatSpec& spec, std::string& prefix) {
  const Integer magnitude = value.negative() ? -value : value;
  const unsigned base = spec.type == 'x' || spec.type == 'X' ? 16 : spec.type == 'o' ? 8 : spec.type == 'b' ? 2 : 10;
  if (base == 10) return spec.grouped ? with_commas(magnitude.text()) : magnitude.text();
  if (spec.alternate) prefix = std::string("0") + spec.type;
  return magnitude.text(base, spec.type == 'X');
}

std::string real_digits(double magnitude, const FormatSpec& spec) {
  if (std::isnan(magnitude)) return "nan";
  if (std::isinf(magnitude)) return "inf";
  require_precision(spec.precision);
  const int precision = spec.precision < 0 ? 6 : static_cast<int>(spec.precision);
  std::string out;
  switch (spec.type) {
    case 'f':
    case 'F':
      out = fmt::format("{:.{}f}", magnitude, precision);
      break;
    case '%':
      out = fmt::format("{:.{}f}%", magnitude * 100, precision);
      break;
    case 'e':
    case 'E':
      out = fmt::format("{:.{}e}", magnitude, precision);
      break;
    case 'g':
    case 'G':
      out = fmt::format("{:.{}g}", magnitude, precision == 0 ? 1 : precision);
      break;
    default:
      out = spec.precision < 0 ? float_repr(magnitude)
                               : fmt::format("{:.{}g}", magnitude, precision == 0 ? 1 : precision);
  }
  if (spec.type == 'E' || spec.type == 'G')
    for (char& c : out) c = c == 'e' ? 'E' : c;
  if (!spec.grouped) return out;
  const size_t whole = out.find_first_not_of("0123456789");
  return with_commas(out.substr(0, whole)) + (whole == std::string::npos ? "" : out.substr(whole));
}

std::string aligned(Interpreter& in, const FormatSpec& spec, std::string_view head, std::string_view text,
                    char otherwise) {
  const char align = spec.align ? spec.align : otherwise;
  const std::string joined = std::string(head) + std::string(text);
  if (align == '=')
    return std::string(head) + pad(in.budget(), text, spec.width - static_cast<int64_t>(head.size()), spec.fill, 1);
  if (align == '^') {
    const int64_t missing = spec.width - count_characters(joined);
    if (missing <= 0) return joined;
    const std::string left = pad(in.budget(), joined, count_characters(joined) + missing / 2, spec.fill, 1);
    return pad(in.budget(), left, spec.width, spec.fill, -1);
  }
  return pad(in.budget(), joined, spec.width, spec.fill, align == '<' ? -1 : 1);
}

}  // namespace

int64_t read_number(std::string_view text, size_t& at) {
  int64_t value = 0;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
    value = value * 10 + (text[at++] - '0');
    if (value > kMostWidth) fail("LimitError", "a width in a format is too large");
  }
  return value;
}

std::string format_number(Interpreter& in, const Value& value, const FormatSpec& spec, bool whole) {
  std::string prefix, digits;
  bool negative = false;
  if (whole) {
    const Integer number = value.is(Kind::real) ? Integer::from_real(value.real()) : value.integer();
    negative = number.negative();
    digits = integer_digits(number, spec, prefix);
  } else {
    negative = std::signbit(value.real());
    digits = real_digits(std::fabs(value.real()), spec);
  }
  std::string head = negative ? "-" : spec.sign == '+' ? "+" : spec.sign == ' ' ? " " : "";
  return aligned(in, spec, head + prefix, digits, '>');
}

std::string format_text(Interpreter& in, std::string text, const FormatSpec& spec, char otherwise) {
  if (spec.precision >= 0) text.resize(offset_of(text, spec.precision));
  return aligned(in, spec, "", text, otherwise);
}

bool is_real_type(char type) {
  return std::string_view("eEfFgG%").find(type) != std::string_view::npos;
}

FormatSpec read_spec(std::string_view text) {
  FormatSpec spec;
  size_t at = 0;
  const auto is_align = [&](size_t i) {
    return i < text.size() && std::string_view("<>^=").find(text[i]) != std::string_view::npos;
  };
  if (!text.empty()) {
    const size_t n = unicode::decode_valid(text.data()).bytes;
    if (is_align(n)) {
      spec.fill = std::string(text.substr(0, n));
      spec.align = text[n];
      at = n + 1;
    } else if (is_align(0)) {
      spec.align = text[at++];
    }
  }
  if (at < text.size() && std::string_view("+- ").find(text[at]) != std::string_view::npos) spec.sign = text[at++];
  if (at < text.size() && text[at] == '#') {
    spec.alternate = true;
    ++at;
  }
  if (at < text.size() && text[at] == '0') {
    if (!spec.align) {
      spec.fill = "0";
      spec.align = '=';
    }
    ++at;
  }
  spec.width = read_number(text, at);
  if (at < text.size() && text[at] == ',') {
    spec.grouped = true;
    ++at;
  }
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (at >= text.size() || text[at] < '0' || text[at] > '9') fail("ValueError", "Format specifier missing precision");
    spec.precision = read_number(text, at);
  }
  if (at < text.size()) spec.type = text[at++];
  if (at < text.size()) fail("ValueError", "Invalid format specifier");
  return spec;
}

}  // namespace jamsu::jinja
