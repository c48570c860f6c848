// libFuzzer: any bytes as model.safetensors.index.json beside two small shards: a model of files of that folder whose
// tensors can be read to the end, or an error that names one of them.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "formats/safetensors.h"

namespace {

using namespace jamsu;

// m1: a, b. m2: c, d. Shards that a hostile index may point to lie beside and above.
struct ShardFolder {
  std::string parent = (std::filesystem::temp_directory_path() / ("jamsu-fuzz-" + std::to_string(::getpid()))).string();
  std::string path = parent + "/model";
  ShardFolder() {
    std::filesystem::create_directories(path);
    Allocator memory;
    const auto write = [&](const std::string& file, const char* first, const char* second) {
      const Tensor t = Tensor::zeros({2, 3}, DType::bf16, memory);
      if (!formats::write_safetensors(file, {{first, t}, {second, t}})) std::abort();
    };
    write(path + "/m1.safetensors", "a", "b");
    write(path + "/m2.safetensors", "c", "d");
    write(parent + "/m1.safetensors", "a", "b");
    std::ofstream(path + "/torn.safetensors", std::ios::binary) << "\x40";
  }
  ~ShardFolder() { std::filesystem::remove_all(parent); }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const ShardFolder folder;
  const std::string index = folder.path + "/model.safetensors.index.json";
  std::filesystem::remove(index);  // a file that is emptied and written again waits for the disk (ext4)
  std::ofstream(index, std::ios::binary).write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  const auto model = formats::Safetensors::open_folder(folder.path);
  if (!model) {
    if (!model.error().message.starts_with(folder.path + "/")) std::abort();
    return 0;
  }
  for (const std::string& file : model->files())
    if (parent_folder(file) != folder.path) std::abort();
  for (const auto& [name, tensor] : model->views())
    for (int64_t i = 0; i < tensor.bytes(); ++i)
      if (tensor.raw()[i] != std::byte{0}) std::abort();
  if (model->tensors().empty() || !model->intact()) std::abort();
  return 0;
}
