#pragma once
// tokenizer.json (Hugging Face `tokenizers`): BPE over bytes or characters, Unigram, WordPiece, WordLevel, with the
// normalizers, pre-tokenizers, post-processors and decoders of normalizer_steps.cpp, pretokenizer_field.cpp,
// post_processor.cpp and decoder_field.cpp: load, save, encode, decode.
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

#include "base/function_ref.h"
#include "base/result.h"
#include "tokenizer/decoder.h"
#include "unicode/utf8_stream.h"

namespace jamsu::tokenizer {

struct EncodeOptions {
  // Adds what the post-processor adds (BOS, EOS).
  // Chat templates write their own BOS: leave it off for rendered prompts.
  bool add_special = false;
};

class TokenizerData;  // tokenizer_data.h

class Tokenizer {
 public:
  // Errors name the file and the field. What none of these kinds has is an error that says so. `truncation` and
  // `padding` of the file are ignored: callers see whole texts.
  // Of a folder, tokenizer_config.json adds tokens as transformers does (config_tokens.h). A folder without
  // tokenizer.json may have a tiktoken.model (tiktoken.h) instead.
  static Result<Tokenizer> load(const std::filesystem::path& file_or_folder);
  // `name` stands for the file in errors. Never crashes and never recurses without a limit, whatever `json` holds.
  static Result<Tokenizer> from_json(std::string_view json, std::string_view name);
  // The same with the text of tokenizer_config.json beside it; an empty one: none.
  static Result<Tokenizer> from_json(std::string_view json, std::string_view name, std::string_view config,
                                     std::string_view config_name);

  // Added tokens standing in the text become their ids (use it for text we wrote: rendered templates, training
  // samples). Invalid UTF-8 is read as U+FFFD, one per maximal invalid part.
  std::vector<int32_t> encode(std::string_view text, EncodeOptions options = {}) const;
  // The text as plain text, for text of users: no added token, special or not, is recognised in it, and none comes out
  // of it (but where the file gives that name to the token of a single byte or character,
  // or to the token for unknown ones).
  std::vector<int32_t> encode_plain(std::string_view text) const;
  // The added tokens that encode finds in the text and encode_plain does not; each once, in the order of their ids.
  std::vector<int32_t> added_tokens_in(std::string_view text) const;
  // A text of a template with texts of users in it, at whose places stand characters that no added token has. Added
  // tokens are found in the template's text as encode finds them; `show` gives a stretch without them its real text, in
  // which none is recognised. normalized: the stretch went through the normalizer, and what is shown has to have
  // (Normalizer::run_inside). `at_start`: as below. Appends.
  using Show = FunctionRef<std::string(std::string_view stretch, bool normalized)>;
  void encode_template_to(std::string_view text, bool at_start, Show show, std::vector<int32_t>& ids) const;
  // Appends instead of returning; for loops over many texts.
  void encode_to(std::string_view text, EncodeOptions options, std::vector<int32_t>& ids) const;
  // `at_start`: whether the text is where the whole input begins (SentencePiece puts a space there).
  void encode_plain_to(std::string_view text, std::vector<int32_t>& ids, bool at_start = true) const;

  // Valid UTF-8: a maximal invalid part becomes one U+FFFD. Ids outside the vocabulary are passed over, as `tokenizers`
  // does; an added token with `normalized: true` is what the normalizer makes of it (0.23).
  // skip_special leaves out tokens with `special: true` only.
  std::string decode(std::span<const int32_t> ids, bool skip_special = false) const;
  // What one token stands for inside a text: bytes, not necessarily complete UTF-8;
  // empty for an id outside the vocabulary.
  std::string_view token_bytes(int32_t id) const;

  // One above the highest id, added tokens included. A file may leave ids without a token: has(id) is false for them.
  int32_t vocab_size() const;
  bool has(int32_t id) const;  // a token has this id
  // The token as it is written in the file (byte alphabet: a space is "Ġ"); empty where there is none.
  // REQUIRES: 0 <= id < vocab_size().
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
  std::string flush();  // ends the text; the decoder may be used again

 private:
  Tokenizer tokenizer_;
  bool skip_special_;
  unicode::Utf8Stream bytes_;  // where the decoder is ByteLevel alone
  Decoder::Text text_;         // else
};

}  // namespace jamsu::tokenizer
