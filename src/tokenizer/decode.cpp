// From ids to text: Tokenizer::decode and what it asks of a token, and StreamDecoder.
#include "base/check.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/tokenizer_data.h"
#include "unicode/utf8.h"

namespace jamsu::tokenizer {
namespace {

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  for (size_t at = text.find(from); at != std::string_view::npos; at = text.find(from)) {
    out.append(text.substr(0, at)).append(to);
    text.remove_prefix(at + from.size());
  }
  return out.append(text);
}

// The decoders of `tokenizers` in their order: a run of byte tokens that is not valid UTF-8 becomes one U+FFFD a byte.
std::string decode_characters(const TokenizerData& data, std::span<const int32_t> ids, bool skip_special) {
  using Start = CharacterDecoder::Start;
  const CharacterDecoder& decoder = data.decoder;
  std::string out, run;
  bool first = true;
  const auto link = [&](std::string_view text) {
    if (decoder.mark_first)
      out += text;
    else
      out += replaced(text, decoder.mark, first && decoder.start == Start::drop_marks ? "" : " ");
    first = false;
  };
  const auto end_run = [&] {
    if (unicode::is_valid_utf8(run)) {
      if (!run.empty()) link(run);
    } else {
      for (size_t i = 0; i < run.size(); ++i) link("\xEF\xBF\xBD");
    }
    run.clear();
  };
  for (const int32_t id : ids) {
    if (id < 0 || id >= data.vocabulary.size() || (skip_special && data.is_special[static_cast<size_t>(id)])) continue;
    if (const int16_t byte = data.byte_value[static_cast<size_t>(id)]; byte >= 0) {
      run += static_cast<char>(static_cast<unsigned char>(byte));
      continue;
    }
    end_run();
    link(decoder.mark_first ? data.vocabulary.bytes(id) : data.vocabulary.token(id));
  }
  end_run();
  if (decoder.start == Start::strip_space && out.starts_with(' ')) out.erase(0, 1);
  return out;
}

}  // namespace

std::string Tokenizer::decode(std::span<const int32_t> ids, bool skip_special) const {
  if (data_->alphabet == Alphabet::characters) return decode_characters(*data_, ids, skip_special);
  std::string bytes;
  for (const int32_t id : ids)
    if (!(skip_special && is_special(id))) bytes += token_bytes(id);
  return unicode::is_valid_utf8(bytes) ? bytes : unicode::to_valid_utf8(bytes);
}

std::string_view Tokenizer::token_bytes(int32_t id) const {
  return id >= 0 && id < vocab_size() ? data_->vocabulary.bytes(id) : std::string_view();
}
int32_t Tokenizer::vocab_size() const {
  return data_->vocabulary.size();
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
  if (skip_special_ && tokenizer_.is_special(id)) return {};
  const TokenizerData& data = tokenizer_.data();
  std::string_view bytes = tokenizer_.token_bytes(id);
  if (data.alphabet == Alphabet::bytes || id < 0 || id >= tokenizer_.vocab_size()) return push_bytes(bytes);
  using Start = CharacterDecoder::Start;
  const CharacterDecoder& decoder = data.decoder;
  const bool is_byte = data.byte_value[static_cast<size_t>(id)] >= 0, is_first = !started_;
  in_first_ = is_first || (in_first_ && is_byte);
  if (is_first && decoder.start == Start::strip_space && bytes.starts_with(' ')) bytes.remove_prefix(1);
  started_ = true;
  if (decoder.mark_first) return push_bytes(bytes);
  // Bytes too may make the mark, where it is no token.
  const std::string_view space = in_first_ && decoder.start == Start::drop_marks ? "" : " ";
  const auto out = is_byte ? replaced(push_bytes(bytes), decoder.mark, space)
                           : push_bytes(replaced(tokenizer_.token(id), decoder.mark, space));
  in_first_ &= is_byte;
  return out;
}

std::string StreamDecoder::push_bytes(std::string_view bytes) {
  pending_ += bytes;
  // At most the last three bytes can be the start of a character that is not there yet.
  size_t complete = pending_.size();
  for (size_t i = pending_.size() < 3 ? 0 : pending_.size() - 3; i < pending_.size(); ++i) {
    if (unicode::is_utf8_continuation(pending_[i])) continue;
    const std::string_view tail = std::string_view(pending_).substr(i);
    // The start of a surrogate (ED A0..BF) cannot be completed, but waits for its third byte: the goldens were written
    // with Python's incremental decoder, which does so.
    const bool surrogate = tail.size() == 2 && tail[0] == '\xED' && static_cast<unsigned char>(tail[1]) >= 0xA0 &&
                           unicode::is_utf8_continuation(tail[1]);
    if (surrogate || unicode::utf8_step(tail).kind == unicode::Utf8Step::incomplete) {
      complete = i;
      break;
    }
  }
  std::string out = unicode::to_valid_utf8(std::string_view(pending_).substr(0, complete));
  pending_.erase(0, complete);
  return out;
}

std::string StreamDecoder::flush() {
  std::string out = unicode::to_valid_utf8(pending_);
  pending_.clear();
  started_ = in_first_ = false;
  return out;
}

}  // namespace jamsu::tokenizer
