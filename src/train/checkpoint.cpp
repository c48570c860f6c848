#include "train/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <boost/json.hpp>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <system_error>

#include "base/check.h"
#include "base/sha256.h"
#include "formats/safetensors.h"
#include "formats/strict_json.h"

namespace jamsu::train {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr const char *kTensors = "tensors.safetensors", *kState = "state.json", *kManifest = "manifest.json";
constexpr const char *kPrefix = "step-", *kTemporary = ".tmp";
constexpr std::array<const char*, 3> kFiles = {kManifest, kTensors, kState};
constexpr int64_t kFormat = 1;

std::string folder_name(int64_t step) {
  return fmt::format("{}{:09}", kPrefix, step);
}

// "step-000000012" -> 12, with `suffix` after it; nothing for other names.
std::optional<int64_t> step_of(std::string_view name, std::string_view suffix) {
  const std::string_view prefix = kPrefix;
  if (!name.starts_with(prefix) || !name.ends_with(suffix) || name.size() <= prefix.size() + suffix.size())
    return std::nullopt;
  const std::string_view digits = name.substr(prefix.size(), name.size() - prefix.size() - suffix.size());
  int64_t step = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), step);
  if (error != std::errc() || end != digits.data() + digits.size() || folder_name(step).substr(prefix.size()) != digits)
    return std::nullopt;
  return step;
}

struct Found {
  int64_t step;
  bool replaced;  // a save of the same step was on its way when the process ended
  std::string path;
};

// A folder of that name in which none of a checkpoint's files is left is somebody else's.
bool has_files(const std::string& path) {
  std::error_code error;
  return std::any_of(kFiles.begin(), kFiles.end(),
                     [&](const char* name) { return fs::exists(path + "/" + name, error); });
}

// The newest first.
std::vector<Found> list_checkpoints(const std::string& folder) {
  std::vector<Found> found;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string(), path = folder + "/" + name;
    if (!has_files(path)) continue;
    if (const auto step = step_of(name, "")) found.push_back({*step, false, path});
    if (const auto step = step_of(name, kReplaced)) found.push_back({*step, true, path});
  }
  std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) {
    return a.step != b.step ? a.step > b.step : a.replaced < b.replaced;
  });
  return found;
}

// A checkpoint's files, and its folder where nothing else is in it. The manifest goes first: what is left then is no
// checkpoint.
std::error_code remove_checkpoint(const std::string& path) {
  std::error_code first, error;
  for (const char* name : kFiles)
    for (const std::string& file : {path + "/" + name, path + "/" + name + kTemporary}) {
      fs::remove(file, error);
      if (error && error != std::errc::no_such_file_or_directory && error != std::errc::not_a_directory && !first)
        first = error;
    }
  fs::remove(path, error);
  if (error && error != std::errc::directory_not_empty && !first) first = error;
  return first;
}

// What stays is found by its name and removed by the next save.
void try_to_remove(const std::string& path) {
  (void)remove_checkpoint(path);
}

// What a save left that did not end.
void remove_unfinished(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> found;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    if (step_of(at->path().filename().string(), kTemporary)) found.push_back(at->path().string());
  for (const std::string& path : found) try_to_remove(path);
}

Status check_finite(int64_t step, const std::map<std::string, Tensor>& tensors) {
  for (const auto& [name, tensor] : tensors) {
    if (tensor.dtype() != DType::f32) continue;
    const float* values = tensor.f32();
    uint32_t largest = 0;  // of the bits without the sign, which grow with the value: infinity, then NaN
    for (int64_t i = 0; i < tensor.elements(); ++i)
      largest = std::max(largest, std::bit_cast<uint32_t>(values[i]) & 0x7FFFFFFFu);
    if (largest >= 0x7F800000u)
      return Error{fmt::format("step {}: tensor \"{}\" holds a value that is not finite, so no checkpoint was saved",
                               step, name)};
  }
  return {};
}

std::span<const std::byte> bytes_of(const Tensor& t) {
  return {t.raw(), static_cast<size_t>(t.bytes())};
}

std::string hash_of_header(const MappedFile& file, int64_t data_begin) {
  return sha256_hex(file.bytes().first(static_cast<size_t>(data_begin)));
}

// Writes the three files of a checkpoint into `folder`.
Status write_files(const std::string& folder, int64_t step, const std::map<std::string, Tensor>& tensors,
                   const json::object& state, FileOps& files) {
  const std::string path = folder + "/" + kTensors;
  if (auto s = formats::write_safetensors(path, tensors, {}, files); !s) return s;
  const std::string state_text = json::serialize(state);
  if (auto s = write_file(folder + "/" + kState, state_text, files); !s) return s;
  // The tensors' hashes are of memory, the header's of the file:
  // what the disk made of the rest is seen when it is verified.
  auto map = MappedFile::open(path);
  if (!map) return map.error();
  auto header = formats::parse_safetensors((*map)->bytes(), path);
  if (!header) return header.error();
  const int64_t data_begin =
      header->tensors.empty() ? static_cast<int64_t>((*map)->bytes().size()) : header->tensors.front().offset;
  json::object hashes;
  for (const auto& [name, tensor] : tensors) hashes[name] = sha256_hex(bytes_of(tensor));
  const json::object manifest{{"format", kFormat},
                              {"step", step},
                              {"state_sha256", sha256_hex(state_text)},
                              {"header_sha256", hash_of_header(**map, data_begin)},
                              {"tensors", std::move(hashes)}};
  return write_file(folder + "/" + kManifest, json::serialize(manifest), files);
}

Error file_error(const std::string& path, int error) {
  return Error{fmt::format("{}: {}.", path, file_reason(error))};
}

struct Manifest {
  int64_t step = 0;
  std::string state, header;
  std::map<std::string, std::string> tensors;
};

Result<Manifest> read_manifest(const std::string& path) {
  auto text = read_file(path, int64_t{1} << 28);
  if (!text) return text.error();
  auto root = formats::parse_strict_json(*text, path, 4);
  if (!root) return root.error();
  const auto bad = [&](const char* field, const char* what) {
    return Error{fmt::format("{}: \"{}\" {}.", path, field, what)};
  };
  if (!root->is_object()) return Error{fmt::format("{}: is no object.", path)};
  const json::object& o = root->get_object();
  if (o.size() != 5) return Error{fmt::format("{}: holds {} fields where format {} has 5.", path, o.size(), kFormat)};
  const auto* format = o.if_contains("format");
  if (!format || !format->is_int64() || format->get_int64() != kFormat)
    return bad("format", "is not 1, the only one this program knows");
  Manifest m;
  const auto* step = o.if_contains("step");
  if (!step || !step->is_int64() || step->get_int64() < 0) return bad("step", "is no whole number");
  m.step = step->get_int64();
  for (auto& [field, to] :
       {std::pair<const char*, std::string*>{"state_sha256", &m.state}, {"header_sha256", &m.header}}) {
    const auto* v = o.if_contains(field);
    if (!v || !v->is_string()) return bad(field, "is no string");
    *to = v->get_string();
  }
  const auto* tensors = o.if_contains("tensors");
  if (!tensors || !tensors->is_object()) return bad("tensors", "is no object");
  for (const auto& [name, hash] : tensors->get_object()) {
    if (!hash.is_string()) return bad("tensors", "holds something else than strings");
    m.tensors.emplace(std::string_view(name), std::string_view(hash.get_string()));
  }
  return m;
}

Status read_tensors(const std::string& path, const Manifest& manifest, Checkpoint& c) {
  auto file = formats::Safetensors::open_file(path);
  if (!file) return file.error();
  c.file = file->maps().front();
  const int64_t data_begin =
      file->tensors().empty() ? static_cast<int64_t>(c.file->bytes().size()) : file->tensors().front().offset;
  if (hash_of_header(*c.file, data_begin) != manifest.header)
    return Error{fmt::format("{}: the header's SHA-256 is not the one in {}. The file was changed or damaged.", path,
                             kManifest)};
  if (file->tensors().size() != manifest.tensors.size())
    return Error{fmt::format("{}: holds {} tensors where {} has {}.", path, file->tensors().size(), kManifest,
                             manifest.tensors.size())};
  for (const formats::TensorInfo& info : file->tensors()) {
    const auto hash = manifest.tensors.find(info.name);
    if (hash == manifest.tensors.end())
      return Error{fmt::format("{}: tensor \"{}\" is not in {}.", path, info.name, kManifest)};
    const Tensor tensor = file->view(info);
    if (sha256_hex(bytes_of(tensor)) != hash->second)
      return Error{fmt::format(
          "{}: tensor \"{}\" (bytes {} to {}): its SHA-256 is not the one in {}. The file was changed or damaged.",
          path, info.name, info.offset, info.offset + info.bytes, kManifest)};
    c.tensors.emplace(info.name, tensor);
  }
  return {};
}

}  // namespace

Result<std::string> save_checkpoint(const std::string& folder, int64_t step,
                                    const std::map<std::string, Tensor>& tensors, const json::object& state,
                                    const SaveOptions& options) {
  JAMSU_CHECK(step >= 0 && options.keep >= 1);
  if (auto s = check_finite(step, tensors); !s) return s.error();
  FileOps& files = *options.files;
  if (auto s = make_folders(folder, files); !s) return s.error();
  const std::string path = folder + "/" + folder_name(step), temporary = path + kTemporary;
  remove_unfinished(folder);
  if (const int error = files.make_folder(temporary)) return file_error(temporary, error);
  if (auto s = write_files(temporary, step, tensors, state, files); !s) {
    try_to_remove(temporary);
    return s.error();
  }
  // Of two from an interrupted replacement the whole one stays.
  if (fs::exists(path) && fs::exists(path + kReplaced) && !load_checkpoint(path)) try_to_remove(path);
  if (auto s = replace_folder(temporary, path, files); !s) {
    try_to_remove(temporary);
    return s.error();
  }
  if (auto verified = load_checkpoint(path); !verified) {
    try_to_remove(path);
    std::error_code ignored;
    if (fs::exists(path + kReplaced)) fs::rename(path + kReplaced, path, ignored);
    return Error{"the checkpoint just saved cannot be read back, and was removed: " + verified.error().message};
  }
  try_to_remove(path + kReplaced);
  int64_t kept = 0;
  for (const Found& found : list_checkpoints(folder))
    if (found.step <= step && ++kept > options.keep) try_to_remove(found.path);
  return path;
}

Result<Checkpoint> load_checkpoint(const std::string& path) {
  auto manifest = read_manifest(path + "/" + kManifest);
  if (!manifest) return manifest.error();
  std::string name = fs::path(path).filename().string();
  if (name.ends_with(kReplaced)) name.resize(name.size() - std::string_view(kReplaced).size());
  if (name != folder_name(manifest->step))
    return Error{fmt::format("{}/{}: \"step\" = {} in a folder of another name.", path, kManifest, manifest->step)};
  Checkpoint c;
  c.path = path;
  c.step = manifest->step;
  const std::string state_path = path + "/" + kState;
  auto state = read_file(state_path);
  if (!state) return state.error();
  if (sha256_hex(*state) != manifest->state)
    return Error{
        fmt::format("{}: its SHA-256 is not the one in {}. The file was changed or damaged.", state_path, kManifest)};
  auto value = formats::parse_strict_json(*state, state_path);
  if (!value) return value.error();
  if (!value->is_object()) return Error{fmt::format("{}: is no object.", state_path)};
  c.state = value->get_object();
  if (auto s = read_tensors(path + "/" + kTensors, *manifest, c); !s) return s.error();
  return c;
}

bool holds_checkpoints(const std::string& folder) {
  return !list_checkpoints(folder).empty();
}

Status remove_checkpoints(const std::string& folder) {
  remove_unfinished(folder);
  for (const Found& found : list_checkpoints(folder))
    if (const std::error_code error = remove_checkpoint(found.path))
      return Error{fmt::format("{}: cannot be removed: {}.", found.path, error.message())};
  std::error_code not_empty;  // or a link to a folder elsewhere
  if (!fs::is_symlink(folder, not_empty)) fs::remove(folder, not_empty);
  return {};
}

Latest latest_valid(const std::string& folder) {
  Latest latest;
  for (const Found& found : list_checkpoints(folder)) {
    auto c = load_checkpoint(found.path);
    if (c) {
      latest.checkpoint = std::move(*c);
      return latest;
    }
    latest.skipped.push_back(fmt::format("skipped a broken checkpoint: {}", c.error().message));
  }
  return latest;
}

}  // namespace jamsu::train
