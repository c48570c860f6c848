// Functions every template has: Jinja's own and those transformers adds.
#include <fmt/format.h>

#include <algorithm>

#include "base/function_ref.h"
#include "jinja/objects.h"

namespace jamsu::jinja {
namespace {

Value global_range(Interpreter& in, const Value&, Arguments& arguments) {
  const Bound p("range", arguments, {"start", "stop", "step"}, 1);
  const int64_t first = p.integer(0), step = p.integer(2, 1);
  if (step == 0) fail("ValueError", "range() arg 3 must not be zero");
  return p.has(1) ? Value::range(in.budget(), first, p.integer(1), step) : Value::range(in.budget(), 0, first, step);
}

// dict(mapping or pairs, **named).
void fill(Interpreter& in, const Arguments& arguments, std::string_view function,
          const FunctionRef<void(const Value&, const Value&)>& set) {
  if (arguments.positional.size() > 1)
    fail("TypeError", fmt::format("{} expected at most 1 argument, got {}", function, arguments.positional.size()));
  if (!arguments.positional.empty()) {
    const Value& from = arguments.positional[0];
    if (from.is_dict()) {
      for (const auto& [key, value] : from.entries().entries) set(key, value);
    } else {
      for (const Value& pair : in.iterate(from)) {
        const std::vector<Value> parts = in.iterate(pair);
        if (parts.size() != 2) fail("ValueError", "dictionary update sequence element has not length 2");
        set(parts[0], parts[1]);
      }
    }
  }
  for (const auto& [key, value] : arguments.named) set(in.string(key), value);
}

Value global_dict(Interpreter& in, const Value&, Arguments& arguments) {
  auto object = std::make_shared<DictObject>(&in.budget());
  fill(in, arguments, "dict", [&](const Value& key, const Value& value) { object->set(key, value); });
  return Value::of(Kind::dict, std::move(object));
}

Value global_namespace(Interpreter& in, const Value&, Arguments& arguments) {
  auto object = std::make_shared<NamespaceObject>(&in.budget());
  fill(in, arguments, "namespace", [&](const Value& key, const Value& value) {
    if (!key.is_string()) fail("TypeError", "attribute name must be string, not '" + type_name(key) + "'");
    require_public_name(key.text());
    in.budget().charge(sizeof(Value) + key.text().size());
    object->bytes += sizeof(Value) + key.text().size();
    object->set(key.text(), value);
  });
  in.keep(object);
  return Value::of(Kind::object, std::move(object));
}

Value global_cycler(Interpreter& in, const Value&, Arguments& arguments) {
  if (arguments.positional.empty()) fail("RuntimeError", "at least one item has to be provided");
  return Value::of(Kind::object, std::make_shared<CyclerObject>(&in.budget(), arguments.positional));
}

Value global_joiner(Interpreter& in, const Value&, Arguments& arguments) {
  const Bound p("joiner", arguments, {"sep"});
  return Value::of(Kind::object, std::make_shared<JoinerObject>(&in.budget(), p.or_else(0, in.string(", "))));
}

Value global_lipsum(Interpreter&, const Value&, Arguments&) {
  fail("NotImplementedError", "lipsum draws random words: not supported");
}

Value global_raise(Interpreter& in, const Value&, Arguments& arguments) {
  const Bound p("raise_exception", arguments, {"message"}, 1);
  std::string message = in.text(p[0]);
  in.raised = message;
  fail("TemplateError", std::move(message));
}

Value global_strftime(Interpreter& in, const Value&, Arguments& arguments) {
  const Bound p("strftime_now", arguments, {"format"}, 1);
  if (!in.options().now) fail("TemplateRuntimeError", "strftime_now: whoever renders the template has given no time");
  return in.string(format_time(in.budget(), p.text(0), *in.options().now));
}

struct NamedGlobal {
  std::string_view name;
  BuiltinBody body;
  std::string_view repr;
};

constexpr NamedGlobal kGlobals[] = {
    {"range", global_range, "<class 'range'>"},
    {"dict", global_dict, "<class 'dict'>"},
    {"namespace", global_namespace,
     "<class 'transformers.utils.chat_template_utils._cached_compile_jinja_template.<locals>.TemplateNamespace'>"},
    {"cycler", global_cycler, "<class 'jinja2.utils.Cycler'>"},
    {"joiner", global_joiner, "<class 'jinja2.utils.Joiner'>"},
    {"lipsum", global_lipsum, "<function generate_lorem_ipsum>"},
    {"raise_exception", global_raise, "<function raise_exception>"},
    {"strftime_now", global_strftime, "<function strftime_now>"},
};

}  // namespace

void require_public_name(std::string_view name) {
  if (name.starts_with('_'))
    fail("SecurityError", fmt::format("Chat templates cannot store underscore-prefixed attributes on a namespace, but "
                                      "got '{}'. Please rename the attribute.",
                                      name));
}

Value find_global(Interpreter& in, std::string_view name) {
  if (name == "self") return Value::of(Kind::object, std::make_shared<SelfObject>(&in.budget()));
  for (const NamedGlobal& global : kGlobals)
    if (global.name == name)
      return Value::of(Kind::object,
                       std::make_shared<BuiltinObject>(&in.budget(), global.body, Value(), std::string(global.repr)));
  return {};
}

std::string format_time(Budget& budget, std::string_view format, const std::tm& time) {
  std::string out;
  for (size_t at = 0; at < format.size();) {
    const size_t next = std::min(format.find('%', at), format.size());
    out += format.substr(at, next - at);
    at = next;
    if (at >= format.size()) break;
    budget.step();
    budget.require(out.size());
    const char kind = at + 1 < format.size() ? format[at + 1] : '\0';
    if (kind == '\0' ||
        std::string_view("aAbBcCdDeFgGhHIjmMnprRStTuUVwWxXyYzZ%").find(kind) == std::string_view::npos) {
      out += format[at++];
      continue;
    }
    at += 2;
    if (kind == 'z' || kind == 'Z') continue;  // a time without a zone
    const char pattern[] = {'%', kind, '\0'};
    char text[128];
    out.append(text, std::strftime(text, sizeof text, pattern, &time));
  }
  return out;
}

}  // namespace jamsu::jinja
