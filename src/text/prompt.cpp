#include "text/prompt.h"

#include <fmt/format.h>

#include <charconv>

#include "tokenizer/added_tokens.h"
#include "tokenizer/special_tokens.h"
#include "tokenizer/tokenizer_data.h"
#include "unicode/utf8.h"

namespace jamsu::text {
namespace {

// What a person typed may spell special tokens. While the template handles the text, such places stand as kOpen NUMBER
// kClose, so that no template text joins them and no search finds them. Two noncharacters of Unicode, which stand for
// themselves nowhere; one that was typed is such a place too.
constexpr std::string_view kOpen = "\uFDD0", kClose = "\uFDD1";

class TypedText {
 public:
  TypedText(const tokenizer::AddedTokenMatcher& marks, const tokenizer::Normalizer& normalizer)
      : marks_(marks), normalizer_(normalizer) {}

  std::string hide(std::string_view raw) {
    const std::string text = normalizer_.composed(unicode::to_valid_utf8(raw));
    std::string out;
    const char* at = text.data();
    const auto place_until = [&](const char* end) {  // a mark was passed over: [at, end)
      if (at == end) return;
      out += fmt::format("{}{}{}", kOpen, places_.size(), kClose);
      places_.emplace_back(at, end);
      at = end;
    };
    marks_.split(
        text,
        [&](std::string_view stretch) {
          place_until(stretch.data());
          out += stretch;
          at = stretch.data() + stretch.size();
        },
        [](int32_t) {});
    place_until(text.data() + text.size());
    return out;
  }

  // Every string of it, names of members included.
  boost::json::value hide(const boost::json::value& value) {
    if (const auto* text = value.if_string()) return boost::json::string(hide(std::string_view(*text)));
    if (const auto* list = value.if_array()) {
      boost::json::array out;
      for (const auto& item : *list) out.push_back(hide(item));
      return out;
    }
    if (const auto* object = value.if_object()) {
      boost::json::object out;
      for (const auto& [name, item] : *object) out[hide(std::string_view(name))] = hide(item);
      return out;
    }
    return value;
  }

  // normalized: as the tokenizer's normalizer leaves it.
  std::string show(std::string_view text, bool normalized) const {
    std::string out;
    while (true) {
      const size_t open = places_.empty() ? std::string_view::npos : text.find(kOpen);
      if (open == std::string_view::npos) return out += text;
      const char *digits = text.data() + open + kOpen.size(), *end = text.data() + text.size();
      size_t number = 0;
      const auto read = std::from_chars(digits, end, number);
      const bool whole = read.ec == std::errc() && number < places_.size() &&
                         std::string_view(read.ptr, static_cast<size_t>(end - read.ptr)).starts_with(kClose);
      out += text.substr(0, open);
      if (!whole)
        out += kOpen;
      else
        out += normalized ? normalizer_.run_inside(places_[number]) : places_[number];
      text.remove_prefix(whole ? static_cast<size_t>(read.ptr - text.data()) + kClose.size() : open + kOpen.size());
    }
  }

 private:
  const tokenizer::AddedTokenMatcher& marks_;
  const tokenizer::Normalizer& normalizer_;
  std::vector<std::string> places_;
};

tokenizer::AddedTokenMatcher all_marks(const tokenizer::TokenizerData& data) {
  std::vector<tokenizer::AddedToken> tokens;
  std::vector<std::string> patterns;
  const auto add = [&](std::string content) {
    tokenizer::AddedToken token;
    token.content = content;
    tokens.push_back(token);
    patterns.push_back(std::move(content));
  };
  for (const tokenizer::AddedToken& token : data.added) {
    add(token.content);
    if (token.normalized) add(data.normalizer.composed(token.content));  // typed text is composed before it is searched
  }
  add(std::string(kOpen));
  return {std::move(tokens), std::move(patterns)};
}

}  // namespace

PromptBuilder::PromptBuilder(tokenizer::Tokenizer tokenizer, ChatFormat format)
    : tokenizer_(std::move(tokenizer)),
      format_(std::move(format)),
      marks_(std::make_shared<tokenizer::AddedTokenMatcher>(all_marks(tokenizer_.data()))) {
  think_ = tokenizer_.token_id(tokenizer::kThinkBegin).value_or(-1);
  end_think_ = tokenizer_.token_id(tokenizer::kThinkEnd).value_or(-1);
}

Result<PromptBuilder> PromptBuilder::create(tokenizer::Tokenizer tokenizer, ChatFormat format) {
  PromptBuilder b(std::move(tokenizer), std::move(format));
  const std::string_view end = b.format_.token("eos_token");
  if (end.empty()) return Error{"tokenizer_config.json: \"eos_token\" is missing: replies would have no end"};
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

Result<std::vector<PromptBuilder::Span>> PromptBuilder::learned_spans(const std::vector<Message>& messages,
                                                                      const std::vector<jinja::Value>& values,
                                                                      const std::string& whole,
                                                                      const ChatVariables& variables) const {
  const auto first = [&](size_t count) {
    return jinja::Value::list({values.begin(), values.begin() + static_cast<std::ptrdiff_t>(count)});
  };
  std::vector<Span> spans;
  size_t last = messages.size();
  while (last > 0 && messages[last - 1].role != "assistant") --last;
  for (size_t i = 0; i < last; ++i) {
    if (messages[i].role != "assistant") continue;
    // A reply is what stands between the prompt that asks for it and its own end. A template that drops the thinking of
    // earlier turns writes those differently later on: they are not learned.
    Result<std::string> said = whole;
    if (i + 1 < messages.size() || variables.add_generation_prompt)
      said = format_.render(first(i + 1), {false, {}, variables.now, variables.tools});
    bool found = false;
    for (const std::optional<bool> thinking : {std::optional<bool>(), std::optional(true), std::optional(false)}) {
      const auto asked = format_.render(first(i), {true, thinking, variables.now, variables.tools});
      if (!asked || !said) continue;
      if (!said->starts_with(*asked) || !whole.starts_with(*said)) continue;
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

Result<Prompt> PromptBuilder::build(const std::vector<Message>& messages, const PromptOptions& options) const {
  if (messages.empty()) return Error{"messages: none"};
  TypedText typed(*marks_, tokenizer_.data().normalizer);
  std::vector<jinja::Value> values;
  values.reserve(messages.size());
  for (const Message& m : messages) {
    const auto text = [&](const std::string& s) {
      return jinja::Value::string(m.ours ? unicode::to_valid_utf8(s) : typed.hide(s));
    };
    std::vector<std::pair<std::string, jinja::Value>> fields = {{"role", text(m.role)}, {"content", text(m.content)}};
    if (!m.reasoning_content.empty()) {
      const jinja::Value thinking = text(m.reasoning_content);
      fields.emplace_back("reasoning_content", thinking);
      fields.emplace_back("thinking", thinking);  // as transformers fills one from the other
    }
    for (const auto& [name, value] : m.fields) fields.emplace_back(name, jinja::Value::from_json(typed.hide(value)));
    values.push_back(jinja::Value::dict(std::move(fields)));
  }
  ChatVariables variables{.add_generation_prompt = options.add_generation_prompt,
                          .enable_thinking = options.enable_thinking,
                          .now = options.now};
  if (!options.tools.empty()) variables.tools = jinja::Value::from_json(typed.hide(options.tools));
  const auto whole = format_.render(jinja::Value::list(values), variables);
  if (!whole) return whole.error();
  Prompt p;
  std::vector<Span> spans;
  if (options.find_learned) {
    auto found = learned_spans(messages, values, *whole, variables);
    if (!found) return found.error();
    spans = std::move(*found);
  }
  const std::string_view text = *whole;
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
  return p;
}

}  // namespace jamsu::text
