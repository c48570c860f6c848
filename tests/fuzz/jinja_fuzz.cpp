// Template source, rendered with a small conversation in both dialects: an error or a text, whatever it says.
#include <boost/json.hpp>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "jinja/jinja.h"
#include "unicode/utf8.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace jinja = jamsu::jinja;
  static const jinja::Value variables = jinja::Value::from_json(boost::json::parse(R"({
    "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "hé\n<b> '\" 한글"},
                 {"role": "assistant", "content": "a", "reasoning_content": "r", "tool_calls": [
                   {"type": "function", "id": "functions.f:0", "function": {"name": "f", "arguments": {"x": [1, 2.5, null]}}}]},
                 {"role": "tool", "tool_call_id": "functions.f:0", "content": "42"}],
    "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object",
              "properties": {"x": {"type": "array"}}, "required": ["x"]}}}],
    "documents": null, "add_generation_prompt": true, "bos_token": "<s>", "eos_token": "</s>",
    "s": "Hello World", "ko": "안녕 하세요", "e": "", "n": 7, "z": 0, "neg": -3, "f": 2.5, "t": true, "no": false,
    "nil": null, "l": [3, 1, 2], "el": [], "w": ["b", "A", "c", "a"], "d": {"b": 1, "a": 2, "C": 3}, "ed": {},
    "m": [{"role": "user", "content": "hi", "n": 2}, {"role": "assistant", "content": "yo", "n": 1}, {"role":
    "user", "content": "다시", "n": 3}], "nest": {"a": {"b": {"c": [10, {"k": "v"}]}}}, 
    "html": "<a href='x'>\"&\"</a>", "multi": "one\ntwo\n\nthree\n", "sp": "  pad\t\n", "big": 12345678901234567890, "x": [[1,
    2], [3, 4]]})"));
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  // Small, so that a mutation takes well under a millisecond even with sanitizers.
  jinja::Limits limits;
  limits.steps = 20'000;
  limits.memory_bytes = 1 << 20;
  limits.output_bytes = 1 << 18;
  std::tm now{};
  now.tm_mday = 27;
  now.tm_year = 125;
  for (const auto dialect : {jinja::Dialect::wide, jinja::Dialect::strict}) {
    const auto t = jinja::Template::parse(source, "fuzz", {.limits = limits, .dialect = dialect});
    if (!t) continue;
    const auto text = t->render(variables, {.limits = limits, .now = now});
    if (text && (!jamsu::unicode::is_valid_utf8(*text) || text->size() > limits.output_bytes)) std::abort();
  }
  return 0;
}
