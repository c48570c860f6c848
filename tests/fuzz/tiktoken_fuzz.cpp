// libFuzzer: tiktoken.model, then from the first '{', which base64 has not, tokenizer_config.json; without one Kimi's.
// What is accepted gives ids of its own, and a plain text back from them.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tokenizer/tiktoken.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace jamsu::tokenizer;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t end = std::min(input.find('{'), size);
  const std::string_view config = end < size ? input.substr(end) : R"({"tokenizer_class": "TikTokenTokenizer"})";
  const auto tokenizer = read_tiktoken(input.substr(0, end), "tiktoken.model", config, "tokenizer_config.json");
  if (!tokenizer) {
    const std::string& error = tokenizer.error().message;
    if (!error.starts_with("tiktoken.model") && !error.starts_with("tokenizer_config.json")) std::abort();
    return 0;
  }
  const std::string_view text = "The sea\n 12345 바다 [EOS]<|im_end|>\t 大海 don't";
  const auto plain = tokenizer->encode_plain(text);
  for (const int32_t id : plain)
    if (id < 0 || id >= tokenizer->vocab_size()) std::abort();
  if (tokenizer->decode(plain) != text) std::abort();
  for (const int32_t id : tokenizer->encode(text))
    if (id < 0 || id >= tokenizer->vocab_size()) std::abort();
  return 0;
}
