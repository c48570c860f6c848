// Statements.
#include "jinja/eval.h"

#include <algorithm>

#include "base/check.h"
#include "jinja/filters.h"
#include "jinja/objects.h"
#include "jinja/strings.h"

namespace jamsu::jinja {

const Value* Scope::find(std::string_view name) const {
  for (const auto& [key, value] : variables)
    if (key == name) return &value;
  return nullptr;
}

void Scope::set(std::string_view name, Value value) {
  for (auto& [key, old] : variables) {
    if (key != name) continue;
    old = std::move(value);
    return;
  }
  variables.emplace_back(std::string(name), std::move(value));
}

void fail_undefined(const Value& value) {
  const auto* message = static_cast<const StringObject*>(value.object());
  if (message && message->text.starts_with("access to attribute")) fail("SecurityError", message->text);
  fail("UndefinedError", message ? message->text : "value is undefined");
}

// Counts a level of calls, statements and expressions inside one another.
class Interpreter::Depth {
 public:
  explicit Depth(Interpreter& in) : in_(in) {
    in_.budget_.step();
    if (in_.depth_ >= in_.budget_.limits().depth) fail("RecursionError", "maximum recursion depth exceeded");
    ++in_.depth_;
  }
  ~Depth() { --in_.depth_; }

 private:
  Interpreter& in_;
};

namespace {

// Lists and what holds them, made anew: a template may change them.
Value own_lists(Budget& budget, const Value& value) {
  const Budget::Nest nest(budget);
  if (value.is(Kind::list)) {
    std::vector<Value> items;
    items.reserve(value.items().size());
    for (const Value& item : value.items()) items.push_back(own_lists(budget, item));
    return Value::sequence(budget, Kind::list, std::move(items));
  }
  if (!value.is_dict()) return value;
  auto object = std::make_shared<DictObject>(&budget);
  for (const auto& [key, item] : value.entries().entries) object->set(key, own_lists(budget, item));
  return Value::of(Kind::dict, std::move(object));
}

}  // namespace

Interpreter::Interpreter(const TemplateBody& body, const Value& variables, const RenderOptions& options)
    : body_(body),
      options_(options),
      budget_(options.limits),
      variables_(body.changes_lists ? own_lists(budget_, variables) : variables),
      root_(std::make_shared<Scope>(nullptr)),
      scope_(root_) {}

Interpreter::~Interpreter() {
  for (const auto& holder : kept_) {
    if (auto* names = dynamic_cast<NamespaceObject*>(holder.get())) names->values.clear();
    if (auto* list = dynamic_cast<ListObject*>(holder.get())) list->items.clear();
  }
  for (const auto& scope : kept_scopes_) scope->variables.clear();
  root_->variables.clear();
}

std::string Interpreter::render() {
  std::string out;
  out_ = &out;
  run(body_.body);
  return out;
}

void Interpreter::emit(std::string_view text) {
  if (out_->size() + text.size() > budget_.limits().output_bytes) fail("LimitError", "the output is too long");
  budget_.charge(text.size());
  out_->append(text);
}

std::string Interpreter::capture(const Body& body, const std::shared_ptr<Scope>& scope) {
  std::string out;
  std::string* const outer = std::exchange(out_, &out);
  const auto before = std::exchange(scope_, scope);
  struct Restore {
    Interpreter& in;
    std::string* out;
    std::shared_ptr<Scope> scope;
    std::string& text;
    ~Restore() {
      in.out_ = out;
      in.scope_ = scope;
      in.budget_.release(text.size());
    }
  } restore{*this, outer, before, out};
  run(body);
  return std::string(out);
}

Interpreter::Flow Interpreter::run(const Body& body) {
  for (const auto& stmt : body)
    if (const Flow flow = run(*stmt); flow != Flow::on) return flow;
  return Flow::on;
}

Interpreter::Flow Interpreter::run(const Stmt& stmt) {
  const Depth depth(*this);
  try {
    return run_one(stmt);
  } catch (Failure& failure) {
    if (!failure.line) failure.line = stmt.line;
    throw;
  }
}

Interpreter::Flow Interpreter::run_one(const Stmt& stmt) {
  switch (stmt.kind) {
    case StmtKind::data:
      emit(stmt.text);
      return Flow::on;
    case StmtKind::print:
      print(stmt);
      return Flow::on;
    case StmtKind::condition:
      return condition(stmt);
    case StmtKind::loop: {
      const std::shared_ptr<Scope> around = scope_;  // scope_ changes with every pass
      return run_loop(stmt, around, eval(*stmt.values[0]), 0);
    }
    case StmtKind::set:
      assign(*stmt.targets[0], eval(*stmt.values[0]));
      return Flow::on;
    case StmtKind::set_block: {
      const Value text = captured(capture(stmt.body, std::make_shared<Scope>(scope_)));
      assign(*stmt.targets[0], stmt.filter ? filter_chain(*stmt.filter, &text) : text);
      return Flow::on;
    }
    case StmtKind::with:
      return with(stmt);
    case StmtKind::macro:
      scope_->set(stmt.macro.name, make_macro(stmt));
      return Flow::on;
    case StmtKind::call_block:
      call_block(stmt);
      return Flow::on;
    case StmtKind::filter_block: {
      const Value text = captured(capture(stmt.body, std::make_shared<Scope>(scope_)));
      emit(this->text(filter_chain(*stmt.filter, &text)));
      return Flow::on;
    }
    case StmtKind::block:
      emit(run_block(stmt, true).text());
      return Flow::on;
    case StmtKind::scope:
      emit(capture(stmt.body, std::make_shared<Scope>(scope_)));
      return Flow::on;
    case StmtKind::autoescape:
      return escape(stmt);
    case StmtKind::break_loop:
      return Flow::stop;
    case StmtKind::continue_loop:
      return Flow::next;
  }
  return Flow::on;
}

void Interpreter::print(const Stmt& stmt) {
  for (const ExprPtr& expr : stmt.values) {
    const Value value = eval(*expr);
    const std::string written = text(value);
    emit(autoescape_ && !value.safe() ? escape_html(budget_, written) : written);
  }
}

Interpreter::Flow Interpreter::condition(const Stmt& stmt) {
  for (const auto& [test, body] : stmt.branches)
    if (!test || truthy(eval(*test))) return run(body);
  return Flow::on;
}

Interpreter::Flow Interpreter::with(const Stmt& stmt) {
  const std::vector<Value> values = eval_all(stmt.values);  // all of them see the names outside
  const auto outer = scope_;
  struct Restore {
    Interpreter& in;
    const std::shared_ptr<Scope>& scope;
    ~Restore() { in.scope_ = scope; }
  } restore{*this, outer};
  scope_ = std::make_shared<Scope>(outer);
  for (size_t i = 0; i < values.size(); ++i) assign(*stmt.targets[i], values[i]);
  return run(stmt.body);
}

Interpreter::Flow Interpreter::escape(const Stmt& stmt) {
  struct Restore {
    bool& flag;
    bool before;
    ~Restore() { flag = before; }
  } restore{autoescape_, autoescape_};
  autoescape_ = truthy(eval(*stmt.values[0]));
  return run(stmt.body);
}

Value Interpreter::make_macro(const Stmt& stmt) {
  constexpr size_t kScopeBytes = 512;  // about; it lives to the end
  budget_.charge(kScopeBytes);
  kept_scopes_.push_back(scope_);
  return Value::of(Kind::object, std::make_shared<MacroObject>(&budget_, stmt, scope_));
}

void Interpreter::call_block(const Stmt& stmt) {
  const Expr& call_expr = *stmt.values[0];
  const Value callee = eval(*call_expr.kids[0]);
  Arguments arguments = eval_arguments(call_expr.arguments);
  arguments.named.emplace_back("caller", make_macro(stmt));
  emit(text(call(callee, arguments)));
}

Interpreter::Flow Interpreter::run_loop(const Stmt& stmt, const std::shared_ptr<Scope>& around, const Value& iterable,
                                        int level) {
  struct Restore {
    Interpreter& in;
    std::shared_ptr<Scope> scope;
    ~Restore() { in.scope_ = scope; }
  } restore{*this, scope_};
  std::vector<Value> items = iterate(iterable);
  if (stmt.test) {
    std::vector<Value> fitting;
    for (Value& item : items) {
      scope_ = std::make_shared<Scope>(around);
      assign(*stmt.targets[0], item);
      if (truthy(eval(*stmt.test))) fitting.push_back(std::move(item));
    }
    items = std::move(fitting);
  }
  const auto loop = std::make_shared<LoopObject>(&budget_, std::move(items), stmt, around, level);
  struct Finish {
    LoopObject& loop;
    ~Finish() { loop.finish(); }
  } finish{*loop};
  bool completed = false;
  for (loop->index = 0; loop->index < loop->items.size(); ++loop->index) {
    budget_.step();
    scope_ = std::make_shared<Scope>(around);
    scope_->set("loop", Value::of(Kind::object, loop));
    assign(*stmt.targets[0], loop->items[loop->index]);
    const Flow flow = run(stmt.body);
    if (flow == Flow::stop) break;
    completed = completed || flow == Flow::on;
  }
  if (completed) return Flow::on;
  scope_ = std::make_shared<Scope>(around);
  return run(stmt.otherwise);
}

Value Interpreter::run_recursive_loop(const Stmt& loop, const std::shared_ptr<Scope>& around, const Value& iterable,
                                      int level) {
  const Depth depth(*this);
  std::string out;
  struct Restore {
    Interpreter& in;
    std::string* out;
    std::string& text;
    ~Restore() {
      in.out_ = out;
      in.budget_.release(text.size());
    }
  } restore{*this, std::exchange(out_, &out), out};
  run_loop(loop, around, iterable, level);
  return captured(out);
}

Value Interpreter::run_macro(const Stmt& stmt, const std::shared_ptr<Scope>& around, Arguments& arguments) {
  const Depth depth(*this);
  const auto inner = std::make_shared<Scope>(around);
  {
    const auto outer = std::exchange(scope_, inner);
    struct Restore {
      Interpreter& in;
      const std::shared_ptr<Scope>& scope;
      ~Restore() { in.scope_ = scope; }
    } restore{*this, outer};
    bind_parameters(stmt, arguments);
  }
  return captured(capture(stmt.body, inner));
}

void Interpreter::bind_parameters(const Stmt& stmt, Arguments& arguments) {
  const MacroParts& macro = stmt.macro;
  const size_t count = macro.parameters.size();
  if (arguments.positional.size() > count && !macro.uses_varargs)
    fail("TypeError", "macro '" + macro.name + "' takes not more than " + std::to_string(count) + " argument(s)");
  std::vector<bool> taken(arguments.named.size(), false);
  const auto named = [&](std::string_view wanted) -> const Value* {
    for (size_t i = 0; i < arguments.named.size(); ++i) {
      if (arguments.named[i].first != wanted) continue;
      taken[i] = true;
      return &arguments.named[i].second;
    }
    return nullptr;
  };
  for (size_t i = 0; i < count; ++i) {
    const std::string& parameter = macro.parameters[i];
    const size_t first_default = count - macro.defaults.size();
    if (i < arguments.positional.size()) {
      scope_->set(parameter, arguments.positional[i]);
    } else if (const Value* value = named(parameter)) {
      scope_->set(parameter, *value);
    } else if (i >= first_default) {
      scope_->set(parameter, eval(*macro.defaults[i - first_default]));
    } else {
      scope_->set(parameter, Value::undefined(budget_, "parameter '" + parameter + "' was not provided"));
    }
  }
  const Value* caller = named("caller");
  if (caller && !macro.uses_caller) fail("TypeError", "macro '" + macro.name + "' takes no keyword argument 'caller'");
  if (macro.uses_caller) scope_->set("caller", caller ? *caller : Value::undefined(budget_, "No caller defined"));
  auto rest = std::make_shared<DictObject>(&budget_);
  for (size_t i = 0; i < taken.size(); ++i) {
    if (taken[i]) continue;
    if (!macro.uses_kwargs)
      fail("TypeError", "macro '" + macro.name + "' takes no keyword argument '" + arguments.named[i].first + "'");
    rest->set(string(arguments.named[i].first), arguments.named[i].second);
  }
  if (macro.uses_kwargs) scope_->set("kwargs", Value::of(Kind::dict, std::move(rest)));
  if (macro.uses_varargs) {
    const auto begin =
        arguments.positional.begin() + static_cast<std::ptrdiff_t>(std::min(count, arguments.positional.size()));
    scope_->set("varargs", tuple({begin, arguments.positional.end()}));
  }
}

Value Interpreter::run_block(const Stmt& stmt, bool in_place) {
  const Depth depth(*this);
  return captured(capture(stmt.body, std::make_shared<Scope>(in_place && stmt.scoped ? scope_ : root_)));
}

void Interpreter::assign(const Expr& target, const Value& value) {
  budget_.step();
  if (target.kind == ExprKind::name) {
    scope_->set(target.text, value);
  } else if (target.kind == ExprKind::namespace_item) {
    Expr holder;
    holder.text = target.text;
    const Value names = name(holder);
    auto* object = names.is(Kind::object) ? dynamic_cast<NamespaceObject*>(names.object()) : nullptr;
    if (!object) fail("TemplateRuntimeError", "cannot assign attribute on non-namespace object");
    require_public_name(target.attribute);
    object->set(target.attribute, value);
  } else {
    const std::vector<Value> items = iterate(value);
    const size_t wanted = target.kids.size();
    if (items.size() > wanted)
      fail("ValueError", "too many values to unpack (expected " + std::to_string(wanted) + ")");
    if (items.size() < wanted)
      fail("ValueError", "not enough values to unpack (expected " + std::to_string(wanted) + ", got " +
                             std::to_string(items.size()) + ")");
    for (size_t i = 0; i < wanted; ++i) assign(*target.kids[i], items[i]);
  }
}

}  // namespace jamsu::jinja
