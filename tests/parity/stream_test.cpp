// golden/text/streams.jsonl: reasoning, content and tool calls out of model text, the same for every cut.
#include <gtest/gtest.h>

#include <array>
#include <boost/json.hpp>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "parity/golden.h"
#include "text/stream/parser.h"
#include "unicode/utf8.h"

namespace jamsu::text {
namespace {

namespace json = boost::json;

StreamFormat format_named(std::string_view name) {
  for (int i = 0; i < kStreamFormats; ++i)
    if (stream_format_name(static_cast<StreamFormat>(i)) == name) return static_cast<StreamFormat>(i);
  throw std::runtime_error("format " + std::string(name));
}

// `lengths`: of the pieces; what is left over is a piece too.
StreamResult parse(StreamFormat format, bool in_reasoning, std::string_view text, const std::vector<size_t>& lengths) {
  StreamResult result;
  StreamParser parser(format, in_reasoning, result);
  for (const size_t length : lengths) {
    parser.push(text.substr(0, length));
    text.remove_prefix(std::min(length, text.size()));
  }
  if (!text.empty()) parser.push(text);
  result.end = parser.finish();
  return result;
}

std::vector<size_t> characters(std::string_view text) {
  std::vector<size_t> lengths;
  for (size_t at = 0; at < text.size(); at += lengths.back())
    lengths.push_back(unicode::decode_valid(text.data() + at).bytes);
  return lengths;
}

std::string optional_string(const json::object& o, std::string_view key) {
  const json::value* v = o.if_contains(key);
  return v ? std::string(v->as_string()) : std::string();
}

StreamResult expected(const json::object& line) {
  StreamResult want;
  want.reasoning_text = optional_string(line, "reasoning");
  want.content_text = optional_string(line, "content");
  want.end = {.truncated = line.at("truncated").as_bool(), .dropped = line.at("dropped").to_number<uint32_t>()};
  for (const json::value& v : line.at("tool_calls").as_array()) {
    const json::object& o = v.as_object();
    StreamResult::Call call;
    call.name = optional_string(o, "name");
    call.id = optional_string(o, "id");
    call.type = optional_string(o, "type");
    call.recipient = optional_string(o, "recipient");
    call.channel = optional_string(o, "channel");
    call.arguments = optional_string(o, "arguments");
    call.complete = o.at("complete").as_bool();
    call.valid = o.at("arguments_valid").as_bool();
    want.calls.push_back(call);
  }
  return want;
}

std::string in_words(const StreamResult& r) {
  json::array calls;
  for (const StreamResult::Call& c : r.calls)
    calls.push_back(json::array{c.name, c.id, c.type, c.recipient, c.channel, c.arguments, c.complete, c.valid});
  return json::serialize(json::array{r.reasoning_text, r.content_text, r.end.truncated, r.end.dropped, calls});
}

// What a client makes of the arguments.
bool arguments_parse_to(const StreamResult& got, const json::array& calls) {
  for (size_t i = 0; i < calls.size(); ++i) {
    const json::value* want = calls[i].as_object().if_contains("arguments_json");
    if (want && json::parse(got.calls[i].arguments) != *want) return false;
  }
  return true;
}

TEST(Streams, EveryLineInEveryCut) {
  const std::string text = golden::read_text(golden::root() / "text/streams.jsonl");
  struct Count {
    int lines = 0, calls = 0, failed = 0;
  };
  std::map<std::string, Count> counts;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const json::object line = json::parse(std::string_view(text).substr(begin, end - begin)).as_object();
    begin = end + 1;
    const std::string format = optional_string(line, "format"), input = optional_string(line, "text");
    std::vector<size_t> own;
    for (const json::value& n : line.at("chunk_bytes").as_array()) own.push_back(n.to_number<size_t>());
    const std::vector<std::vector<size_t>> cuts{own, {}, characters(input), std::vector<size_t>(input.size(), 1)};
    const StreamResult want = expected(line);
    Count& count = counts[format];
    ++count.lines;
    count.calls += static_cast<int>(want.calls.size());
    bool ok = true;
    int cut = 0;
    for (const auto& lengths : cuts) {
      const StreamResult got = parse(format_named(format), line.at("in_reasoning").as_bool(), input, lengths);
      const bool same = in_words(got) == in_words(want) && arguments_parse_to(got, line.at("tool_calls").as_array());
      if (!same && ok && count.failed < 5)
        ADD_FAILURE() << format << ", " << optional_string(line, "name") << ", cut " << cut << ": "
                      << json::serialize(json::value(input)) << "\n  got  " << in_words(got) << "\n  want "
                      << in_words(want);
      ok = ok && same;
      ++cut;
    }
    count.failed += !ok;
  }
  EXPECT_GT(counts.size(), 0u);
  for (const auto& [format, count] : counts) {
    std::printf("%-14s %3d of %3d lines, %d calls\n", format.c_str(), count.lines - count.failed, count.lines,
                count.calls);
    EXPECT_EQ(count.failed, 0) << format;
  }
}

}  // namespace
}  // namespace jamsu::text
