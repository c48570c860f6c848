// Methods of lists, tuples, ranges, dicts and numbers.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "jinja/objects.h"

namespace jamsu::jinja {
namespace {

Value view(Interpreter& in, std::string_view name, std::vector<Value> items) {
  Value v = Value::sequence(in.budget(), Kind::view, std::move(items));
  v.list_object().name = name;
  return v;
}

Value dict_keys(Interpreter& in, const Value& self, Arguments& arguments) {
  const Bound p("keys", arguments, {});
  return view(in, "dict_keys", in.iterate(self));
}
Value dict_values(Interpreter& in, const Value& self, Arguments& arguments) {
  const Bound p("values", arguments, {});
  std::vector<Value> items;
  for (const auto& entry : self.entries().entries) items.push_back(entry.second);
  return view(in, "dict_values", std::move(items));
}
Value dict_items(Interpreter& in, const Value& self, Arguments& arguments) {
  const Bound p("items", arguments, {});
  return view(in, "dict_items", dict_pairs(in, self));
}
Value dict_get(Interpreter&, const Value& self, Arguments& arguments) {
  const Bound p("get", arguments, {"key", "default"}, 1);
  const Value* found = self.entries().find(p[0]);
  return found ? *found : p.or_else(1, Value::none());
}
Value dict_copy(Interpreter& in, const Value& self, Arguments& arguments) {
  const Bound p("copy", arguments, {});
  auto object = std::make_shared<DictObject>(&in.budget());
  for (const auto& [key, value] : self.entries().entries) object->set(key, value);
  return Value::of(Kind::dict, std::move(object));
}

Value list_copy(Interpreter& in, const Value& self, Arguments& arguments) {
  const Bound p("copy", arguments, {});
  return in.list(in.iterate(self));
}
Value list_index(Interpreter& in, const Value& self, Arguments& arguments) {
  const Bound p("index", arguments, {"value", "start", "stop"}, 1);
  const auto& items = self.items();
  const auto length = static_cast<int64_t>(items.size());
  const auto place = [&](int64_t at) { return std::clamp<int64_t>(at < 0 ? at + length : at, 0, length); };
  const int64_t stop = place(p.integer(2, length));
  for (int64_t i = place(p.integer(1)); i < stop; ++i)
    if (equal(in.budget(), items[static_cast<size_t>(i)], p[0])) return Value::integer(i);
  fail("ValueError", "the value is not in the list");
}
Value list_count(Interpreter& in, const Value& self, Arguments& arguments) {
  const Bound p("count", arguments, {"value"}, 1);
  const auto same = [&](const Value& item) { return equal(in.budget(), item, p[0]); };
  return Value::integer(std::count_if(self.items().begin(), self.items().end(), same));
}

// ---- lists that change: the wide dialect

void insert(Interpreter& in, const Value& self, size_t at, const Value& value) {
  ListObject& list = self.list_object();
  if (!list.kept) in.keep(self.shared());
  list.kept = true;
  list.insert(at, value);
}
Value list_append(Interpreter& in, const Value& self, Arguments& arguments) {
  const Bound p("append", arguments, {"object"}, 1);
  insert(in, self, self.items().size(), p[0]);
  return Value::none();
}
Value list_extend(Interpreter& in, const Value& self, Arguments& arguments) {
  const Bound p("extend", arguments, {"iterable"}, 1);
  for (const Value& value : in.iterate(p[0])) insert(in, self, self.items().size(), value);
  return Value::none();
}
Value list_insert(Interpreter& in, const Value& self, Arguments& arguments) {
  const Bound p("insert", arguments, {"index", "object"}, 2);
  const auto length = static_cast<int64_t>(self.items().size());
  const int64_t at = p.integer(0) < 0 ? p.integer(0) + length : p.integer(0);
  insert(in, self, static_cast<size_t>(std::clamp<int64_t>(at, 0, length)), p[1]);
  return Value::none();
}
Value list_pop(Interpreter& in, const Value& self, Arguments& arguments) {
  const Bound p("pop", arguments, {"index"});
  auto& items = self.list_object().items;
  const auto length = static_cast<int64_t>(items.size());
  if (items.empty()) fail("IndexError", "pop from empty list");
  const int64_t index = p.integer(0, -1), at = index < 0 ? index + length : index;
  if (at < 0 || at >= length) fail("IndexError", "pop index out of range");
  in.budget().work(static_cast<size_t>(length - at) * sizeof(Value));
  Value value = items[static_cast<size_t>(at)];
  items.erase(items.begin() + at);
  return value;
}

Value real_is_integer(Interpreter&, const Value& self, Arguments&) {
  return Value::boolean(std::isfinite(self.real()) && self.real() == std::floor(self.real()));
}

Value real_hex(Interpreter& in, const Value& self, Arguments&) {
  const double real = self.real();
  if (!std::isfinite(real)) return in.string(float_repr(real));
  const std::string sign = std::signbit(real) ? "-" : "";
  if (real == 0) return in.string(sign + "0x0.0p+0");
  int exponent = 0;
  double fraction = std::frexp(std::fabs(real), &exponent) * 2;  // in [1, 2)
  --exponent;
  if (exponent < -1022) {
    fraction = std::ldexp(fraction, exponent + 1022);
    exponent = -1022;
  }
  const auto whole = static_cast<unsigned>(fraction);
  const auto digits = static_cast<uint64_t>((fraction - whole) * 0x1p52);
  return in.string(fmt::format("{}0x{}.{:013x}p{:+d}", sign, whole, digits, exponent));
}

Value itself(Interpreter&, const Value& self, Arguments&) {
  return self.is(Kind::boolean) ? Value::integer(self.small()) : self;
}
Value bit_length(Interpreter&, const Value& self, Arguments&) {
  return Value::integer(static_cast<int64_t>(self.integer().bits()));
}
Value bit_count(Interpreter&, const Value& self, Arguments&) {
  return Value::integer(static_cast<int64_t>(self.integer().ones()));
}
Value integer_ratio(Interpreter& in, const Value& self, Arguments& arguments) {
  return in.tuple({itself(in, self, arguments), Value::integer(1)});
}
Value real_ratio(Interpreter& in, const Value& self, Arguments&) {
  const double real = self.real();
  if (std::isnan(real)) fail("ValueError", "cannot convert NaN to integer ratio");
  if (std::isinf(real)) fail("OverflowError", "cannot convert Infinity to integer ratio");
  int exponent = 0;
  double fraction = std::frexp(real, &exponent);
  for (; fraction != std::floor(fraction); --exponent) fraction *= 2;
  const auto unit = [&](int n) { return Integer::power(Integer(2), static_cast<uint64_t>(std::max(0, n))); };
  in.budget().step(1000);
  return in.tuple({Value::big(in.budget(), Integer::from_real(fraction) * unit(exponent)),
                   Value::big(in.budget(), unit(-exponent))});
}
Value dict_fromkeys(Interpreter& in, const Value&, Arguments& arguments) {
  const Bound p("fromkeys", arguments, {"iterable", "value"}, 1);
  auto object = std::make_shared<DictObject>(&in.budget());
  for (const Value& key : in.iterate(p[0])) object->set(key, p.or_else(1, Value::none()));
  return Value::of(Kind::dict, std::move(object));
}

struct NamedMethod {
  std::string_view name;
  BuiltinBody body;
};
constexpr NamedMethod kDict[] = {{"keys", dict_keys}, {"values", dict_values}, {"items", dict_items},
                                 {"get", dict_get},   {"copy", dict_copy},     {"fromkeys", dict_fromkeys}};
constexpr NamedMethod kList[] = {{"index", list_index}, {"count", list_count}, {"copy", list_copy}};
constexpr NamedMethod kTuple[] = {{"index", list_index}, {"count", list_count}};
constexpr NamedMethod kReal[] = {
    {"is_integer", real_is_integer}, {"hex", real_hex}, {"conjugate", itself}, {"as_integer_ratio", real_ratio}};
constexpr NamedMethod kInteger[] = {
    {"bit_length", bit_length}, {"bit_count", bit_count}, {"conjugate", itself}, {"as_integer_ratio", integer_ratio}};
constexpr NamedMethod kChangingList[] = {
    {"append", list_append}, {"extend", list_extend}, {"insert", list_insert}, {"pop", list_pop}};

template <size_t N>
BuiltinBody find(const NamedMethod (&methods)[N], std::string_view name) {
  for (const NamedMethod& method : methods)
    if (method.name == name) return method.body;
  return nullptr;
}

}  // namespace

std::vector<Value> dict_pairs(Interpreter& in, const Value& dict) {
  std::vector<Value> items;
  for (const auto& [key, value] : dict.entries().entries) items.push_back(in.tuple({key, value}));
  return items;
}

BuiltinBody find_method(const Interpreter& in, const Value& value, std::string_view name) {
  switch (value.kind()) {
    case Kind::string:
      return find_string_method(name);
    case Kind::dict:
      return find(kDict, name);
    case Kind::list:
      if (in.body().dialect == Dialect::wide)
        if (const BuiltinBody changing = find(kChangingList, name)) return changing;
      return find(kList, name);
    case Kind::tuple:
    case Kind::range:
      return find(kTuple, name);
    case Kind::real:
      return find(kReal, name);
    case Kind::integer:
    case Kind::boolean:
      return find(kInteger, name);
    default:
      return nullptr;
  }
}

Value plain_attribute(Interpreter& in, const Value& value, std::string_view name) {
  Arguments none;
  if (value.is_number() && name == "real") return itself(in, value, none);
  if (value.is(Kind::real) && name == "imag") return Value::real(0);
  if (value.is_integral()) {
    if (name == "numerator") return itself(in, value, none);
    if (name == "denominator") return Value::integer(1);
    if (name == "imag") return Value::integer(0);
  }
  if (value.is(Kind::range)) {
    const ListObject& range = value.list_object();
    if (name == "start") return Value::integer(range.start);
    if (name == "stop") return Value::integer(range.stop);
    if (name == "step") return Value::integer(range.step);
  }
  return {};
}

bool changes_list(std::string_view name) {
  return find(kChangingList, name) != nullptr;
}

bool changes_its_object(const Value& value, std::string_view name) {
  static constexpr std::string_view kLists[] = {"append", "clear",  "extend",  "insert",
                                                "pop",    "remove", "reverse", "sort"},
                                    kDicts[] = {"clear", "pop", "popitem", "setdefault", "update"};
  if (value.is(Kind::list)) return std::find(std::begin(kLists), std::end(kLists), name) != std::end(kLists);
  return value.is_dict() && std::find(std::begin(kDicts), std::end(kDicts), name) != std::end(kDicts);
}

}  // namespace jamsu::jinja
