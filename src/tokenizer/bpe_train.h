#pragma once
// Trains a byte-level BPE (Sennrich et al. 2016, arXiv:1508.07909, on bytes): starts from the 256 bytes and joins the
// most frequent pair of neighbours inside the pieces of the pre-tokenizer until the vocabulary is full. Deterministic:
// depends on the documents alone, not on their order; equal counts are settled by the bytes of the left, then of the
// right token. The result is an ordinary tokenizer.json.
#include <cstdint>
#include <span>
#include <string>

#include "base/function_ref.h"
#include "base/result.h"
#include "tokenizer/pattern/pattern_scanner.h"
#include "tokenizer/special_tokens.h"
#include "tokenizer/tokenizer.h"

namespace jamsu::tokenizer {

struct BpeTrainOptions {
  int32_t vocab_size = 2048;                             // all of it: added tokens, bytes and merges
  std::span<const NewToken> added_tokens = kChatTokens;  // ids from 0, in this order; never part of a merge
  // One digit a piece, so digits never merge; a word takes the one space before it.
  std::string pattern = std::string(kQwen2Pattern);
  int64_t min_count = 2;  // a rarer pair is not merged
  int32_t max_token_bytes = 32;
  // A token is a part of one character, or whole characters. On 20 MB, a fifth of it Korean, a vocabulary of 2,048 has
  // 32 tokens that begin or end inside a syllable (3 bytes) without this and 117 Korean ones instead of 86 with it, at
  // equal bytes per token.
  bool whole_characters = true;
  bool may_be_smaller = false;  // a text with too few pairs gives the tokens it has pairs for, instead of an Error
};

// Fills `document` with the next text and returns true, or returns false at the end.
using NextDocument = FunctionRef<bool(std::string& document)>;

// Errors: options out of range; a text that has too few pairs to fill the vocabulary
// (the message says how far it goes).
Result<Tokenizer> train_bpe(NextDocument next, const BpeTrainOptions& options = {});

}  // namespace jamsu::tokenizer
