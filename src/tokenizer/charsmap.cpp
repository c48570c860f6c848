#include "tokenizer/charsmap.h"

#include <fmt/format.h>

#include <algorithm>

#include "unicode/unicode.h"
#include "unicode/utf8.h"

namespace jamsu::tokenizer {
namespace {

// The bits of a unit (darts-clone).
bool has_leaf(uint32_t unit) {
  return (unit >> 8 & 1) != 0;
}
uint32_t value_of(uint32_t unit) {
  return unit & 0x7FFFFFFF;
}
uint32_t label_of(uint32_t unit) {
  return unit & 0x800000FF;
}
uint32_t offset_of(uint32_t unit) {
  return unit >> 10 << ((unit & 0x200) >> 6);
}

uint32_t read_u32(std::string_view bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value |= static_cast<uint32_t>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
  return value;
}

constexpr size_t kMostBytesOfCluster = 5;

}  // namespace

Result<Charsmap> Charsmap::parse(std::string_view bytes) {
  if (bytes.size() < 4) return Error{fmt::format("{} bytes have no size of a trie", bytes.size())};
  const size_t size = read_u32(bytes, 0);
  bytes.remove_prefix(4);
  if (size < 4 || size % 4 != 0 || size > bytes.size())
    return Error{fmt::format("a trie of {} bytes in the {} behind its size", size, bytes.size())};
  Charsmap map;
  map.units_.reserve(size / 4);
  for (size_t at = 0; at < size; at += 4) map.units_.push_back(read_u32(bytes, at));
  map.replacements_ = bytes.substr(size);
  if (!unicode::is_valid_utf8(map.replacements_)) return Error{"the replacements are not valid UTF-8"};
  for (size_t begin = 0; begin < map.replacements_.size();) {
    const size_t end = std::min(map.replacements_.find('\0', begin), map.replacements_.size());
    map.longest_ = std::max(map.longest_, end - begin);
    begin = end + 1;
  }
  for (unsigned char c = 0; c < 128; ++c) {
    const char byte = static_cast<char>(c);
    if (const auto found = map.find({&byte, 1})) map.ascii_[c] = std::string(*found);
  }
  return map;
}

std::optional<std::string_view> Charsmap::find(std::string_view piece) const {
  size_t node = offset_of(units_[0]);
  for (const char c : piece) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == 0) return {};
    node ^= byte;
    if (node >= units_.size() || label_of(units_[node]) != byte) return {};
    const uint32_t unit = units_[node];
    node ^= offset_of(unit);
    if (!has_leaf(unit)) continue;
    const size_t at = node < units_.size() ? value_of(units_[node]) : replacements_.size();
    if (at >= replacements_.size() || unicode::is_utf8_continuation(replacements_[at])) return {};
    const std::string_view rest = std::string_view(replacements_).substr(at);
    return rest.substr(0, rest.find('\0'));
  }
  return {};
}

void Charsmap::apply(std::string_view text, std::string& out) const {
  const auto is_ascii = [text](size_t i) { return static_cast<unsigned char>(text[i]) < 0x80; };
  for (size_t at = 0; at < text.size();) {
    // A cluster of its own: no mark stands behind it, and it is no CR LF.
    if (is_ascii(at) && text[at] != '\r' && (at + 1 == text.size() || is_ascii(at + 1))) {
      const auto& found = ascii_[static_cast<unsigned char>(text[at])];
      found ? out.append(*found) : out.append(1, text[at]);
      ++at;
      continue;
    }
    const size_t end = unicode::grapheme_end(text, at);
    if (end - at <= kMostBytesOfCluster) {
      if (const auto found = find(text.substr(at, end - at))) {
        out += *found;
        at = end;
        continue;
      }
    }
    while (at < end) {
      const std::string_view character = text.substr(at, unicode::decode_valid(text.data() + at).bytes);
      out += find(character).value_or(character);
      at += character.size();
    }
  }
}

}  // namespace jamsu::tokenizer
