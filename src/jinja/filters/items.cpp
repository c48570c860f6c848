// Filters that look at each item, or at an attribute of it: map, select, sort, groupby, join, sum ...
#include <algorithm>
#include <charconv>

#include "jinja/filters.h"
#include "jinja/strings.h"

namespace jamsu::jinja {
namespace {

// "a.b.0" or a number; `otherwise` where it is undefined.
class Path {
 public:
  Path(Interpreter& in, const Value& attribute, const Value* otherwise = nullptr) : in_(in), otherwise_(otherwise) {
    if (attribute.is_undefined() || attribute.is_none()) return;
    if (!attribute.is_string()) {
      parts_.push_back(attribute);
      return;
    }
    const std::string dot = ".";
    for (const std::string_view part : split(in.budget(), attribute.text(), &dot, -1, false)) {
      int64_t index = 0;
      const auto read = std::from_chars(part.data(), part.data() + part.size(), index);
      const bool digits =
          !part.empty() && part[0] != '-' && read.ec == std::errc() && read.ptr == part.data() + part.size();
      parts_.push_back(digits ? Value::integer(index) : in.string(std::string(part)));
    }
  }
  Value of(Value value) const {
    for (const Value& part : parts_) {
      in_.budget().step();
      value = in_.item(value, part);
      if (otherwise_ && value.is_undefined()) value = *otherwise_;
    }
    return value;
  }

 private:
  Interpreter& in_;
  const Value* otherwise_;
  std::vector<Value> parts_;
};

// Takes the named argument out, undefined when it is not there.
Value take_named(Arguments& arguments, std::string_view name) {
  for (auto it = arguments.named.begin(); it != arguments.named.end(); ++it) {
    if (it->first != name) continue;
    Value value = std::move(it->second);
    arguments.named.erase(it);
    return value;
  }
  return {};
}
Value take_first(Arguments& arguments) {
  Value value = arguments.positional.front();
  arguments.positional.erase(arguments.positional.begin());
  return value;
}

Value maps(Interpreter& in, const Value& value, Arguments& arguments) {
  std::vector<Value> out;
  if (!truthy(value)) return in.generator({});
  if (arguments.positional.empty() && !arguments.named.empty()) {
    const Value attribute = take_named(arguments, "attribute"), otherwise = take_named(arguments, "default");
    if (attribute.is_undefined()) fail("FilterArgumentError", "map requires a filter argument");
    if (!arguments.named.empty())
      fail("FilterArgumentError", "Unexpected keyword argument '" + arguments.named.front().first + "'");
    const bool has_default = !otherwise.is_undefined() && !otherwise.is_none();
    const Path path(in, attribute, has_default ? &otherwise : nullptr);
    for (const Value& item : in.iterate(value)) out.push_back(path.of(item));
    return in.generator(std::move(out));
  }
  if (arguments.positional.empty()) fail("FilterArgumentError", "map requires a filter argument");
  const Value name = take_first(arguments);
  if (!name.is_string()) fail("TemplateRuntimeError", "No filter named '" + in.text(name) + "'.");
  for (const Value& item : in.iterate(value)) {
    Arguments copy = arguments;
    out.push_back(in.filter(name.text(), item, copy));
  }
  return in.generator(std::move(out));
}

template <bool wanted, bool by_attribute>
Value selects(Interpreter& in, const Value& value, Arguments& arguments) {
  if (!truthy(value)) return in.generator({});
  if (by_attribute && arguments.positional.empty()) fail("FilterArgumentError", "Missing parameter for attribute name");
  const Path path(in, by_attribute ? take_first(arguments) : Value());
  const Value test = arguments.positional.empty() ? Value() : take_first(arguments);
  if (!test.is_undefined() && !test.is_string()) fail("TemplateRuntimeError", "No test named '" + in.text(test) + "'.");
  std::vector<Value> out;
  for (const Value& item : in.iterate(value)) {
    in.budget().step();
    const Value seen = by_attribute ? path.of(item) : item;
    Arguments copy = arguments;
    if ((test.is_undefined() ? truthy(seen) : in.test(test.text(), seen, copy)) == wanted) out.push_back(item);
  }
  return in.generator(std::move(out));
}

Value sorts(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("sort", arguments, {"reverse", "case_sensitive", "attribute"});
  std::vector<Path> paths;
  if (p.has(2) && p[2].is_string()) {
    const std::string comma = ",";
    for (const std::string_view part : split(in.budget(), p[2].text(), &comma, -1, false))
      paths.emplace_back(in, in.string(std::string(part)));
  } else {
    paths.emplace_back(in, p.or_else(2, Value()));
  }
  std::vector<Sortable> sorted;
  for (const Value& item : in.iterate(value)) {
    std::vector<Value> keys;
    keys.reserve(paths.size());
    for (const Path& path : paths) keys.push_back(folded(in, path.of(item), p.flag(1)));
    sorted.push_back({keys.size() == 1 ? keys[0] : in.list(std::move(keys)), item});
  }
  return in.list(sort_by_keys(in, std::move(sorted), p.flag(0)));
}

Value unique(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("unique", arguments, {"case_sensitive", "attribute"});
  const Path path(in, p.or_else(1, Value()));
  DictObject seen(&in.budget());
  std::vector<Value> out;
  for (const Value& item : in.iterate(value)) {
    const Value key = folded(in, path.of(item), p.flag(0));
    if (seen.find(key)) continue;
    seen.set(key, Value::none());
    out.push_back(item);
  }
  return in.generator(std::move(out));
}

template <bool largest>
Value extreme(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("min", arguments, {"case_sensitive", "attribute"});
  const Path path(in, p.or_else(1, Value()));
  const std::vector<Value> items = in.iterate(value);
  if (items.empty()) return Value::undefined(in.budget(), "No aggregated item, sequence was empty.");
  Value best = items[0], best_key = folded(in, path.of(best), p.flag(0));
  for (size_t i = 1; i < items.size(); ++i) {
    Value key = folded(in, path.of(items[i]), p.flag(0));
    if (!(largest ? less(in.budget(), best_key, key, ">") : less(in.budget(), key, best_key))) continue;
    best = items[i];
    best_key = std::move(key);
  }
  return best;
}

Value groupby(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("groupby", arguments, {"attribute", "default", "case_sensitive"}, 1);
  const Value otherwise = p.or_else(1, Value());
  const Path path(in, p[0], p.has(1) && !p[1].is_none() ? &otherwise : nullptr);
  std::vector<Sortable> sorted;
  for (const Value& item : in.iterate(value)) sorted.push_back({folded(in, path.of(item), p.flag(2)), item});
  std::vector<Value> keys, out;
  const std::vector<Value> items = sort_by_keys(in, std::move(sorted), false, &keys);
  for (size_t begin = 0, end = 0; begin < items.size(); begin = end) {
    for (end = begin + 1; end < items.size() && equal(in.budget(), keys[begin], keys[end]);) ++end;
    const auto at = [&](size_t i) { return items.begin() + static_cast<std::ptrdiff_t>(i); };
    Value group = in.tuple({path.of(items[begin]), in.list({at(begin), at(end)})});
    group.list_object().name = kGroupName;
    out.push_back(std::move(group));
  }
  return in.list(std::move(out));
}

Value join(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("join", arguments, {"d", "attribute"});
  const Path path(in, p.or_else(1, Value()));
  std::vector<Value> items = in.iterate(value);
  for (Value& item : items) item = path.of(item);
  const Value separator = p.or_else(0, in.string(""));
  const bool safe = in.autoescape() && (separator.safe() || std::any_of(items.begin(), items.end(),
                                                                        [](const Value& v) { return v.safe(); }));
  const auto part = [&](const Value& v) {
    return safe && !v.safe() ? escape_html(in.budget(), in.text(v)) : in.text(v);
  };
  const std::string between = part(separator);
  std::string out;
  for (size_t i = 0; i < items.size(); ++i) {
    const std::string text = part(items[i]);
    in.budget().require(out.size() + between.size() + text.size());
    in.budget().work(between.size() + text.size());
    if (i) out += between;
    out += text;
  }
  return in.string(std::move(out), safe);
}

Value sum(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("sum", arguments, {"attribute", "start"});
  const Path path(in, p.or_else(0, Value()));
  Value total = p.or_else(1, Value::integer(0));
  if (total.is_string()) fail("TypeError", "sum() can't sum strings [use ''.join(seq) instead]");
  for (const Value& item : in.iterate(value)) total = add(in, total, path.of(item));
  return total;
}

struct Named {
  std::string_view name;
  FilterBody body;
};
constexpr Named kFilters[] = {
    {"map", maps},
    {"select", selects<true, false>},
    {"reject", selects<false, false>},
    {"selectattr", selects<true, true>},
    {"rejectattr", selects<false, true>},
    {"sort", sorts},
    {"unique", unique},
    {"min", extreme<false>},
    {"max", extreme<true>},
    {"groupby", groupby},
    {"join", join},
    {"sum", sum},
};

}  // namespace

Value folded(Interpreter& in, Value value, bool case_sensitive) {
  if (case_sensitive || !value.is_string()) return value;
  return in.string(lower(in.budget(), value.text()));
}

std::vector<Value> sort_by_keys(Interpreter& in, std::vector<Sortable> pairs, bool reversed, std::vector<Value>* keys) {
  in.budget().require(pairs.size() * 4 * sizeof(Value));
  // Python's sorted(reverse=True) keeps the order of equals too.
  std::stable_sort(pairs.begin(), pairs.end(), [&](const Sortable& a, const Sortable& b) {
    return reversed ? less(in.budget(), b.key, a.key) : less(in.budget(), a.key, b.key);
  });
  std::vector<Value> out;
  out.reserve(pairs.size());
  for (Sortable& pair : pairs) {
    out.push_back(std::move(pair.value));
    if (keys) keys->push_back(std::move(pair.key));
  }
  return out;
}

FilterBody find_item_filter(std::string_view name) {
  for (const Named& filter : kFilters)
    if (filter.name == name) return filter.body;
  return nullptr;
}

}  // namespace jamsu::jinja
