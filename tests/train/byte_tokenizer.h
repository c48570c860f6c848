#pragma once
// The smallest tokenizer of ours: the chat tokens and a token per byte, no merges.
#include <gtest/gtest.h>

#include "text/bpe_train.h"

namespace jamsu::test {

inline const text::Tokenizer& byte_tokenizer() {
  static const text::Tokenizer t = [] {
    auto trained = text::train_bpe([](std::string&) { return false; },
                                   {.vocab_size = static_cast<int32_t>(256 + text::kChatTokens.size())});
    EXPECT_TRUE(trained.ok()) << trained.error().message;
    return *trained;
  }();
  return t;
}

}  // namespace jamsu::test
