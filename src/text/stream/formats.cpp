#include "text/stream/formats.h"

#include <algorithm>

#include "base/check.h"

namespace jamsu::text {
namespace {

constexpr std::array<FormatRow, kStreamFormats> kRows{{
    {StreamFormat::think, "think", make_think, {"<think>"}},
    {StreamFormat::hermes, "hermes", make_hermes, {"<think>"}},
    {StreamFormat::deepseek_v3, "deepseek_v3", make_sections, {"<think>"}},
    {StreamFormat::deepseek_v31, "deepseek_v31", make_sections, {"<think>"}},
    {StreamFormat::dsml_v32, "dsml_v32", make_dsml, {"<think>"}},
    {StreamFormat::dsml_v4, "dsml_v4", make_dsml, {"<think>"}},
    {StreamFormat::kimi_k2, "kimi_k2", make_sections, {"<think>"}},
    {StreamFormat::harmony, "harmony", make_harmony, {"<|channel|>analysis<|message|>"}},
    {StreamFormat::function_xml, "function_xml", make_tagged, {"<think>"}},
    {StreamFormat::glm, "glm", make_tagged, {"<think>"}},
    {StreamFormat::minimax_m2, "minimax_m2", make_tagged, {"<think>"}},
    {StreamFormat::seed_oss, "seed_oss", make_tagged, {"<seed:think>"}},
    {StreamFormat::gemma4, "gemma4", make_block, {"<|channel>thought"}},
    {StreamFormat::lfm2, "lfm2", make_block, {"<think>"}},
    {StreamFormat::mistral, "mistral", make_mistral, {"[THINK]"}},
    {StreamFormat::nemotron_v2, "nemotron_v2", make_block, {"<think>"}},
    {StreamFormat::apriel, "apriel", make_block, {"Here are my reasoning steps:"}},
    {StreamFormat::command_r7b, "command_r7b", make_block, {"<|START_THINKING|>"}},
    {StreamFormat::command_r, "command_r", make_block, {}},
    {StreamFormat::apertus, "apertus", make_block, {"<|inner_prefix|>"}},
    {StreamFormat::granite, "granite", make_block, {"<think>"}},
    {StreamFormat::functools, "functools", make_block, {}},
    {StreamFormat::gigachat, "gigachat", make_block, {"<think>"}},
    {StreamFormat::llama3, "llama3", make_block, {"<think>"}},
    {StreamFormat::minicpm5, "minicpm5", make_tagged, {"<think>"}},
    {StreamFormat::hy3, "hy3", make_tagged, {"<think:opensource>"}},
    {StreamFormat::unknown, "unknown", make_think, {"<think>"}},
    {StreamFormat::minimax_m3, "minimax_m3", make_minimax_m3, {"<mm:think>"}},
    {StreamFormat::kimi_k3, "kimi_k3", make_tagged, {"<|open|>think<|sep|>"}},
    {StreamFormat::muse, "muse", make_harmony, {" to=self<|message|>"}},
    {StreamFormat::solar_open, "solar_open", make_sections, {"<|think|>"}},
    {StreamFormat::functionary, "functionary", make_functionary, {}},
}};

// A template is of the first row whose marks it has, all of them.
struct Detection {
  StreamFormat format;
  std::array<std::string_view, 2> marks;
};
constexpr std::array<Detection, 35> kDetections{{
    {StreamFormat::harmony, {"<|channel|>", "<|message|>"}},
    // The templates put the DSML tags together from parts.
    {StreamFormat::dsml_v32, {"｜DSML｜", "function_calls>"}},
    {StreamFormat::dsml_v4, {"｜DSML｜", "tool_calls>"}},
    {StreamFormat::deepseek_v3, {"<｜tool▁calls▁begin｜>", "```json"}},
    {StreamFormat::deepseek_v31, {"<｜tool▁calls▁begin｜>"}},
    {StreamFormat::kimi_k2, {"<|tool_calls_section_begin|>"}},
    {StreamFormat::seed_oss, {"<seed:tool_call>"}},
    {StreamFormat::minimax_m2, {"<minimax:tool_call>"}},
    {StreamFormat::minimax_m3, {"]<]minimax[>["}},
    {StreamFormat::kimi_k3, {"<|open|>", "<|close|>"}},
    {StreamFormat::muse, {"<atem:function_calls>"}},
    {StreamFormat::solar_open, {"<|tool_call:begin|>", "<|tool_call:args|>"}},
    {StreamFormat::functionary, {">>>${recipient}", "${content}"}},
    {StreamFormat::hy3, {"<tool_sep{}>", ":opensource"}},
    {StreamFormat::gemma4, {"<|tool_call>", "<tool_call|>"}},
    {StreamFormat::lfm2, {"<|tool_call_start|>"}},
    {StreamFormat::lfm2, {"List of tools: <|tool_list_start|>["}},
    {StreamFormat::lfm2, {"<|im_start|>", "List of tools: ["}},
    {StreamFormat::command_r7b, {"<|START_ACTION|>"}},
    {StreamFormat::apertus, {"<|tools_prefix|>"}},
    {StreamFormat::mistral, {"[TOOL_CALLS]"}},
    {StreamFormat::mistral, {"[THINK]"}},
    {StreamFormat::gigachat, {"<|function_call|>"}},
    {StreamFormat::gigachat, {"function call", "<|role_sep|>"}},
    {StreamFormat::nemotron_v2, {"<TOOLCALL>"}},
    {StreamFormat::glm, {"<arg_key>"}},
    {StreamFormat::function_xml, {"<function="}},
    {StreamFormat::minicpm5, {"<function name=", "<param name="}},
    {StreamFormat::apriel, {"<tool_calls>"}},
    {StreamFormat::hermes, {"<tool_call>"}},
    {StreamFormat::granite, {"<|tool_call|>"}},
    {StreamFormat::functools, {"functools["}},
    {StreamFormat::command_r, {"Action:", "```json"}},
    {StreamFormat::llama3, {"<|python_tag|>"}},
    {StreamFormat::llama3, {"<|start_header_id|>", "\"parameters\": dictionary"}},
}};

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace

const FormatRow& format_row(StreamFormat format) {
  const FormatRow& row = kRows[static_cast<size_t>(format)];
  JAMSU_CHECK(row.format == format);
  return row;
}

std::string_view stream_format_name(StreamFormat format) {
  return format_row(format).name;
}

StreamFormat stream_format_of_template(std::string_view chat_template) {
  for (const Detection& d : kDetections)
    if (std::all_of(d.marks.begin(), d.marks.end(), [&](std::string_view m) { return has(chat_template, m); }))
      return d.format;
  return has(chat_template, "tool_calls") ? StreamFormat::unknown : StreamFormat::think;
}

bool prompt_opens_reasoning(StreamFormat format, std::string_view prompt) {
  const std::string_view end = trim_right(prompt);
  for (const std::string_view think : format_row(format).think)
    if (!think.empty() && end.ends_with(think)) return true;
  return false;
}

}  // namespace jamsu::text
