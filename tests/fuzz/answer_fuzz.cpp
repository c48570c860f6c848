// A reply and what is expected, apart by a zero byte: whatever they are, the answer is read, and it is its own. As an
// answer of Countdown it is right only where a digit of ASCII stands in it.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tasks/answer/answer.h"
#include "tasks/tasks.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace jamsu::tasks;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t split = text.find('\0');
  const std::string_view reply = text.substr(0, split);
  const std::string_view expected = split == std::string_view::npos ? reply : text.substr(split + 1);
  const Answer read = read_answer(reply);
  if (!same_answer(read, read)) std::abort();
  (void)answer_is(reply, expected);
  Sample sample;
  sample.kind = Kind::countdown;
  sample.numbers = {1, 2, 3, 5, 8, 18};
  sample.value = "18";
  if (verify(sample, expected, reply).answer_right && reply.find_first_of("12358") == std::string_view::npos)
    std::abort();
  return 0;
}
