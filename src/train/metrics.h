#pragma once
// What a run leaves to look at: a JSONL file (a line per step), TensorBoard event files, and a loss curve as SVG.
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/result.h"

namespace jamsu::train {

struct MetricPoint {
  int64_t step = 0;
  double time = 0;                                     // seconds since 1970
  std::vector<std::pair<std::string, double>> values;  // "loss", "mtp", "learning_rate", ...
  const double* find(std::string_view name) const;
};

// Appends `{"step":1,"time":...,"loss":...}` lines; each is handed to the system at once, so that kill -9 loses none.
// Values that are no finite number are written as null.
class MetricsLog {
 public:
  // Keeps the lines of steps up to `after_step` as they stand, byte for byte, and drops the rest: a resumed run writes
  // those again. A half line that a kill left is dropped too. -1: starts anew. Errors: a file of that name that is no
  // metrics file is not written over.
  static Result<MetricsLog> open(const std::string& path, int64_t after_step);
  MetricsLog(MetricsLog&& other) noexcept : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}
  MetricsLog& operator=(MetricsLog&&) = delete;
  ~MetricsLog();
  Status write(const MetricPoint& point);

 private:
  MetricsLog(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  std::string path_;
  int fd_;
};

// The lines of a metrics file; a last line without its end is left out. Errors name file and line.
Result<std::vector<MetricPoint>> read_metrics(const std::string& path);

// TensorBoard's events: TFRecord framing around hand-written protobuf (tensorflow/core/util/event.proto).
class EventFile {
 public:
  // A new file FOLDER/events.out.tfevents.TIME.jamsu; its parent must be there.
  static Result<EventFile> create(const std::string& folder, double time);
  EventFile(EventFile&& other) noexcept : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}
  EventFile& operator=(EventFile&&) = delete;
  ~EventFile();
  Status write(const MetricPoint& point);
  const std::string& path() const { return path_; }

 private:
  EventFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  std::string path_;
  int fd_;
};

// Parts of the above, for tests.
uint32_t crc32c(std::string_view bytes);       // Castagnoli, reflected
std::string tf_record(std::string_view data);  // length, masked crc, data, masked crc
std::string event_proto(const MetricPoint& point);

// Curves of the named values over steps, as one SVG document; a value that no step has is left out. Long runs are drawn
// as means of neighbouring steps, a value that few steps have with its points.
struct CurveOptions {
  std::string title;
  std::vector<std::string> values = {"loss"};
  int width = 900, height = 420;
};
std::string loss_curve_svg(std::span<const MetricPoint> points, const CurveOptions& options);

}  // namespace jamsu::train
