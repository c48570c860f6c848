// libFuzzer: any bytes as tokenizer.json, then a text that begins after the first NUL through what was read.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tokenizer/tokenizer.h"
#include "tokenizer/tokenizer_data.h"
#include "unicode/utf8.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace jamsu::tokenizer;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t end = input.find('\0');
  const auto tokenizer = Tokenizer::from_json(input.substr(0, end), "fuzz");
  if (!tokenizer) {
    if (tokenizer.error().message.empty()) std::abort();
    return 0;
  }
  const std::string_view text =
      end == std::string_view::npos ? std::string_view("<s>hello \xEA\xB0\x80 12\n") : input.substr(end + 1);
  for (const int32_t id : tokenizer->encode(text, {.add_special = true}))
    if (id < 0 || id >= tokenizer->vocab_size()) std::abort();
  const int32_t unk = tokenizer->data().unk;
  StreamDecoder stream(*tokenizer);
  std::string streamed;
  const auto plain = tokenizer->encode_plain(text);
  for (const int32_t id : plain) {
    if (tokenizer->is_added(id) && tokenizer->token_bytes(id).size() > 1 && id != unk) std::abort();
    streamed += stream.push(id);
  }
  if (streamed + stream.flush() != tokenizer->decode(plain)) std::abort();
  if (!Tokenizer::from_json(tokenizer->to_json(), "again")) std::abort();
  return 0;
}
