// Reads replies as a session reads them, one JSON object a line from standard input:
//   {"template": Jinja, "messages": [...], "tools": [...], "enable_thinking": true, "text": what the model wrote,
//    "in_reasoning": whether it begins inside reasoning; without it the rendered prompt says so}
// and writes one a line: {"format", "in_reasoning", "reasoning", "content", "calls": [{"name", "id", "arguments",
// "complete"}]} or {"error"} where the template is none. A prompt that cannot be rendered opens no reasoning. For
// tests/interop/chat_cases.py.
#include <boost/json.hpp>
#include <ctime>
#include <iostream>
#include <string>
#include <string_view>

#include "text/chat_format.h"
#include "text/stream/parser.h"

namespace {

namespace json = boost::json;
using namespace jamsu;

std::string_view view(const json::value& v) {
  return v.as_string();
}

json::object error_of(const std::string& message) {
  return {{"error", message}};
}

json::object read(const json::object& asked) {
  const auto format = text::ChatFormat::from_text(view(asked.at("template")), "template");
  if (!format) return error_of(format.error().message);
  text::ChatVariables variables;
  variables.add_generation_prompt = true;
  variables.enable_thinking = asked.at("enable_thinking").as_bool();
  const std::time_t epoch = 0;
  variables.now = *std::gmtime(&epoch);
  const json::array& tools = asked.at("tools").as_array();
  if (!tools.empty()) variables.tools = jinja::Value::from_json(tools);
  const auto rendered = format->render(jinja::Value::from_json(asked.at("messages")), variables);
  const std::string prompt = rendered ? *rendered : std::string();
  const size_t think = prompt.rfind("<think>"), end = prompt.rfind("</think>");
  const bool open = think != std::string::npos && (end == std::string::npos || end < think);
  const json::value* said = asked.if_contains("in_reasoning");
  const bool in_reasoning =
      said ? said->as_bool() : open || text::prompt_opens_reasoning(format->stream_format(), prompt);
  text::StreamResult got;
  text::StreamParser parser(format->stream_format(), {.in_reasoning = in_reasoning, .tools = text::ToolSchemas(tools)},
                            got);
  parser.push(view(asked.at("text")));
  got.end = parser.finish();
  json::array calls;
  for (const text::StreamResult::Call& call : got.calls)
    calls.push_back(
        json::object{{"name", call.name}, {"id", call.id}, {"arguments", call.arguments}, {"complete", call.complete}});
  return {{"format", std::string(text::stream_format_name(format->stream_format()))},
          {"in_reasoning", in_reasoning},
          {"reasoning", got.reasoning_text},
          {"content", got.content_text},
          {"calls", std::move(calls)}};
}

}  // namespace

int main() {
  for (std::string line; std::getline(std::cin, line);)
    std::cout << json::serialize(read(json::parse(line).as_object())) << "\n";
  return 0;
}
