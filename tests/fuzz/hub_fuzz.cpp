// libFuzzer: any bytes are the hub's answer about a model, or an error that names it; names that are taken stay inside.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>

#include "hub/answers.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace jamsu::hub;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto read = parse_repository(text, "fuzz.json");
  if (!read && !read.error().message.starts_with("fuzz.json: ")) std::abort();
  if (read)
    for (const std::string& file : read->files) {
      const std::string path = "/cache/" + file;
      if (std::filesystem::path(path).lexically_normal() != path || path.ends_with('/')) std::abort();
    }
  if (const auto etag = parse_etag(text); etag && (!is_hex(*etag) || etag->size() > 64)) std::abort();
  if (const auto range = parse_content_range(text);
      range && (range->first > range->last || range->last >= range->total))
    std::abort();
  return 0;
}
