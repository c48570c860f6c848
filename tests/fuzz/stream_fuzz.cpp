// Model text in every format: the first byte says which, the second how it is cut, and by its bits whether the prompt has
// opened reasoning and whether the rules are lenient. Two cuts give the same; text without a marker's first character is
// content.
#include <algorithm>
#include <boost/json.hpp>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "text/stream/parser.h"
#include "unicode/utf8.h"

namespace {

using namespace jamsu::text;

const StreamOptions& options(bool in_reasoning, bool lenient) {
  static const ToolSchemas tools(boost::json::parse(R"([{"name": "f", "parameters": {"properties": {
      "a": {"type": "string"}, "b": {"type": "integer"}, "c": {"type": ["string", "object"]}}}}])")
                                     .as_array());
  static const StreamOptions all[4] = {{.in_reasoning = false, .lenient = false},
                                       {.in_reasoning = true, .lenient = false},
                                       {.in_reasoning = false, .tools = tools},
                                       {.in_reasoning = true, .tools = tools}};
  return all[(lenient ? 2 : 0) + (in_reasoning ? 1 : 0)];
}

StreamResult parse(StreamFormat format, bool in_reasoning, bool lenient, std::string_view text, uint32_t cut) {
  StreamResult result;
  StreamParser parser(format, options(in_reasoning, lenient), result);
  while (!text.empty()) {
    size_t size = text.size();
    if (cut != 0) {
      cut = cut * 1664525 + 1013904223;
      size = std::min<size_t>(size, 1 + (cut >> 28));
    }
    parser.push(text.substr(0, size));
    text.remove_prefix(size);
  }
  result.end = parser.finish();
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const auto format = static_cast<StreamFormat>(data[0] % kStreamFormats);
  const bool in_reasoning = data[1] % 2 == 1, lenient = (data[1] & 2) != 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const StreamResult whole = parse(format, in_reasoning, lenient, text, 0);
  const StreamResult cut = parse(format, in_reasoning, lenient, text, 1 + data[1]);
  if (whole.reasoning_text != cut.reasoning_text || whole.content_text != cut.content_text ||
      whole.calls != cut.calls || whole.end != cut.end)
    std::abort();
  // Functionary's recipients have no marker of their own.
  if (!in_reasoning && format != StreamFormat::functionary && text.find_first_of("<[{fA") == std::string_view::npos &&
      whole.content_text != jamsu::unicode::to_valid_utf8(text))
    std::abort();
  for (const StreamResult::Call& call : whole.calls)
    if (call.name.empty() && format != StreamFormat::hermes && format != StreamFormat::harmony) std::abort();
  return 0;
}
