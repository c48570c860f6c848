#include "jinja/value.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "unicode/utf8.h"

namespace jamsu::jinja {

void fail(std::string type, std::string message) {
  throw Failure{std::move(type), std::move(message)};
}
void Budget::too_many_steps() {
  fail("LimitError", "the template takes too many steps");
}
void Budget::too_deep() {
  fail("RecursionError", "maximum recursion depth exceeded");
}
void Budget::out_of_memory() {
  fail("LimitError", "the template needs too much memory");
}

// With the control block, the table of functions and the allocator's share.
Object::Object(Budget* owner, size_t size) : budget(owner), bytes(size + 112) {
  if (!budget) return;
  try {
    budget->charge(bytes);
  } catch (...) {
    budget = nullptr;
    throw;
  }
}
Object::~Object() {
  if (budget) budget->release(bytes);
}
Value Object::call(Interpreter&, Arguments&) const {
  fail("TypeError", "'" + type() + "' object is not callable");
}

StringObject::StringObject(Budget* owner, std::string value, bool is_safe)
    : Object(owner, value.size()), text(std::move(value)), safe(is_safe) {}

void Object::holds(const Value& value) {
  if (!value.object() || value.is_string()) return;
  depth = std::max(depth, value.object()->depth + 1);
  if (budget && depth > budget->limits().value_depth) fail("LimitError", "values are nested too deeply");
}

ListObject::ListObject(Budget* owner, std::vector<Value> values)
    : Object(owner, values.size() * sizeof(Value)), items(std::move(values)) {
  for (const Value& item : items) holds(item);
}

void ListObject::insert(size_t at, Value value) {
  holds(value);
  budget->charge(sizeof(Value));
  budget->work((items.size() - at) * sizeof(Value));
  bytes += sizeof(Value);
  items.insert(items.begin() + static_cast<std::ptrdiff_t>(at), std::move(value));
}

void DictObject::set(const Value& key, Value value) {
  Budget unlimited{Limits{}};
  const uint64_t hash = hash_of(budget ? *budget : unlimited, key);
  holds(value);
  holds(key);
  const auto [begin, end] = index_.equal_range(hash);
  for (auto it = begin; it != end; ++it) {
    auto& entry = entries[it->second];
    if (equal(budget ? *budget : unlimited, entry.first, key)) {
      entry.second = std::move(value);
      return;
    }
  }
  constexpr size_t kEntryBytes = 2 * sizeof(Value) + 64;  // with its node in the index
  if (budget) budget->charge(kEntryBytes);
  bytes += kEntryBytes;
  index_.emplace(hash, entries.size());
  entries.emplace_back(key, std::move(value));
}

const Value* DictObject::find(const Value& key) const {
  Budget unlimited{Limits{}};
  const auto [begin, end] = index_.equal_range(hash_of(budget ? *budget : unlimited, key));
  for (auto it = begin; it != end; ++it)
    if (equal(budget ? *budget : unlimited, entries[it->second].first, key)) return &entries[it->second].second;
  return nullptr;
}

const Value* DictObject::find(std::string_view key) const {
  const auto [begin, end] = index_.equal_range(std::hash<std::string_view>{}(key));
  for (auto it = begin; it != end; ++it) {
    const Value& found = entries[it->second].first;
    if (found.is_string() && found.text() == key) return &entries[it->second].second;
  }
  return nullptr;
}

Value Value::none() {
  Value v;
  v.kind_ = Kind::none;
  return v;
}
Value Value::boolean(bool value) {
  Value v;
  v.kind_ = Kind::boolean;
  v.bits_.integer = value;
  return v;
}
Value Value::integer(int64_t value) {
  Value v;
  v.kind_ = Kind::integer;
  v.bits_.integer = value;
  return v;
}
Value Value::real(double value) {
  Value v;
  v.kind_ = Kind::real;
  v.bits_.real = value;
  return v;
}
Value Value::of(Kind kind, std::shared_ptr<Object> object) {
  Value v;
  v.kind_ = kind;
  v.object_ = std::move(object);
  return v;
}
Value Value::string(std::string text) {
  return of(Kind::string, std::make_shared<StringObject>(nullptr, std::move(text), false));
}
Value Value::string(Budget& budget, std::string text, bool is_safe) {
  return of(Kind::string, std::make_shared<StringObject>(&budget, std::move(text), is_safe));
}
Value Value::list(std::vector<Value> items) {
  return of(Kind::list, std::make_shared<ListObject>(nullptr, std::move(items)));
}
Value Value::dict(std::vector<std::pair<std::string, Value>> entries) {
  auto object = std::make_shared<DictObject>(nullptr);
  for (auto& entry : entries) object->set(string(std::move(entry.first)), std::move(entry.second));
  return of(Kind::dict, std::move(object));
}
Value Value::undefined(Budget& budget, std::string message) {
  return of(Kind::undefined, std::make_shared<StringObject>(&budget, std::move(message), false));
}
Value Value::sequence(Budget& budget, Kind kind, std::vector<Value> items) {
  return of(kind, std::make_shared<ListObject>(&budget, std::move(items)));
}
Value Value::range(Budget& budget, int64_t start, int64_t stop, int64_t step) {
  const uint64_t span = step > 0 ? (stop > start ? static_cast<uint64_t>(stop) - static_cast<uint64_t>(start) : 0)
                                 : (start > stop ? static_cast<uint64_t>(start) - static_cast<uint64_t>(stop) : 0);
  const uint64_t stride = step > 0 ? static_cast<uint64_t>(step) : uint64_t{0} - static_cast<uint64_t>(step);
  const uint64_t count = span / stride + (span % stride != 0);
  constexpr uint64_t kMost = 100'000;  // MAX_RANGE of jinja2/sandbox.py
  if (count > kMost) fail("OverflowError", "Range too big. The sandbox blocks ranges larger than MAX_RANGE (100000).");
  budget.require(count * sizeof(Value));
  std::vector<Value> items;
  items.reserve(count);
  for (uint64_t i = 0; i < count; ++i) items.push_back(integer(start + static_cast<int64_t>(i) * step));
  auto object = std::make_shared<ListObject>(&budget, std::move(items));
  object->start = start;
  object->stop = stop;
  object->step = step;
  return of(Kind::range, std::move(object));
}
Value Value::big(Budget& budget, const Integer& value) {
  if (value.fits()) return integer(value.small());
  return of(Kind::integer, std::make_shared<IntegerObject>(&budget, value));
}

Value Value::from_json(const boost::json::value& json) {
  switch (json.kind()) {
    case boost::json::kind::null:
      return none();
    case boost::json::kind::bool_:
      return boolean(json.get_bool());
    case boost::json::kind::int64:
      return integer(json.get_int64());
    case boost::json::kind::uint64: {
      const std::string digits = std::to_string(json.get_uint64());
      const Integer value = Integer::parse(digits, 10);
      if (value.fits()) return integer(value.small());
      return of(Kind::integer, std::make_shared<IntegerObject>(nullptr, value));
    }
    case boost::json::kind::double_:
      return real(json.get_double());
    case boost::json::kind::string:
      return string(unicode::to_valid_utf8(json.get_string()));
    case boost::json::kind::array: {
      std::vector<Value> items;
      for (const auto& item : json.get_array()) items.push_back(from_json(item));
      return list(std::move(items));
    }
    case boost::json::kind::object: {
      auto object = std::make_shared<DictObject>(nullptr);
      for (const auto& [key, value] : json.get_object())
        object->set(string(unicode::to_valid_utf8(key)), from_json(value));
      return of(Kind::dict, std::move(object));
    }
  }
  return none();
}

Integer Value::integer() const {
  JAMSU_CHECK(is_integral());
  return object_ ? static_cast<const IntegerObject*>(object_.get())->value : Integer(bits_.integer);
}
double Value::real() const {
  if (kind_ == Kind::real) return bits_.real;
  JAMSU_CHECK(is_integral());
  return object_ ? integer().real() : static_cast<double>(bits_.integer);
}
const std::string& Value::text() const {
  JAMSU_CHECK(is_string());
  return static_cast<const StringObject*>(object_.get())->text;
}
bool Value::safe() const {
  return is_string() && static_cast<const StringObject*>(object_.get())->safe;
}
const std::vector<Value>& Value::items() const {
  JAMSU_CHECK(is_sequence());
  return static_cast<const ListObject*>(object_.get())->items;
}
ListObject& Value::list_object() const {
  JAMSU_CHECK(is_sequence());
  return *static_cast<ListObject*>(object_.get());
}
const DictObject& Value::entries() const {
  JAMSU_CHECK(is_dict());
  return *static_cast<const DictObject*>(object_.get());
}

std::string type_name(const Value& value) {
  switch (value.kind()) {
    case Kind::undefined:
      return "Undefined";
    case Kind::none:
      return "NoneType";
    case Kind::boolean:
      return "bool";
    case Kind::integer:
      return "int";
    case Kind::real:
      return "float";
    case Kind::string:
      return value.safe() ? "Markup" : "str";
    case Kind::list:
      return "list";
    case Kind::tuple:
      return "tuple";
    case Kind::generator:
      return "generator";
    case Kind::view:
      return std::string(value.list_object().name);
    case Kind::range:
      return "range";
    case Kind::dict:
      return "dict";
    case Kind::object:
      return value.object()->type();
  }
  return "object";
}

bool truthy(const Value& value) {
  switch (value.kind()) {
    case Kind::undefined:
    case Kind::none:
      return false;
    case Kind::boolean:
    case Kind::integer:
      return value.object() || value.small() != 0;
    case Kind::real:
      return value.real() != 0;
    case Kind::string:
      return !value.text().empty();
    case Kind::list:
    case Kind::tuple:
    case Kind::view:
    case Kind::range:
      return !value.items().empty();
    case Kind::dict:
      return !value.entries().entries.empty();
    case Kind::generator:
    case Kind::object:
      return true;
  }
  return false;
}

uint64_t hash_of(Budget& budget, const Value& value) {
  budget.step();
  switch (value.kind()) {
    case Kind::undefined:
      return 1;
    case Kind::none:
      return 2;
    case Kind::boolean:
    case Kind::integer:
      if (!value.object()) return std::hash<int64_t>{}(value.small());
      return std::hash<double>{}(value.real());
    case Kind::real: {
      const double v = value.real();
      if (v == std::floor(v) && v >= -0x1p63 && v < 0x1p63) return std::hash<int64_t>{}(static_cast<int64_t>(v));
      return std::hash<double>{}(v);
    }
    case Kind::string:
      budget.work(value.text().size());
      return std::hash<std::string_view>{}(value.text());
    case Kind::tuple: {
      uint64_t hash = 3;
      for (const Value& item : value.items()) hash = hash * 1099511628211ull ^ hash_of(budget, item);
      return hash;
    }
    case Kind::view:
      if (value.list_object().name == "dict_values") return std::hash<const void*>{}(value.object());
      [[fallthrough]];
    case Kind::list:
    case Kind::dict:
      fail("TypeError", "unhashable type: '" + type_name(value) + "'");
    default:
      return std::hash<const void*>{}(value.object());
  }
}

int64_t count_characters(std::string_view text) {
  return static_cast<int64_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !unicode::is_utf8_continuation(c); }));
}

size_t offset_of(std::string_view text, int64_t n) {
  size_t at = 0;
  for (; n > 0 && at < text.size(); --n)
    for (++at; at < text.size() && unicode::is_utf8_continuation(text[at]);) ++at;
  return at;
}

std::vector<Value> iterate(Budget& budget, const Value& value) {
  std::vector<Value> out;
  switch (value.kind()) {
    case Kind::undefined:
      return out;
    case Kind::string: {
      const std::string& text = value.text();
      out.reserve(text.size() / 4);
      for (size_t at = 0; at < text.size();) {
        const size_t n = unicode::decode_valid(text.data() + at).bytes;
        out.push_back(Value::string(budget, text.substr(at, n), value.safe()));
        at += n;
      }
      return out;
    }
    case Kind::generator:
      return std::exchange(value.list_object().items, {});
    case Kind::dict:
      budget.work(value.entries().entries.size() * sizeof(Value));
      for (const auto& entry : value.entries().entries) out.push_back(entry.first);
      return out;
    default:
      if (!value.is_sequence()) fail("TypeError", "'" + type_name(value) + "' object is not iterable");
      budget.work(value.items().size() * sizeof(Value));
      budget.require(value.items().size() * sizeof(Value));
      return value.items();
  }
}

int64_t length_of(Budget& budget, const Value& value) {
  if (value.is_undefined()) return 0;
  if (value.is_string()) {
    budget.work(value.text().size());
    return count_characters(value.text());
  }
  if (value.is_dict()) return static_cast<int64_t>(value.entries().entries.size());
  if (value.is_sequence() && !value.is(Kind::generator)) return static_cast<int64_t>(value.items().size());
  fail("TypeError", "object of type '" + type_name(value) + "' has no len()");
}

}  // namespace jamsu::jinja
