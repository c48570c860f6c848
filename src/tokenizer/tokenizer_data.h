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
#include <unordered_map>
#include <vector>

#include "tokenizer/added_tokens.h"
#include "tokenizer/bpe.h"
#include "tokenizer/decoder.h"
#include "tokenizer/encode_cache.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/pretokenizer.h"
#include "tokenizer/unigram.h"

namespace jamsu::tokenizer {

// What tokens are made of: bytes (GPT-2's alphabet, pre-tokenizer and decoder ByteLevel), or characters.
enum class Alphabet : uint8_t { bytes, characters };

// Token strings by id and ids by string.
class Vocabulary {
 public:
  int32_t size() const { return static_cast<int32_t>(tokens_.size()); }
  bool has(int32_t id) const { return holes_.empty() || !holes_[static_cast<size_t>(id)]; }
  std::string_view token(int32_t id) const { return tokens_[static_cast<size_t>(id)]; }
  std::string_view bytes(int32_t id) const { return bytes_[static_cast<size_t>(id)]; }
  std::optional<int32_t> find(std::string_view token) const;
  size_t longest() const { return longest_; }  // bytes of the longest token
  // By id; distinct strings of valid UTF-8, and what each stands for in a text. `holes`: ids without a token, whose
  // strings are empty; none given: none.
  Vocabulary(std::vector<std::string> tokens, std::vector<std::string> bytes, std::vector<bool> holes = {});
  Vocabulary() = default;

 private:
  std::vector<std::string> tokens_, bytes_;
  std::vector<bool> holes_;
  std::vector<int32_t> slots_;  // open addressing; -1: free
  size_t mask_ = 0, longest_ = 0;
};

// WordPiece and WordLevel.
struct WordModel {
  bool whole_only = false;  // WordLevel: a word is a token, or unknown
  std::string prefix;       // of a token that continues a word
  size_t most_characters = 0;
};

// What BPE puts around the characters of a piece before it merges: in front of all but the first, behind the last.
struct Affixes {
  std::string prefix, suffix;
  bool empty() const { return prefix.empty() && suffix.empty(); }
};

class TokenizerData {
 public:
  Alphabet alphabet = Alphabet::bytes;
  Vocabulary vocabulary;
  std::vector<Merge> merges;
  MergeTable merge_table;
  std::optional<Unigram> unigram;  // instead of merges
  std::optional<WordModel> words;  // likewise
  Affixes affixes;                 // of BPE
  // Of characters: <0xNN>, with byte fallback. -1: the model has none for this byte.
  std::array<int32_t, 256> byte_token{};
  std::array<int32_t, 256> byte_piece{};  // the token of a piece of one byte, where that is known without asking; -1
  std::vector<int32_t> character_token;   // of characters: the model's tokens of one character, by code point; -1: none
  int32_t unk = -1;                       // for such bytes, or for characters without token; -1: they are dropped
  bool fuse_unk = false, ignore_merges = false, byte_fallback = false;
  Normalizer normalizer;
  Decoder decoder;
  std::vector<AddedToken> added;  // in the order of the file
  // Added tokens with `normalized: true` that the normalizer changes: `tokenizers` decodes them as it leaves them.
  std::unordered_map<int32_t, std::string> shown;
  // What the decoder sees of a token. REQUIRES: vocabulary.has(id).
  std::string_view decoded_token(int32_t id) const {
    const auto found = shown.empty() ? shown.end() : shown.find(id);
    return found == shown.end() ? vocabulary.token(id) : std::string_view(found->second);
  }
  std::unique_ptr<bool[]> is_added;    // by id
  std::unique_ptr<bool[]> is_special;  // by id
  std::unique_ptr<bool[]> is_outside;  // by id: an added token that the model's vocabulary does not have
  bool plain_differs = false;  // the model may end in an added token of its own: plain text must not, and has no cache
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
