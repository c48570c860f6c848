#include "text/stream/tagged_words.h"

#include "base/check.h"

namespace jamsu::text {
namespace {

// From the templates of Qwen3-Coder, Seed-OSS, GLM-4.6, MiniMax-M2, MiniCPM5, Hy3, Kimi K3 and Muse Glimmer
// (docs/models.md has all models).
constexpr std::array<TaggedWords, 8> kWords{{
    {.format = StreamFormat::function_xml,
     .section = "<tool_call>",
     .section_end = "</tool_call>",
     .call = "<function=",
     .call_end = "</function>",
     .parameter = "<parameter=",
     .parameter_end = "</parameter>",
     .lines = true,
     .ends = {"<|im_end|>", "<|eot_id|>", "<|eom_id|>"}},
    {.format = StreamFormat::seed_oss,
     .think = "<seed:think>",
     .think_end = "</seed:think>",
     .section = "<seed:tool_call>",
     .section_end = "</seed:tool_call>",
     .call = "<function=",
     .call_end = "</function>",
     .parameter = "<parameter=",
     .parameter_end = "</parameter>",
     .ends = {"<seed:eos>"}},
    {.format = StreamFormat::glm,
     .section = "<tool_call>",
     .section_end = "</tool_call>",
     .name_end = "",
     .parameter = "<arg_key>",
     .key_end = "</arg_key>",
     .value = "<arg_value>",
     .parameter_end = "</arg_value>",
     .ends = {"<|user|>", "<|observation|>", "<|endoftext|>", "<|role_end|>"}},
    {.format = StreamFormat::minimax_m2,
     .section = "<minimax:tool_call>",
     .section_end = "</minimax:tool_call>",
     .call = "<invoke name=",
     .call_end = "</invoke>",
     .parameter = "<parameter name=",
     .parameter_end = "</parameter>",
     .ends = {"[e~["}},
    {.format = StreamFormat::minicpm5,
     .call = "<function name=",
     .call_end = "</function>",
     .parameter = "<param name=",
     .parameter_end = "</param>",
     .ends = {"<|im_end|>"}},
    {.format = StreamFormat::hy3,
     .think = "<think:opensource>",
     .think_end = "</think:opensource>",
     .section = "<tool_calls:opensource>",
     .section_end = "</tool_calls:opensource>",
     .call = "<tool_call:opensource>",
     .name_end = "<tool_sep:opensource>",
     .call_end = "</tool_call:opensource>",
     .parameter = "<arg_key:opensource>",
     .key_end = "</arg_key:opensource>",
     .value = "<arg_value:opensource>",
     .parameter_end = "</arg_value:opensource>",
     .ends = {"<｜hy_eos:opensource｜>"}},
    {.format = StreamFormat::kimi_k3,
     .think = "<|open|>think<|sep|>",
     .think_end = "<|close|>think<|sep|>",
     .content = "<|open|>response<|sep|>",
     .passed = {"<|close|>response<|sep|>", "<|close|>message<|sep|>"},
     .section = "<|open|>tools<|sep|>",
     .section_end = "<|close|>tools<|sep|>",
     .call = "<|open|>call tool=",
     .name_end = "<|sep|>",
     .call_end = "<|close|>call<|sep|>",
     .parameter = "<|open|>argument key=",
     .key_end = "<|sep|>",
     .parameter_end = "<|close|>argument<|sep|>",
     .object = {"<|open|>json type=\"object\"<|sep|>", "<|close|>json<|sep|>"},
     .attributes = true,
     .ends = {"<|end_of_msg|>"}},
    // The body of a message to a tool; the messages are Harmony's (harmony.cpp).
    {.format = StreamFormat::muse,
     .think = "",
     .think_end = "",
     .section = "<atem:function_calls>",
     .section_end = "</atem:function_calls>",
     .call = "<atem:invoke name=",
     .call_end = "</atem:invoke>",
     .parameter = "<atem:parameter name=",
     .parameter_end = "</atem:parameter>"},
}};

}  // namespace

const TaggedWords& tagged_words(StreamFormat format) {
  for (const TaggedWords& w : kWords)
    if (w.format == format) return w;
  JAMSU_CHECK(false);
}

}  // namespace jamsu::text
