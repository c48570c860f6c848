#include "text/conversation.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "text/exchange.h"
#include "tokenizer/json_fields.h"

namespace jamsu::text {
namespace {

namespace json = boost::json;
using tokenizer::json_kind_name;

constexpr int kMostDepth = 32;
constexpr std::array<std::string_view, 3> kReasoning = {"reasoning_content", "reasoning", "thinking"};

// The member, where it is there and holds something.
const json::value* member(const json::object& o, std::string_view name) {
  const json::value* value = name.empty() ? nullptr : o.if_contains(name);
  return value && !value->is_null() ? value : nullptr;
}

// --- forms ------------------------------------------------------------------------------------------------------------

// An instruction and its answer in members of their own.
struct Instruction {
  std::string_view question, answer, form;
  std::array<std::string_view, 2> contexts = {};  // what the question is about
};
constexpr std::array kInstructions = {
    Instruction{"instruction", "output", "instruction and output (Alpaca)", {"input", "context"}},
    Instruction{"instruction", "response", "instruction and response (Dolly)", {"input", "context"}},
    Instruction{"query", "response", "query and response", {"context"}},
    Instruction{"query", "answer", "query and answer", {"context"}},
    Instruction{"question", "answer", "question and answer", {"context"}},
    Instruction{"question", "response", "question and response (Orca)", {"context"}},
    Instruction{"problem", "solution", "problem and solution"},
    Instruction{"prompt", "response", "prompt and response", {"context"}},
    Instruction{"input", "output", "input and output"},
    Instruction{"user", "assistant", "user and assistant"}};

const Instruction* instruction_of(const json::object& o) {
  const Instruction* found = nullptr;
  for (const Instruction& row : kInstructions) {
    if (!member(o, row.question)) continue;
    if (member(o, row.answer)) return &row;
    if (!found) found = &row;
  }
  return found;
}

// {"input", "output"}, and "system" in the first: a turn of XTuner's and Capybara's conversations.
bool is_turn(const json::value& value) {
  const json::object* o = value.if_object();
  return o && o->contains("input") && o->contains("output") && !o->contains("role") && !o->contains("from");
}
Status add_turn(const json::object& turn, const std::string& where, Conversation& c) {
  for (const auto& [name, role] :
       {std::pair("system", "system"), std::pair("input", "user"), std::pair("output", "assistant")}) {
    const json::value* said = turn.if_contains(name);
    if (!said || (said->is_null() && role == std::string_view("system"))) continue;
    if (!said->is_string()) return Error{fmt::format("{}: \"{}\" is no string.", where, name)};
    if (role != std::string_view("system") || !said->get_string().empty())
      c.messages.push_back({.role = role, .content = std::string(said->get_string())});
  }
  for (const auto& [key, value] : turn)
    if (key != "system" && key != "input" && key != "output" && !is_nothing(value))
      return Error{fmt::format("{}: {} is a member that is not read beside \"input\" and \"output\".", where,
                               tokenizer::in_quotes(key))};
  return {};
}

Status add_messages(const json::value& list, std::string_view name, const std::string& where, Conversation& c) {
  if (!list.is_array() || list.get_array().empty())
    return Error{fmt::format("{}: \"{}\" is no list of messages.", where, name)};
  size_t number = 0;
  for (const json::value& value : list.get_array()) {
    const std::string at = fmt::format("{}: {}[{}]", where, name, number++);
    if (is_turn(value)) {
      if (auto s = add_turn(value.get_object(), at, c); !s) return s;
      continue;
    }
    auto m = read_message(value, at);
    if (!m) return m.error();
    c.messages.push_back(std::move(*m));
  }
  return {};
}

Result<std::string> text_of(const json::object& o, std::string_view name, const std::string& where) {
  const json::value* value = member(o, name);
  if (!value) return std::string();
  if (!value->is_string()) return Error{fmt::format("{}: \"{}\" is no string.", where, name)};
  return std::string(value->get_string());
}

Status add_history(const json::value& history, const std::string& where, Conversation& c) {
  if (!history.is_array()) return Error{where + ": \"history\" is no list of [question, answer]."};
  for (const json::value& turn : history.get_array()) {
    const json::array* pair = turn.if_array();
    if (!pair || pair->size() != 2 || !(*pair)[0].is_string() || !(*pair)[1].is_string())
      return Error{where + ": \"history\" holds something else than [question, answer]."};
    c.messages.push_back({.role = "user", .content = std::string((*pair)[0].get_string())});
    c.messages.push_back({.role = "assistant", .content = std::string((*pair)[1].get_string())});
  }
  return {};
}

// A context follows the question on a line of its own, as LLaMA-Factory puts them together.
Status add_instruction(const json::object& o, const Instruction& row, const std::string& where, Conversation& c) {
  if (const json::value* history = member(o, "history"))
    if (auto s = add_history(*history, where, c); !s) return s;
  auto question = text_of(o, row.question, where);
  if (!question) return question.error();
  const json::value* given = member(o, row.answer);
  const bool number = given && given->is_int64();  // the answer to many a problem
  auto answer = number ? Result<std::string>(json::serialize(*given)) : text_of(o, row.answer, where);
  if (!answer) return answer.error();
  for (const std::string_view name : row.contexts) {
    const auto context = text_of(o, name, where);
    if (!context) return context.error();
    if (!context->empty()) *question += (question->empty() ? "" : "\n") + *context;
  }
  c.messages.push_back({.role = "user", .content = std::move(*question)});
  c.asked = c.messages.size();
  if (!given) return {};
  Message reply{.role = "assistant", .content = std::move(*answer)};
  for (const std::string_view name : kReasoning) {
    const json::value* thinking = member(o, name);
    if (!thinking || !thinking->is_string()) continue;
    if (reply.reasoning_content) return Error{fmt::format("{}: \"{}\" is a second reasoning.", where, name)};
    reply.reasoning_content = thinking->get_string();
  }
  c.messages.push_back(std::move(reply));
  return {};
}

// Messages that ask, and those that are learned.
Status add_pair(const json::object& o, const std::string& where, Conversation& c) {
  if (auto s = add_messages(*member(o, "prompt"), "prompt", where, c); !s) return s;
  for (Message& m : c.messages)
    if (m.role == "assistant" && !m.learn) m.learn = false;
  c.asked = c.messages.size();
  const json::value* completion = member(o, "completion");
  return completion ? add_messages(*completion, "completion", where, c) : Status();
}

// --- members beside the conversation ----------------------------------------------------------------------------------

// They would change what is written or learned, and nothing here obeys them.
struct Refused {
  std::string_view name, why;
  std::optional<bool> harmless = {};  // the value, or the same as a number, that asks for what is done anyway
};
constexpr std::string_view kNoImages = "this program reads text alone";
constexpr std::string_view kNoPairs = "training on answers that are liked and not liked is not here";
constexpr std::string_view kNoWeight =
    "a line is learned as every other; \"weight\" 0 of a message leaves that out, and "
    "a file has a weight in the recipe";
constexpr std::array kRefused = {Refused{"images", kNoImages},
                                 Refused{"image", kNoImages},
                                 Refused{"videos", kNoImages},
                                 Refused{"video", kNoImages},
                                 Refused{"audios", kNoImages},
                                 Refused{"audio", kNoImages},
                                 Refused{"chosen", kNoPairs},
                                 Refused{"rejected", kNoPairs},
                                 Refused{"rejected_response", kNoPairs},
                                 Refused{"rejected_messages", kNoPairs},
                                 Refused{"kto_tag", kNoPairs, true},
                                 Refused{"weight", kNoWeight, true},
                                 Refused{"loss_weight", kNoWeight, true},
                                 Refused{"sample_weight", kNoWeight, true},
                                 Refused{"train", kNoWeight, true},
                                 Refused{"mask", "write \"weight\": 0 into the messages that are not to be learned"},
                                 Refused{"chat_template", "the model's own chat template is used"},
                                 Refused{"add_generation_prompt", "the verb decides it"},
                                 Refused{"continue_final_message", "a last message is never gone on with", false}};

bool asks_for_nothing(const Refused& r, const json::value& value) {
  if (is_nothing(value)) return true;
  if (value.is_bool()) return value.get_bool() == r.harmless;
  return r.harmless && value.is_number() && value.to_number<double>() == (*r.harmless ? 1 : 0);
}

constexpr std::array<std::string_view, 4> kVariables = {"enable_thinking", "thinking", "reasoning_effort", "documents"};
constexpr std::array<std::string_view, 4> kNotVariables = {"messages", "tools", "add_generation_prompt",
                                                           "continue_final_message"};

Status add_variables(const json::object& o, const std::string& where, Conversation& c) {
  for (const std::string_view name : kVariables)
    if (const json::value* value = member(o, name); value && !(name == "thinking" && value->is_string()))
      c.variables[name] = *value;
  const json::value* more = member(o, "chat_template_kwargs");
  if (!more) return {};
  if (!more->is_object())
    return Error{fmt::format("{}: \"chat_template_kwargs\" is {}, not an object.", where, json_kind_name(*more))};
  for (const auto& [name, value] : more->get_object()) {
    if (std::find(kNotVariables.begin(), kNotVariables.end(), std::string_view(name)) != kNotVariables.end())
      return Error{
          fmt::format("{}: chat_template_kwargs: \"{}\" is set by the program.", where, std::string_view(name))};
    c.variables[name] = value;
  }
  return {};
}

Status add_tools(const json::object& o, const std::string& where, Conversation& c) {
  const json::value *tools = member(o, "tools"), *functions = member(o, "functions");
  if (tools && functions) return Error{where + ": \"tools\" and \"functions\" both stand there."};
  if (!tools && !functions) return {};
  auto read = read_tools(tools ? *tools : *functions, where + (tools ? ": tools" : ": functions"));
  if (!read) return read.error();
  c.tools = std::move(*read);
  for (json::value& tool : c.tools)  // what chat APIs had before tools
    if (functions) tool = json::object{{"type", "function"}, {"function", tool}};
  return {};
}

// "system" beside the messages, as ShareGPT, Alpaca and Anthropic write it, or "system_prompt" (Orca).
Status add_system(const json::object& o, const std::string& where, Conversation& c) {
  auto text = text_of(o, "system", where);
  const auto prompt = text_of(o, "system_prompt", where);
  if (!text) return text.error();
  if (!prompt) return prompt.error();
  if (!text->empty() && !prompt->empty() && *text != *prompt)
    return Error{where + ": \"system\" and \"system_prompt\" both stand there."};
  if (text->empty()) *text = *prompt;
  if (text->empty()) return {};
  if (!c.messages.empty() && c.messages.front().role == "system") {
    if (c.messages.front().content == *text) return {};
    return Error{fmt::format("{}: \"{}\" and a system message both stand there.", where,
                             prompt->empty() ? "system" : "system_prompt")};
  }
  c.messages.insert(c.messages.begin(), {.role = "system", .content = std::move(*text)});
  ++c.asked;
  return {};
}

// A text beside messages that may be the thinking of one of them.
Status check_reasoning_beside(const json::object& o, const std::string& where, std::string_view form) {
  for (const std::string_view name : kReasoning)
    if (const json::value* value = member(o, name); value && value->is_string())
      return Error{fmt::format("{}: \"{}\" stands beside {} and not in a message.", where, name, form)};
  return {};
}

constexpr std::array<std::string_view, 9> kUsed = {"messages",      "conversations", "conversation",
                                                   "tools",         "functions",     "system",
                                                   "system_prompt", "prompt",        "chat_template_kwargs"};

void list_passed_over(const json::object& o, const Instruction* row, Conversation& c) {
  const bool pair = c.asked < c.messages.size() && !row;
  for (const auto& [key, value] : o) {
    const std::string_view name(key);
    const auto is = [&](const auto& list) { return std::find(list.begin(), list.end(), name) != list.end(); };
    const bool of_row = row && (name == row->question || name == row->answer || name == "history" ||
                                is(row->contexts) || is(kReasoning));
    if (!value.is_null() && !of_row && !(pair && name == "completion") && !is(kUsed) && !c.variables.contains(name))
      c.passed_over.emplace_back(name);
  }
}

// A line of "messages" may have its first question as "prompt" besides (UltraChat, No Robots).
bool repeats_the_question(const json::value& prompt, const Conversation& c) {
  const auto first =
      std::find_if(c.messages.begin(), c.messages.end(), [](const Message& m) { return m.role == "user"; });
  return prompt.is_string() && first != c.messages.end() && std::string_view(prompt.get_string()) == first->content;
}

}  // namespace

Result<json::array> read_tools(const json::value& value, const std::string& where) {
  json::value parsed;  // ShareGPT's lines have the list as a text
  const json::value* list = &value;
  if (value.is_string()) {
    if (value.get_string().empty()) return json::array();
    json::error_code code;
    json::parse_options options;
    options.max_depth = kMostDepth;
    parsed = json::parse(value.get_string(), code, {}, options);
    if (code) return Error{fmt::format("{} is a text that is no JSON: {}.", where, code.message())};
    list = &parsed;
  }
  if (!list->is_array()) return Error{fmt::format("{} is {}, not a list of tools.", where, json_kind_name(*list))};
  for (size_t i = 0; i < list->get_array().size(); ++i)
    if (const json::value& tool = list->get_array()[i]; !tool.is_object())
      return Error{fmt::format("{}[{}] is {}, not an object.", where, i, json_kind_name(tool))};
  return list->get_array();
}

Status check_beside(const json::object& o, const std::string& where, std::string_view form) {
  for (const Refused& r : kRefused)
    if (const json::value* value = member(o, r.name); value && !asks_for_nothing(r, *value))
      return Error{fmt::format("{}: \"{}\" beside {} is not obeyed here: {}.", where, r.name, form, r.why)};
  const json::value* label = member(o, "label");
  if (label && label->is_bool() && form == "prompt and completion")
    return Error{fmt::format("{}: \"label\" is not obeyed here: {}.", where, kNoPairs)};
  return {};
}

bool is_conversation(const json::object& o) {
  if (exchange_of(o).request) return true;
  if (o.contains("messages") || o.contains("conversations") || o.contains("conversation")) return true;
  const json::value *prompt = member(o, "prompt"), *text = member(o, "text");
  if (prompt && prompt->is_array()) return true;
  if (prompt && o.contains("completion")) return false;
  const Instruction* row = instruction_of(o);
  return row && (member(o, row->answer) || !(prompt || text));
}

// In one object; what a log has besides is exchange.h's.
static Result<Conversation> read_alone(const json::object& o, const std::string& where) {
  const std::string_view sharegpt = o.contains("conversations") ? "conversations" : "conversation";
  const Instruction* row = instruction_of(o);
  const json::value* prompt = member(o, "prompt");
  const bool pair = prompt && prompt->is_array();
  std::vector<std::string_view> forms;
  if (o.contains("messages")) forms.push_back("messages");
  if (o.contains(sharegpt)) forms.push_back("conversations (ShareGPT)");
  if (o.contains("conversations") && o.contains("conversation")) forms.push_back("conversation");
  if (pair) forms.push_back("prompt and completion");
  if (row && forms.empty()) forms.push_back(row->form);
  if (forms.empty()) return Error{where + ": \"messages\" is no list of messages."};
  if (forms.size() > 1)
    return Error{
        fmt::format("{}: holds more than one of {}, where exactly one belongs.", where, fmt::join(forms, ", "))};
  Conversation c;
  c.form = forms.front();
  const bool instructed = row && c.form == row->form;
  Status s = instructed               ? add_instruction(o, *row, where, c)
             : pair                   ? add_pair(o, where, c)
             : o.contains("messages") ? add_messages(o.at("messages"), "messages", where, c)
                                      : add_messages(o.at(sharegpt), sharegpt, where, c);
  if (!s) return s.error();
  if (!instructed && !pair) c.asked = c.messages.size();
  if (prompt && !pair && !(instructed && row->question == "prompt") && !repeats_the_question(*prompt, c))
    return Error{
        fmt::format("{}: holds more than one of {} and \"prompt\", where exactly one belongs.", where, c.form)};
  for (const auto add : {add_system, add_tools, add_variables})
    if (s = add(o, where, c); !s) return s.error();
  if (!instructed)
    if (s = check_reasoning_beside(o, where, c.form); !s) return s.error();
  if (s = check_beside(o, where, c.form); !s) return s.error();
  list_passed_over(o, instructed ? row : nullptr, c);
  return c;
}

Result<Conversation> read_conversation(const json::object& o, const std::string& where) {
  const Exchange exchange = exchange_of(o);
  if (!exchange.request) return read_alone(o, where);
  auto c = read_alone(*exchange.request, exchange.apart ? where + ": request" : where);
  if (!c) return c;
  if (auto s = check_beside(o, where, c->form); !s) return s.error();
  if (auto s = add_answer(o, exchange, where, *c); !s) return s.error();
  return c;
}

}  // namespace jamsu::text
