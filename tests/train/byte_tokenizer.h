#pragma once
// The smallest tokenizer of ours: the chat tokens and a token per byte, no merges.
#include <gtest/gtest.h>

#include "tokenizer/bpe_train.h"

namespace jamsu::test {

inline const tokenizer::Tokenizer& byte_tokenizer() {
  static const tokenizer::Tokenizer t = [] {
    auto trained = tokenizer::train_bpe([](std::string&) { return false; },
                                        {.vocab_size = static_cast<int32_t>(256 + tokenizer::kChatTokens.size())});
    EXPECT_TRUE(trained.ok()) << trained.error().message;
    return *trained;
  }();
  return t;
}

}  // namespace jamsu::test
