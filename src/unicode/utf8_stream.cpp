#include "unicode/utf8_stream.h"

#include <utility>

#include "unicode/utf8.h"

namespace jamsu::unicode {

std::string Utf8Stream::push(std::string_view bytes) {
  pending_ += bytes;
  // At most the last three bytes can be the start of a character that is not there yet.
  size_t complete = pending_.size();
  for (size_t i = pending_.size() < 3 ? 0 : pending_.size() - 3; i < pending_.size(); ++i) {
    if (is_utf8_continuation(pending_[i])) continue;
    const std::string_view tail = std::string_view(pending_).substr(i);
    // The start of a surrogate (ED A0..BF) cannot be completed, but waits for its third byte: the goldens were written
    // with Python's incremental decoder, which does so.
    const bool surrogate = tail.size() == 2 && tail[0] == '\xED' && static_cast<unsigned char>(tail[1]) >= 0xA0 &&
                           is_utf8_continuation(tail[1]);
    if (surrogate || utf8_step(tail).kind == Utf8Step::incomplete) {
      complete = i;
      break;
    }
  }
  std::string out = to_valid_utf8(std::string_view(pending_).substr(0, complete));
  pending_.erase(0, complete);
  return out;
}

std::string Utf8Stream::flush() {
  return to_valid_utf8(std::exchange(pending_, {}));
}

}  // namespace jamsu::unicode
