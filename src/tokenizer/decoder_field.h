#pragma once
// The field "decoder" of a tokenizer.json: how tokens become text.
#include <boost/json/object.hpp>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "tokenizer/pretokenizer.h"

namespace jamsu::tokenizer {

// How tokens of characters become text (decoders Replace, ByteFallback, Fuse, Strip, Metaspace).
struct CharacterDecoder {
  std::string mark = "▁";      // becomes a space
  bool mark_first = true;      // before bytes are joined to characters (Replace), or after it (Metaspace)
  bool byte_fallback = false;  // <0xNN> is a byte
  enum class Start : uint8_t { keep, strip_space, drop_marks } start = Start::keep;  // of the text; of its first token
};

struct DecoderField {
  Alphabet alphabet = Alphabet::bytes;
  CharacterDecoder characters = {};  // of Alphabet::characters
};

// ByteLevel (of bytes); Metaspace, or the chain Replace (a mark by a space), ByteFallback, Fuse, Strip (one space in front)
// or a part of it (of characters); others are an error. `where` names file and field in errors.
Result<DecoderField> read_decoder(const boost::json::object& object, const std::string& where);

}  // namespace jamsu::tokenizer
