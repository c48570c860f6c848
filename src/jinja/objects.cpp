#include "jinja/objects.h"

#include <fmt/format.h>

#include <algorithm>

namespace jamsu::jinja {
namespace {

Value method(Interpreter& in, BuiltinBody body, const Value& self, std::string_view name) {
  return Value::of(Kind::object,
                   std::make_shared<BuiltinObject>(&in.budget(), body, self, fmt::format("<bound method {}>", name)));
}

// An object as a value again; it is alive, since a value's attribute was asked for.
template <class T>
Value self_of(const T& object) {
  return Value::of(Kind::object, std::const_pointer_cast<Object>(object.weak_from_this().lock()));
}

const LoopObject& loop_of(const Value& self) {
  return static_cast<const LoopObject&>(*self.object());
}

Value loop_cycle(Interpreter&, const Value& self, Arguments& arguments) {
  const auto& items = arguments.positional;
  if (items.empty()) fail("TypeError", "no items for cycling given");
  return items[loop_of(self).index % items.size()];
}

Value loop_changed(Interpreter& in, const Value& self, Arguments& arguments) {
  const LoopObject& loop = loop_of(self);
  if (!loop.scope) fail("TemplateRuntimeError", "the loop has ended");
  const auto same = [&](const Value& a, const Value& b) { return equal(in.budget(), a, b); };
  const auto& now = arguments.positional;
  if (loop.last_seen && std::equal(loop.last_seen->begin(), loop.last_seen->end(), now.begin(), now.end(), same))
    return Value::boolean(false);
  loop.last_seen = now;
  return Value::boolean(true);
}

Value cycler_next(Interpreter&, const Value& self, Arguments&) {
  const auto& cycler = static_cast<const CyclerObject&>(*self.object());
  const Value& now = cycler.items[cycler.at];
  cycler.at = (cycler.at + 1) % cycler.items.size();
  return now;
}
Value cycler_reset(Interpreter&, const Value& self, Arguments&) {
  static_cast<const CyclerObject&>(*self.object()).at = 0;
  return Value::none();
}

}  // namespace

Value BuiltinObject::attribute(Interpreter& in, std::string_view key) const {
  if (repr_text == "<class 'dict'>" && key == "fromkeys") {
    const Value empty = Value::of(Kind::dict, std::make_shared<DictObject>(&in.budget()));
    return method(in, find_method(in, empty, key), empty, key);
  }
  return {};
}

Value MacroObject::attribute(Interpreter& in, std::string_view key) const {
  const MacroParts& parts = macro.macro;
  if (key == "name") return in.string(parts.name);
  if (key == "catch_kwargs") return Value::boolean(parts.uses_kwargs);
  if (key == "catch_varargs") return Value::boolean(parts.uses_varargs);
  if (key == "caller") return Value::boolean(parts.uses_caller);
  if (key != "arguments") return {};
  std::vector<Value> names;
  for (const std::string& parameter : parts.parameters) names.push_back(in.string(parameter));
  return in.tuple(std::move(names));
}

Value NamespaceObject::attribute(Interpreter&, std::string_view key) const {
  for (const auto& [name, value] : values)
    if (name == key) return value;
  return {};
}

void NamespaceObject::set(std::string_view key, const Value& value) {
  for (auto& [name, old] : values) {
    if (name != key) continue;
    old = value;
    return;
  }
  values.emplace_back(std::string(key), value);
}

std::string NamespaceObject::repr() const {
  if (std::exchange(printing, true)) return "<Namespace {...}>";
  std::string out = "<Namespace {";
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out += ", ";
    append_repr(*budget, out, Value::string(values[i].first));
    out += ": ";
    append_repr(*budget, out, values[i].second);
  }
  printing = false;
  return out + "}>";
}

std::string LoopObject::repr() const {
  return fmt::format("<LoopContext {}/{}>", index + 1, count);
}

Value LoopObject::call(Interpreter& in, Arguments& arguments) const {
  const Bound p("loop", arguments, {"iterable"}, 1);
  if (!scope) fail("TemplateRuntimeError", "the loop has ended");
  const std::shared_ptr<Scope> around = scope;
  return in.run_recursive_loop(loop, around, p[0], level + 1);
}

Value LoopObject::attribute(Interpreter& in, std::string_view key) const {
  const auto number = [](size_t n) { return Value::integer(static_cast<int64_t>(n)); };
  if (key == "index") return number(index + 1);
  if (key == "index0") return number(index);
  if (key == "revindex") return number(count - index);
  if (key == "revindex0") return number(count - index - 1);
  if (key == "first") return Value::boolean(index == 0);
  if (key == "last") return Value::boolean(index + 1 == count);
  if (key == "length") return number(count);
  if (key == "depth") return Value::integer(level + 1);
  if (key == "depth0") return Value::integer(level);
  if (key == "previtem")
    return index > 0 && index <= items.size() ? items[index - 1]
                                              : Value::undefined(in.budget(), "there is no previous item");
  if (key == "nextitem")
    return index + 1 < items.size() ? items[index + 1] : Value::undefined(in.budget(), "there is no next item");
  if (key == "cycle") return method(in, loop_cycle, self_of(*this), key);
  if (key == "changed") return method(in, loop_changed, self_of(*this), key);
  return {};
}

Value SelfObject::attribute(Interpreter& in, std::string_view key) const {
  for (const auto& [name, block] : in.body().blocks) {
    if (name != key) continue;
    const auto run = [](Interpreter& inner, const Value& self, Arguments&) {
      for (const auto& [candidate, stmt] : inner.body().blocks)
        if (candidate == self.text()) return inner.run_block(*stmt, false);
      return Value();
    };
    return method(in, run, in.string(name), key);
  }
  return {};
}

Value CyclerObject::attribute(Interpreter& in, std::string_view key) const {
  if (key == "current") return items[at];
  if (key == "next") return method(in, cycler_next, self_of(*this), key);
  if (key == "reset") return method(in, cycler_reset, self_of(*this), key);
  return {};
}

Value BytesObject::attribute(Interpreter& in, std::string_view key) const {
  const auto decode = [](Interpreter& inner, const Value& self, Arguments&) {
    return inner.string(static_cast<const BytesObject&>(*self.object()).bytes_text);
  };
  const auto hex = [](Interpreter& inner, const Value& self, Arguments&) {
    std::string out;
    for (const char c : static_cast<const BytesObject&>(*self.object()).bytes_text)
      out += fmt::format("{:02x}", static_cast<unsigned char>(c));
    return inner.string(std::move(out));
  };
  if (key == "decode") return method(in, decode, self_of(*this), key);
  if (key == "hex") return method(in, hex, self_of(*this), key);
  return {};
}

Value JoinerObject::call(Interpreter& in, Arguments&) const {
  if (std::exchange(used, true)) return separator;
  return in.string("");
}

std::string BytesObject::repr() const {
  const bool quotes = bytes_text.find('\'') != std::string::npos && bytes_text.find('"') == std::string::npos;
  const char quote = quotes ? '"' : '\'';
  std::string out = std::string("b") + quote;
  for (const char c : bytes_text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == quote || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte > 0x7E) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out + quote;
}

}  // namespace jamsu::jinja
