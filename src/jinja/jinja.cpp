#include "jinja/jinja.h"

#include <fmt/format.h>

#include <new>

#include "jinja/eval.h"
#include "unicode/utf8.h"

namespace jamsu::jinja {
namespace {

Error named(const std::string& name, const Failure& failure) {
  const std::string line = failure.line ? fmt::format(":{}", failure.line) : "";
  return {fmt::format("{}{}: {}: {}", name, line, failure.type, failure.message)};
}

}  // namespace

Result<Template> Template::parse(std::string_view source, std::string name, const ParseOptions& options) {
  if (source.size() > options.limits.source_bytes)
    return Error{
        fmt::format("{}: {} bytes; a template has at most {}", name, source.size(), options.limits.source_bytes)};
  if (!unicode::is_valid_utf8(source)) return Error{name + ": is not UTF-8"};
  try {
    return Template(parse_template(source, name, options));
  } catch (const Failure& failure) {
    return named(name, failure);
  } catch (const std::bad_alloc&) {
    return named(name, {"MemoryError", "out of memory", 0});
  }
}

Result<std::string> Template::render(const Value& variables, const RenderOptions& options, std::string* raised) const {
  try {
    Interpreter interpreter(*body_, variables, options);
    try {
      return interpreter.render();
    } catch (const Failure& failure) {
      if (raised && interpreter.raised) *raised = *interpreter.raised;
      return named(body_->name, failure);
    }
  } catch (const Failure& failure) {
    return named(body_->name, failure);
  } catch (const std::bad_alloc&) {
    return named(body_->name, {"MemoryError", "out of memory", 0});
  }
}

}  // namespace jamsu::jinja
