#pragma once
// The values of templates: Python's as far as Jinja shows them. Immutable but for namespaces, what generators have
// left, and, in the wide dialect, lists that a template made; copies share.
#include <boost/json/value.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "jinja/budget.h"
#include "jinja/integer.h"

namespace jamsu::jinja {

enum class Kind : uint8_t {
  undefined,  // object: the message that its use gives, or null
  none,
  boolean,
  integer,
  real,
  string,  // valid UTF-8
  list,
  tuple,
  generator,  // what `map` and its like give; made at once here
  view,       // dict.keys() and its like
  range,
  dict,
  object,  // has attributes, may be called: functions, macros, loops, namespaces
};

struct Object;
struct StringObject;
struct ListObject;
struct DictObject;

class Value {
 public:
  Value() = default;  // undefined
  static Value none();
  static Value boolean(bool value);
  static Value integer(int64_t value);
  static Value real(double value);
  // Those without a budget are for the variables of a template: they are the caller's memory. REQUIRES: valid UTF-8.
  static Value string(std::string text);
  static Value list(std::vector<Value> items);
  static Value dict(std::vector<std::pair<std::string, Value>> entries);  // a later key replaces an earlier
  // Objects keep their order. REQUIRES: no deeper than Limits::value_depth (strict_json.h has the reader's limit).
  static Value from_json(const boost::json::value& json);

  static Value undefined(Budget& budget, std::string message);
  static Value string(Budget& budget, std::string text, bool safe = false);
  static Value sequence(Budget& budget, Kind kind, std::vector<Value> items);  // list, tuple, generator
  static Value big(Budget& budget, const Integer& value);                      // int64 where it fits
  static Value of(Kind kind, std::shared_ptr<Object> object);
  // range(start, stop, step) with its values. REQUIRES: step != 0, few enough values.
  static Value range(Budget& budget, int64_t start, int64_t stop, int64_t step);

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  bool is_undefined() const { return kind_ == Kind::undefined; }
  bool is_none() const { return kind_ == Kind::none; }
  bool is_string() const { return kind_ == Kind::string; }
  bool is_dict() const { return kind_ == Kind::dict; }
  bool is_sequence() const { return kind_ >= Kind::list && kind_ <= Kind::range; }  // those of ListObject
  bool is_integral() const { return kind_ == Kind::integer || kind_ == Kind::boolean; }
  bool is_number() const { return is_integral() || kind_ == Kind::real; }
  bool is_small() const { return is_integral() && !object_; }  // integers in int64

  bool boolean() const { return bits_.integer != 0; }
  int64_t small() const { return bits_.integer; }  // REQUIRES: is_small()
  Integer integer() const;                         // REQUIRES: is_integral()
  double real() const;                             // REQUIRES: is_number()
  const std::string& text() const;                 // REQUIRES: is_string()
  bool safe() const;                               // Markup: not escaped again
  const std::vector<Value>& items() const;         // REQUIRES: is_sequence()
  const DictObject& entries() const;               // REQUIRES: is_dict()
  ListObject& list_object() const;                 // REQUIRES: is_sequence()
  Object* object() const { return object_.get(); }
  const std::shared_ptr<Object>& shared() const { return object_; }

 private:
  Kind kind_ = Kind::undefined;
  union {
    int64_t integer;
    double real;
  } bits_ = {0};
  std::shared_ptr<Object> object_;
};

struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

class Interpreter;  // eval.h

// Memory that counts against a budget, with the depth of what it holds (so that no walk recurses without a limit).
struct Object : std::enable_shared_from_this<Object> {
  explicit Object(Budget* owner = nullptr, size_t size = 0);
  virtual ~Object();
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  // Kind::object only. attribute: undefined when there is none.
  virtual Value attribute(Interpreter&, std::string_view) const { return {}; }
  virtual bool callable() const { return false; }
  virtual Value call(Interpreter&, Arguments&) const;
  virtual std::string type() const { return "object"; }
  virtual std::string repr() const { return "<" + type() + ">"; }

  // This holds that: one level more. Errors (Failure): too deep.
  void holds(const Value& value);

  Budget* budget;
  size_t bytes;
  int depth = 1;
};

struct StringObject : Object {
  StringObject(Budget* owner, std::string value, bool is_safe);
  std::string text;
  bool safe;
};
struct ListObject : Object {
  ListObject(Budget* owner, std::vector<Value> values);
  // Puts `value` before items[at]. REQUIRES: a budget; whoever calls keeps the list until the render ends (rings).
  void insert(size_t at, Value value);
  std::vector<Value> items;
  bool kept = false;                      // by the interpreter: it was changed
  std::string_view name;                  // view: "dict_keys"; tuple: "group", of groupby
  int64_t start = 0, stop = 0, step = 1;  // range
};
struct IntegerObject : Object {
  IntegerObject(Budget* owner, Integer number) : Object(owner, number.bytes()), value(std::move(number)) {}
  Integer value;
};

// Insertion order, as Python's. Keys equal as values do: 1, 1.0 and true are one key.
struct DictObject : Object {
  explicit DictObject(Budget* owner) : Object(owner, 0) {}
  // Errors (Failure): an unhashable key.
  void set(const Value& key, Value value);
  const Value* find(const Value& key) const;
  const Value* find(std::string_view key) const;
  std::vector<std::pair<Value, Value>> entries;

 private:
  std::unordered_multimap<uint64_t, size_t> index_;  // hash -> place
};

// Python's name of the type: "str", "int", "NoneType", "Undefined".
std::string type_name(const Value& value);
bool truthy(const Value& value);
// str() and repr(), appended.
void append_text(Budget& budget, std::string& out, const Value& value);
void append_repr(Budget& budget, std::string& out, const Value& value);
std::string to_text(Budget& budget, const Value& value);
// Python's repr of a float: the shortest digits that read back, exponents from 1e16 and below 1e-4.
std::string float_repr(double value);
// What digits mean that no double can hold: 0 or infinity.
double out_of_range_real(std::string_view digits);
bool equal(Budget& budget, const Value& a, const Value& b);
// a < b as Python orders; errors for unlike types, `op` is named in them.
bool less(Budget& budget, const Value& a, const Value& b, std::string_view op = "<");
uint64_t hash_of(Budget& budget, const Value& value);
// What iter() gives; errors for what cannot be iterated. Strings give their characters, dicts their keys; a generator
// is empty after it.
std::vector<Value> iterate(Budget& budget, const Value& value);
// len(); errors for what has none.
int64_t length_of(Budget& budget, const Value& value);

// Characters of valid UTF-8.
int64_t count_characters(std::string_view text);
// Byte offset of character number n, or size() past the end.
size_t offset_of(std::string_view text, int64_t n);

}  // namespace jamsu::jinja
