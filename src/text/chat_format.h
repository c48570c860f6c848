#pragma once
// How a model wants conversations written: the template of its folder (chat_template.jinja) and the special tokens that
// templates name (bos_token, eos_token ...). Rendered as transformers' apply_chat_template renders.
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "jinja/jinja.h"
#include "text/stream/parser.h"

namespace jamsu::text {

struct ChatVariables {
  bool add_generation_prompt = false;
  std::optional<bool> enable_thinking = {};  // also as `thinking`, DeepSeek's name for it; empty: neither is defined
  std::optional<std::tm> now = {};           // what strftime_now sees
  jinja::Value tools = jinja::Value::none();
  std::vector<std::pair<std::string, jinja::Value>> others = {};  // what a conversation defines besides; they go first
};

// What a template makes of messages of a role.
struct RoleShape {
  enum class Text : uint8_t { written, left_out, refused } text = Text::written;  // content that is a text
  bool parts = false;  // content as a list of {"type": "text", "text": ...} is written as its texts
  bool left_out() const { return text == Text::left_out && !parts; }
};

// Never changes; copies share the templates. Thread-safe.
class ChatFormat {
 public:
  using Tokens = std::vector<std::pair<std::string, std::string>>;  // "bos_token", "<|begin_of_text|>"

  // The first of these that FOLDER has, as transformers 5.24 chooses:
  //   chat_template.jinja with additional_chat_templates/NAME.jinja
  //   "chat_template" in tokenizer_config.json: a template, or a list of {"name": ..., "template": ...}
  //   chat_template.json, a processor's file: {"chat_template": ...}
  // Of templates with names "tool_use" is taken where tools are given, else "default". The tokens are those of
  // tokenizer_config.json; where that has no added_tokens_decoder, those of special_tokens_map.json go before them.
  // Errors name file and line: no template is there, none is the default, one is no Jinja.
  static Result<ChatFormat> load(const std::string& folder);
  // `name` stands for the template in errors. Without tokens those of models trained here (special_tokens.h).
  static Result<ChatFormat> from_text(std::string_view text, std::string name, Tokens tokens = own_tokens());
  static ChatFormat built_in();  // chat_template.h
  static Tokens own_tokens();

  // `messages`: a list of dicts. Errors: the template's, by name and line; in their own words what it raises.
  Result<std::string> render(const jinja::Value& messages, const ChatVariables& variables) const;
  std::string_view token(std::string_view name) const;  // empty: none
  const Tokens& tokens() const { return tokens_; }
  // How replies are written, by the markers of the template that is asked with tools.
  StreamFormat stream_format() const { return with_tools_->stream_format; }
  // Whether the word stands in a template: what nobody names, nobody reads.
  bool mentions(std::string_view word) const;
  // Found by rendering short conversations, once for each role.
  RoleShape shape_of(const std::string& role) const;

 private:
  struct Written {
    jinja::Template compiled;
    std::string name, source;
    StreamFormat stream_format;
  };
  struct Shapes;
  static Result<std::shared_ptr<const Written>> written(std::string_view text, std::string name);
  ChatFormat(std::shared_ptr<const Written> plain, std::shared_ptr<const Written> with_tools, Tokens tokens);

  std::shared_ptr<const Written> plain_, with_tools_;  // the same one where a folder has one template
  Tokens tokens_;
  std::shared_ptr<Shapes> shapes_;  // what shape_of has found
};

}  // namespace jamsu::text
