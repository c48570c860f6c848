#pragma once
// safetensors (github.com/huggingface/safetensors): u64 header length, JSON header, tensor bytes. Reading trusts
// nothing: every length is checked before its use, and a file is taken only when its tensors cover the data exactly
// once and in range. Any dtype may lie in a file; a tensor is judged by whoever needs it. Reading copies nothing: tensors
// are views on the mapped file, also where they begin at an odd byte (the format promises no alignment; files without
// padding behind their header exist): Tensor::aligned_copy before their values are read.
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/mapped_file.h"
#include "base/result.h"
#include "tensor/tensor.h"

namespace jamsu::formats {

struct TensorInfo {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;
  int64_t offset = 0;  // of its first byte, from the beginning of the file
  int64_t bytes = 0;
  size_t file = 0;  // index into Safetensors::files()
};

struct SafetensorsHeader {
  std::vector<TensorInfo> tensors;              // in the order of their bytes
  std::map<std::string, std::string> metadata;  // "__metadata__"
};

// What the bytes of one file say. `file` names it in errors:
//   model.safetensors: tensor "x": data_offsets [8, 24] end beyond the data (12 bytes). The file is cut short; ...
// Reads the header alone; the tensors' bytes need only be there.
Result<SafetensorsHeader> parse_safetensors(std::span<const std::byte> bytes, std::string_view file);

// One file, or a model's folder: model.safetensors, or model.safetensors.index.json with its shards.
class Safetensors {
 public:
  static Result<Safetensors> open_file(const std::string& path);
  // Every tensor of the index is in the shard named for it, and no shard holds another;
  // shards are files of this folder.
  static Result<Safetensors> open_folder(const std::string& folder);

  const std::vector<TensorInfo>& tensors() const { return tensors_; }
  const std::vector<std::string>& files() const { return files_; }                  // paths
  const std::map<std::string, std::string>& metadata() const { return metadata_; }  // of the first file
  const TensorInfo* find(std::string_view name) const;
  // Where a tensor is, for errors; of one that is nowhere, the file that should name it: the single one, or the index.
  const std::string& file_of(std::string_view name) const;
  // A view on the mapping, which it keeps alive. Never write through it: the pages are read-only.
  Tensor view(const TensorInfo& info) const;
  // All of them by name.
  std::map<std::string, Tensor> views() const;
  // What views show is void once one of the files was changed (base/mapped_file.h). In the order of files().
  const std::vector<std::shared_ptr<MappedFile>>& maps() const { return maps_; }
  Status intact() const;

 private:
  Status add_file(const std::string& path);
  std::string source_;
  std::vector<std::string> files_;
  std::vector<std::shared_ptr<MappedFile>> maps_;  // [files]
  std::vector<TensorInfo> tensors_;
  std::map<std::string, size_t, std::less<>> by_name_;
  std::map<std::string, std::string> metadata_;
};

// Bytes of the header (with its length) for tensors that follow in the order given. REQUIRES: names differ.
// Padded with spaces to a multiple of 8 bytes.
std::string safetensors_header(std::span<const std::pair<std::string, Tensor>> tensors,
                               const std::map<std::string, std::string>& metadata);

// Writes one file atomically (base/files.h).
// Wider dtypes come first so that every tensor is aligned, then bytewise by name.
// {"format": "pt"} is in the metadata: transformers asks for it. REQUIRES: names differ, none is "__metadata__".
Status write_safetensors(const std::string& path, const std::map<std::string, Tensor>& tensors,
                         std::map<std::string, std::string> metadata = {}, FileOps& ops = system_files());

}  // namespace jamsu::formats
