#include "text/prompt.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "text/api_shape.h"
#include "text/conversation.h"
#include "tokenizer/json_fields.h"
#include "tokenizer/special_tokens.h"
#include "tokenizer/tokenizer_data.h"
#include "unicode/utf8.h"

namespace jamsu::text {
namespace {

namespace json = boost::json;

// Members of a message, and roles, that every chat API has; a template may leave them out.
constexpr std::array<std::string_view, 3> kKnownFields = {"tool_calls", "tool_call_id", "name"};
constexpr std::array<std::string_view, 7> kKnownRoles = {"system", "developer", "user",   "assistant",
                                                         "tool",   "function",  "ipython"};
// Roles of chat APIs that are another one for templates that do not know them.
constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kOtherRoles = {
    {{"developer", "system"}, {"function", "tool"}}};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) + 1 - begin);
}

bool is_learned(const Message& m) {
  return m.role == "assistant" && m.learn.value_or(true);
}

Error left_out(size_t message, std::string_view what) {
  return Error{fmt::format("messages[{}]: the chat template leaves out {}", message, what)};
}

}  // namespace

struct PromptBuilder::Written {
  std::vector<jinja::Value> values;
  ChatVariables variables;
  std::string text;
  bool adapted = false;
};

PromptBuilder::PromptBuilder(tokenizer::Tokenizer tokenizer, ChatFormat format)
    : tokenizer_(std::move(tokenizer)),
      format_(std::move(format)),
      marks_(std::make_shared<Marks>(tokenizer_.data(), format_)) {
  think_ = tokenizer_.token_id(tokenizer::kThinkBegin).value_or(-1);
  end_think_ = tokenizer_.token_id(tokenizer::kThinkEnd).value_or(-1);
}

Result<PromptBuilder> PromptBuilder::create(tokenizer::Tokenizer tokenizer, ChatFormat format) {
  PromptBuilder b(std::move(tokenizer), std::move(format));
  const std::string_view end = b.format_.token("eos_token");
  if (end.empty()) return b;
  const auto id = b.tokenizer_.token_id(end);
  if (!id) return Error{fmt::format("tokenizer.json: \"{}\", the eos_token of tokenizer_config.json, is missing", end)};
  b.end_ = *id;
  return b;
}

Result<PromptBuilder> PromptBuilder::create(tokenizer::Tokenizer tokenizer) {
  for (const std::string_view token :
       {tokenizer::kBeginOfText, tokenizer::kEndOfText, tokenizer::kUserMark, tokenizer::kAssistantMark,
        tokenizer::kSystemMark, tokenizer::kThinkBegin, tokenizer::kThinkEnd})
    if (!tokenizer.token_id(token))
      return Error{fmt::format("tokenizer.json: the special token \"{}\" of the chat format is missing", token)};
  return create(std::move(tokenizer), ChatFormat::built_in());
}

std::string PromptBuilder::adapted_role(const Message& m) const {
  const auto written = [&](std::string_view role) {
    return format_.shape_of(std::string(role)).text == RoleShape::Text::written;
  };
  for (const auto& [name, other] : kOtherRoles)
    if (m.role == name && !written(name) && written(other)) return std::string(other);
  return m.role;
}

std::string PromptBuilder::unwritten(size_t i, const Message& m) const {
  const RoleShape shape = format_.shape_of(m.role);
  const std::string other = adapted_role(m);
  if (m.role != "assistant" && shape.left_out() && !m.content.empty())
    return left_out(i, fmt::format("what {} says{}", tokenizer::in_quotes(m.role),
                                   other == m.role ? ""
                                                   : fmt::format("; adapt_messages gives it the role {}",
                                                                 tokenizer::in_quotes(other))))
        .message;
  if (!m.parts.empty() && !shape.parts && shape.text == RoleShape::Text::written)
    return fmt::format(
        "messages[{}]: the chat template writes the parts of the content as a list; adapt_messages joins their texts",
        i);
  return {};
}

jinja::Value PromptBuilder::value_of(const Message& m, bool adapt, TypedText& typed) const {
  using jinja::Value;
  const auto own = [&](const std::string& s) { return unicode::to_valid_utf8(s); };
  const bool assistant = m.role == "assistant";
  const auto said = [&](const std::string& s) { return m.ours ? own(s) : assistant ? typed.said(s) : typed.typed(s); };
  const std::string role = m.ours ? own(m.role) : typed.typed(adapt ? adapted_role(m) : m.role);
  std::vector<std::pair<std::string, Value>> fields = {{"role", Value::string(role)}};
  if (!m.no_content) {
    const RoleShape shape = m.ours ? RoleShape{} : format_.shape_of(role);
    std::vector<Value> parts;
    const auto add = [&](const std::string& text) {
      parts.push_back(Value::dict({{"type", Value::string("text")}, {"text", Value::string(said(text))}}));
    };
    if ((shape.parts || !adapt) && !m.parts.empty()) {
      for (const json::value& part : m.parts) {
        std::vector<std::pair<std::string, Value>> members;
        for (const auto& [name, value] : part.as_object())
          members.emplace_back(name, name == "text" ? Value::string(said(std::string(value.as_string())))
                                                    : Value::from_json(typed.typed(value)));
        parts.push_back(Value::dict(std::move(members)));
      }
    } else if (shape.parts && shape.text != RoleShape::Text::written) {
      add(m.content);
    }
    fields.emplace_back("content", parts.empty() ? Value::string(said(m.content)) : Value::list(std::move(parts)));
  }
  if (m.reasoning_content) {
    const Value thinking = Value::string(m.ours ? own(*m.reasoning_content) : typed.thought(*m.reasoning_content));
    // As transformers fills one from the other. It leaves "reasoning" to templates that are given that name; one that
    // reads no other is given it here.
    for (const char* name : {"reasoning_content", "thinking"}) fields.emplace_back(name, thinking);
    if (!format_.mentions("reasoning_content") && !format_.mentions("thinking"))
      fields.emplace_back("reasoning", thinking);
  }
  for (const auto& [name, value] : m.fields) fields.emplace_back(name, Value::from_json(typed.typed(value)));
  return Value::dict(std::move(fields));
}

Result<PromptBuilder::Written> PromptBuilder::write(const std::vector<Message>& messages, const PromptOptions& options,
                                                    TypedText& typed) const {
  Written w;
  w.values.reserve(messages.size());
  for (const Message& m : messages) w.values.push_back(value_of(m, options.adapt, typed));
  w.variables = {.add_generation_prompt = options.add_generation_prompt,
                 .enable_thinking = options.enable_thinking,
                 .now = options.now};
  if (!options.tools.empty()) w.variables.tools = jinja::Value::from_json(typed.typed(options.tools));
  for (const auto& [name, value] : options.variables)
    w.variables.others.emplace_back(name, jinja::Value::from_json(typed.typed(value)));
  auto text = format_.render(jinja::Value::list(w.values), w.variables);
  if (!text) return text.error();
  w.text = std::move(*text);
  w.adapted = options.adapt;
  return w;
}

Result<PromptBuilder::Written> PromptBuilder::write_somehow(const std::vector<Message>& messages, PromptOptions options,
                                                            TypedText& typed) const {
  auto written = write(messages, options, typed);
  if (!written && !options.adapt) {
    options.adapt = true;
    if (auto adapted = write(messages, options, typed)) written = std::move(adapted);
  }
  for (const Arguments arguments : {Arguments::objects, Arguments::texts}) {
    if (written && !leaves_out_a_tool(options.tools, written->text)) break;
    std::vector<Message> wrapped = messages;
    PromptOptions with_tools = options;
    if (!to_api_shape(wrapped, with_tools.tools, arguments)) continue;
    if (auto again = write(wrapped, with_tools, typed)) {
      written = std::move(again);
      break;
    }
  }
  return written;
}

std::vector<std::string> PromptBuilder::warnings_of(const std::vector<Message>& messages,
                                                    const Written& written) const {
  std::vector<std::string> warnings;
  for (size_t i = 0; i < messages.size() && !written.adapted; ++i)
    if (std::string why = messages[i].ours ? "" : unwritten(i, messages[i]); !why.empty())
      warnings.push_back(std::move(why));
  return warnings;
}

Result<std::vector<PromptBuilder::Span>> PromptBuilder::learned_spans(const std::vector<Message>& messages,
                                                                      const Written& written) const {
  const auto first = [&](size_t count) {
    return jinja::Value::list({written.values.begin(), written.values.begin() + static_cast<std::ptrdiff_t>(count)});
  };
  std::vector<Span> spans;
  size_t last = messages.size();
  while (last > 0 && !is_learned(messages[last - 1])) --last;
  for (size_t i = 0; i < last; ++i) {
    if (!is_learned(messages[i])) continue;
    // A reply is what stands between the prompt that asks for it and its own end. A template that drops the thinking of
    // earlier turns writes those differently later on: they are not learned.
    ChatVariables variables = written.variables;
    variables.enable_thinking.reset();
    Result<std::string> said = written.text;
    if (i + 1 < messages.size() || variables.add_generation_prompt) {
      variables.add_generation_prompt = false;
      said = format_.render(first(i + 1), variables);
    }
    variables.add_generation_prompt = true;
    bool found = false;
    for (const std::optional<bool> thinking : {std::optional<bool>(), std::optional(true), std::optional(false)}) {
      variables.enable_thinking = thinking;
      const auto asked = format_.render(first(i), variables);
      if (!asked || !said) continue;
      if (!said->starts_with(*asked) || !written.text.starts_with(*said)) continue;
      spans.push_back({asked->size(), said->size()});
      found = true;
      break;
    }
    if (!found && i + 1 == last)
      return Error{
          fmt::format("messages[{}]: the chat template writes this reply otherwise than it asks for one: what "
                      "is to be learned of it cannot be told",
                      i)};
  }
  return spans;
}

Status PromptBuilder::check(const std::vector<Message>& messages) const {
  const auto is_one = [](const auto& known, std::string_view name) {
    return std::find(known.begin(), known.end(), name) != known.end();
  };
  for (size_t i = 0; i < messages.size(); ++i) {
    const Message& m = messages[i];
    if (!is_one(kKnownRoles, m.role) && format_.shape_of(m.role).left_out())
      return left_out(i, fmt::format("what {} says", tokenizer::in_quotes(m.role)));
    for (const auto& [key, value] : m.fields) {
      const std::string_view name(key);
      if (!is_one(kKnownFields, name) && !is_nothing(value) && !format_.mentions(name))
        return Error{fmt::format("messages[{}]: {} is a member that neither this program nor the chat template reads",
                                 i, tokenizer::in_quotes(name))};
    }
  }
  return {};
}

Status PromptBuilder::check_learned(const std::vector<Message>& messages, const PromptOptions& options,
                                    const std::string& last_reply, const TypedText& typed) const {
  if (!options.tools.empty() && !format_.mentions("tools")) return Error{"the chat template leaves out \"tools\""};
  size_t last = messages.size();
  while (last > 0 && !is_learned(messages[last - 1])) --last;
  for (size_t i = 0; i < messages.size(); ++i) {
    const Message& m = messages[i];
    if (m.ours) continue;
    if (has_calls(m) && !format_.mentions("tool_calls")) return left_out(i, "\"tool_calls\"");
    if (std::string why = options.adapt ? "" : unwritten(i, m); !why.empty()) return Error{std::move(why)};
    if (m.role != "assistant" && format_.shape_of(adapted_role(m)).left_out())
      return left_out(i, fmt::format("what {} says", tokenizer::in_quotes(m.role)));
    if (i + 1 != last || !m.reasoning_content) continue;
    const std::string thought = typed.plain(*m.reasoning_content);
    if (last_reply.find(trimmed(thought)) == std::string::npos)
      return left_out(i,
                      "the reasoning: write it into the content, between the model's marks of thinking, or not at all");
  }
  return {};
}

Result<Prompt> PromptBuilder::build(const std::vector<Message>& messages, const PromptOptions& options) const {
  if (messages.empty()) return Error{"messages: none"};
  if (auto s = check(messages); !s) return s.error();
  TypedText typed(*marks_, tokenizer_.data().normalizer);
  auto written = write_somehow(messages, options, typed);
  if (!written) return written.error();
  Prompt p;
  p.warnings = warnings_of(messages, *written);
  std::vector<Span> spans;
  if (options.find_learned) {
    auto found = learned_spans(messages, *written);
    if (!found) return found.error();
    spans = std::move(*found);
    const std::string last_reply =
        spans.empty() ? "" : typed.show(std::string_view(written->text).substr(spans.back().begin));
    PromptOptions as_written = options;
    as_written.adapt = written->adapted;
    if (auto s = check_learned(messages, as_written, last_reply, typed); !s) return s.error();
  }
  const std::string_view text = written->text;
  size_t at = 0;
  const auto encode_until = [&](size_t end, bool learned) {
    tokenizer_.encode_template_to(
        text.substr(at, end - at), at == 0,
        [&](std::string_view stretch, bool normalized) { return typed.show(stretch, normalized); }, p.ids);
    if (options.find_learned) p.learned.resize(p.ids.size(), learned);
    at = end;
  };
  for (const Span& span : spans) {
    encode_until(span.begin, false);
    encode_until(span.end, true);
  }
  encode_until(text.size(), false);
  for (auto id = p.ids.rbegin(); id != p.ids.rend() && *id != end_think_; ++id) {
    if (*id != think_) continue;
    p.opens_thinking = think_ >= 0;
    break;
  }
  p.opens_thinking |= prompt_opens_reasoning(format_.stream_format(), text);  // marks that are no tokens
  return p;
}

}  // namespace jamsu::text
