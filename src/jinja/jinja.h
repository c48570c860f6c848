#pragma once
// Jinja 3.1 as chat templates use it: the parser, scoping, filters and tests of the whole language, in the sandbox that
// Hugging Face's transformers renders with (trim_blocks, lstrip_blocks, loop controls, no autoescape, no loader).
// Nothing a template does reaches a file, the environment or a host object, and every render stays inside its limits.
// Not here: \N{...} escapes, lipsum; random takes the middle item; filters.h names what is simpler.
//
//   auto t = jinja::Template::parse(source, "chat_template.jinja");
//   if (!t) return t.error();
//   auto text = t->render(jinja::Value::dict({{"messages", messages}}), options);
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "jinja/value.h"

namespace jamsu::jinja {

// wide: also the filter from_json, and append, extend, insert and pop of lists, which templates of DeepSeek-V3.2, V4
// and Kimi-K2 use. The lists of the variables stay as they are: a template changes its own copies. strict: what
// transformers' ImmutableSandboxedEnvironment allows.
enum class Dialect : uint8_t { wide, strict };

struct ParseOptions {
  Limits limits;
  Dialect dialect = Dialect::wide;
};

struct RenderOptions {
  Limits limits;
  // What strftime_now sees; empty: the call fails (the library reads no clock).
  std::optional<std::tm> now;
};

struct TemplateBody;  // ast.h

// Never changes after parsing; copies share it. Every member may be called from several threads at once.
class Template {
 public:
  // `name` stands for the source in errors: "NAME:3: TemplateSyntaxError: ...".
  static Result<Template> parse(std::string_view source, std::string name, const ParseOptions& options = {});
  // `variables`: a dict whose keys are the names templates see. Errors name the line and Python's class of error;
  // `raised` gets the message that a template gave to raise_exception, and is left alone otherwise.
  Result<std::string> render(const Value& variables, const RenderOptions& options = {},
                             std::string* raised = nullptr) const;

 private:
  explicit Template(std::shared_ptr<const TemplateBody> body) : body_(std::move(body)) {}
  std::shared_ptr<const TemplateBody> body_;
};

}  // namespace jamsu::jinja
