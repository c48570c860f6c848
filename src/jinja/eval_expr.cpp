// Expressions.
#include <algorithm>

#include "jinja/eval.h"
#include "jinja/filters.h"
#include "jinja/objects.h"
#include "jinja/strings.h"

namespace jamsu::jinja {

Value Interpreter::eval(const Expr& expr) {
  budget_.step();
  if (depth_ >= budget_.limits().depth) fail("RecursionError", "maximum recursion depth exceeded");
  ++depth_;
  struct Leave {
    int& depth;
    ~Leave() { --depth; }
  } leave{depth_};
  return eval_one(expr);
}

Value Interpreter::eval_one(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::constant:
      return expr.constant;
    case ExprKind::name:
      return name(expr);
    case ExprKind::tuple:
      return tuple(eval_all(expr.kids));
    case ExprKind::list:
      return list(eval_all(expr.kids));
    case ExprKind::dict:
      return dict(expr);
    case ExprKind::attribute:
      return attribute(eval(*expr.kids[0]), expr.text);
    case ExprKind::item: {
      const Value value = eval(*expr.kids[0]);
      return expr.kids[1]->kind == ExprKind::slice ? slice(value, *expr.kids[1]) : item(value, eval(*expr.kids[1]));
    }
    case ExprKind::slice:
      fail("TypeError", "a slice stands alone in a subscript");
    case ExprKind::call: {
      const Value callee = eval(*expr.kids[0]);
      Arguments arguments = eval_arguments(expr.arguments);
      return call(callee, arguments);
    }
    case ExprKind::filter:
      return filter_chain(expr, nullptr);
    case ExprKind::test: {
      const Value value = eval(*expr.kids[0]);
      Arguments arguments = eval_arguments(expr.arguments);
      return Value::boolean(test(expr.text, value, arguments));
    }
    case ExprKind::negate:
      return negate(*this, eval(*expr.kids[0]));
    case ExprKind::plus: {
      const Value value = eval(*expr.kids[0]);
      if (value.is_undefined()) fail_undefined(value);
      if (!value.is_number()) fail("TypeError", "bad operand type for unary +: '" + type_name(value) + "'");
      return value.is(Kind::boolean) ? Value::integer(value.small()) : value;
    }
    case ExprKind::invert:
      return Value::boolean(!truthy(eval(*expr.kids[0])));
    case ExprKind::binary: {
      const Value a = eval(*expr.kids[0]);
      return binary(*this, expr.text, a, eval(*expr.kids[1]));
    }
    case ExprKind::concat:
      return concat(expr);
    case ExprKind::compare:
      return compare(expr);
    case ExprKind::both: {
      Value a = eval(*expr.kids[0]);
      return truthy(a) ? eval(*expr.kids[1]) : a;
    }
    case ExprKind::either: {
      Value a = eval(*expr.kids[0]);
      return truthy(a) ? a : eval(*expr.kids[1]);
    }
    case ExprKind::conditional:
      return conditional(expr);
    case ExprKind::namespace_item:
      break;
  }
  fail("TypeError", "not an expression");
}

Value Interpreter::name(const Expr& expr) {
  for (const Scope* scope = scope_.get(); scope; scope = scope->parent.get())
    if (const Value* value = scope->find(expr.text)) return *value;
  if (variables_.is_dict())
    if (const Value* value = variables_.entries().find(expr.text)) return *value;
  Value global = find_global(*this, expr.text);
  return global.is_undefined() ? Value::undefined(budget_, "'" + expr.text + "' is undefined") : global;
}

Value Interpreter::dict(const Expr& expr) {
  auto object = std::make_shared<DictObject>(&budget_);
  for (size_t i = 0; i + 1 < expr.kids.size(); i += 2) {
    const Value key = eval(*expr.kids[i]);
    object->set(key, eval(*expr.kids[i + 1]));
  }
  return Value::of(Kind::dict, std::move(object));
}

Value Interpreter::conditional(const Expr& expr) {
  if (truthy(eval(*expr.kids[0]))) return eval(*expr.kids[1]);
  if (expr.kids[2]) return eval(*expr.kids[2]);
  return Value::undefined(budget_, "the inline if-expression on line " + std::to_string(expr.line) +
                                       " evaluated to false and no else section was defined.");
}

Value Interpreter::compare(const Expr& expr) {
  Value left = eval(*expr.kids[0]);
  for (size_t i = 0; i < expr.operators.size(); ++i) {
    Value right = eval(*expr.kids[i + 1]);
    if (!compare_pair(expr.operators[i], left, right)) return Value::boolean(false);
    left = std::move(right);
  }
  return Value::boolean(true);
}

bool Interpreter::compare_pair(std::string_view op, const Value& a, const Value& b) {
  if (op == "==") return equal(budget_, a, b);
  if (op == "!=") return !equal(budget_, a, b);
  if (op == "in") return contains(*this, b, a);
  if (op == "not in") return !contains(*this, b, a);
  if (op == "<") return less(budget_, a, b, op);
  if (op == ">") {
    if (!(a.is_number() && b.is_number()) && a.kind() != b.kind())
      return less(budget_, a, b, op);  // names them in order
    return less(budget_, b, a, op);
  }
  const bool number = a.is_number() && b.is_number();
  const bool nan = number && (a.real() != a.real() || b.real() != b.real());
  if (nan) return false;
  if (!number && a.kind() != b.kind()) return less(budget_, a, b, op);
  return op == "<=" ? !less(budget_, b, a, op) : !less(budget_, a, b, op);
}

Value Interpreter::concat(const Expr& expr) {
  std::vector<Value> values = eval_all(expr.kids);
  const bool safe = autoescape_ && std::any_of(values.begin(), values.end(), [](const Value& v) { return v.safe(); });
  std::string out;
  for (const Value& value : values) {
    budget_.step();
    budget_.require(out.size());
    if (safe && !value.safe()) {
      out += escape_html(budget_, text(value));
    } else {
      append_text(budget_, out, value);
    }
  }
  return string(std::move(out), safe);
}

std::vector<Value> Interpreter::eval_all(const std::vector<ExprPtr>& exprs) {
  std::vector<Value> out;
  out.reserve(exprs.size());
  for (const ExprPtr& expr : exprs) out.push_back(eval(*expr));
  return out;
}

Arguments Interpreter::eval_arguments(const CallArguments& arguments) {
  Arguments out;
  out.positional = eval_all(arguments.positional);
  for (const auto& [key, expr] : arguments.named) out.named.emplace_back(key, eval(*expr));
  if (arguments.star)
    for (Value& value : iterate(eval(*arguments.star))) out.positional.push_back(std::move(value));
  if (arguments.star_star) {
    const Value more = eval(*arguments.star_star);
    if (!more.is_dict()) fail("TypeError", "argument after ** must be a mapping, not " + type_name(more));
    for (const auto& [key, value] : more.entries().entries) {
      if (!key.is_string()) fail("TypeError", "keywords must be strings");
      out.named.emplace_back(key.text(), value);
    }
  }
  return out;
}

Value Interpreter::call(const Value& callee, Arguments& arguments) {
  budget_.step(5);
  if (callee.is_undefined()) fail_undefined(callee);
  if (!callee.is(Kind::object) || !callee.object()->callable())
    fail("TypeError", "'" + type_name(callee) + "' object is not callable");
  return callee.object()->call(*this, arguments);
}

Value Interpreter::attribute(const Value& value, std::string_view key) {
  if (value.is_undefined()) fail_undefined(value);
  if (value.is(Kind::object)) {
    const Value found = key.starts_with('_') ? Value() : value.object()->attribute(*this, key);
    if (!found.is_undefined() || found.object()) return found;
  } else if (const BuiltinBody method = find_method(*this, value, key)) {
    return Value::of(Kind::object, std::make_shared<BuiltinObject>(&budget_, method, value,
                                                                   "<built-in method " + std::string(key) + ">"));
  } else if (changes_its_object(value, key)) {
    return Value::undefined(
        budget_, "access to attribute '" + std::string(key) + "' of '" + type_name(value) + "' object is unsafe.");
  } else if (value.is_dict()) {
    if (const Value* found = value.entries().find(key)) return *found;
  } else if (value.is(Kind::tuple) && value.list_object().name == kGroupName && (key == "grouper" || key == "list")) {
    return value.items()[key == "grouper" ? 0 : 1];
  } else {
    Value plain = plain_attribute(*this, value, key);
    if (!plain.is_undefined()) return plain;
  }
  return Value::undefined(budget_, "'" + type_name(value) + " object' has no attribute '" + std::string(key) + "'");
}

namespace {

bool index_in(const Value& key, int64_t length, int64_t& index) {
  if (!key.is_small()) return false;
  index = key.small() < 0 ? key.small() + length : key.small();
  return index >= 0 && index < length;
}

}  // namespace

Value Interpreter::item(const Value& value, const Value& key) {
  if (value.is_undefined()) fail_undefined(value);
  int64_t index = 0;
  if (value.is_dict()) {
    const bool hashable = !key.is_dict() && !key.is(Kind::list) && !key.is(Kind::view);
    if (const Value* found = hashable ? value.entries().find(key) : nullptr) return *found;
  } else if (value.is_string() && key.is_integral()) {
    if (index_in(key, length_of(budget_, value), index)) {
      const std::string& text = value.text();
      const size_t begin = offset_of(text, index);
      budget_.work(begin);
      return string(text.substr(begin, offset_of(std::string_view(text).substr(begin), 1)), value.safe());
    }
  } else if (value.is_sequence() && !value.is(Kind::generator) && !value.is(Kind::view) && key.is_integral()) {
    if (index_in(key, static_cast<int64_t>(value.items().size()), index))
      return value.items()[static_cast<size_t>(index)];
  }
  if (key.is_string()) return attribute(value, key.text());
  return Value::undefined(budget_, type_name(value) + " object has no element " + text(key));
}

namespace {

struct SliceBounds {
  int64_t start, stop, step;
};

int64_t slice_number(const Value& value, int64_t other) {
  if (value.is_undefined()) fail_undefined(value);
  if (value.is_none()) return other;
  if (!value.is_integral()) fail("TypeError", "slice indices must be integers or None or have an __index__ method");
  if (!value.is_small()) return value.integer().negative() ? INT64_MIN / 4 : INT64_MAX / 4;
  return std::clamp(value.small(), INT64_MIN / 4, INT64_MAX / 4);
}

// Python's slice.indices(length).
SliceBounds bounds(const Value& start, const Value& stop, const Value& step, int64_t length) {
  SliceBounds b{0, 0, slice_number(step, 1)};
  if (b.step == 0) fail("ValueError", "slice step cannot be zero");
  const int64_t low = b.step < 0 ? -1 : 0, high = b.step < 0 ? length - 1 : length;
  const auto place = [&](const Value& value, int64_t other) {
    if (value.is_none()) return other;
    int64_t at = slice_number(value, other);
    if (at < 0) at += length;
    return std::clamp(at, low, high);
  };
  b.start = place(start, b.step < 0 ? high : low);
  b.stop = place(stop, b.step < 0 ? low : high);
  return b;
}

}  // namespace

Value Interpreter::slice(const Value& value, const Expr& expr) {
  const auto part = [&](size_t i) { return expr.kids[i] ? eval(*expr.kids[i]) : Value::none(); };
  const Value start = part(0), stop = part(1), step = part(2);
  if (value.is_undefined()) fail_undefined(value);
  const bool sliceable = value.is_string() || value.is(Kind::list) || value.is(Kind::tuple) || value.is(Kind::range);
  if (!sliceable) return Value::undefined(budget_, "'" + type_name(value) + "' object is not subscriptable");
  const int64_t length = length_of(budget_, value);
  const SliceBounds b = bounds(start, stop, step, length);
  if (value.is_string() && b.step == 1) {
    const std::string_view text = value.text();
    const size_t begin = offset_of(text, b.start);
    const size_t count = b.stop > b.start ? offset_of(text.substr(begin), b.stop - b.start) : 0;
    budget_.work(begin + count);
    return string(std::string(text.substr(begin, count)), value.safe());
  }
  if (value.is(Kind::range)) {
    const ListObject& range = value.list_object();
    return Value::range(budget_, range.start + b.start * range.step, range.start + b.stop * range.step,
                        range.step * b.step);
  }
  const std::vector<Value> items = iterate(value);
  std::vector<Value> out;
  for (int64_t i = b.start; b.step > 0 ? i < b.stop : i > b.stop; i += b.step)
    out.push_back(items[static_cast<size_t>(i)]);
  budget_.require(out.size() * sizeof(Value));
  if (value.is_string()) {
    std::string text;
    for (const Value& character : out) text += character.text();
    return string(std::move(text), value.safe());
  }
  return Value::sequence(budget_, value.kind(), std::move(out));
}

Value Interpreter::filter_chain(const Expr& expr, const Value* head) {
  const Value value = expr.kids[0] ? (expr.kids[0]->kind == ExprKind::filter && head ? filter_chain(*expr.kids[0], head)
                                                                                     : eval(*expr.kids[0]))
                                   : *head;
  Arguments arguments = eval_arguments(expr.arguments);
  return filter(expr.text, value, arguments);
}

Value Interpreter::filter(std::string_view filter_name, const Value& value, Arguments& arguments) {
  budget_.step(5);
  const FilterBody found = find_filter(filter_name, body_.dialect);
  if (!found) fail("TemplateRuntimeError", "No filter named '" + std::string(filter_name) + "' found.");
  return found(*this, value, arguments);
}

bool Interpreter::test(std::string_view test_name, const Value& value, Arguments& arguments) {
  const TestBody found = find_test(test_name);
  if (!found) fail("TemplateRuntimeError", "No test named '" + std::string(test_name) + "' found.");
  return found(*this, value, arguments);
}

}  // namespace jamsu::jinja
