#pragma once
// How a model wants conversations written: the template of its folder (chat_template.jinja) and the special tokens that
// templates name (bos_token, eos_token ...). Rendered as transformers' apply_chat_template renders.
#include <ctime>
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
};

// Never changes; copies share the template. Thread-safe.
class ChatFormat {
 public:
  using Tokens = std::vector<std::pair<std::string, std::string>>;  // "bos_token", "<|begin_of_text|>"

  // FOLDER/chat_template.jinja, or else "chat_template" in FOLDER/tokenizer_config.json, which has the tokens too.
  // Errors name file and line: neither is there, the template is no Jinja.
  static Result<ChatFormat> load(const std::string& folder);
  // `name` stands for the template in errors. Without tokens those of models trained here (special_tokens.h).
  static Result<ChatFormat> from_text(std::string_view text, std::string name, Tokens tokens = own_tokens());
  static ChatFormat built_in();  // chat_template.h
  static Tokens own_tokens();

  // `messages`: a list of dicts. Errors: the template's, by name and line; in their own words what it raises.
  Result<std::string> render(const jinja::Value& messages, const ChatVariables& variables) const;
  std::string_view token(std::string_view name) const;           // empty: none
  StreamFormat stream_format() const { return stream_format_; }  // how replies are written, by the template's markers

 private:
  ChatFormat(jinja::Template compiled, std::string name, Tokens tokens, StreamFormat stream_format)
      : template_(std::move(compiled)),
        name_(std::move(name)),
        tokens_(std::move(tokens)),
        stream_format_(stream_format) {}
  jinja::Template template_;
  std::string name_;
  Tokens tokens_;
  StreamFormat stream_format_;
};

}  // namespace jamsu::text
