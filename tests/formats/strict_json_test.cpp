// JSON that nobody vouches for: numbers are the nearest doubles, or errors at their byte.
#include "formats/strict_json.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>
#include <random>
#include <string>

namespace jamsu::formats {
namespace {

std::string error_of(std::string_view text) {
  const auto value = parse_strict_json(text, "f");
  return value ? "none" : value.error().message;
}

TEST(StrictJson, ANumberBeyondADoubleIsRefusedAtItsByte) {
  EXPECT_EQ(error_of("1e999"), "f: byte 0: the number is too large for a double.");
  EXPECT_EQ(error_of(R"({"a": [1, -1e999]})"), "f: byte 10: the number is too large for a double.");
  EXPECT_EQ(error_of(R"({"a": 1, "b": 1.5, "c": 2e308})"), "f: byte 24: the number is too large for a double.");
  EXPECT_EQ(error_of("[" + std::string(400, '9') + "]"), "f: byte 1: the number is too large for a double.");
  EXPECT_EQ(error_of("[1e99999999999999999999]").find("f: byte "), 0u);
  EXPECT_EQ(error_of("1.7976931348623157e308"), "none");
  EXPECT_EQ(error_of("NaN").find("f: byte 0: NaN is no JSON, although Python's json writes it"), 0u);
  EXPECT_EQ(error_of(R"({"a": Infinity})").find("f: byte 6: Infinity is no JSON"), 0u);
  EXPECT_EQ(error_of(R"({"a": [1, -Infinity]})").find("f: byte 11: -Infinity is no JSON"), 0u);
  EXPECT_EQ(error_of(R"({"a": Nil})"), "f: byte 6: syntax error in JSON.");
}

TEST(StrictJson, AByteOrderMarkIsPassedOverAndUtf16IsNamed) {
  EXPECT_EQ(error_of("\xEF\xBB\xBF{\"a\": 1}"), "none");
  EXPECT_EQ(error_of("\xEF\xBB\xBF{\"a\": ?}"), "f: byte 9: syntax error in JSON.");
  EXPECT_EQ(error_of("\xEF\xBB\xBF{} {}").find("f: byte 6: something follows"), 0u);
  EXPECT_EQ(error_of(std::string_view("\xFF\xFE{\0}\0", 6)), "f: is UTF-16, where UTF-8 is read.");
}

TEST(StrictJson, WhatIsTooSmallIsZeroOrTheLeastDouble) {
  const auto value = parse_strict_json("[1e-999, -1e-999, 4.9e-324, 3e-324, 0e999, -0.0, 0]", "f");
  ASSERT_TRUE(value) << value.error().message;
  const auto& a = value->as_array();
  EXPECT_EQ(a[0].as_double(), 0);
  EXPECT_EQ(std::bit_cast<uint64_t>(a[1].as_double()), std::bit_cast<uint64_t>(-0.0));
  EXPECT_EQ(a[2].as_double(), 0x1p-1074);
  EXPECT_EQ(a[3].as_double(), 0x1p-1074);
  EXPECT_EQ(a[4].as_double(), 0);
  EXPECT_TRUE(std::signbit(a[5].as_double()));
  EXPECT_EQ(a[6].as_int64(), 0);
}

// Against what C's library reads, in every place of a document. Boost.JSON 1.81 itself reads some as a neighbour.
TEST(StrictJson, EveryDoubleIsTheNearest) {
  std::mt19937_64 random(3);
  std::string text = "[";
  std::vector<std::string> written;
  for (int i = 0; i < 20000; ++i) {
    const double value = std::bit_cast<double>(random());
    if (!std::isfinite(value)) continue;
    written.push_back(i % 3 == 0   ? fmt::format("{:.17g}", value)
                      : i % 3 == 1 ? fmt::format("{:.5e}", value)
                                   : fmt::format("{:.25e}", value));
    if (written.back().find_first_of(".e") == std::string::npos) written.back() += ".0";
    text += fmt::format(R"({}{{"n": {}, "more": [{}, "1.5", true]}})", written.size() > 1 ? ", " : "", written.back(),
                        written.back());
  }
  const auto value = parse_strict_json(text + "]", "f");
  ASSERT_TRUE(value) << value.error().message;
  ASSERT_EQ(value->as_array().size(), written.size());
  int differ = 0, boost_differs = 0;
  const boost::json::value theirs = boost::json::parse(text + "]");
  for (size_t i = 0; i < written.size(); ++i) {
    const double want = std::strtod(written[i].c_str(), nullptr);
    const auto& item = value->as_array()[i].as_object();
    differ += item.at("n").as_double() != want || item.at("more").as_array()[0].as_double() != want;
    boost_differs += theirs.as_array()[i].as_object().at("n").as_double() != want;
  }
  EXPECT_EQ(differ, 0);
  RecordProperty("boost_differs", boost_differs);
}

TEST(StrictJson, IntegersStayIntegers) {
  const auto value =
      parse_strict_json("[9223372036854775807, 18446744073709551615, 18446744073709551616, 1.0, 5]", "f");
  ASSERT_TRUE(value);
  const auto& a = value->as_array();
  EXPECT_EQ(a[0].as_int64(), INT64_MAX);
  EXPECT_EQ(a[1].as_uint64(), UINT64_MAX);
  EXPECT_EQ(a[2].as_double(), 0x1p64);
  EXPECT_EQ(a[3].as_double(), 1);
  EXPECT_EQ(a[4].as_int64(), 5);
}

TEST(StrictJson, DuplicatesAndDepthAndRemainsAreErrors) {
  EXPECT_EQ(error_of(R"({"a": 1, "a": 2})"), "f: key \"a\" stands twice in one object.");
  EXPECT_EQ(error_of("1 2").find("f: byte 2: "), 0u);
  EXPECT_NE(error_of(std::string(40, '[') + std::string(40, ']')), "none");
}

}  // namespace
}  // namespace jamsu::formats
