#include "text/exchange.h"

#include <fmt/format.h>

#include "tokenizer/json_fields.h"

namespace jamsu::text {
namespace {

namespace json = boost::json;

// o, o[name] or o[name]["body"]: the one that has `wanted`.
const json::object* holder(const json::object& o, std::string_view name, std::string_view wanted) {
  if (o.contains(wanted)) return &o;
  const json::value* inner = o.if_contains(name);
  for (int depth = 0; depth < 2 && inner && inner->is_object(); ++depth) {
    const json::object& here = inner->get_object();
    if (here.contains(wanted)) return &here;
    inner = here.if_contains("body");
  }
  return nullptr;
}

bool holds_something(const json::object& o, std::string_view name) {
  const json::value* value = o.if_contains(name);
  return value && !value->is_null();
}

}  // namespace

Exchange exchange_of(const json::object& line) {
  Exchange e;
  e.request = holder(line, "request", "messages");
  e.apart = e.request && e.request != &line;
  if (e.request) e.response = holder(line, "response", "choices");
  if (e.response && !holds_something(*e.response, "choices")) e.response = nullptr;
  // Problems have "choices" too: texts, of which one is right.
  const json::array* beside = e.response == &line ? line.at("choices").if_array() : nullptr;
  if (e.response == &line && !(beside && !beside->empty() && beside->front().is_object())) e.response = nullptr;
  if (!e.response && !e.apart) e.request = nullptr;  // a conversation as any other
  return e;
}

Status add_answer(const json::object& line, const Exchange& e, const std::string& where, Conversation& c) {
  for (const auto& [key, value] : line)
    if (e.apart && key != "request" && key != "response" && key != "choices" && !value.is_null())
      c.passed_over.emplace_back(key);
  if (!e.response) {
    if (holds_something(line, "response"))
      return Error{where + ": \"response\" has no \"choices\": nothing was answered."};
    return {};
  }
  std::erase(c.passed_over, "choices");
  if (e.response != &line) std::erase(c.passed_over, "response");
  const json::value& list = e.response->at("choices");
  const json::array* choices = list.if_array();
  if (!choices || choices->empty())
    return Error{fmt::format("{}: \"choices\" is {}, not a list of one answer.", where,
                             choices ? "empty" : tokenizer::json_kind_name(list))};
  if (choices->size() > 1)
    return Error{
        fmt::format("{}: \"choices\" has {} answers: leave the one that is to be learned.", where, choices->size())};
  const json::object* choice = choices->front().if_object();
  const json::value* said = choice ? choice->if_contains("message") : nullptr;
  if (!said) return Error{where + ": choices[0] has no \"message\"."};
  auto answer = read_message(*said, where + ": choices[0].message");
  if (!answer) return answer.error();
  if (answer->role != "assistant")
    return Error{fmt::format("{}: choices[0].message is of {}, not of the assistant.", where,
                             tokenizer::in_quotes(answer->role))};
  const json::value* ended = choice->if_contains("finish_reason");
  if (ended && ended->is_string() && (ended->get_string() == "length" || ended->get_string() == "content_filter"))
    c.cut = ended->get_string();
  for (Message& m : c.messages)
    if (m.role == "assistant" && !m.learn) m.learn = false;
  c.asked = c.messages.size();
  c.messages.push_back(std::move(*answer));
  c.form = e.apart ? "request and response" : "messages and choices";
  return {};
}

}  // namespace jamsu::text
