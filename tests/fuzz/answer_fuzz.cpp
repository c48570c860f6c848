// A reply and what is expected, apart by a zero byte: whatever they are, the answer is read, and it is its own.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tasks/answer/answer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace jamsu::tasks;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t split = text.find('\0');
  const std::string_view reply = text.substr(0, split);
  const std::string_view expected = split == std::string_view::npos ? reply : text.substr(split + 1);
  const Answer read = read_answer(reply);
  if (!same_answer(read, read)) std::abort();
  (void)answer_is(reply, expected);
  return 0;
}
