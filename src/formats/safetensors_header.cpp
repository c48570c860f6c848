// The header of one file: bytes -> TensorInfo, and back.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <boost/json.hpp>
#include <cstring>
#include <optional>

#include "base/lfs_pointer.h"
#include "formats/safetensors.h"
#include "formats/strict_json.h"

namespace jamsu::formats {
namespace {

namespace json = boost::json;

// As the official reader: larger headers are lies or attacks.
constexpr uint64_t kMaxHeaderBytes = 100'000'000;

std::optional<DType> dtype_of(std::string_view name) {
  for (int d = 0; d < kDTypes; ++d)
    if (dtype_name(static_cast<DType>(d)) == name) return static_cast<DType>(d);
  return std::nullopt;
}

std::string dtype_list() {
  std::string list;
  for (int d = 0; d < kDTypes; ++d) list += (d ? ", " : "") + std::string(dtype_name(static_cast<DType>(d)));
  return list;
}

std::optional<int64_t> size_value(const json::value& v) {
  if (v.is_int64() && v.get_int64() >= 0) return v.get_int64();
  return std::nullopt;
}

// One entry of the header. `begin` and `end` count from the beginning of the data.
class EntryReader {
 public:
  EntryReader(std::string_view file, std::string_view name, int64_t data_begin, int64_t data_bytes)
      : file_(file), name_(name), data_begin_(data_begin), data_bytes_(data_bytes) {}

  Result<TensorInfo> read(const json::value& value) {
    if (!value.is_object()) return bad("is no object");
    const json::object& entry = value.get_object();
    for (const auto& [key, unused] : entry)
      if (key != "dtype" && key != "shape" && key != "data_offsets")
        return bad(fmt::format("\"{}\" is no field of a tensor", std::string_view(key)));
    for (const char* field : {"dtype", "shape", "data_offsets"})
      if (!entry.contains(field)) return bad(fmt::format("{} is missing", field));
    TensorInfo info;
    info.name = name_;
    if (auto s = read_dtype(entry.at("dtype"), info); !s) return s.error();
    if (auto s = read_shape(entry.at("shape"), info); !s) return s.error();
    if (auto s = read_offsets(entry.at("data_offsets"), info); !s) return s.error();
    return info;
  }

 private:
  Error bad(const std::string& what) const { return Error{fmt::format("{}: tensor \"{}\": {}.", file_, name_, what)}; }

  Status read_dtype(const json::value& v, TensorInfo& info) const {
    if (!v.is_string()) return bad(fmt::format("dtype {} is no string", json::serialize(v)));
    const auto dtype = dtype_of(v.get_string());
    if (!dtype) return bad(fmt::format("dtype {} is none of {}", json::serialize(v), dtype_list()));
    info.dtype = *dtype;
    return {};
  }

  Status read_shape(const json::value& v, TensorInfo& info) const {
    if (!v.is_array()) return bad("shape is no list");
    const json::array& list = v.get_array();
    if (list.size() > Shape::kMaxRank)
      return bad(fmt::format("shape has {} axes, more than {}", list.size(), Shape::kMaxRank));
    std::vector<int64_t> dims;
    for (const json::value& d : list) {
      const auto n = size_value(d);
      if (!n)
        return bad(
            fmt::format("shape {} holds something else than whole numbers from 0 to 2^63 - 1", json::serialize(v)));
      dims.push_back(*n);
    }
    // Zero first: [2^62, 2^62, 0] holds nothing, yet elements() must not overflow on the way.
    int64_t bits = dtype_bits(info.dtype);
    const bool overflows =
        std::any_of(dims.begin(), dims.end(), [&](int64_t d) { return d && __builtin_mul_overflow(bits, d, &bits); });
    if (overflows) return bad(fmt::format("shape {} is larger than any memory", json::serialize(v)));
    if (std::find(dims.begin(), dims.end(), 0) != dims.end()) bits = 0;
    if (bits % 8 != 0)
      return bad(fmt::format("{} values of {} ({} bits each) do not fill whole bytes", json::serialize(v),
                             dtype_name(info.dtype), dtype_bits(info.dtype)));
    info.bytes = bits / 8;
    info.shape = Shape(dims);
    return {};
  }

  Status read_offsets(const json::value& v, TensorInfo& info) const {
    if (!v.is_array() || v.get_array().size() != 2) return bad("data_offsets is no list of two numbers");
    const auto begin = size_value(v.get_array()[0]), end = size_value(v.get_array()[1]);
    if (!begin || !end)
      return bad(fmt::format("data_offsets {} holds something else than whole numbers from 0 to 2^63 - 1",
                             json::serialize(v)));
    if (*begin > *end) return bad(fmt::format("data_offsets [{}, {}] end before they begin", *begin, *end));
    if (*end > data_bytes_)
      return bad(
          fmt::format("data_offsets [{}, {}] end beyond the data ({} bytes). The file is cut short; compare its size "
                      "with the source",
                      *begin, *end, data_bytes_));
    if (*end - *begin != info.bytes)
      return bad(fmt::format("data_offsets [{}, {}] span {} bytes where {} of shape {} has {}", *begin, *end,
                             *end - *begin, dtype_name(info.dtype), info.shape.text(), info.bytes));
    info.offset = data_begin_ + *begin;
    return {};
  }

  std::string_view file_, name_;
  int64_t data_begin_, data_bytes_;
};

Status read_metadata(const json::value& value, std::string_view file, std::map<std::string, std::string>& metadata) {
  if (value.is_null()) return {};  // as the official reader, for which it is optional
  if (!value.is_object()) return Error{fmt::format("{}: __metadata__ is no object.", file)};
  for (const auto& [key, v] : value.get_object()) {
    if (!v.is_string()) return Error{fmt::format("{}: __metadata__ \"{}\" is no string.", file, std::string_view(key))};
    metadata.emplace(std::string_view(key), std::string_view(v.get_string()));
  }
  return {};
}

// What else a file may be, by its first bytes; a sentence, or nothing.
std::string what_it_is(std::string_view bytes) {
  using namespace std::string_view_literals;
  static constexpr std::pair<std::string_view, std::string_view> kBeginnings[] = {
      {"GGUF"sv, "a file of llama.cpp (GGUF)"sv},
      {"PK\x03\x04"sv, "a zip archive, as PyTorch's own format is"sv},
      {"\x80\x02"sv, "a Python pickle"sv},
      {"\x1f\x8b"sv, "a gzip archive"sv},
      {"<"sv, "a web page, as a download that was refused leaves"sv},
      {"Entry not found"sv, "an answer of the hub instead of the file"sv},
      {"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"sv, "zeros, as a download that is not finished leaves"sv}};
  for (const auto& [beginning, what] : kBeginnings)
    if (bytes.starts_with(beginning)) return fmt::format(" It is {}, not a safetensors file.", what);
  return {};
}

// Tensors in the order of their bytes cover [data_begin, data_end) without overlap or hole.
Status check_cover(const std::vector<TensorInfo>& tensors, int64_t data_begin, int64_t data_end,
                   std::string_view file) {
  int64_t at = data_begin;
  const TensorInfo* last = nullptr;
  for (const TensorInfo& t : tensors) {
    const int64_t begin = t.offset - data_begin, end = begin + t.bytes;
    if (t.offset < at)
      return Error{fmt::format("{}: tensor \"{}\": data_offsets [{}, {}] overlap those of \"{}\".", file, t.name, begin,
                               end, last->name)};
    if (t.offset > at)
      return Error{fmt::format("{}: tensor \"{}\": data_offsets [{}, {}] leave a hole of {} bytes before them.", file,
                               t.name, begin, end, t.offset - at)};
    at = t.offset + t.bytes;
    last = &t;
  }
  if (at != data_end)
    return Error{fmt::format("{}: the last {} bytes (from byte {}) belong to no tensor.", file, data_end - at, at)};
  return {};
}

}  // namespace

Result<SafetensorsHeader> parse_safetensors(std::span<const std::byte> bytes, std::string_view file) {
  const uint64_t size = bytes.size();
  const std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (auto s = check_fetched(all, file); !s) return s.error();
  if (size < 8)
    return Error{
        fmt::format("{}: {} bytes; a safetensors file begins with the 8 bytes of its header's length.", file, size)};
  uint64_t length = 0;
  static_assert(std::endian::native == std::endian::little);
  std::memcpy(&length, bytes.data(), 8);
  if (length > kMaxHeaderBytes)
    return Error{fmt::format("{}: header length {} (bytes 0-7) is more than {}.{}", file, length, kMaxHeaderBytes,
                             what_it_is(all).empty() ? " Is this a safetensors file?" : what_it_is(all))};
  if (length > size - 8)
    return Error{fmt::format(
        "{}: header length {} (bytes 0-7) goes beyond the end of the file ({} bytes).{}", file, length, size,
        what_it_is(all).empty() ? " The file is cut short; compare its size with the source." : what_it_is(all))};
  const std::string_view text = all.substr(8, static_cast<size_t>(length));
  if (text.empty() || text.front() != '{')
    return Error{fmt::format("{}: byte 8: the header does not begin with '{{'.{}", file, what_it_is(all))};
  auto root = parse_strict_json(text, fmt::format("{}: header", file), 4);
  if (!root) return root.error();
  if (!root->is_object()) return Error{fmt::format("{}: the header is no object.", file)};

  const auto data_begin = static_cast<int64_t>(8 + length), data_end = static_cast<int64_t>(size);
  SafetensorsHeader header;
  for (const auto& [key, value] : root->get_object()) {
    if (key == "__metadata__") {
      if (auto s = read_metadata(value, file, header.metadata); !s) return s.error();
      continue;
    }
    auto info = EntryReader(file, key, data_begin, data_end - data_begin).read(value);
    if (!info) return info.error();
    header.tensors.push_back(std::move(*info));
  }
  std::sort(header.tensors.begin(), header.tensors.end(), [](const TensorInfo& a, const TensorInfo& b) {
    return std::tie(a.offset, a.bytes, a.name) < std::tie(b.offset, b.bytes, b.name);
  });
  if (auto s = check_cover(header.tensors, data_begin, data_end, file); !s) return s.error();
  return header;
}

std::string safetensors_header(std::span<const std::pair<std::string, Tensor>> tensors,
                               const std::map<std::string, std::string>& metadata) {
  json::object root;
  if (!metadata.empty()) {
    json::object entries;
    for (const auto& [key, value] : metadata) entries[key] = value;
    root["__metadata__"] = std::move(entries);
  }
  int64_t at = 0;
  for (const auto& [name, tensor] : tensors) {
    JAMSU_CHECK(name != "__metadata__" && !root.contains(name));
    json::array shape;
    for (int axis = 0; axis < tensor.shape().rank(); ++axis) shape.push_back(tensor.dim(axis));
    root[name] = json::object{{"dtype", json::string(dtype_name(tensor.dtype()))},
                              {"shape", std::move(shape)},
                              {"data_offsets", json::array{at, at + tensor.bytes()}}};
    at += tensor.bytes();
  }
  std::string text = json::serialize(root);
  text.append((8 - text.size() % 8) % 8, ' ');
  const uint64_t length = text.size();
  std::array<char, 8> prefix;
  std::memcpy(prefix.data(), &length, 8);
  return std::string(prefix.data(), 8) + text;
}

}  // namespace jamsu::formats
