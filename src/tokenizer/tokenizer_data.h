#pragma once
// What a Tokenizer shares among its copies: the vocabulary, the merges and the parts of the pipeline. Made by
// tokenizer_json.cpp and never changed after that, but for the pool of caches.
#include <boost/json/object.hpp>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/added_tokens.h"
#include "tokenizer/bpe.h"
#include "tokenizer/decoder_field.h"
#include "tokenizer/encode_cache.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/pretokenizer.h"
#include "tokenizer/unigram.h"

namespace jamsu::tokenizer {

// Token strings by id and ids by string.
class Vocabulary {
 public:
  int32_t size() const { return static_cast<int32_t>(tokens_.size()); }
  std::string_view token(int32_t id) const { return tokens_[static_cast<size_t>(id)]; }
  std::string_view bytes(int32_t id) const { return bytes_[static_cast<size_t>(id)]; }
  std::optional<int32_t> find(std::string_view token) const;
  size_t longest() const { return longest_; }  // bytes of the longest token
  // By id; distinct strings of valid UTF-8, and what each stands for in a text.
  Vocabulary(std::vector<std::string> tokens, std::vector<std::string> bytes);
  Vocabulary() = default;

 private:
  std::vector<std::string> tokens_, bytes_;
  std::vector<int32_t> slots_;  // open addressing; -1: free
  size_t mask_ = 0, longest_ = 0;
};

class TokenizerData {
 public:
  Alphabet alphabet = Alphabet::bytes;
  Vocabulary vocabulary;
  std::vector<Merge> merges;
  MergeTable merge_table;
  std::optional<Unigram> unigram;  // instead of merges
  // Of characters: <0xNN>, with byte fallback. -1: the model has none for this byte.
  std::array<int32_t, 256> byte_token{};
  int32_t unk = -1;  // for such bytes, or for characters without token; -1: they are dropped
  bool fuse_unk = false, ignore_merges = false, byte_fallback = false;
  Normalizer normalizer;
  CharacterDecoder decoder;
  std::vector<int16_t> byte_value;     // by id, of characters: the byte that <0xNN> is for the decoder; else -1
  std::vector<AddedToken> added;       // in the order of the file
  std::unique_ptr<bool[]> is_added;    // by id
  std::unique_ptr<bool[]> is_special;  // by id
  bool plain_differs = false;  // the model may end in an added token of its own: plain text must not, and has no cache
  int32_t model_size = 0;      // ids from here on are added tokens that the model's vocabulary does not have
  AddedTokenMatcher raw_matcher, normalized_matcher;
  PreTokenizer pre_tokenizer;
  std::vector<int32_t> prefix, suffix;  // of the post-processor
  boost::json::object shell;            // the file without model.vocab and model.merges (null there)

  std::unique_ptr<EncodeCache> borrow_cache() const;
  void return_cache(std::unique_ptr<EncodeCache> cache) const;

 private:
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<EncodeCache>> caches_;  // guarded by mutex_
};

// A tokenizer.json that has been parsed (tokenizer_json.cpp). Unigram's scores come from the text: not by this way.
Result<std::shared_ptr<TokenizerData>> build_tokenizer(const boost::json::object& file, const std::string& name);

}  // namespace jamsu::tokenizer
