// The JSONL file and TensorBoard's events; the curve is in loss_curve.cpp.
#include "train/metrics.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <boost/json.hpp>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <system_error>

#include "base/check.h"
#include "formats/strict_json.h"

namespace jamsu::train {
namespace {

namespace json = boost::json;

Error cannot(const std::string& path, const char* what) {
  return Error{fmt::format("{}: cannot be {}: {}.", path, what, file_reason(errno))};
}

Status append(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return cannot(path, "written");
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

Result<MetricPoint> read_point(std::string_view line, const std::string& where) {
  auto value = formats::parse_strict_json(line, where, 4);
  if (!value) return value.error();
  if (!value->is_object()) return Error{fmt::format("{}: is no object.", where)};
  MetricPoint p;
  bool has_step = false;
  for (const auto& [key, v] : value->get_object()) {
    const std::string name(key);
    if (name == "step") {
      if (!v.is_int64() || v.get_int64() < 0) return Error{fmt::format("{}: \"step\" is no whole number.", where)};
      p.step = v.get_int64();
      has_step = true;
    } else if (v.is_null()) {
      p.values.emplace_back(name, std::nan(""));
    } else if (!v.is_number()) {
      return Error{fmt::format("{}: \"{}\" is no number.", where, name)};
    } else if (name == "time") {
      p.time = v.to_number<double>();
    } else {
      p.values.emplace_back(name, v.to_number<double>());
    }
  }
  if (!has_step) return Error{fmt::format("{}: \"step\" is missing.", where)};
  return p;
}

std::string line_of(const MetricPoint& point) {
  // fmt writes the shortest text that reads back as the same double; Boost.JSON's "1.5E0" is for machines only.
  std::string line = fmt::format("{{\"step\":{},\"time\":{}", point.step, point.time);
  for (const auto& [name, value] : point.values)
    line += fmt::format(",{}:{}", json::serialize(json::string(name)),
                        std::isfinite(value) ? fmt::format("{}", value) : "null");
  return line + "}\n";
}

// protobuf: a key is field number * 8 + wire type (0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes).
void add_varint(std::string& out, uint64_t value) {
  for (; value >= 128; value >>= 7) out += static_cast<char>(value | 128);
  out += static_cast<char>(value);
}
void add_bytes(std::string& out, int field, std::string_view bytes) {
  add_varint(out, static_cast<uint64_t>(field) * 8 + 2);
  add_varint(out, bytes.size());
  out += bytes;
}
template <class T>
void add_raw(std::string& out, T value) {
  static_assert(std::endian::native == std::endian::little);
  std::array<char, sizeof(T)> bytes;
  std::memcpy(bytes.data(), &value, sizeof value);
  out.append(bytes.data(), bytes.size());
}
void add_time(std::string& out, double time) {
  add_varint(out, 1 * 8 + 1);
  add_raw(out, time);
}

uint32_t masked_crc(std::string_view bytes) {
  return std::rotr(crc32c(bytes), 15) + 0xA282EAD8u;
}

}  // namespace

const double* MetricPoint::find(std::string_view name) const {
  for (const auto& [n, value] : values)
    if (n == name) return &value;
  return nullptr;
}

namespace {

// Calls use(point, line with its end) for every whole line.
template <class F>
Status for_points(const std::string& path, F&& use) {
  const auto text = read_file(path, int64_t{1} << 32);
  if (!text) return text.error();
  int64_t number = 0;
  for (size_t begin = 0, end = 0; (end = text->find('\n', begin)) != std::string::npos; begin = end + 1) {
    const std::string_view line = std::string_view(*text).substr(begin, end + 1 - begin);
    auto p = read_point(line.substr(0, line.size() - 1), fmt::format("{}:{}", path, ++number));
    if (!p) return p.error();
    use(std::move(*p), line);
  }
  return {};
}

}  // namespace

Result<std::vector<MetricPoint>> read_metrics(const std::string& path) {
  std::vector<MetricPoint> points;
  const Status read = for_points(path, [&](MetricPoint&& p, std::string_view) { points.push_back(std::move(p)); });
  if (!read) return read.error();
  return points;
}

Result<MetricsLog> MetricsLog::open(const std::string& path, int64_t after_step) {
  std::string kept;
  if (::access(path.c_str(), F_OK) == 0) {
    const Status read = for_points(path, [&](const MetricPoint& p, std::string_view line) {
      if (p.step <= after_step) kept += line;
    });
    if (!read) return read.error();
  }
  if (auto s = write_file(path, kept); !s) return s.error();
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (fd < 0) return cannot(path, "written");
  return MetricsLog(path, fd);
}
MetricsLog::~MetricsLog() {
  if (fd_ >= 0) ::close(fd_);
}
Status MetricsLog::write(const MetricPoint& point) {
  return append(fd_, line_of(point), path_);
}

uint32_t crc32c(std::string_view bytes) {
  static const auto table = [] {
    std::array<uint32_t, 256> t{};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t c = i;
      for (int bit = 0; bit < 8; ++bit) c = c & 1 ? c >> 1 ^ 0x82F63B78u : c >> 1;
      t[i] = c;
    }
    return t;
  }();
  uint32_t crc = 0xFFFFFFFFu;
  for (const char c : bytes) crc = crc >> 8 ^ table[(crc ^ static_cast<unsigned char>(c)) & 255];
  return ~crc;
}

std::string tf_record(std::string_view data) {
  std::string out;
  add_raw(out, static_cast<uint64_t>(data.size()));
  add_raw(out, masked_crc(out));
  out += data;
  add_raw(out, masked_crc(data));
  return out;
}

std::string event_proto(const MetricPoint& point) {
  std::string summary;
  for (const auto& [name, value] : point.values) {
    std::string entry;
    add_bytes(entry, 1, name);     // Summary.Value.tag
    add_varint(entry, 2 * 8 + 5);  // Summary.Value.simple_value
    add_raw(entry, static_cast<float>(value));
    add_bytes(summary, 1, entry);  // Summary.value
  }
  std::string event;
  add_time(event, point.time);   // Event.wall_time
  add_varint(event, 2 * 8 + 0);  // Event.step
  add_varint(event, static_cast<uint64_t>(point.step));
  add_bytes(event, 5, summary);  // Event.summary
  return event;
}

Result<EventFile> EventFile::create(const std::string& folder, double time) {
  if (const int error = system_files().make_folder(folder); error && error != EEXIST) {
    errno = error;
    return cannot(folder, "made");
  }
  const std::string path = fmt::format("{}/events.out.tfevents.{}.jamsu", folder, static_cast<int64_t>(time));
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return cannot(path, "written");
  EventFile file(path, fd);
  std::string version;
  add_time(version, time);
  add_bytes(version, 3, "brain.Event:2");  // Event.file_version: readers ask for it first
  if (auto s = append(fd, tf_record(version), path); !s) return s.error();
  return file;
}
EventFile::~EventFile() {
  if (fd_ >= 0) ::close(fd_);
}
Status EventFile::write(const MetricPoint& point) {
  return append(fd_, tf_record(event_proto(point)), path_);
}

}  // namespace jamsu::train
