#pragma once
// Runs a template's tree.
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jinja/ast.h"
#include "jinja/jinja.h"

namespace jamsu::jinja {

// Names and values; what is not here is looked for in the parent.
// Jinja's `if` makes none, `for`, `with`, macros and blocks do.
struct Scope {
  explicit Scope(std::shared_ptr<Scope> outer) : parent(std::move(outer)) {}
  std::shared_ptr<Scope> parent;
  std::vector<std::pair<std::string, Value>> variables;
  const Value* find(std::string_view name) const;  // here only
  void set(std::string_view name, Value value);
};

struct LoopObject;

class Interpreter {
 public:
  enum class Flow : uint8_t { on, stop, next };  // stop: break, next: continue

  Interpreter(const TemplateBody& body, const Value& variables, const RenderOptions& options);
  ~Interpreter();
  std::string render();

  Budget& budget() { return budget_; }
  const RenderOptions& options() const { return options_; }
  bool autoescape() const { return autoescape_; }

  // Python's operations with the sandbox's rules; errors are Failures.
  // REQUIRES of call: the callee lives on, whatever the call does.
  Value call(const Value& callee, Arguments& arguments);
  Value attribute(const Value& value, std::string_view name);  // a.b
  Value item(const Value& value, const Value& key);            // a[b]
  Value filter(std::string_view name, const Value& value, Arguments& arguments);
  bool test(std::string_view name, const Value& value, Arguments& arguments);
  Value string(std::string text, bool safe = false) { return Value::string(budget_, std::move(text), safe); }
  Value list(std::vector<Value> items) { return Value::sequence(budget_, Kind::list, std::move(items)); }
  Value tuple(std::vector<Value> items) { return Value::sequence(budget_, Kind::tuple, std::move(items)); }
  Value generator(std::vector<Value> items) { return Value::sequence(budget_, Kind::generator, std::move(items)); }
  std::string text(const Value& value) { return to_text(budget_, value); }
  std::vector<Value> iterate(const Value& value) { return jinja::iterate(budget_, value); }
  // Kept until the render ends and emptied then: rings of values cannot leak, long chains do not die recursively.
  void keep(std::shared_ptr<Object> holder) { kept_.push_back(std::move(holder)); }

  // The body of a macro, a caller or a block, with its parameters bound.
  Value run_macro(const Stmt& macro, const std::shared_ptr<Scope>& scope, Arguments& arguments);
  Value run_block(const Stmt& block, bool in_place);
  // REQUIRES: `scope` is no member of this: a copy of it.
  // A loop over `iterable`, with its output into the current buffer. `else` runs when no pass came to the end of the
  // body, as Jinja has it, be it for lack of items or because each was left with continue or break.
  Flow run_loop(const Stmt& loop, const std::shared_ptr<Scope>& scope, const Value& iterable, int depth);
  Value run_recursive_loop(const Stmt& loop, const std::shared_ptr<Scope>& scope, const Value& iterable, int depth);
  const TemplateBody& body() const { return body_; }
  bool compare_pair(std::string_view op, const Value& a, const Value& b);

  std::optional<std::string> raised;  // by raise_exception

 private:
  class Depth;

  Flow run(const Body& body);
  Flow run(const Stmt& stmt);
  Flow run_one(const Stmt& stmt);
  void print(const Stmt& stmt);
  Flow condition(const Stmt& stmt);
  Flow with(const Stmt& stmt);
  Flow escape(const Stmt& stmt);
  Value make_macro(const Stmt& stmt);
  void call_block(const Stmt& stmt);
  std::string capture(const Body& body, const std::shared_ptr<Scope>& scope);  // its output as text
  Value captured(std::string text) { return string(std::move(text), autoescape_); }
  void emit(std::string_view text);
  void assign(const Expr& target, const Value& value);
  void bind_parameters(const Stmt& macro, Arguments& arguments);

  Value eval(const Expr& expr);
  Value eval_one(const Expr& expr);
  Value name(const Expr& expr);
  Value dict(const Expr& expr);
  Value slice(const Value& value, const Expr& slice);
  Value conditional(const Expr& expr);
  Value compare(const Expr& expr);
  Value concat(const Expr& expr);
  Value filter_chain(const Expr& expr, const Value* head);
  std::vector<Value> eval_all(const std::vector<ExprPtr>& exprs);
  Arguments eval_arguments(const CallArguments& arguments);

  const TemplateBody& body_;
  const RenderOptions& options_;
  Budget budget_;
  Value variables_;
  bool autoescape_ = false;
  int depth_ = 0;
  std::shared_ptr<Scope> root_, scope_;
  std::string* out_ = nullptr;
  std::vector<std::shared_ptr<Object>> kept_;
  std::vector<std::shared_ptr<Scope>> kept_scopes_;  // those a macro or caller refers to
};

// The message an undefined value gives when it is used.
[[noreturn]] void fail_undefined(const Value& value);

// Arithmetic and `in` (operators.cpp).
Value add(Interpreter& in, const Value& a, const Value& b);
Value binary(Interpreter& in, std::string_view op, const Value& a, const Value& b);
Value negate(Interpreter& in, const Value& a);
bool contains(Interpreter& in, const Value& container, const Value& value);

// The pairs of a dict, as tuples.
std::vector<Value> dict_pairs(Interpreter& in, const Value& dict);
// ListObject::name of a tuple that groupby made: it has the attributes grouper and list.
inline constexpr std::string_view kGroupName = "group";

// What sort, min, unique ... compare: strings in lower case unless asked otherwise.
Value folded(Interpreter& in, Value value, bool case_sensitive);
struct Sortable {
  Value key, value;
};
// The values in the order of their keys, equal ones as they came; `keys` gets those.
std::vector<Value> sort_by_keys(Interpreter& in, std::vector<Sortable> pairs, bool reversed,
                                std::vector<Value>* keys = nullptr);

// Parameters of functions, filters and methods by place or name, as Python binds them.
class Bound {
 public:
  Bound(std::string_view function, Arguments& arguments, std::initializer_list<std::string_view> names,
        size_t required = 0);
  bool has(size_t i) const { return values_[i].has_value(); }
  const Value& operator[](size_t i) const { return *values_[i]; }  // REQUIRES: has(i)
  Value or_else(size_t i, const Value& other) const { return has(i) ? *values_[i] : other; }
  int64_t integer(size_t i, int64_t other = 0) const;  // errors: no integer
  bool flag(size_t i, bool other = false) const { return has(i) ? truthy(*values_[i]) : other; }
  std::string text(size_t i, std::string_view other = {}) const;  // errors: no string

 private:
  std::string function_;
  std::vector<std::optional<Value>> values_;
};

}  // namespace jamsu::jinja
