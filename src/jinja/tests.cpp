// Tests (`is defined`, `is divisibleby 3` ...).
#include <algorithm>

#include "jinja/filters.h"
#include "jinja/strings.h"

namespace jamsu::jinja {
namespace {

template <bool (*ask)(const Value&)>
bool plain(Interpreter&, const Value& value, Arguments& arguments) {
  const Bound p("test", arguments, {});
  return ask(value);
}

bool is_defined(const Value& v) {
  return !v.is_undefined();
}
bool is_undefined(const Value& v) {
  return v.is_undefined();
}
bool is_none(const Value& v) {
  return v.is_none();
}
bool is_boolean(const Value& v) {
  return v.is(Kind::boolean);
}
bool is_false(const Value& v) {
  return v.is(Kind::boolean) && !v.boolean();
}
bool is_true(const Value& v) {
  return v.is(Kind::boolean) && v.boolean();
}
bool is_integer(const Value& v) {
  return v.is(Kind::integer);
}
bool is_float(const Value& v) {
  return v.is(Kind::real);
}
bool is_number(const Value& v) {
  return v.is_number();
}
bool is_string(const Value& v) {
  return v.is_string();
}
bool is_mapping(const Value& v) {
  return v.is_dict();
}
bool is_iterable(const Value& v) {
  return v.is_undefined() || v.is_string() || v.is_dict() || v.is_sequence();
}
bool is_sequence(const Value& v) {
  return is_iterable(v) && !v.is(Kind::generator) && !v.is(Kind::view);
}
bool is_callable(const Value& v) {
  return v.is(Kind::object) && v.object()->callable();
}
bool is_escaped(const Value& v) {
  return v.safe();
}

// The identity that templates can count on: of None, true, false and objects; equal numbers and strings are one.
bool same_as(Interpreter&, const Value& value, Arguments& arguments) {
  const Bound p("sameas", arguments, {"other"}, 1);
  const Value& other = p[0];
  if (value.kind() != other.kind()) return false;
  if (value.object() || other.object())
    return value.object() == other.object() || (value.is_string() && value.text() == other.text());
  return value.is(Kind::real) ? value.real() == other.real()
                              : value.is_undefined() || value.is_none() || value.small() == other.small();
}

template <bool upper_case>
bool case_is(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("test", arguments, {});
  const std::string text = in.text(value);
  in.budget().work(10 * text.size());
  return upper_case ? is_upper(text) : is_lower(text);
}

bool divisible(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("divisibleby", arguments, {"num"}, 1);
  return !truthy(binary(in, "%", value, p[0]));
}
template <bool odd>
bool parity(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("odd", arguments, {});
  return equal(in.budget(), binary(in, "%", value, Value::integer(2)), Value::integer(odd ? 1 : 0));
}

bool in_container(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("in", arguments, {"seq"}, 1);
  return contains(in, p[0], value);
}

enum class Order : uint8_t { eq, ne, lt, gt, le, ge };
template <Order order>
bool compares(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("test", arguments, {"other"}, 1);
  static constexpr std::string_view kOperators[] = {"==", "!=", "<", ">", "<=", ">="};
  return in.compare_pair(kOperators[static_cast<size_t>(order)], value, p[0]);
}

bool names_filter(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("filter", arguments, {});
  return value.is_string() && find_filter(value.text(), in.body().dialect);
}
bool names_test(Interpreter&, const Value& value, Arguments& arguments) {
  const Bound p("test", arguments, {});
  return value.is_string() && find_test(value.text());
}

struct Named {
  std::string_view name;
  TestBody body;
};
constexpr Named kTests[] = {
    {"defined", plain<is_defined>},
    {"undefined", plain<is_undefined>},
    {"none", plain<is_none>},
    {"string", plain<is_string>},
    {"mapping", plain<is_mapping>},
    {"iterable", plain<is_iterable>},
    {"sequence", plain<is_sequence>},
    {"boolean", plain<is_boolean>},
    {"false", plain<is_false>},
    {"true", plain<is_true>},
    {"integer", plain<is_integer>},
    {"float", plain<is_float>},
    {"number", plain<is_number>},
    {"callable", plain<is_callable>},
    {"escaped", plain<is_escaped>},
    {"sameas", same_as},
    {"lower", case_is<false>},
    {"upper", case_is<true>},
    {"divisibleby", divisible},
    {"odd", parity<true>},
    {"even", parity<false>},
    {"in", in_container},
    {"eq", compares<Order::eq>},
    {"==", compares<Order::eq>},
    {"equalto", compares<Order::eq>},
    {"ne", compares<Order::ne>},
    {"!=", compares<Order::ne>},
    {"lt", compares<Order::lt>},
    {"<", compares<Order::lt>},
    {"lessthan", compares<Order::lt>},
    {"gt", compares<Order::gt>},
    {">", compares<Order::gt>},
    {"greaterthan", compares<Order::gt>},
    {"le", compares<Order::le>},
    {"<=", compares<Order::le>},
    {"ge", compares<Order::ge>},
    {">=", compares<Order::ge>},
    {"filter", names_filter},
    {"test", names_test},
};

}  // namespace

TestBody find_test(std::string_view name) {
  for (const Named& test : kTests)
    if (test.name == name) return test.body;
  return nullptr;
}

}  // namespace jamsu::jinja
