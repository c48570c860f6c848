// Filters on numbers.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "jinja/filters.h"
#include "jinja/strings.h"

namespace jamsu::jinja {
namespace {

// Digits with single underscores between them, without those; empty: no number.
std::string plain_digits(std::string_view text, int base) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '_') {
      if (i == 0 || i + 1 == text.size() || text[i - 1] == '_') return {};
      continue;
    }
    const char c = static_cast<char>(text[i] | 0x20);
    const int digit = text[i] >= '0' && text[i] <= '9' ? text[i] - '0' : c >= 'a' && c <= 'z' ? c - 'a' + 10 : 99;
    if (digit >= base) return {};
    out += text[i];
  }
  return out;
}

// int(text, base).
std::optional<Integer> parse_integer(std::string_view text, int64_t base) {
  const std::string plain = ascii_digits(strip(text, Sides::both));
  text = plain;
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  static constexpr std::pair<char, int> kPrefixes[] = {{'x', 16}, {'o', 8}, {'b', 2}};
  for (const auto& [letter, meant] : kPrefixes) {
    if (text.size() < 3 || text[0] != '0' || (text[1] | 0x20) != letter || (base != 0 && base != meant)) continue;
    base = meant;
    text.remove_prefix(text[2] == '_' ? 3 : 2);
    break;
  }
  if (base == 0) base = 10;
  if (base < 2 || base > 36) fail("ValueError", "int() base must be >= 2 and <= 36, or 0");
  const std::string digits = plain_digits(text, static_cast<int>(base));
  if (digits.empty()) return std::nullopt;
  const Integer value = Integer::parse(digits, static_cast<int>(base));
  return negative ? -value : value;
}

// float(text).
std::optional<double> parse_real(std::string_view text) {
  const std::string written = ascii_digits(strip(text, Sides::both));
  text = written;
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto digit = [&](size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '9'; };
    if (text[i] == '_' && i > 0 && digit(i - 1) && digit(i + 1)) continue;
    plain += text[i];
  }
  std::string_view rest = plain;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest.empty() || rest[0] == '-' || rest[0] == '+') return std::nullopt;
  double value = 0;
  const auto read = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  if (read.ptr != rest.data() + rest.size() || read.ec == std::errc::invalid_argument ||
      rest.find('(') != std::string_view::npos)
    return std::nullopt;
  if (read.ec == std::errc::result_out_of_range) value = out_of_range_real(rest);
  return negative ? -value : value;
}

Value to_int(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("int", arguments, {"default", "base"});
  const Value otherwise = p.or_else(0, Value::integer(0));
  if (value.is_undefined()) fail_undefined(value);
  if (value.is_integral()) return value.is(Kind::boolean) ? Value::integer(value.small()) : value;
  double real = 0;
  if (value.is_string()) {
    in.budget().work(value.text().size());
    if (const auto whole = parse_integer(value.text(), p.integer(1, 10))) return Value::big(in.budget(), *whole);
    const auto parsed = parse_real(value.text());
    if (!parsed || !std::isfinite(*parsed)) return otherwise;
    real = *parsed;
  } else if (value.is(Kind::real)) {
    real = value.real();
    if (std::isinf(real)) fail("OverflowError", "cannot convert float infinity to integer");
    if (std::isnan(real)) return otherwise;
  } else {
    return otherwise;
  }
  return Value::big(in.budget(), Integer::from_real(real));
}

Value to_float(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("float", arguments, {"default"});
  const Value otherwise = p.or_else(0, Value::real(0));
  if (value.is_undefined()) fail_undefined(value);
  if (value.is_number()) {
    if (!value.is(Kind::real) && std::isinf(value.real())) fail("OverflowError", "int too large to convert to float");
    return Value::real(value.real());
  }
  if (!value.is_string()) return otherwise;
  in.budget().work(value.text().size());
  const auto parsed = parse_real(value.text());
  return parsed ? Value::real(*parsed) : otherwise;
}

// round(): half to even, of the exact binary value.
Value round_common(Interpreter& in, const Value& value, int64_t precision) {
  if (value.is_integral()) {
    const Integer number = value.integer();
    if (precision >= 0) return value.is(Kind::boolean) ? Value::integer(value.small()) : value;
    if (precision < -1000) return Value::integer(0);
    in.budget().step(20'000);
    const Integer unit = Integer::power(Integer(10), static_cast<uint64_t>(-precision));
    const auto [quotient, rest] = Integer::divide(number, unit);
    const int half = Integer::compare(rest + rest, unit);
    const bool odd = !Integer::divide(quotient, Integer(2)).second.zero();
    return Value::big(in.budget(), (quotient + Integer(half > 0 || (half == 0 && odd) ? 1 : 0)) * unit);
  }
  const double real = value.real();
  if (!std::isfinite(real) || precision > 320) return value;
  if (precision < -320) return Value::real(std::copysign(0.0, real));
  if (precision < 0) {
    const double unit = std::pow(10.0, static_cast<double>(-precision));
    return Value::real(std::nearbyint(real / unit) * unit);
  }
  const std::string digits = fmt::format("{:.{}f}", real, static_cast<int>(precision));
  double rounded = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), rounded);
  return Value::real(rounded);
}

Value rounds(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("round", arguments, {"precision", "method"});
  const std::string method = p.text(1, "common");
  if (method != "common" && method != "ceil" && method != "floor")
    fail("FilterArgumentError", "method must be common, ceil or floor");
  if (value.is_undefined()) fail_undefined(value);
  if (!value.is_number()) fail("TypeError", "type " + type_name(value) + " doesn't define __round__ method");
  const int64_t precision = p.integer(0);
  if (method == "common") return round_common(in, value, precision);
  if (value.is_integral() && precision >= 0) return Value::real(value.real());  // whole already, and divided back
  const double unit = std::pow(10.0, static_cast<double>(precision)), scaled = value.real() * unit;
  if (!std::isfinite(scaled)) fail("OverflowError", "cannot convert float to integer");
  return Value::real((method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / unit);
}

Value absolute(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("abs", arguments, {});
  if (value.is_undefined()) fail_undefined(value);
  if (!value.is_number()) fail("TypeError", "bad operand type for abs(): '" + type_name(value) + "'");
  if (value.is(Kind::real)) return Value::real(std::fabs(value.real()));
  return value.integer().negative() ? negate(in, value) : Value::big(in.budget(), value.integer());
}

Value filesizeformat(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("filesizeformat", arguments, {"binary"});
  const bool binary = p.flag(0);
  Arguments none;
  if (value.is_string() && !parse_real(value.text())) fail("ValueError", "could not convert string to float");
  const Value number = value.is_string() ? to_float(in, value, none) : value;
  if (number.is_undefined()) fail_undefined(number);
  if (!number.is_number())
    fail("TypeError", "float() argument must be a string or a real number, not '" + type_name(value) + "'");
  const double bytes = number.real(), base = binary ? 1024 : 1000;
  if (!std::isfinite(bytes)) fail("OverflowError", "cannot convert float to integer");
  if (bytes == 1) return in.string("1 Byte");
  if (bytes < base) return in.string(fmt::format("{} Bytes", Integer::from_real(bytes).text()));
  const std::string_view prefixes = "kMGTPEZY";
  double unit = base;
  for (size_t i = 0; i < prefixes.size(); ++i) {
    unit *= base;
    if (bytes >= unit && i + 1 < prefixes.size()) continue;
    const char letter = binary && prefixes[i] == 'k' ? 'K' : prefixes[i];
    return in.string(fmt::format("{:.1f} {}{}B", base * bytes / unit, letter, binary ? "i" : ""));
  }
  return {};
}

struct Named {
  std::string_view name;
  FilterBody body;
};
constexpr Named kFilters[] = {
    {"int", to_int}, {"float", to_float}, {"round", rounds}, {"abs", absolute}, {"filesizeformat", filesizeformat}};

}  // namespace

FilterBody find_number_filter(std::string_view name) {
  for (const Named& filter : kFilters)
    if (filter.name == name) return filter.body;
  return nullptr;
}

}  // namespace jamsu::jinja
