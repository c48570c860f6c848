// libFuzzer: any bytes are a recipe that explains itself, or an error that names it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "train/recipe.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto recipe = jamsu::train::parse_recipe({reinterpret_cast<const char*>(data), size}, "fuzz.toml");
  if (!recipe) {
    if (!recipe.error().message.starts_with("recipe fuzz.toml")) std::abort();
    return 0;
  }
  if (!jamsu::train::parse_recipe(jamsu::train::explain(*recipe), "explained.toml")) std::abort();
  return 0;
}
