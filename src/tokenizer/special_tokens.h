#pragma once
// The added tokens of tokenizers trained here, in the order of their ids (from 0). Thinking and retry marks are part of
// what a model says, so they are not `special`:
// decoding with skip_special keeps them, as DeepSeek-R1's and Qwen3's tokenizers do.
#include <array>
#include <string_view>

namespace jamsu::tokenizer {

inline constexpr std::string_view kBeginOfText = "<|begin_of_text|>";
inline constexpr std::string_view kEndOfText = "<|end_of_text|>";
inline constexpr std::string_view kUserMark = "<|user|>";
inline constexpr std::string_view kAssistantMark = "<|assistant|>";
inline constexpr std::string_view kSystemMark = "<|system|>";
inline constexpr std::string_view kThinkBegin = "<think>";
inline constexpr std::string_view kThinkEnd = "</think>";
inline constexpr std::string_view kRetryMark = "<|retry|>";
inline constexpr std::string_view kPad = "<|pad|>";

struct NewToken {
  std::string_view text;
  bool special = true;
};
inline constexpr std::array<NewToken, 9> kChatTokens = {{{kBeginOfText},
                                                         {kEndOfText},
                                                         {kUserMark},
                                                         {kAssistantMark},
                                                         {kSystemMark},
                                                         {kThinkBegin, false},
                                                         {kThinkEnd, false},
                                                         {kRetryMark, false},
                                                         {kPad}}};

}  // namespace jamsu::tokenizer
