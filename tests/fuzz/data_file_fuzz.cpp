// libFuzzer: any bytes are a user's documents, or an error that names the file. The first byte chooses the kind.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "tokenizer/bpe_train.h"
#include "train/file_source.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace jamsu;
  static const auto tokenizer = tokenizer::train_bpe(
      [](std::string&) { return false; }, {.vocab_size = static_cast<int32_t>(256 + tokenizer::kChatTokens.size())});
  if (!tokenizer || size == 0) return 0;
  const bool lines = data[0] == '{' || data[0] == '[';
  const auto documents =
      train::parse_data_file({reinterpret_cast<const char*>(data), size}, lines ? "fuzz.jsonl" : "fuzz.txt", *tokenizer,
                             {.context = 256, .split_at_blank_lines = data[0] % 2 == 0});
  if (!documents) {
    if (!documents.error().message.starts_with("fuzz.")) std::abort();
    return 0;
  }
  for (const auto& d : *documents)
    if (d.ids.empty() || d.ids.size() != d.learned.size()) std::abort();
  return 0;
}
