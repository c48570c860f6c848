#pragma once
// tokenizer.json (Hugging Face `tokenizers`): byte-level BPE, and SentencePiece's kinds (BPE over characters with byte
// fallback, Unigram): load, save, encode, decode.
// Ids equal those of `tokenizers` for every text (golden/text/tokenizers). A Tokenizer never changes after loading;
// copies share it and are cheap. Every const member may be called from several threads at once.
//
//   auto t = Tokenizer::load("pretrained/nano");          // a folder with a tokenizer.json, or the file itself
//   if (!t) return t.error();
//   std::vector<int32_t> ids = t->encode_plain(what_the_user_typed);
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace jamsu::tokenizer {

struct EncodeOptions {
  // Adds what the post-processor adds (BOS, EOS).
  // Chat templates write their own BOS: leave it off for rendered prompts.
  bool add_special = false;
};

class TokenizerData;  // tokenizer_data.h

class Tokenizer {
 public:
  // Errors name the file and the field. What none of these kinds has (WordPiece, other normalizers ...) is an error
  // that says so. `truncation` and `padding` of the file are ignored: callers see whole texts.
  // A folder without tokenizer.json may have a tiktoken.model (tiktoken.h) instead.
  static Result<Tokenizer> load(const std::filesystem::path& file_or_folder);
  // `name` stands for the file in errors. Never crashes and never recurses without a limit, whatever `json` holds.
  static Result<Tokenizer> from_json(std::string_view json, std::string_view name);

  // Added tokens standing in the text become their ids (use it for text we wrote: rendered templates, training
  // samples). Invalid UTF-8 is read as U+FFFD, one per maximal invalid part.
  std::vector<int32_t> encode(std::string_view text, EncodeOptions options = {}) const;
  // The text as plain text, for text of users: no added token, special or not, is recognised in it, and none comes out
  // of it (but where the file gives that name to the token of a single byte or character,
  // or to the token for unknown ones).
  std::vector<int32_t> encode_plain(std::string_view text) const;
  // Appends instead of returning; for loops over many texts.
  void encode_to(std::string_view text, EncodeOptions options, std::vector<int32_t>& ids) const;
  // `at_start`: whether the text is where the whole input begins (SentencePiece puts a space there).
  void encode_plain_to(std::string_view text, std::vector<int32_t>& ids, bool at_start = true) const;

  // Valid UTF-8: a maximal invalid part becomes one U+FFFD. Ids outside the vocabulary are passed over, as `tokenizers`
  // does. skip_special leaves out tokens with `special: true` only.
  std::string decode(std::span<const int32_t> ids, bool skip_special = false) const;
  // What one token stands for inside a text: bytes, not necessarily complete UTF-8;
  // empty for an id outside the vocabulary.
  std::string_view token_bytes(int32_t id) const;

  // The number of ids, added tokens included; ids are 0 .. vocab_size() - 1, without holes.
  int32_t vocab_size() const;
  // The token as it is written in the file (byte alphabet: a space is "Ġ"). REQUIRES: 0 <= id < vocab_size().
  std::string_view token(int32_t id) const;
  std::optional<int32_t> token_id(std::string_view token) const;
  // `special: true` among the added tokens; false for ids outside the vocabulary.
  bool is_special(int32_t id) const;
  // An added token, special or not.
  bool is_added(int32_t id) const;

  // A tokenizer.json that `tokenizers` reads with equal ids. save writes atomically and creates no folder.
  std::string to_json() const;
  Status save(const std::filesystem::path& file) const;

  explicit Tokenizer(std::shared_ptr<const TokenizerData> data) : data_(std::move(data)) {}
  const TokenizerData& data() const { return *data_; }

 private:
  std::shared_ptr<const TokenizerData> data_;
};

// Decodes id by id. Only complete UTF-8 comes out; a maximal invalid part becomes one U+FFFD as soon as the next byte
// shows that it cannot be completed (the first two bytes of a surrogate wait for the third); at flush() what is left
// does. The joined pieces equal Tokenizer::decode of all ids (but that `tokenizers` makes one U+FFFD of each byte of an
// invalid run of <0xNN>). Not thread-safe; one per stream.
class StreamDecoder {
 public:
  explicit StreamDecoder(Tokenizer tokenizer, bool skip_special = false)
      : tokenizer_(std::move(tokenizer)), skip_special_(skip_special) {}
  std::string push(int32_t id);
  std::string push_bytes(std::string_view bytes);  // the same for raw bytes
  std::string flush();                             // ends the text; the decoder may be used again

 private:
  Tokenizer tokenizer_;
  bool skip_special_;
  std::string pending_;  // the start of a character, at most 3 bytes
  // Of SentencePiece, where the space in front of a text is no part of it: a token has come; the first one, or one of
  // the bytes that the text begins with.
  bool started_ = false, in_first_ = false;
};

}  // namespace jamsu::tokenizer
