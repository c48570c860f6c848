#pragma once
// Bytes that come in pieces -> valid UTF-8.
#include <string>
#include <string_view>

namespace jamsu::unicode {

// Only complete characters come out; a maximal invalid part becomes one U+FFFD as soon as the next byte shows that it
// cannot be completed (the first two bytes of a surrogate wait for the third), or at flush().
class Utf8Stream {
 public:
  std::string push(std::string_view bytes);
  std::string flush();  // begins anew

 private:
  std::string pending_;  // the start of a character, at most 3 bytes
};

}  // namespace jamsu::unicode
