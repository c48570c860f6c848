#include "tokenizer/decoder_field.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "tokenizer/json_fields.h"
#include "unicode/utf8.h"

namespace jamsu::tokenizer {
namespace {

namespace json = boost::json;

// Reads one decoder after the other: Replace (the mark), ByteFallback, Fuse, Strip (one space in front), or ByteFallback,
// Metaspace, in this order.
class ChainReader {
 public:
  Status read(const json::object& object, const std::string& where) {
    const auto type = string_field(object, "type", where);
    if (!type) return type.error();
    if (fits(object, *type)) return {};
    return Error{
        fmt::format("{}: {} is not supported here: ByteLevel, Metaspace and the chain Replace (a mark by a "
                    "space), ByteFallback, Fuse, Strip (one space in front) are.",
                    where, in_quotes(*type))};
  }
  const CharacterDecoder& decoder() const { return decoder_; }

 private:
  bool in_order(int place) {
    const bool right = last_ < place;
    last_ = place;
    return right;
  }

  bool fits(const json::object& object, std::string_view type) {
    const auto text = [&](const char* key) {
      const auto* field = object.if_contains(key);
      return field && field->is_string() ? std::string(field->get_string()) : std::string();
    };
    const auto number = [&](const char* key) {
      const auto* field = object.if_contains(key);
      return field && field->is_int64() ? field->get_int64() : -1;
    };
    if (type == "Replace") {
      const auto* pattern = object.if_contains("pattern");
      const auto* mark = pattern && pattern->is_object() ? pattern->get_object().if_contains("String") : nullptr;
      const bool known =
          in_order(1) && mark && mark->is_string() && !mark->get_string().empty() && text("content") == " ";
      if (known) decoder_.mark = std::string(mark->get_string());
      return known;
    }
    if (type == "ByteFallback") {
      decoder_.byte_fallback = true;
      return in_order(2);
    }
    if (type == "Fuse") return in_order(3);
    if (type == "Strip") {
      decoder_.start = CharacterDecoder::Start::strip_space;
      return in_order(4) && text("content") == " " && number("start") == 1 && number("stop") == 0;
    }
    if (type != "Metaspace") return false;
    decoder_.mark = text("replacement");
    decoder_.mark_first = false;
    const auto* old = object.if_contains("add_prefix_space");
    const bool never = text("prepend_scheme") == "never" || (old && old->is_bool() && !old->get_bool());
    decoder_.start = never ? CharacterDecoder::Start::keep : CharacterDecoder::Start::drop_marks;
    return (last_ == 0 || last_ == 2) && in_order(5) && !decoder_.mark.empty() &&
           unicode::decode_valid(decoder_.mark.data()).bytes == decoder_.mark.size();
  }

  CharacterDecoder decoder_;
  int last_ = 0;  // the place in their order of the decoder read last
};

}  // namespace

Result<DecoderField> read_decoder(const json::object& object, const std::string& where) {
  const auto type = string_field(object, "type", where);
  if (!type) return type.error();
  if (*type == "ByteLevel") return DecoderField{};
  ChainReader chain;
  if (*type != "Sequence") {
    if (Status s = chain.read(object, where); !s) return s.error();
  } else {
    const auto* list = object.if_contains("decoders");
    if (!list) return Error{where + ": \"decoders\" is missing."};
    if (!list->is_array()) return wrong_kind(where, "decoders", "an array", *list);
    for (size_t i = 0; i < list->get_array().size(); ++i) {
      const json::value& v = list->get_array()[i];
      const std::string at = fmt::format("{}.decoders[{}]", where, i);
      if (!v.is_object()) return Error{fmt::format("{} is {}; expected an object.", at, json_kind_name(v))};
      if (Status s = chain.read(v.get_object(), at); !s) return s.error();
    }
  }
  return DecoderField{Alphabet::characters, chain.decoder()};
}

}  // namespace jamsu::tokenizer
