// Objects a line, in an array, and over several lines; what is none is named by its line.
#include "formats/json_records.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <vector>

namespace jamsu::formats {
namespace {

// "FILE:LINE {...}" of each object, or the error.
std::vector<std::string> read(std::string_view text) {
  std::vector<std::string> seen;
  const auto count = for_each_record(text, "x", [&](const boost::json::object& o, const std::string& where) -> Status {
    seen.push_back(where + " " + boost::json::serialize(o));
    return {};
  });
  if (!count) return {count.error().message};
  EXPECT_EQ(static_cast<size_t>(*count), seen.size());
  return seen;
}
using List = std::vector<std::string>;

TEST(JsonRecords, EveryWayToWriteManyObjects) {
  const List two = {"x:1 {\"a\":1}", "x:2 {\"a\":2}"};
  EXPECT_EQ(read("{\"a\":1}\n{\"a\":2}\n"), two);
  EXPECT_EQ(read("{\"a\":1}\r\n{\"a\":2}"), two);
  EXPECT_EQ(read("{\"a\":1} \t\n\xEF\xBB\xBF{\"a\":2}"), two);  // two files joined, the second with its mark
  EXPECT_EQ(read("\n \n{\"a\":1}\n\n{\"a\":2}\n\n"), (List{"x:3 {\"a\":1}", "x:5 {\"a\":2}"}));
  EXPECT_EQ(read("{\"a\":1}\r{\"a\":2}\r"), (List{"x:1 {\"a\":1}", "x:1 {\"a\":2}"}));
  EXPECT_EQ(read("[{\"a\":1},\n{\"a\":2}]\n"), two);
  EXPECT_EQ(read("[\n  {\n    \"a\": 1\n  },\n  {\"a\": 2}\n]"), (List{"x:2 {\"a\":1}", "x:5 {\"a\":2}"}));
  EXPECT_EQ(read("{\n  \"a\": 1\n}\n{\n  \"a\": 2\n}\n"), (List{"x:1 {\"a\":1}", "x:4 {\"a\":2}"}));  // jq
  EXPECT_EQ(read(""), List{});
  EXPECT_EQ(read(" \n"), List{});
  EXPECT_EQ(read("[]"), List{});
}

TEST(JsonRecords, WhatIsNoneIsNamedByItsLine) {
  const struct {
    const char *text, *says;
  } cases[] = {{"{\"a\":1}\n[1]", "x:2: is no JSON object."},
               {"{\"a\":1}\n{\"a\":\n", "x:2: byte 5: incomplete JSON"},
               {"{\"a\":1\n{\"a\":2}\n", "x:1: byte 6: incomplete JSON"},
               {"{\"a\":1} {\"a\":2}\n", "x:1: byte 8: something follows the JSON value."},
               {"{\"a\":1,\"a\":2}\n", "x:1: key \"a\" stands twice"},
               {"{\n\"a\":1,\n\"a\":2}\n", "x:1: "},
               {"{\n\"a\":1\n} 2\n", "something follows"},
               {"nonsense", "x:1: byte 0: syntax error"},
               {"[{\"a\":1},\n2]", "x:2: is no JSON object."},
               {"[{\"a\":1}\n{\"a\":2}]", "x:2: the list of objects does not go on"},
               {"[{\"a\":1},", "x:1: byte 0: incomplete JSON"},
               {"[{\"a\":1}", "x:1: the list of objects does not go on"},
               {"[{\"a\":1}]\n{\"a\":2}", "x:2: something follows the list of objects."},
               {"[", "x:1: "}};
  for (const auto& c : cases) {
    const List got = read(c.text);
    ASSERT_EQ(got.size(), 1u) << c.text;
    EXPECT_TRUE(got[0].starts_with("x:")) << got[0];
    EXPECT_NE(got[0].find(c.says), std::string::npos) << got[0] << "\n want: " << c.says;
  }
}

TEST(JsonRecords, StopsAtTheFirstErrorOfTheUser) {
  int seen = 0;
  const auto count = for_each_record("{}\n{}\n{}", "x", [&](const boost::json::object&, const std::string& where) {
    return ++seen == 2 ? Status(Error{where + ": no"}) : Status();
  });
  EXPECT_EQ(count.error().message, "x:2: no");
  EXPECT_EQ(seen, 2);
}

}  // namespace
}  // namespace jamsu::formats
