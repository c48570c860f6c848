#include "formats/safetensors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>

#include "base/input_file.h"
#include "formats/folder.h"
#include "formats/strict_json.h"

namespace jamsu::formats {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr const char* kSingle = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";

// A shard is a file of the model's folder: no path, no way out.
bool is_plain_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos &&
         name.find('\\') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

// Weight name -> shard, as the index says.
Result<std::map<std::string, std::string>> read_index(const std::string& path) {
  auto text = read_file(path, int64_t{1} << 28);
  if (!text) return text.error();
  auto root = parse_strict_json(*text, path);
  if (!root) return root.error();
  const json::value* map = root->is_object() ? root->get_object().if_contains("weight_map") : nullptr;
  if (!map || !map->is_object()) return Error{fmt::format("{}: \"weight_map\" is missing or no object.", path)};
  std::map<std::string, std::string> shards;
  for (const auto& [name, shard] : map->get_object()) {
    if (!shard.is_string())
      return Error{fmt::format("{}: weight_map \"{}\" is no string.", path, std::string_view(name))};
    const std::string_view file = shard.get_string();
    if (!is_plain_name(file))
      return Error{fmt::format("{}: weight_map \"{}\": shard \"{}\" is not the name of a file in this folder.", path,
                               std::string_view(name), file)};
    shards.emplace(std::string_view(name), file);
  }
  if (shards.empty()) return Error{fmt::format("{}: \"weight_map\" names no tensor.", path)};
  return shards;
}

// Of shards that an index names.
Status check_all_there(const std::string& folder, const std::map<std::string, size_t>& shards) {
  std::vector<std::string_view> missing;
  std::error_code error;
  for (const auto& [shard, n] : shards)
    if (!fs::exists(folder + "/" + shard, error)) missing.push_back(shard);
  if (missing.empty()) return {};
  constexpr size_t kNamed = 8;
  const size_t count = missing.size();
  if (count > kNamed) missing.resize(kNamed);
  return Error{fmt::format(
      "{}/{}: cannot be read: No such file or directory. {} of the {} shards that {} names {} missing: {}{}. {}",
      folder, missing.front(), count, shards.size(), kIndex, count == 1 ? "is" : "are", fmt::join(missing, ", "),
      count > kNamed ? ", ..." : "", "Fetch what is missing (jamsu pull ORG/NAME takes up what is there).")};
}

}  // namespace

Status Safetensors::add_file(const std::string& path) {
  auto map = MappedFile::open(path);
  if (!map) return map.error();
  if (auto s = check_finished(path); !s) return s;
  auto header = parse_safetensors((*map)->bytes(), path);
  if (auto s = (*map)->intact(); !s) return s;  // cut while it was read: its errors are not those of the header
  if (!header) return header.error();
  for (TensorInfo& info : header->tensors) {
    info.file = files_.size();
    const auto [at, added] = by_name_.emplace(info.name, tensors_.size());
    if (!added)
      return Error{fmt::format("{}: tensor \"{}\" is also in {}.", path, info.name, files_[tensors_[at->second].file])};
    tensors_.push_back(std::move(info));
  }
  if (files_.empty()) metadata_ = std::move(header->metadata);
  files_.push_back(path);
  maps_.push_back(std::move(*map));
  return {};
}

Result<Safetensors> Safetensors::open_file(const std::string& path) {
  Safetensors s;
  s.source_ = path;
  if (auto added = s.add_file(path); !added) return added.error();
  return s;
}

Result<Safetensors> Safetensors::open_folder(const std::string& folder) {
  // As transformers: the single file is taken where both are there.
  if (is_there(folder + "/" + kSingle)) return open_file(folder + "/" + kSingle);
  const std::string index = folder + "/" + kIndex;
  if (!is_there(index)) {
    const std::string instead = what_lies_there(folder);
    return Error{
        fmt::format("{}: holds neither {} nor {}.{}{}", folder, kSingle, kIndex, instead.empty() ? "" : " ", instead)};
  }
  auto shards = read_index(index);
  if (!shards) return shards.error();
  std::map<std::string, size_t> number;  // shard -> index into files_
  for (const auto& [name, shard] : *shards) number.emplace(shard, 0);
  if (auto there = check_all_there(folder, number); !there) return there.error();
  Safetensors s;
  s.source_ = index;
  for (auto& [shard, n] : number) {
    n = s.files_.size();
    if (auto added = s.add_file(folder + "/" + shard); !added)
      return Error{added.error().message + fmt::format(" ({} names this shard.)", kIndex)};
  }
  for (const auto& [name, shard] : *shards) {
    const TensorInfo* info = s.find(name);
    if (!info) return Error{fmt::format("{}: tensor \"{}\" is not in {}, the shard named for it.", index, name, shard)};
    if (info->file != number.at(shard))
      return Error{fmt::format("{}: tensor \"{}\" is in {}, not in {}, the shard named for it.", index, name,
                               s.files_[info->file], shard)};
  }
  for (const TensorInfo& info : s.tensors_)
    if (!shards->contains(info.name))
      return Error{
          fmt::format("{}: tensor \"{}\" is not in the weight_map of {}.", s.files_[info.file], info.name, kIndex)};
  return s;
}

const TensorInfo* Safetensors::find(std::string_view name) const {
  const auto at = by_name_.find(name);
  return at == by_name_.end() ? nullptr : &tensors_[at->second];
}

Tensor Safetensors::view(const TensorInfo& info) const {
  const std::shared_ptr<MappedFile>& map = maps_[info.file];
  // Tensor has no const view: the header says that nobody writes.
  auto* data = const_cast<std::byte*>(map->bytes().data()) + info.offset;
  return Tensor::view_of(std::shared_ptr<std::byte>(map, data), data, info.shape, info.dtype);
}

const std::string& Safetensors::file_of(std::string_view name) const {
  const TensorInfo* info = find(name);
  return info ? files_[info->file] : source_;
}

Status Safetensors::intact() const {
  for (const auto& map : maps_)
    if (auto s = map->intact(); !s) return s;
  return {};
}

std::map<std::string, Tensor> Safetensors::views() const {
  std::map<std::string, Tensor> all;
  for (const TensorInfo& info : tensors_) all.emplace(info.name, view(info));
  return all;
}

Status write_safetensors(const std::string& path, const std::map<std::string, Tensor>& tensors,
                         std::map<std::string, std::string> metadata, FileOps& ops) {
  std::vector<std::pair<std::string, Tensor>> order(tensors.begin(), tensors.end());  // a map's order is bytewise
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return dtype_bytes(a.second.dtype()) > dtype_bytes(b.second.dtype());
  });
  metadata.emplace("format", "pt");
  auto file = AtomicFile::create(path, ops);
  if (!file) return file.error();
  if (auto s = file->write(safetensors_header(order, metadata)); !s) return s;
  for (const auto& [name, tensor] : order)
    if (auto s = file->write(std::span<const std::byte>(tensor.raw(), static_cast<size_t>(tensor.bytes()))); !s)
      return s;
  return file->finish();
}

}  // namespace jamsu::formats
