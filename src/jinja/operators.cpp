// + - * / // % ** and `in`, as Python has them.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "jinja/eval.h"
#include "jinja/format.h"
#include "jinja/strings.h"

namespace jamsu::jinja {
namespace {

[[noreturn]] void unsupported(std::string_view op, const Value& a, const Value& b) {
  const std::string shown = op == "**" ? "** or pow()" : std::string(op);
  fail("TypeError",
       fmt::format("unsupported operand type(s) for {}: '{}' and '{}'", shown, type_name(a), type_name(b)));
}

// A number in arithmetic with floats.
double real_of(const Value& a) {
  const double real = a.real();
  if (std::isinf(real) && !a.is(Kind::real)) fail("OverflowError", "int too large to convert to float");
  return real;
}

bool both_integral(const Value& a, const Value& b) {
  return a.is_integral() && b.is_integral();
}

Value repeat(Interpreter& in, const Value& sequence, const Value& times) {
  if (!times.is_small()) fail("OverflowError", "cannot fit 'int' into an index-sized integer");
  const int64_t n = std::max<int64_t>(0, times.small());
  const size_t size = sequence.is_string() ? sequence.text().size() : sequence.items().size() * sizeof(Value);
  Budget& budget = in.budget();
  if (size && static_cast<uint64_t>(n) > budget.limits().memory_bytes / size)
    budget.require(budget.limits().memory_bytes + 1);
  budget.require(size * static_cast<size_t>(n));
  if (sequence.is_string()) {
    std::string out;
    if (size) out.reserve(size * static_cast<size_t>(n));
    for (int64_t i = 0; size && i < n; ++i) out += sequence.text();
    return in.string(std::move(out), sequence.safe());
  }
  std::vector<Value> out;
  for (int64_t i = 0; size && i < n; ++i) out.insert(out.end(), sequence.items().begin(), sequence.items().end());
  return Value::sequence(budget, sequence.kind(), std::move(out));
}

bool repeats(const Value& a) {
  return a.is_string() || a.is(Kind::list) || a.is(Kind::tuple);
}

Value multiply(Interpreter& in, const Value& a, const Value& b) {
  if (both_integral(a, b)) {
    int64_t product = 0;
    if (a.is_small() && b.is_small() && !__builtin_mul_overflow(a.small(), b.small(), &product))
      return Value::integer(product);
    in.budget().step(100);
    return Value::big(in.budget(), a.integer() * b.integer());
  }
  if (a.is_number() && b.is_number()) return Value::real(real_of(a) * real_of(b));
  if (repeats(a) && b.is_integral()) return repeat(in, a, b);
  if (repeats(b) && a.is_integral()) return repeat(in, b, a);
  if (repeats(a)) fail("TypeError", "can't multiply sequence by non-int of type '" + type_name(b) + "'");
  if (repeats(b)) fail("TypeError", "can't multiply sequence by non-int of type '" + type_name(a) + "'");
  unsupported("*", a, b);
}

Value subtract(Interpreter& in, const Value& a, const Value& b) {
  if (both_integral(a, b)) {
    int64_t difference = 0;
    if (a.is_small() && b.is_small() && !__builtin_sub_overflow(a.small(), b.small(), &difference))
      return Value::integer(difference);
    in.budget().step(10);
    return Value::big(in.budget(), a.integer() - b.integer());
  }
  if (a.is_number() && b.is_number()) return Value::real(real_of(a) - real_of(b));
  unsupported("-", a, b);
}

struct Quotient {
  double floor, rest;
};

// float.__divmod__.
Quotient divide_reals(double a, double b) {
  double rest = std::fmod(a, b), quotient = (a - rest) / b;
  if (rest != 0) {
    if ((b < 0) != (rest < 0)) {
      rest += b;
      quotient -= 1;
    }
  } else {
    rest = std::copysign(0.0, b);
  }
  if (quotient == 0) return {std::copysign(0.0, a / b), rest};
  double whole = std::floor(quotient);
  if (quotient - whole > 0.5) whole += 1;
  return {whole, rest};
}

// Floor division, or its remainder.
Value divide(Interpreter& in, std::string_view op, const Value& a, const Value& b) {
  const bool remainder = op == "%";
  if (both_integral(a, b)) {
    if (!truthy(b))
      fail("ZeroDivisionError", remainder ? "integer modulo by zero" : "integer division or modulo by zero");
    if (a.is_small() && b.is_small() && !(a.small() == INT64_MIN && b.small() == -1)) {
      int64_t quotient = a.small() / b.small(), rest = a.small() % b.small();
      if (rest != 0 && (rest < 0) != (b.small() < 0)) {
        rest += b.small();
        --quotient;
      }
      return Value::integer(remainder ? rest : quotient);
    }
    in.budget().step(10'000);  // schoolbook, bit by bit
    const auto [quotient, rest] = Integer::divide(a.integer(), b.integer());
    return Value::big(in.budget(), remainder ? rest : quotient);
  }
  if (!a.is_number() || !b.is_number()) unsupported(op, a, b);
  if (b.real() == 0) fail("ZeroDivisionError", remainder ? "float modulo" : "float floor division by zero");
  const Quotient q = divide_reals(real_of(a), real_of(b));
  return Value::real(remainder ? q.rest : q.floor);
}

Value true_divide(Interpreter& in, const Value& a, const Value& b) {
  if (!a.is_number() || !b.is_number()) unsupported("/", a, b);
  if (b.real() == 0)
    fail("ZeroDivisionError", a.is(Kind::real) || b.is(Kind::real) ? "float division by zero" : "division by zero");
  const auto is_exact = [](const Value& v) { return v.is_small() && std::abs(v.small()) <= int64_t{1} << 53; };
  if (!both_integral(a, b) || (is_exact(a) && is_exact(b))) return Value::real(real_of(a) / real_of(b));
  in.budget().step(20'000);
  const double ratio = truthy(a) ? Integer::ratio(a.integer(), b.integer()) : 0.0;
  if (std::isinf(ratio)) fail("OverflowError", "integer division result too large for a float");
  return Value::real(ratio);
}

Value power(Interpreter& in, const Value& a, const Value& b) {
  if (!a.is_number() || !b.is_number()) unsupported("**", a, b);
  if (both_integral(a, b) && b.is_small() && b.small() >= 0) {
    in.budget().step(2'000);
    return Value::big(in.budget(), Integer::power(a.integer(), static_cast<uint64_t>(b.small())));
  }
  if (both_integral(a, b) && !b.integer().negative()) fail("OverflowError", "the exponent is too large");
  const double base = real_of(a), exponent = real_of(b);
  if (base == 0 && exponent < 0) fail("ZeroDivisionError", "0.0 cannot be raised to a negative power");
  if (base < 0 && std::isfinite(exponent) && exponent != std::floor(exponent))
    fail("TypeError", "complex numbers are not supported");
  const double result = std::pow(base, exponent);
  if (std::isinf(result) && std::isfinite(base) && std::isfinite(exponent))
    fail("OverflowError", "(34, 'Numerical result out of range')");
  return Value::real(result);
}

}  // namespace

Value add(Interpreter& in, const Value& a, const Value& b) {
  if (both_integral(a, b)) {
    int64_t sum = 0;
    if (a.is_small() && b.is_small() && !__builtin_add_overflow(a.small(), b.small(), &sum)) return Value::integer(sum);
    in.budget().step(10);
    return Value::big(in.budget(), a.integer() + b.integer());
  }
  for (const Value* v : {&a, &b})
    if (v->is_undefined()) fail_undefined(*v);
  if (a.is_number() && b.is_number()) return Value::real(real_of(a) + real_of(b));
  if (a.is_string() && b.is_string()) {
    in.budget().require(a.text().size() + b.text().size());
    if (a.safe() == b.safe()) return in.string(a.text() + b.text(), a.safe());
    return in.string((a.safe() ? a.text() : escape_html(in.budget(), a.text())) +
                         (b.safe() ? b.text() : escape_html(in.budget(), b.text())),
                     true);
  }
  const bool sequence = a.is(Kind::list) || a.is(Kind::tuple);
  if (sequence && a.kind() == b.kind()) {
    in.budget().require((a.items().size() + b.items().size()) * sizeof(Value));
    std::vector<Value> items;
    items.reserve(a.items().size() + b.items().size());
    items.insert(items.end(), a.items().begin(), a.items().end());
    items.insert(items.end(), b.items().begin(), b.items().end());
    return Value::sequence(in.budget(), a.kind(), std::move(items));
  }
  if (a.is_string() || sequence)
    fail("TypeError", fmt::format("can only concatenate {0} (not \"{1}\") to {0}", type_name(a), type_name(b)));
  unsupported("+", a, b);
}

Value binary(Interpreter& in, std::string_view op, const Value& a, const Value& b) {
  if (op == "+") return add(in, a, b);
  if (a.is_undefined()) fail_undefined(a);
  if (op == "%" && a.is_string()) return in.string(format_percent(in, a.text(), b), a.safe());
  if (b.is_undefined()) fail_undefined(b);
  if (op == "-") return subtract(in, a, b);
  if (op == "*") return multiply(in, a, b);
  if (op == "/") return true_divide(in, a, b);
  if (op == "**") return power(in, a, b);
  return divide(in, op, a, b);
}

Value negate(Interpreter& in, const Value& a) {
  if (a.is_undefined()) fail_undefined(a);
  if (a.is(Kind::real)) return Value::real(-a.real());
  if (!a.is_integral()) fail("TypeError", "bad operand type for unary -: '" + type_name(a) + "'");
  if (a.is_small() && a.small() != INT64_MIN) return Value::integer(-a.small());
  return Value::big(in.budget(), -a.integer());
}

bool contains(Interpreter& in, const Value& container, const Value& value) {
  Budget& budget = in.budget();
  if (container.is_undefined()) return false;
  if (container.is_string()) {
    if (!value.is_string()) fail("TypeError", "'in <string>' requires string as left operand, not " + type_name(value));
    return find_in(budget, container.text(), value.text()) != std::string_view::npos;
  }
  if (container.is_dict()) return container.entries().find(value) != nullptr;
  if (!container.is_sequence()) fail("TypeError", "argument of type '" + type_name(container) + "' is not iterable");
  if (container.is(Kind::generator)) {
    const std::vector<Value> items = in.iterate(container);
    return std::any_of(items.begin(), items.end(), [&](const Value& item) { return equal(budget, item, value); });
  }
  const auto& items = container.items();
  return std::any_of(items.begin(), items.end(), [&](const Value& item) { return equal(budget, item, value); });
}

}  // namespace jamsu::jinja
