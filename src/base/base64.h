#pragma once
// Base64 (RFC 4648, with padding), as files hold bytes.
#include <optional>
#include <string>
#include <string_view>

namespace jamsu {

// None where the text is not the base64 of at least one byte.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace jamsu
