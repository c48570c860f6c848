#include "text/api_shape.h"

#include <algorithm>
#include <utility>

namespace jamsu::text {
namespace {

namespace json = boost::json;

constexpr int kMostDepth = 32;

bool stands_alone(const json::object& o) {
  return !o.contains("function") && o.contains("name");
}

bool wrap(json::value& value) {
  json::object* o = value.if_object();
  if (!o || !stands_alone(*o)) return false;
  json::object wrapped = {{"type", "function"}};
  if (const json::value* id = o->if_contains("id")) {
    wrapped["id"] = *id;
    o->erase("id");
  }
  o->erase("type");
  wrapped["function"] = std::move(*o);
  value = std::move(wrapped);
  return true;
}

// As Python's json.dumps writes it.
void append_json(std::string& out, const json::value& value) {
  const auto list = [&](char open, const auto& items, char close, const auto& each) {
    out += open;
    bool first = true;
    for (const auto& item : items) {
      if (!first) out += ", ";
      first = false;
      each(item);
    }
    out += close;
  };
  if (const json::array* items = value.if_array())
    list('[', *items, ']', [&](const json::value& item) { append_json(out, item); });
  else if (const json::object* members = value.if_object())
    list('{', *members, '}', [&](const auto& item) {
      out += json::serialize(json::value(item.key())) + ": ";
      append_json(out, item.value());
    });
  else
    out += json::serialize(value);
}

bool turn_arguments(json::value& call, Arguments wanted) {
  json::object* o = call.if_object();
  json::value* function = o ? o->if_contains("function") : nullptr;
  json::object* named = function ? function->if_object() : nullptr;
  json::value* arguments = named ? named->if_contains("arguments") : nullptr;
  if (!arguments) return false;
  if (wanted == Arguments::texts && arguments->is_object()) {
    std::string text;
    append_json(text, *arguments);
    *arguments = std::string_view(text);
    return true;
  }
  if (wanted != Arguments::objects || !arguments->is_string()) return false;
  json::error_code code;
  json::parse_options options;
  options.max_depth = kMostDepth;
  json::value parsed = json::parse(arguments->get_string(), code, {}, options);
  if (code || !parsed.is_object()) return false;
  *arguments = std::move(parsed);
  return true;
}

}  // namespace

bool to_api_shape(std::vector<Message>& messages, json::array& tools, Arguments arguments) {
  bool changed = false;
  for (json::value& tool : tools) changed |= wrap(tool);
  for (Message& m : messages) {
    changed |= std::exchange(m.no_content, false);  // the content is empty then
    json::value* calls = m.fields.if_contains("tool_calls");
    if (!calls || !calls->is_array()) continue;
    if (calls->get_array().empty()) {
      m.fields.erase("tool_calls");
      changed = true;
      continue;
    }
    for (json::value& call : calls->get_array()) {
      changed |= wrap(call);
      changed |= turn_arguments(call, arguments);
    }
  }
  return changed;
}

bool leaves_out_a_tool(const json::array& tools, std::string_view text) {
  return std::any_of(tools.begin(), tools.end(), [&](const json::value& tool) {
    const json::object* o = tool.if_object();
    const json::value* name = o && stands_alone(*o) ? o->if_contains("name") : nullptr;
    return name && name->is_string() && text.find(std::string_view(name->get_string())) == std::string_view::npos;
  });
}

}  // namespace jamsu::text
