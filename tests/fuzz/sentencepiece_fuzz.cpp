// libFuzzer: any bytes as tokenizer.model. What is accepted is a tokenizer, whose ids of a text are its own.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tokenizer/folder/sentencepiece.h"
#include "tokenizer/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace jamsu::tokenizer;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto text =
      json_of_sentencepiece(input, "tokenizer.model", R"({"tokenizer_class": "LlamaTokenizer"})", "config");
  if (!text) {
    if (text.error().message.empty()) std::abort();
    return 0;
  }
  const auto tokenizer = Tokenizer::from_json(*text, "tokenizer.model");
  if (!tokenizer) return tokenizer.error().message.empty() ? (std::abort(), 0) : 0;
  for (const int32_t id : tokenizer->encode("ab <s>a \xEA\xB0\x80\n<x>", {.add_special = true}))
    if (id < 0 || id >= tokenizer->vocab_size()) std::abort();
  return 0;
}
