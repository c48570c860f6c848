// == and < of values, as Python orders them.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "jinja/value.h"

namespace jamsu::jinja {

namespace {

int compare_mixed(const Value& integer, double real) {
  if (std::isinf(real)) return real > 0 ? -1 : 1;
  const double rounded = integer.real();
  if (rounded != real) return rounded < real ? -1 : 1;
  return Integer::compare(integer.integer(), Integer::from_real(real));
}

// -1, 0, 1 by their exact values; 2: one is no number (nan). REQUIRES: numbers.
int compare_numbers(const Value& a, const Value& b) {
  if (a.is_integral() && b.is_integral()) return Integer::compare(a.integer(), b.integer());
  const double x = a.real(), y = b.real();
  if (std::isnan(x) || std::isnan(y)) return 2;
  if (a.is_integral()) return compare_mixed(a, y);
  if (b.is_integral()) return -compare_mixed(b, x);
  return x < y ? -1 : x > y ? 1 : 0;
}

// What a dict's keys or items are compared by: as sets.
bool same_members(Budget& budget, const Value& a, const Value& b) {
  const auto& y = b.items();
  return a.items().size() == y.size() && std::all_of(a.items().begin(), a.items().end(), [&](const Value& item) {
           return std::any_of(y.begin(), y.end(), [&](const Value& other) { return equal(budget, item, other); });
         });
}

}  // namespace

bool equal(Budget& budget, const Value& a, const Value& b) {
  budget.step();
  const Budget::Nest nest(budget);
  if (a.is_number() && b.is_number()) {
    if (a.is_small() && b.is_small()) return a.small() == b.small();
    return compare_numbers(a, b) == 0;
  }
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::undefined:
    case Kind::none:
      return true;
    case Kind::string:
      budget.work(a.text().size());
      return a.text() == b.text();
    case Kind::list:
    case Kind::tuple:
    case Kind::range: {
      const auto &x = a.items(), &y = b.items();
      return x.size() == y.size() && std::equal(x.begin(), x.end(), y.begin(),
                                                [&](const Value& p, const Value& q) { return equal(budget, p, q); });
    }
    case Kind::dict: {
      const auto &x = a.entries(), &y = b.entries();
      if (x.entries.size() != y.entries.size()) return false;
      return std::all_of(x.entries.begin(), x.entries.end(), [&](const auto& entry) {
        const Value* other = y.find(entry.first);
        return other && equal(budget, entry.second, *other);
      });
    }
    case Kind::view:
      if (a.list_object().name != "dict_values" && b.list_object().name != "dict_values")
        return same_members(budget, a, b);
      return a.object() == b.object();
    default:
      return a.object() == b.object();
  }
}

bool less(Budget& budget, const Value& a, const Value& b, std::string_view op) {
  budget.step();
  const Budget::Nest nest(budget);
  if (a.is_number() && b.is_number()) {
    if (a.is_small() && b.is_small()) return a.small() < b.small();
    return compare_numbers(a, b) == -1;
  }
  if (a.is_string() && b.is_string()) {
    budget.work(std::min(a.text().size(), b.text().size()));
    return a.text() < b.text();  // UTF-8 sorts as its code points do
  }
  if (a.kind() == b.kind() && (a.is(Kind::list) || a.is(Kind::tuple))) {
    const auto &x = a.items(), &y = b.items();
    for (size_t i = 0; i < x.size() && i < y.size(); ++i)
      if (!equal(budget, x[i], y[i])) return less(budget, x[i], y[i], op);
    return x.size() < y.size();
  }
  for (const Value* v : {&a, &b})
    if (v->is_undefined())
      fail("UndefinedError", v->object() ? static_cast<StringObject*>(v->object())->text : "undefined value");
  fail("TypeError",
       fmt::format("'{}' not supported between instances of '{}' and '{}'", op, type_name(a), type_name(b)));
}

}  // namespace jamsu::jinja
