// One message of a conversation: a row of kMembers for each member that is known.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "text/conversation.h"
#include "tokenizer/json_fields.h"

namespace jamsu::text {
namespace {

namespace json = boost::json;
using tokenizer::in_quotes;
using tokenizer::json_kind_name;

constexpr int kMostDepth = 32;

// A message while its members are read.
struct Reading {
  Message message;
  std::string_view role_from, content_from, reasoning_from, learn_from;  // the members that said so
  bool calls_as_text = false;  // ShareGPT's "function_call": the content is the call
};
using Take = Status (*)(Reading& r, std::string_view name, const json::value& value, const std::string& where);

Error no_text(std::string_view name, const json::value& value, const std::string& where) {
  return Error{fmt::format("{}: \"{}\" is {}, not a text.", where, name, json_kind_name(value))};
}

// Two members that say the same thing.
Status only_one(std::string_view& from, std::string_view name, const std::string& where) {
  if (!from.empty()) return Error{fmt::format("{}: \"{}\" and \"{}\" both stand there.", where, from, name)};
  from = name;
  return {};
}

Status take_role(Reading& r, std::string_view name, const json::value& value, const std::string& where) {
  if (auto s = only_one(r.role_from, name, where); !s) return s;
  if (!value.is_string() || value.get_string().empty())
    return Error{fmt::format("{}: \"{}\" is missing or no text.", where, name)};
  r.message.role = value.get_string();
  return {};
}

// The names that ShareGPT's lines have for roles (vicuna, OpenOrca, ToolACE, LLaMA-Factory).
struct Speaker {
  std::string_view from, role;
};
constexpr std::array kSpeakers = {Speaker{"human", "user"},
                                  Speaker{"user", "user"},
                                  Speaker{"gpt", "assistant"},
                                  Speaker{"assistant", "assistant"},
                                  Speaker{"chatgpt", "assistant"},
                                  Speaker{"bing", "assistant"},
                                  Speaker{"bard", "assistant"},
                                  Speaker{"model", "assistant"},
                                  Speaker{"bot", "assistant"},
                                  Speaker{"function_call", "assistant"},
                                  Speaker{"system", "system"},
                                  Speaker{"developer", "developer"},
                                  Speaker{"tool", "tool"},
                                  Speaker{"observation", "tool"},
                                  Speaker{"function_response", "tool"}};

Status take_from(Reading& r, std::string_view name, const json::value& value, const std::string& where) {
  if (auto s = take_role(r, name, value, where); !s) return s;
  const auto found =
      std::find_if(kSpeakers.begin(), kSpeakers.end(), [&](const Speaker& s) { return s.from == r.message.role; });
  if (found == kSpeakers.end())
    return Error{fmt::format("{}: \"from\" is {}, none of human, gpt, system, tool, function_call, observation.", where,
                             in_quotes(r.message.role))};
  r.calls_as_text = found->from == "function_call";
  r.message.role = found->role;
  return {};
}

// A part's text, which is put together into the message's; thinking goes where thinking belongs.
Status take_part(Reading& r, const json::value& value, const std::string& where) {
  const json::object* part = value.if_object();
  if (!part)
    return Error{fmt::format("{} is {}, not an object with \"type\" and \"text\".", where, json_kind_name(value))};
  const json::value* type = part->if_contains("type");
  const std::string_view kind = !type ? "text" : type->is_string() ? std::string_view(type->get_string()) : "";
  const bool thinks = kind == "thinking" || kind == "reasoning";
  if (!thinks && kind != "text" && kind != "input_text" && kind != "output_text")
    return Error{fmt::format("{}: a part of type {}: this program reads parts of text alone.", where, in_quotes(kind))};
  std::string_view name = "text";
  if (thinks && part->contains(kind)) name = kind;
  const json::value* text = part->if_contains(name);
  if (!text || !text->is_string())
    return Error{fmt::format("{}: \"{}\" is {}, not a text.", where, name, text ? json_kind_name(*text) : "missing")};
  for (const auto& [member, other] : *part) {
    const std::string_view known(member);
    if (known == "type" || known == name || known == "cache_control" || is_nothing(other)) continue;
    return Error{fmt::format("{}: {} is a member that nobody reads.", where, in_quotes(member))};
  }
  if (thinks) {
    if (!r.message.reasoning_content) r.message.reasoning_content.emplace();
    r.reasoning_from = "content";
    *r.message.reasoning_content += text->get_string();
    return {};
  }
  r.message.content += text->get_string();
  r.message.parts.push_back(json::object{{"type", "text"}, {"text", text->get_string()}});
  return {};
}

Status take_content(Reading& r, std::string_view name, const json::value& value, const std::string& where) {
  if (auto s = only_one(r.content_from, name, where); !s) return s;
  if (value.is_string()) {
    r.message.content = value.get_string();
    return {};
  }
  if (!value.is_array()) return no_text(name, value, where);
  size_t number = 0;
  for (const json::value& part : value.get_array()) {
    // The message of an error reads: messages[0]: "content" is a list whose [1] is a number ...
    const std::string at = part.is_object() ? fmt::format("{}: {}[{}]", where, name, number)
                                            : fmt::format("{}: \"{}\" is a list whose part {}", where, name, number);
    if (auto s = take_part(r, part, at); !s) return s;
    ++number;
  }
  return {};
}

Status take_reasoning(Reading& r, std::string_view name, const json::value& value, const std::string& where) {
  if (!value.is_string()) return no_text(name, value, where);
  const std::string_view text = value.get_string();
  if (r.message.reasoning_content && *r.message.reasoning_content != text)
    return Error{fmt::format("{}: \"{}\" and \"{}\" are two reasonings that differ.", where, r.reasoning_from, name)};
  r.message.reasoning_content = text;
  r.reasoning_from = name;
  return {};
}

std::string shown(const json::value& value) {
  return value.is_double() ? fmt::format("{}", value.get_double()) : json::serialize(value);
}

// "weight": 0, "train": false, "masked": true: the message is read and not learned.
Status take_learn(Reading& r, std::string_view name, const json::value& value, const std::string& where) {
  const bool inverse = name == "masked" || name == "mask";
  std::optional<bool> said;
  if (value.is_bool()) said = value.get_bool();
  if (value.is_number() && !inverse) {
    const double number = value.to_number<double>();
    if (number == 0 || number == 1) said = number == 1;
  }
  if (!said)
    return Error{fmt::format("{}: \"{}\" is {}, {}.", where, name, shown(value),
                             inverse ? "where true (not learned) or false is read"
                                     : "where 0 (not learned) or 1 is read: a message is learned or it is not")};
  const bool learn = *said != inverse;
  if (r.message.learn && *r.message.learn != learn)
    return Error{fmt::format("{}: \"{}\" and \"{}\" disagree.", where, r.learn_from, name)};
  r.message.learn = learn;
  r.learn_from = name;
  return {};
}

Status take_calls(Reading& r, std::string_view name, const json::value& value, const std::string& where) {
  const json::array* list = value.if_array();
  if (!list) return Error{fmt::format("{}: \"{}\" is {}, not a list of calls.", where, name, json_kind_name(value))};
  for (size_t i = 0; i < list->size(); ++i) {
    const json::object* call = (*list)[i].if_object();
    const json::value* function = call ? call->if_contains("function") : nullptr;
    const json::object* named = function ? function->if_object() : call;
    const json::value* called = named ? named->if_contains("name") : nullptr;
    if (!called || !called->is_string())
      return Error{fmt::format("{}: {}[{}] is no call of a function with a \"name\".", where, name, i)};
  }
  r.message.fields["tool_calls"] = value;
  return {};
}

json::object call_of(const json::object& function) {
  return {{"type", "function"}, {"function", function}};
}

// What chat APIs had before "tool_calls".
Status take_function_call(Reading& r, std::string_view name, const json::value& value, const std::string& where) {
  if (!value.is_object())
    return Error{fmt::format("{}: \"{}\" is {}, not an object.", where, name, json_kind_name(value))};
  return take_calls(r, name, json::array{call_of(value.get_object())}, where);
}

Status take_refusal(Reading&, std::string_view, const json::value&, const std::string& where) {
  return Error{where + ": \"refusal\" holds what the assistant said instead of \"content\": write it there."};
}

Status keep(Reading& r, std::string_view name, const json::value& value, const std::string&) {
  r.message.fields[name] = value;
  return {};
}

struct Member {
  std::string_view name;
  Take take;
};
constexpr std::array kMembers = {Member{"role", take_role},
                                 Member{"from", take_from},
                                 Member{"content", take_content},
                                 Member{"value", take_content},
                                 Member{"reasoning_content", take_reasoning},
                                 Member{"reasoning", take_reasoning},
                                 Member{"thinking", take_reasoning},
                                 Member{"weight", take_learn},
                                 Member{"train", take_learn},
                                 Member{"loss", take_learn},
                                 Member{"masked", take_learn},
                                 Member{"mask", take_learn},
                                 Member{"tool_calls", take_calls},
                                 Member{"function_call", take_function_call},
                                 Member{"refusal", take_refusal},
                                 Member{"tool_call_id", keep},
                                 Member{"name", keep}};

// ShareGPT's turn "function_call": its text is the call, or a list of calls.
Status calls_from_text(Reading& r, const std::string& where) {
  json::error_code code;
  json::parse_options options;
  options.max_depth = kMostDepth;
  json::value value = json::parse(r.message.content, code, {}, options);
  if (code) return Error{fmt::format("{}: the text of a function_call is no JSON: {}.", where, code.message())};
  json::array calls;
  for (const json::value& call : value.is_array() ? value.get_array() : json::array{value}) {
    if (!call.is_object()) return Error{where + ": the text of a function_call is no object with a \"name\"."};
    calls.push_back(call_of(call.get_object()));
  }
  r.message.content.clear();
  r.message.no_content = true;
  return take_calls(r, "function_call", calls, where);
}

// What belongs to the assistant alone.
Status check_owner(const Reading& r, const std::string& where) {
  if (r.message.role == "assistant") return {};
  const std::string_view name = r.message.reasoning_content       ? r.reasoning_from
                                : has_calls(r.message)            ? std::string_view("tool_calls")
                                : r.message.learn.value_or(false) ? r.learn_from
                                                                  : std::string_view();
  if (name.empty()) return {};
  if (r.message.learn.value_or(false) && name == r.learn_from)
    return Error{fmt::format("{}: \"{}\" asks to learn what {} says: the assistant's messages alone are learned.",
                             where, name, in_quotes(r.message.role))};
  return Error{fmt::format("{}: \"{}\" stands in the assistant's messages only.", where, name)};
}

}  // namespace

bool has_calls(const Message& m) {
  const json::value* calls = m.fields.if_contains("tool_calls");
  return calls && !is_nothing(*calls);
}

bool is_nothing(const json::value& value) {
  return value.is_null() || (value.is_array() && value.get_array().empty()) ||
         (value.is_object() && value.get_object().empty());
}

Result<Message> read_message(const json::value& value, const std::string& where) {
  const json::object* o = value.if_object();
  if (!o) return Error{fmt::format("{} is {}, not an object.", where, json_kind_name(value))};
  Reading r;
  for (const auto& [key, member] : *o) {
    if (member.is_null()) continue;
    const std::string_view name(key);
    const auto known = std::find_if(kMembers.begin(), kMembers.end(), [&](const Member& m) { return m.name == name; });
    const Take take = known == kMembers.end() ? keep : known->take;
    if (auto s = take(r, name, member, where); !s) return s.error();
  }
  if (r.role_from.empty()) return Error{where + ": \"role\" is missing or no text."};
  if (r.calls_as_text)
    if (auto s = calls_from_text(r, where); !s) return s.error();
  if (r.content_from.empty()) {
    const json::value* null = o->if_contains("content");
    if (!has_calls(r.message) && !r.message.reasoning_content)
      return Error{fmt::format("{}: \"content\" is {}.", where, null ? "null, not a text" : "missing")};
    r.message.no_content = true;
  }
  if (auto s = check_owner(r, where); !s) return s.error();
  return std::move(r.message);
}

}  // namespace jamsu::text
