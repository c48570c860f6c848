#pragma once
// Tells when a reply says the same again and again, as small models and greedy replies come to do.
#include <array>
#include <cstdint>
#include <vector>

namespace jamsu::session {

// A loop is one block of at most kLongest tokens that has come kTimes or more in a row, in kTokens tokens or more
// together: 38 equal lines of 10 tokens, 24 of 16 tokens or more, 384 times one token. Tables with some equal rows,
// rulers and refrains are none. Counted on tokens, so that the same reply ends at the same token everywhere.
class LoopWatch {
 public:
  static constexpr int64_t kLongest = 256, kTimes = 24, kTokens = 384;
  // Takes the reply's next token. True: it is in a loop.
  bool push(int32_t token);

 private:
  std::array<int32_t, kLongest> last_{};  // the token at position i lies at i % kLongest
  std::array<int64_t, kLongest> same_{};  // [p - 1]: how many of the last tokens equal the one p before them
  int64_t count_ = 0;
};

}  // namespace jamsu::session
