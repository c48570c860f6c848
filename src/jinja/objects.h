#pragma once
// What templates call or take apart: functions, macros, loops, namespaces.
#include "jinja/eval.h"

namespace jamsu::jinja {

using BuiltinBody = Value (*)(Interpreter&, const Value& self, Arguments&);

// A function, or a method with its `self`.
struct BuiltinObject : Object {
  BuiltinObject(Budget* owner, BuiltinBody function, Value bound, std::string shown)
      : Object(owner, 64), body(function), self(std::move(bound)), repr_text(std::move(shown)) {
    holds(self);
  }
  bool callable() const override { return true; }
  Value call(Interpreter& in, Arguments& arguments) const override { return body(in, self, arguments); }
  Value attribute(Interpreter& in, std::string_view key) const override;
  std::string type() const override { return "builtin_function_or_method"; }
  std::string repr() const override { return repr_text; }
  BuiltinBody body;
  Value self;
  std::string repr_text;
};

struct MacroObject : Object {
  MacroObject(Budget* owner, const Stmt& stmt, std::shared_ptr<Scope> around)
      : Object(owner, 128), macro(stmt), scope(std::move(around)) {}
  bool callable() const override { return true; }
  Value call(Interpreter& in, Arguments& arguments) const override { return in.run_macro(macro, scope, arguments); }
  Value attribute(Interpreter& in, std::string_view key) const override;
  std::string type() const override { return "Macro"; }
  std::string repr() const override { return "<Macro '" + macro.macro.name + "'>"; }
  const Stmt& macro;
  std::shared_ptr<Scope> scope;
};

struct NamespaceObject : Object {
  explicit NamespaceObject(Budget* owner) : Object(owner, 128) {}
  Value attribute(Interpreter& in, std::string_view key) const override;
  std::string type() const override { return "Namespace"; }
  std::string repr() const override;
  void set(std::string_view key, const Value& value);
  std::vector<std::pair<std::string, Value>> values;  // in the order they came
  mutable bool printing = false;                      // a namespace may hold itself
};

// After the loop it has its numbers, but neither its items nor its scope: chains of loops would otherwise live on.
struct LoopObject : Object {
  LoopObject(Budget* owner, std::vector<Value> values, const Stmt& stmt, std::shared_ptr<Scope> around, int loop_depth)
      : Object(owner, values.size() * sizeof(Value)),
        items(std::move(values)),
        count(items.size()),
        loop(stmt),
        scope(std::move(around)),
        level(loop_depth) {}
  void finish() {
    items.clear();
    scope.reset();
    last_seen.reset();
  }
  bool callable() const override { return loop.recursive; }
  Value call(Interpreter& in, Arguments& arguments) const override;
  Value attribute(Interpreter& in, std::string_view key) const override;
  std::string type() const override { return "LoopContext"; }
  std::string repr() const override;
  std::vector<Value> items;
  size_t count;
  const Stmt& loop;
  std::shared_ptr<Scope> scope;  // around the loop
  int level;                     // from 0
  size_t index = 0;
  mutable std::optional<std::vector<Value>> last_seen;  // of changed()
};

// `self`: the blocks of the template as functions.
struct SelfObject : Object {
  explicit SelfObject(Budget* owner) : Object(owner) {}
  Value attribute(Interpreter& in, std::string_view key) const override;
  std::string type() const override { return "TemplateReference"; }
  std::string repr() const override { return "<TemplateReference None>"; }
};

struct CyclerObject : Object {
  CyclerObject(Budget* owner, std::vector<Value> values)
      : Object(owner, values.size() * sizeof(Value)), items(std::move(values)) {
    for (const Value& item : items) holds(item);
  }
  Value attribute(Interpreter& in, std::string_view key) const override;
  std::string type() const override { return "Cycler"; }
  const std::vector<Value> items;
  mutable size_t at = 0;
};

struct JoinerObject : Object {
  JoinerObject(Budget* owner, Value text) : Object(owner), separator(std::move(text)) { holds(separator); }
  bool callable() const override { return true; }
  Value call(Interpreter& in, Arguments& arguments) const override;
  std::string type() const override { return "Joiner"; }
  Value separator;
  mutable bool used = false;
};

struct BytesObject : Object {
  BytesObject(Budget* owner, std::string text) : Object(owner, text.size()), bytes_text(std::move(text)) {}
  std::string type() const override { return "bytes"; }
  std::string repr() const override;
  Value attribute(Interpreter& in, std::string_view key) const override;
  std::string bytes_text;
};

// Methods of strings, lists, dicts and numbers; null when there is none of the name, or the dialect has none.
BuiltinBody find_method(const Interpreter& in, const Value& value, std::string_view name);
BuiltinBody find_string_method(std::string_view name);
// real, imag, numerator ... of numbers, start, stop and step of ranges; undefined when there is none of the name.
Value plain_attribute(Interpreter& in, const Value& value, std::string_view name);
// Methods that change their object: the strict sandbox hides them.
bool changes_its_object(const Value& value, std::string_view name);
bool changes_list(std::string_view name);  // of the wide dialect
// Errors (Failure): namespaces take no names that begin with an underscore.
void require_public_name(std::string_view name);
// range, dict, namespace, raise_exception ...; undefined when there is none.
Value find_global(Interpreter& in, std::string_view name);
// strftime in C's locale; what it does not know stays as it is.
std::string format_time(Budget& budget, std::string_view format, const std::tm& time);

}  // namespace jamsu::jinja
