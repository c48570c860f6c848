// Filters on sequences and dicts as wholes, and those on any value; and the table of all filters.
#include <algorithm>

#include "jinja/filters.h"
#include "jinja/json.h"
#include "jinja/objects.h"
#include "jinja/strings.h"

namespace jamsu::jinja {
namespace {

Value length(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("length", arguments, {});
  return Value::integer(length_of(in.budget(), value));
}

Value first(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("first", arguments, {});
  if (value.is_string() && !value.text().empty()) return in.item(value, Value::integer(0));
  if (value.is_sequence() && !value.is(Kind::generator) && !value.items().empty()) return value.items().front();
  const std::vector<Value> items = in.iterate(value);
  return items.empty() ? Value::undefined(in.budget(), "No first item, sequence was empty.") : items.front();
}

Value last(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("last", arguments, {});
  if (value.is(Kind::generator)) fail("TypeError", "'generator' object is not reversible");
  if (value.is_string() && !value.text().empty()) return in.item(value, Value::integer(-1));
  if (value.is_sequence() && !value.items().empty()) return value.items().back();
  const std::vector<Value> items = in.iterate(value);
  return items.empty() ? Value::undefined(in.budget(), "No last item, sequence was empty.") : items.back();
}

Value random(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("random", arguments, {});
  const std::vector<Value> items = in.iterate(value);
  return items.empty() ? Value::undefined(in.budget(), "No random item, sequence was empty.") : items[items.size() / 2];
}

Value list(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("list", arguments, {});
  return in.list(in.iterate(value));
}

Value reverse(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("reverse", arguments, {});
  const bool iterable = value.is_undefined() || value.is_string() || value.is_dict() || value.is_sequence();
  if (!iterable) fail("FilterArgumentError", "argument must be iterable");
  std::vector<Value> items = in.iterate(value);
  std::reverse(items.begin(), items.end());
  if (!value.is_string()) return value.is(Kind::generator) ? in.list(std::move(items)) : in.generator(std::move(items));
  std::string out;
  for (const Value& character : items) out += character.text();
  return in.string(std::move(out), value.safe());
}

Value items_of(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("items", arguments, {});
  if (value.is_undefined()) return in.generator({});
  if (!value.is_dict()) fail("TypeError", "Can only get item pairs from a mapping.");
  return in.generator(dict_pairs(in, value));
}

Value dictsort(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("dictsort", arguments, {"case_sensitive", "by", "reverse"});
  const std::string by = p.text(1, "key");
  if (by != "key" && by != "value") fail("FilterArgumentError", "You can only sort by either \"key\" or \"value\"");
  if (value.is_undefined()) fail_undefined(value);
  if (!value.is_dict()) fail("AttributeError", "'" + type_name(value) + "' object has no attribute 'items'");
  const size_t place = by == "key" ? 0 : 1;
  std::vector<Sortable> sorted;
  for (Value& pair : dict_pairs(in, value)) sorted.push_back({folded(in, pair.items()[place], p.flag(0)), pair});
  return in.list(sort_by_keys(in, std::move(sorted), p.flag(2)));
}

Value batch(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("batch", arguments, {"linecount", "fill_with"}, 1);
  const int64_t count = p.integer(0);
  std::vector<Value> out, line;
  for (Value& item : in.iterate(value)) {
    if (static_cast<int64_t>(line.size()) == count) out.push_back(in.list(std::exchange(line, {})));
    line.push_back(std::move(item));
  }
  if (line.empty()) return in.generator(std::move(out));
  if (p.has(1) && !p[1].is_none() && static_cast<int64_t>(line.size()) < count) {
    in.budget().require(std::min(static_cast<size_t>(count), in.budget().limits().memory_bytes) * sizeof(Value));
    line.resize(static_cast<size_t>(count), p[1]);
  }
  out.push_back(in.list(std::move(line)));
  return in.generator(std::move(out));
}

Value slices(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("slice", arguments, {"slices", "fill_with"}, 1);
  const int64_t count = p.integer(0);
  if (count == 0) fail("ZeroDivisionError", "integer division or modulo by zero");
  const std::vector<Value> items = in.iterate(value);
  const auto size = static_cast<int64_t>(items.size());
  std::vector<Value> out;
  int64_t begin = 0;
  for (int64_t i = 0; i < count; ++i) {
    const bool extra = i < size % count;
    const int64_t end = begin + size / count + (extra ? 1 : 0);
    std::vector<Value> part(items.begin() + begin, items.begin() + end);
    if (p.has(1) && !p[1].is_none() && !extra) part.push_back(p[1]);
    out.push_back(in.list(std::move(part)));
    in.budget().require(out.size() * sizeof(Value));
    begin = end;
  }
  return in.generator(std::move(out));
}

Value otherwise(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("default", arguments, {"default_value", "boolean"});
  if (!value.is_undefined() && !(p.flag(1) && !truthy(value))) return value;
  return p.has(0) ? p[0] : in.string("");
}

// Attributes only, never items.
Value attr(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("attr", arguments, {"name"}, 1);
  const std::string name = p.text(0);
  if (value.is_dict() && !find_method(in, value, name))
    return Value::undefined(in.budget(), "'dict object' has no attribute '" + name + "'");
  return in.attribute(value, name);
}

Value xmlattr(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("xmlattr", arguments, {"autospace"});
  if (value.is_undefined()) fail_undefined(value);
  if (!value.is_dict()) fail("AttributeError", "'" + type_name(value) + "' object has no attribute 'items'");
  std::string out;
  for (const auto& [key, item] : value.entries().entries) {
    if (item.is_none() || item.is_undefined()) continue;
    if (!key.is_string() || key.text().find_first_of(" \t\n\r\f\v/>=") != std::string::npos)
      fail("ValueError", "Invalid character in attribute name");
    out += (out.empty() ? "" : " ") + escape_html(in.budget(), key.text()) + "=\"";
    out += (item.safe() ? item.text() : escape_html(in.budget(), in.text(item))) + "\"";
    in.budget().require(out.size());
  }
  if (p.flag(0, true) && !out.empty()) out = " " + out;
  return in.string(std::move(out), in.autoescape());
}

Value reads_json(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("from_json", arguments, {});
  if (value.is_undefined()) fail_undefined(value);
  if (!value.is_string()) fail("TypeError", "the JSON object must be str, not " + type_name(value));
  return from_json(in, value.text());
}

struct Named {
  std::string_view name;
  FilterBody body;
};
constexpr Named kFilters[] = {
    {"length", length},     {"count", length}, {"first", first},     {"last", last},
    {"random", random},     {"list", list},    {"reverse", reverse}, {"items", items_of},
    {"dictsort", dictsort}, {"batch", batch},  {"slice", slices},    {"default", otherwise},
    {"d", otherwise},       {"attr", attr},    {"xmlattr", xmlattr}, {"tojson", tojson},
};

}  // namespace

FilterBody find_sequence_filter(std::string_view name) {
  for (const Named& filter : kFilters)
    if (filter.name == name) return filter.body;
  return nullptr;
}

FilterBody find_filter(std::string_view name, Dialect dialect) {
  for (const auto find : {find_sequence_filter, find_text_filter, find_item_filter, find_number_filter})
    if (const FilterBody body = find(name)) return body;
  return name == "from_json" && dialect == Dialect::wide ? reads_json : nullptr;
}

}  // namespace jamsu::jinja
