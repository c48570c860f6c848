#include "train/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>

#include "base/faults.h"

namespace jamsu::train {
namespace {

TEST(metrics, lines_come_back_and_a_resumed_run_drops_later_ones) {
  const test::Folder folder;
  const std::string path = folder / "metrics.jsonl";
  {
    auto log = MetricsLog::open(path, -1);
    ASSERT_TRUE(log.ok()) << log.error().message;
    for (int64_t step = 1; step <= 5; ++step)
      ASSERT_TRUE(log->write({step, 1.5, {{"loss", 1.0 / static_cast<double>(step)}, {"bad", std::nan("")}}}).ok());
  }
  EXPECT_EQ(read_file(path)->substr(0, 42), "{\"step\":1,\"time\":1.5,\"loss\":1,\"bad\":null}\n");
  std::ofstream(path, std::ios::app) << "{\"step\":6,\"los";  // killed while writing
  ASSERT_EQ(read_metrics(path)->size(), 5u);
  {
    auto log = MetricsLog::open(path, 3);
    ASSERT_TRUE(log.ok()) << log.error().message;
    ASSERT_TRUE(log->write({4, 2.0, {{"loss", 7}}}).ok());
  }
  const auto points = read_metrics(path);
  ASSERT_EQ(points->size(), 4u);
  EXPECT_EQ((*points)[2].step, 3);
  EXPECT_EQ(*(*points)[3].find("loss"), 7);
  EXPECT_TRUE(std::isnan(*(*points)[0].find("bad")));
  EXPECT_EQ((*points)[0].find("none"), nullptr);
  ASSERT_TRUE(MetricsLog::open(path, -1).ok());
  EXPECT_EQ(read_metrics(path)->size(), 0u);
}

TEST(metrics, lines_that_stay_are_copied_as_they_stand) {
  const test::Folder folder;
  const std::string path = folder / "metrics.jsonl";
  // Numbers that a reader of doubles would write otherwise, and members that another version wrote.
  const std::string kept =
      "{\"step\":1,\"time\":1.0e0,\"loss\":1.9959432048681542,\"learning_rate\":0.00015000000000000001}\n"
      "{ \"step\" : 2, \"time\":2, \"other\":null }\n";
  std::ofstream(path) << kept << "{\"step\":3,\"time\":3}\n";
  ASSERT_TRUE(MetricsLog::open(path, 2).ok());
  EXPECT_EQ(*read_file(path), kept);
  // A file of that name which is something else is not written over.
  std::ofstream(path) << "my notes\n";
  for (const int64_t after : {-1, 2}) {
    const auto refused = MetricsLog::open(path, after);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().message.find(path + ":1: "), 0u) << refused.error().message;
  }
  EXPECT_EQ(*read_file(path), "my notes\n");
}

TEST(metrics, errors_name_the_line) {
  const test::Folder folder;
  const auto error = [&](const char* text) {
    std::ofstream(folder / "m.jsonl") << text;
    return read_metrics(folder / "m.jsonl").error().message;
  };
  const std::string file = folder / "m.jsonl";
  EXPECT_EQ(error("{\"step\":1}\n{\"loss\":1}\n"), file + ":2: \"step\" is missing.");
  EXPECT_EQ(error("{\"step\":-1}\n"), file + ":1: \"step\" is no whole number.");
  EXPECT_EQ(error("{\"step\":1,\"loss\":\"x\"}\n"), file + ":1: \"loss\" is no number.");
  EXPECT_EQ(error("\n").rfind(file + ":1: ", 0), 0u);
  EXPECT_EQ(MetricsLog::open(folder / "none/m.jsonl", -1).error().message,
            (folder / "none/m.jsonl") + ".tmp: cannot be written: No such file or directory.");
}

TEST(metrics, crc32c_of_the_standard) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283u);            // RFC 3720's check value
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu);  // RFC 3720, B.4
  EXPECT_EQ(crc32c(std::string(32, static_cast<char>(0xFF))), 0x62A8AB43u);
}

TEST(metrics, an_event_byte_by_byte) {
  // wall_time 1.0, step 300, one value "a" = 2.0.
  const std::string want(
      "\x09\x00\x00\x00\x00\x00\x00\xF0\x3F"               // 1: double
      "\x10\xAC\x02"                                       // 2: varint 300
      "\x2A\x0A\x0A\x08\x0A\x01\x61\x15\x00\x00\x00\x40",  // 5 { 1 { 1: "a", 2: float } }
      24);
  EXPECT_EQ(event_proto({300, 1.0, {{"a", 2.0}}}), want);
  const std::string record = tf_record(want);
  ASSERT_EQ(record.size(), want.size() + 16);
  uint64_t length = 0;
  uint32_t masked = 0;
  std::memcpy(&length, record.data(), 8);
  std::memcpy(&masked, record.data() + 8, 4);
  EXPECT_EQ(length, want.size());
  const uint32_t crc = crc32c(record.substr(0, 8));
  EXPECT_EQ(masked, ((crc >> 15) | (crc << 17)) + 0xA282EAD8u);
  EXPECT_EQ(record.substr(12, want.size()), want);
}

TEST(metrics, event_files_begin_with_their_version) {
  const test::Folder folder;
  std::string path;
  {
    auto file = EventFile::create(folder / "tensorboard", 1700000000.5);
    ASSERT_TRUE(file.ok()) << file.error().message;
    path = file->path();
    ASSERT_TRUE(file->write({1, 1700000001, {{"loss", 3.5}}}).ok());
  }
  EXPECT_TRUE(path.ends_with("events.out.tfevents.1700000000.jamsu"));
  const std::string bytes = *read_file(path);
  EXPECT_NE(bytes.find("brain.Event:2"), std::string::npos);
  EXPECT_GT(bytes.find("loss"), bytes.find("brain.Event:2"));
  EXPECT_FALSE(EventFile::create(folder / "a/b", 1).ok());
}

TEST(metrics, the_curve_is_drawn) {
  std::vector<MetricPoint> points;
  for (int64_t step = 1; step <= 3000; ++step)
    points.push_back(
        {step,
         0,
         {{"loss", 8 * std::exp(-static_cast<double>(step) / 500) + 1}, {"mtp", step == 7 ? std::nan("") : 2.0}}});
  const std::string svg = loss_curve_svg(points, {.title = "a < b & c", .values = {"loss", "mtp", "none"}});
  EXPECT_EQ(svg.rfind("<svg ", 0), 0u);
  EXPECT_TRUE(svg.ends_with("</svg>\n"));
  EXPECT_NE(svg.find("a &lt; b &amp; c"), std::string::npos);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_LT(svg.size(), 40'000u);                    // 3,000 steps drawn as 600 means
  EXPECT_EQ(svg.find(">none<"), std::string::npos);  // a value that nobody has is no line and no name
  // Few points are seen as such.
  EXPECT_EQ(svg.find("<circle"), std::string::npos);
  points[99].values.emplace_back("validation_loss", 3.0);
  const std::string marked = loss_curve_svg(points, {.title = "a", .values = {"loss", "validation_loss"}});
  EXPECT_NE(marked.find(">validation_loss<"), std::string::npos);
  EXPECT_NE(marked.find("<circle"), std::string::npos);
  // Nothing to draw is a picture too.
  EXPECT_EQ(loss_curve_svg({}, {.title = "empty"}).find("nan"), std::string::npos);
}

}  // namespace
}  // namespace jamsu::train
