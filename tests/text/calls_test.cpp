// Replies of every format (golden/text/calls.jsonl: our own inputs, one a line, behind a line with the tools), read as
// sessions read them: whole, a byte at a time, and cut off at every byte.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstdio>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "text/stream/literals.h"
#include "text/stream/parser.h"
#include "text/stream/text.h"

namespace jamsu::text {
namespace {

namespace json = boost::json;

struct Reply {
  StreamFormat format = StreamFormat::think;
  std::string name, text, reasoning, content;
  bool in_reasoning = false;
  json::array calls;
  ToolSchemas tools;
};

StreamFormat format_named(std::string_view name) {
  for (int i = 0; i < kStreamFormats; ++i)
    if (stream_format_name(static_cast<StreamFormat>(i)) == name) return static_cast<StreamFormat>(i);
  ADD_FAILURE() << name;
  return StreamFormat::think;
}

std::vector<Reply> replies() {
  std::ifstream in(JAMSU_SOURCE_DIR "/tests/golden/text/calls.jsonl", std::ios::binary);
  std::vector<Reply> all;
  ToolSchemas tools;
  for (std::string line; std::getline(in, line);) {
    const json::object o = json::parse(line).as_object();
    if (!o.contains("format")) {
      tools = ToolSchemas(o.at("tools").as_array());
      continue;
    }
    const auto text = [&](const char* key) { return std::string(std::string_view(o.at(key).as_string())); };
    Reply r{.format = format_named(text("format")),
            .name = text("format") + ": " + text("name"),
            .text = text("text"),
            .reasoning = text("reasoning"),
            .content = text("content"),
            .in_reasoning = o.at("in_reasoning").as_bool(),
            .calls = o.at("calls").as_array(),
            .tools = tools};
    if (const json::value* own = o.if_contains("tools")) r.tools = ToolSchemas(own->as_array());
    all.push_back(std::move(r));
  }
  return all;
}

StreamResult parse(const Reply& r, std::string_view text, size_t piece) {
  StreamResult result;
  StreamParser parser(r.format, {.in_reasoning = r.in_reasoning, .tools = r.tools}, result);
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size()))) parser.push(text.substr(0, piece));
  result.end = parser.finish();
  return result;
}

std::string shown(const StreamResult& got) {
  std::string out = "reasoning " + json_quoted(got.reasoning_text) + ", content " + json_quoted(got.content_text);
  for (const StreamResult::Call& call : got.calls) out += ", " + call.name + "[" + call.id + "]" + call.arguments;
  return out;
}

bool is_right(const Reply& r, const StreamResult& got) {
  if (trim(got.reasoning_text) != trim(r.reasoning) || trim(got.content_text) != trim(r.content)) return false;
  if (got.calls.size() != r.calls.size()) return false;
  for (size_t i = 0; i < r.calls.size(); ++i) {
    const json::object& want = r.calls[i].as_object();
    const StreamResult::Call& call = got.calls[i];
    if (call.name != std::string_view(want.at("name").as_string()) || !call.complete || !call.valid) return false;
    if (json::parse(call.arguments) != want.at("arguments")) return false;
    if (const json::value* id = want.if_contains("id"); id && call.id != std::string_view(id->as_string()))
      return false;
  }
  return true;
}

TEST(Calls, RepliesOfEveryFormat) {
  std::map<StreamFormat, std::pair<int, int>> counts;  // right, all
  for (const Reply& r : replies()) {
    const StreamResult whole = parse(r, r.text, r.text.size()), bytes = parse(r, r.text, 1),
                       pieces = parse(r, r.text, 7);
    const bool right = is_right(r, whole);
    EXPECT_TRUE(right) << r.name << "\n  text " << json_quoted(r.text) << "\n  got  " << shown(whole);
    for (const StreamResult& other : {bytes, pieces}) {
      EXPECT_EQ(shown(whole), shown(other)) << r.name;
      EXPECT_EQ(whole.calls, other.calls) << r.name;
      EXPECT_EQ(whole.end, other.end) << r.name;
    }
    counts[r.format].first += right;
    ++counts[r.format].second;
  }
  for (const auto& [format, count] : counts)
    std::printf("%-14s %d of %d\n", std::string(stream_format_name(format)).c_str(), count.first, count.second);
  EXPECT_EQ(counts.size(), kStreamFormats - 2u);  // the DSML formats have goldens alone (streams.jsonl)
}

// What a cut reply says of a call is the beginning of what the whole one says, or whole JSON by itself: no piece of a
// mark is in it.
TEST(Calls, RepliesThatAreCutAtEveryByte) {
  const std::vector<Reply> all = replies();
  std::map<StreamFormat, std::vector<std::string>> arguments;
  for (const Reply& r : all)
    for (const StreamResult::Call& call : parse(r, r.text, r.text.size()).calls)
      arguments[r.format].push_back(call.arguments);
  size_t cuts = 0;
  for (const Reply& r : all) {
    for (size_t size = 0; size < r.text.size(); ++size) {
      const StreamResult got = parse(r, std::string_view(r.text).substr(0, size), r.text.size());
      ++cuts;
      for (const StreamResult::Call& call : got.calls) {
        bool fits = is_json(call.arguments);
        for (const std::string& whole : arguments[r.format])
          fits = fits || std::string_view(whole).starts_with(call.arguments) ||
                 // The value goes on behind what might have been its end tag.
                 (call.arguments.ends_with('"') &&
                  std::string_view(whole).starts_with(call.arguments.substr(0, call.arguments.size() - 1)));
        // A character that was cut is written as U+FFFD.
        fits = fits || call.arguments.ends_with("\xef\xbf\xbd");
        EXPECT_TRUE(fits) << r.name << " cut at " << size << ": " << call.arguments;
        EXPECT_EQ(call.valid, is_json(call.arguments)) << r.name << " cut at " << size;
      }
    }
  }
  std::printf("%zu cuts\n", cuts);
}

TEST(Calls, LiteralsBecomeJson) {
  const auto python = [](std::string_view text) { return literal_to_json(text, Literals::python).value_or("none"); };
  EXPECT_EQ(python("{'a': (1, 2.5), \"b\": [None, True, False, -1e5]}"),
            R"({"a": [1, 2.5], "b": [null, true, false, -1e5]})");
  EXPECT_EQ(python(R"('it\'s \x41\u00e9\U0001F600\q\n')"), R"("it's Aé😀\\q\n")");
  EXPECT_EQ(python("'''a'b'''"), R"("a'b")");
  EXPECT_EQ(python("''"), R"("")");
  EXPECT_EQ(python("[1, 2, ]"), "[1, 2]");
  EXPECT_EQ(python("+5"), "5");
  for (const char* bad : {"", "01", "1_0", "nope", "'a", "[1", "{1: 2}", "{'a' 1}", "1 2", "--1", "."})
    EXPECT_EQ(python(bad), "none") << bad;
  EXPECT_EQ(literal_to_json("{a:<|\"|>x<|\"|>,b:[1,<|\"|><|\"|>],c:word}", Literals::gemma).value_or("none"),
            R"({"a": "x", "b": [1, ""], "c": "word"})");
  EXPECT_EQ(literal_to_json("{\"a\": \"b\tc\", \"n\": 1e400}", Literals::json).value_or("none"),
            R"({"a": "b\tc", "n": 1e400})");
  EXPECT_FALSE(literal_to_json("{'a': 1}", Literals::json));
  const std::string deep(100'000, '[');
  EXPECT_FALSE(literal_to_json(deep, Literals::json));
  EXPECT_FALSE(literal_to_json(deep, Literals::python));
}

TEST(Calls, SchemasDecideTheTypes) {
  const ToolSchemas tools(json::parse(R"([
    {"type": "function", "function": {"name": "f", "parameters": {"properties": {
      "s": {"type": "string"}, "i": {"type": "integer"}, "b": {"type": "BOOLEAN"}, "u": {"type": ["string", "integer"]},
      "e": {"enum": ["a", "b"]}, "m": {"enum": ["a", 1]}, "c": {"const": 5}, "r": {"$ref": "#/$defs/o"},
      "loop": {"$ref": "#/$defs/loop"}, "away": {"$ref": "http://x/y"}, "any": {}, "wrong": 5, "n": {"type": "dict"},
      "opt": {"anyOf": [{"type": "array"}, {"type": "null"}]}, "p": {"properties": {}}, "wide": {"$ref": "#/$defs/wide"},
      "deep": {"oneOf": [{"type": "null"}, {"properties": {"n": {"type": "string"}, "more": {"$ref": "#/$defs/deep"}}},
                         {"items": {"type": "string"}}]}},
      "$defs": {"o": {"type": "object"}, "loop": {"$ref": "#/$defs/loop"},
                "deep": {"properties": {"n": {"type": "boolean"}, "more": {"$ref": "#/$defs/deep"}}},
                "wide": {"anyOf": [{"$ref": "#/$defs/wide"}, {"$ref": "#/$defs/wide"}, {"$ref": "#/$defs/wide"},
                  {"$ref": "#/$defs/wide"}, {"$ref": "#/$defs/wide"}, {"$ref": "#/$defs/wide"},
                  {"$ref": "#/$defs/wide"}, {"$ref": "#/$defs/wide"}, {"$ref": "#/$defs/wide"}]}}}}},
    {"name": "bare", "input_schema": {"properties": {"s": {"type": "string"}}}}, 7, {"function": {}}, {"name": 3}])")
                              .as_array());
  EXPECT_TRUE(tools.has("f") && tools.has("bare") && !tools.has("g"));
  EXPECT_EQ(tools.parameter("f", 1), "i");
  EXPECT_EQ(tools.parameter("f", 99), "");
  const struct {
    const char *parameter, *written, *json;
  } cases[] = {{"s", "5", R"("5")"},
               {"s", " a\n", R"(" a\n")"},
               {"s", "null", R"("null")"},
               {"i", " 5 ", "5"},
               {"i", "x", R"("x")"},
               {"i", "5.0", "5.0"},
               {"b", "true", "true"},
               {"b", "True", "true"},
               {"b", "yes", R"("yes")"},
               {"u", "5", "5"},
               {"u", "5 a", R"("5 a")"},
               {"u", "true", R"("true")"},
               {"e", "a", R"("a")"},
               {"m", "1", "1"},
               {"m", "a", R"("a")"},
               {"c", "5", "5"},
               {"r", "{'x': 1}", R"({"x": 1})"},
               {"loop", "5", "5"},
               {"away", "x", R"("x")"},
               {"any", "[1]", "[1]"},
               {"wrong", "true", "true"},
               {"n", "{}", "{}"},
               {"opt", "null", "null"},
               {"opt", "None", "null"},
               {"opt", "a", R"("a")"},
               {"p", "{'a': None}", R"({"a": null})"},
               {"wide", "5", "5"},
               {"other", "007", R"("007")"}};
  for (const auto& c : cases)
    EXPECT_EQ(tools.value("f", c.parameter, c.written), c.json) << c.parameter << " " << c.written;
  // What lies within a parameter, behind oneOf and $ref.
  const SchemaPart deep = tools.part("f", "deep");
  EXPECT_EQ(deep.member("n").value("5"), R"("5")");
  EXPECT_EQ(deep.member("more").member("more").member("n").value("True"), "true");
  EXPECT_EQ(deep.item().value("5"), R"("5")");
  EXPECT_TRUE(deep.may_be_list() && !deep.member("more").may_be_list() && deep.member("other").may_be_list());
  EXPECT_EQ(deep.member("more").empty(), "{}");
  EXPECT_EQ(deep.member("other").value("5"), "5");
  EXPECT_EQ(tools.part("f", "wide").member("x").kinds(), 0);
  EXPECT_EQ(tools.value("bare", "s", "1"), R"("1")");
  EXPECT_EQ(tools.value("none", "s", "1"), "1");
  EXPECT_EQ(ToolSchemas().value("f", "s", "1"), "1");
}

TEST(Calls, PromptsThatOpenReasoning) {
  EXPECT_TRUE(prompt_opens_reasoning(StreamFormat::hermes, "<|im_start|>assistant\n<think>\n"));
  EXPECT_FALSE(prompt_opens_reasoning(StreamFormat::hermes, "<|im_start|>assistant\n<think>\n\n</think>\n\n"));
  EXPECT_FALSE(prompt_opens_reasoning(StreamFormat::hermes, "<think> is a mark<|im_end|>\n<|im_start|>assistant\n"));
  EXPECT_TRUE(prompt_opens_reasoning(StreamFormat::seed_oss, "<seed:bos>assistant\n<seed:think>"));
  EXPECT_TRUE(prompt_opens_reasoning(StreamFormat::apriel, "<|begin_assistant|>\nHere are my reasoning steps:\n"));
  EXPECT_FALSE(prompt_opens_reasoning(StreamFormat::harmony, "<think>"));
  EXPECT_TRUE(prompt_opens_reasoning(StreamFormat::harmony, "<|start|>assistant<|channel|>analysis<|message|>"));
  EXPECT_TRUE(
      prompt_opens_reasoning(StreamFormat::kimi_k3, "<|open|>message role=\"assistant\"<|sep|><|open|>think<|sep|>"));
  EXPECT_FALSE(
      prompt_opens_reasoning(StreamFormat::solar_open, "<|begin|>assistant<|think|><|end|><|begin|>assistant"));
}

const std::string kM3 = "]<]minimax[>[";

// Tags in tags are JSON down to the depth that is allowed; deeper ones are its text.
TEST(Calls, DeepTags) {
  Reply r;
  r.format = StreamFormat::minimax_m3;
  for (const size_t depth : {10, 20'000}) {
    std::string text = kM3 + "<tool_call>" + kM3 + "<invoke name=\"f\">";
    for (size_t i = 0; i < depth; ++i) text += kM3 + "<a>";
    text += "x";
    for (size_t i = 0; i < depth; ++i) text += kM3 + "</a>";
    text += kM3 + "</invoke>" + kM3 + "</tool_call>z";
    const StreamResult whole = parse(r, text, text.size()), pieces = parse(r, text, 7);
    ASSERT_EQ(whole.calls.size(), 1u);
    EXPECT_TRUE(whole.calls[0].complete && whole.calls[0].valid && is_json(whole.calls[0].arguments));
    EXPECT_EQ(shown(whole) == shown(pieces), true);
    EXPECT_EQ(whole.content_text, "z");
    EXPECT_EQ(whole.end.dropped == 0, depth == 10);
  }
}

// A first line that can become no recipient's name does not wait for its end.
TEST(Calls, FirstWordsOfFunctionaryDoNotWait) {
  const ToolSchemas tools(json::parse(R"([{"name": "sum", "parameters": {}}])").as_array());
  StreamResult got;
  StreamParser parser(StreamFormat::functionary, {.tools = tools}, got);
  parser.push("안녕하세요");
  EXPECT_EQ(got.content_text, "안녕하세요");
  StreamResult name;
  StreamParser other(StreamFormat::functionary, {.tools = tools}, name);
  other.push("su");
  EXPECT_EQ(name.content_text, "");
  other.push("n");
  EXPECT_EQ(name.content_text, "sun");
}

// Long values in small pieces: what is too long is dropped or text, the same for every cut.
TEST(Calls, LongBodies) {
  const std::string many(kMostBody, 'x');
  for (const auto& [format, begin, end] : std::vector<std::tuple<StreamFormat, std::string, std::string>>{
           {StreamFormat::function_xml, "<tool_call><function=f><parameter=a>", "</parameter></function></tool_call>z"},
           {StreamFormat::glm, "<tool_call>f<arg_key>a</arg_key><arg_value>", "</arg_value></tool_call>z"},
           {StreamFormat::minimax_m3, kM3 + "<tool_call>" + kM3 + "<invoke name=\"f\">" + kM3 + "<a>",
            kM3 + "</a>" + kM3 + "</invoke>" + kM3 + "</tool_call>z"},
           {StreamFormat::lfm2, "<|tool_call_start|>[f(a='", "')]<|tool_call_end|>z"},
           {StreamFormat::nemotron_v2, "<TOOLCALL>[{\"name\": \"", "\"}]</TOOLCALL>z"},
           {StreamFormat::function_xml, "<tool_call><function=", "></function></tool_call>z"}}) {
    Reply r;
    r.format = format;
    const std::string text = begin + many + "<tool_call>" + end;
    const StreamResult whole = parse(r, text, text.size()), pieces = parse(r, text, 4093);
    EXPECT_EQ(whole.content_text == pieces.content_text && whole.calls == pieces.calls, true) << begin;
    EXPECT_EQ(whole.end, pieces.end);
    EXPECT_EQ(whole.end.dropped >= 1, true) << begin;
    EXPECT_TRUE(whole.content_text.ends_with("z")) << begin;
  }
  Reply thinking;
  thinking.format = StreamFormat::hermes;
  thinking.in_reasoning = true;
  const std::string text = "a<tool_call>" + many + "<tool_call>" + many + "</think>b";
  const StreamResult whole = parse(thinking, text, text.size()), pieces = parse(thinking, text, 4093);
  EXPECT_EQ(whole.reasoning_text.size(), text.size() - 9);
  EXPECT_EQ(whole.content_text, "b");
  EXPECT_EQ(shown(whole) == shown(pieces), true);
}

}  // namespace
}  // namespace jamsu::text
