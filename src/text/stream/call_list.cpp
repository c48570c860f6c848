#include "text/stream/call_list.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <optional>

#include "text/stream/literals.h"
#include "text/stream/text.h"

namespace jamsu::text {
namespace {

using Members = LiteralReader::Members;
constexpr std::array<std::string_view, 3> kNameKeys{"name", "tool_name", "function"};
constexpr std::array<std::string_view, 3> kArgumentKeys{"arguments", "parameters", "args"};
constexpr std::array<std::string_view, 3> kIdKeys{"id", "tool_call_id", "call_id"};

template <size_t N>
const std::string* find(const Members& members, const std::array<std::string_view, N>& keys) {
  for (const std::string_view key : keys)
    for (const auto& [name, json] : members)
      if (name == key) return &json;
  return nullptr;
}

// The text of a JSON string; the JSON itself of anything else.
std::string text_of(const std::string& json) {
  if (!json.starts_with('"')) return json;
  return std::string(std::string_view(boost::json::parse(json).as_string()));
}

bool call_of(const Members& members, CallList::Call& call) {
  const std::string* name = find(members, kNameKeys);
  if (name && name->starts_with('{')) {  // {"function": {"name": ...}}
    Members inner;
    LiteralReader reader(*name, Literals::json);
    return reader.members(inner) && call_of(inner, call);
  }
  if (!name && members.size() == 1 && members[0].second.starts_with('{')) {
    call.name = members[0].first;
    call.arguments = members[0].second;
    return !trim(call.name).empty();
  }
  if (!name || !name->starts_with('"')) return false;
  call.name = std::string(trim(text_of(*name)));
  const std::string* arguments = find(members, kArgumentKeys);
  call.arguments = arguments ? *arguments : "{}";
  if (call.arguments.starts_with('"')) {  // an object inside a string
    const std::string text = text_of(call.arguments);
    if (std::string_view(trim_left(text)).starts_with('{') && is_json(text)) call.arguments = std::string(trim(text));
  }
  if (const std::string* id = find(members, kIdKeys)) call.id = text_of(*id);
  return !call.name.empty();
}

CallList read_objects(std::string_view text, Literals spelling) {
  CallList list;
  LiteralReader reader(text, spelling);
  const bool brackets = reader.take("[");
  while (true) {
    if (brackets && reader.take("]")) break;
    Members members;
    CallList::Call call;
    const bool read = reader.members(members) && call_of(members, call);
    list.end = reader.at();
    if (!read) return list;
    list.calls.push_back(std::move(call));
    if (brackets) {
      if (reader.take("]")) break;
      if (!reader.take(",")) return list;
    } else {
      LiteralReader next = reader;  // {...}; {...}
      if (!next.take(";")) next.take(",");
      if (!next.take("{")) break;
      if (!reader.take(";")) reader.take(",");
    }
  }
  list.whole = true;
  list.end = reader.at();
  return list;
}

class Calls {
 public:
  Calls(std::string_view text, Literals spelling, const ToolSchemas& schemas)
      : text_(text), reader_(text, spelling), schemas_(schemas) {}

  CallList python() {
    const bool brackets = reader_.take("[");
    while (!(brackets && reader_.take("]"))) {
      CallList::Call call;
      const bool read = python_call(call);
      list_.end = reader_.at();
      if (!read) return std::move(list_);
      list_.calls.push_back(std::move(call));
      if (!brackets && reader_.over()) break;
      if (reader_.take(",")) continue;
      if (brackets && reader_.take("]")) break;
      return std::move(list_);
    }
    return done();
  }

  CallList gemma() {
    do {
      CallList::Call call;
      reader_.take("call:");
      call.name = reader_.word();
      Members members;
      const bool read = !call.name.empty() && reader_.members(members);
      list_.end = reader_.at();
      if (!read) return std::move(list_);
      for (const auto& [name, json] : members) add(call, name, json);
      close(call);
    } while (!reader_.over());
    return done();
  }

 private:
  bool python_call(CallList::Call& call) {
    call.name = reader_.word();
    if (call.name.empty() || !reader_.take("(")) return false;
    for (size_t place = 0; !reader_.take(")"); ++place) {
      if (place > 0 && !reader_.take(",")) return false;
      if (place > 0 && reader_.take(")")) break;
      LiteralReader keyword = reader_;
      std::string key(keyword.word());
      if (!key.empty() && keyword.take("=")) {
        reader_ = keyword;
      } else {
        key = schemas_.parameter(call.name, place);
        if (key.empty()) return false;
      }
      reader_.skip_space();
      const size_t begin = reader_.at();
      std::string json;
      if (!reader_.value(json)) return false;
      add(call, key, schemas_.literal(call.name, key, text_.substr(begin, reader_.at() - begin), std::move(json)));
    }
    call.arguments += call.arguments.empty() ? "{}" : "}";
    return true;
  }

  static void add(CallList::Call& call, std::string_view key, std::string_view json) {
    call.arguments += call.arguments.empty() ? "{" : ", ";
    call.arguments += json_quoted(key) + ": ";
    call.arguments += json;
  }

  void close(CallList::Call& call) {
    call.arguments += call.arguments.empty() ? "{}" : "}";
    list_.calls.push_back(std::move(call));
  }

  CallList done() {
    list_.whole = true;
    list_.end = reader_.at();
    return std::move(list_);
  }

  std::string_view text_;
  LiteralReader reader_;
  const ToolSchemas& schemas_;
  CallList list_;
};

}  // namespace

bool may_begin(CallSyntax syntax, char c) {
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  if (syntax == CallSyntax::json) return c == '[' || c == '{';
  return letter || (syntax == CallSyntax::python && c == '[');
}

CallList read_calls(CallSyntax syntax, std::string_view text, const ToolSchemas& schemas) {
  if (syntax == CallSyntax::python) return Calls(text, Literals::python, schemas).python();
  if (syntax == CallSyntax::gemma) return Calls(text, Literals::gemma, schemas).gemma();
  CallList list = read_objects(text, Literals::json);
  if (list.whole) return list;
  CallList other = read_objects(text, Literals::python);  // templates that print a dict show models Python's spelling
  return other.whole || other.calls.size() > list.calls.size() ? other : list;
}

}  // namespace jamsu::text
