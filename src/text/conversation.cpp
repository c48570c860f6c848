#include "text/conversation.h"

#include <fmt/format.h>

#include "tokenizer/json_fields.h"

namespace jamsu::text {
namespace {

namespace json = boost::json;

Result<Message> read_message(const json::value& value, const std::string& where) {
  const json::object* o = value.if_object();
  if (!o) return Error{fmt::format("{} is {}, not an object.", where, tokenizer::json_kind_name(value))};
  Message m;
  const json::value* role = o->if_contains("role");
  if (!role || !role->is_string() || role->get_string().empty())
    return Error{where + ": \"role\" is missing or no text."};
  m.role = role->get_string();
  m.fields = *o;
  m.fields.erase("role");
  const json::value* content = o->if_contains("content");
  if (content && content->is_string()) {
    m.content = content->get_string();
    m.fields.erase("content");
  } else if (!o->contains("tool_calls") || (content && !content->is_null())) {
    return Error{fmt::format("{}: \"content\" is {}, not a text.", where,
                             content ? tokenizer::json_kind_name(*content) : std::string_view("missing"))};
  }
  if (const json::value* reasoning = o->if_contains("reasoning_content")) {
    if (!reasoning->is_string() && !reasoning->is_null()) return Error{where + ": \"reasoning_content\" is no text."};
    if (reasoning->is_string()) m.reasoning_content = reasoning->get_string();
    m.fields.erase("reasoning_content");
  }
  return m;
}

}  // namespace

Result<json::array> read_tools(const json::value& value, const std::string& where) {
  const json::array* list = value.if_array();
  if (!list) return Error{fmt::format("{} is {}, not a list of tools.", where, tokenizer::json_kind_name(value))};
  for (size_t i = 0; i < list->size(); ++i)
    if (!(*list)[i].is_object())
      return Error{fmt::format("{}[{}] is {}, not an object.", where, i, tokenizer::json_kind_name((*list)[i]))};
  return *list;
}

Result<Conversation> read_conversation(const json::object& object, const std::string& where) {
  Conversation c;
  const json::value* messages = object.if_contains("messages");
  if (!messages || !messages->is_array() || messages->get_array().empty())
    return Error{where + ": \"messages\" is no list of messages."};
  for (const json::value& value : messages->get_array()) {
    auto m = read_message(value, fmt::format("{}: messages[{}]", where, c.messages.size()));
    if (!m) return m.error();
    c.messages.push_back(std::move(*m));
  }
  if (const json::value* tools = object.if_contains("tools"); tools && !tools->is_null()) {
    auto read = read_tools(*tools, where + ": tools");
    if (!read) return read.error();
    c.tools = std::move(*read);
  }
  return c;
}

}  // namespace jamsu::text
