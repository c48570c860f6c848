// From ids to text: Tokenizer::decode and what it asks of a token, and StreamDecoder.
#include "base/check.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/tokenizer_data.h"
#include "unicode/utf8.h"

namespace jamsu::tokenizer {

std::string Tokenizer::decode(std::span<const int32_t> ids, bool skip_special) const {
  std::string out;
  if (data_->decoder.only_byte_level()) {
    for (const int32_t id : ids)
      if (!(skip_special && is_special(id))) out += token_bytes(id);
    return unicode::is_valid_utf8(out) ? out : unicode::to_valid_utf8(out);
  }
  Decoder::Text text(true);
  for (const int32_t id : ids)
    if (has(id) && !(skip_special && is_special(id))) text.push(data_->decoder, data_->decoded_token(id), out);
  text.finish(data_->decoder, out);
  return out;
}

std::string_view Tokenizer::token_bytes(int32_t id) const {
  return has(id) ? data_->vocabulary.bytes(id) : std::string_view();
}
int32_t Tokenizer::vocab_size() const {
  return data_->vocabulary.size();
}
bool Tokenizer::has(int32_t id) const {
  return id >= 0 && id < vocab_size() && data_->vocabulary.has(id);
}
std::string_view Tokenizer::token(int32_t id) const {
  JAMSU_CHECK(id >= 0 && id < vocab_size());
  return data_->vocabulary.token(id);
}
bool Tokenizer::is_special(int32_t id) const {
  return id >= 0 && id < vocab_size() && data_->is_special[static_cast<size_t>(id)];
}
bool Tokenizer::is_added(int32_t id) const {
  return id >= 0 && id < vocab_size() && data_->is_added[static_cast<size_t>(id)];
}

std::string StreamDecoder::push(int32_t id) {
  if (!tokenizer_.has(id) || (skip_special_ && tokenizer_.is_special(id))) return {};
  const TokenizerData& data = tokenizer_.data();
  if (data.decoder.only_byte_level()) return bytes_.push(tokenizer_.token_bytes(id));
  std::string out;
  text_.push(data.decoder, data.decoded_token(id), out);
  return out;
}

std::string StreamDecoder::flush() {
  std::string out = bytes_.flush();
  text_.finish(tokenizer_.data().decoder, out);
  return out;
}

}  // namespace jamsu::tokenizer
