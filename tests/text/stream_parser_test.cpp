// Stream parsers beside the golden lines (tests/parity/stream_test.cpp): the choice by template, what is held back and
// for how long, the limits, the edges that no golden line has.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "base/files.h"
#include "text/chat_template.h"
#include "text/stream/parser.h"

namespace jamsu::text {
namespace {

using Call = StreamResult::Call;

// Whole, and a byte at a time: both must agree.
StreamResult parse(StreamFormat format, std::string_view text, bool in_reasoning = false) {
  StreamResult whole, cut;
  StreamParser one(format, in_reasoning, whole), many(format, in_reasoning, cut);
  one.push(text);
  whole.end = one.finish();
  for (const char c : text) many.push(std::string_view(&c, 1));
  cut.end = many.finish();
  EXPECT_EQ(whole.reasoning_text, cut.reasoning_text);
  EXPECT_EQ(whole.content_text, cut.content_text);
  EXPECT_EQ(whole.calls, cut.calls);
  EXPECT_EQ(whole.end, cut.end);
  return whole;
}

TEST(StreamParser, TheTemplatesMarkersChooseTheFormat) {
  const std::string golden = JAMSU_SOURCE_DIR "/tests/golden/";
  const std::array<std::pair<const char*, StreamFormat>, 13> templates{{
      {"data/templates/Kimi-K2-Instruct.jinja", StreamFormat::kimi_k2},
      {"data/templates/Kimi-K2-Thinking.jinja", StreamFormat::kimi_k2},
      {"data/templates/Qwen-QwQ-32B.jinja", StreamFormat::hermes},
      {"data/templates/Qwen-Qwen2.5-7B-Instruct.jinja", StreamFormat::hermes},
      {"data/templates/Qwen-Qwen3-0.6B.jinja", StreamFormat::hermes},
      {"data/templates/deepseek-ai-DeepSeek-R1-Distill-Qwen-32B.jinja", StreamFormat::deepseek_v3},
      {"data/templates/deepseek-ai-DeepSeek-V3.1.jinja", StreamFormat::deepseek_v31},
      {"data/templates/deepseek-ai-DeepSeek-V3.2.jinja", StreamFormat::dsml_v32},
      {"data/templates/deepseek-ai-DeepSeek-V4.jinja", StreamFormat::dsml_v4},
      {"data/templates/openai-gpt-oss-120b.jinja", StreamFormat::harmony},
      {"text/templates/blocks_like.jinja", StreamFormat::think},
      {"text/templates/llama3_like.jinja", StreamFormat::llama3},
      {"text/templates/mistral_like.jinja", StreamFormat::mistral},
  }};
  for (const auto& [file, format] : templates) {
    const Result<std::string> text = read_file(golden + file);
    ASSERT_TRUE(text.ok()) << text.error().message;
    EXPECT_EQ(stream_format_name(stream_format_of_template(*text)), stream_format_name(format)) << file;
  }
  // Pieces of the templates of models that are no golden data here.
  const std::array<std::pair<std::string_view, StreamFormat>, 5> pieces{{
      {"{%- set ns_token = ']<]minimax[>[' -%}{{ ns_token ~ '<tool_call>' }}{{ ns_token + '<invoke name=\"' }}",
       StreamFormat::minimax_m3},
      {"{{- '<|open|>' + tag -}}{{- '<|close|>' + tag + '<|sep|>' -}}{% if m.tool_calls %}", StreamFormat::kimi_k3},
      {"{{- '<atem:function_calls>\\n<atem:invoke name=\"' + tc.function.name + '\">\\n' -}}<|start|><|message|>",
       StreamFormat::muse},
      {"{{- \"<|tool_call:begin|>\" + tool_call.id +\"<|tool_call:name|>\" + name + \"<|tool_call:args|>\" }}",
       StreamFormat::solar_open},
      {"Respond in this format:\\n>>>${recipient}\\n${content}\\nAvailable functions:<|start_header_id|>",
       StreamFormat::functionary},
  }};
  for (const auto& [text, format] : pieces)
    EXPECT_EQ(stream_format_name(stream_format_of_template(text)), stream_format_name(format));
  EXPECT_EQ(stream_format_of_template(kChatTemplate), StreamFormat::think);
  EXPECT_EQ(stream_format_of_template(""), StreamFormat::think);
  EXPECT_EQ(stream_format_of_template("{% for c in m.tool_calls %}<x:call>{% endfor %}"), StreamFormat::unknown);
}

TEST(StreamParser, PlainThinkingHasNoCalls) {
  const StreamResult got =
      parse(StreamFormat::think, " \n<think>a<tool_call></think>b<tool_call>{}</tool_call></think>");
  EXPECT_EQ(got.reasoning_text, "a<tool_call>");
  EXPECT_EQ(got.content_text, "b<tool_call>{}</tool_call></think>");
  EXPECT_TRUE(got.calls.empty());
  EXPECT_EQ(got.end, StreamEnd{});
}

// Text is passed on as it comes; only what may be a marker waits.
TEST(StreamParser, NothingElseWaits) {
  for (int i = 0; i < kStreamFormats; ++i) {
    const auto format = static_cast<StreamFormat>(i);
    StreamResult got;
    StreamParser parser(format, false, got);
    std::string sent;
    for (const char* piece : {"Hello", " <b", "> 한", "글 </thin", "g> <|x|> <", "｜｜> end"}) {
      parser.push(piece);
      sent += piece;
      EXPECT_TRUE(sent.starts_with(got.content_text)) << stream_format_name(format);
      EXPECT_LE(sent.size() - got.content_text.size(), 9u) << stream_format_name(format) << ": " << sent;
    }
    got.end = parser.finish();
    EXPECT_EQ(got.content_text, sent) << stream_format_name(format);
  }
}

// Arguments are passed on before the call has ended.
TEST(StreamParser, ArgumentsAreStreamed) {
  StreamResult got;
  StreamParser parser(StreamFormat::deepseek_v31, false, got);
  parser.push("<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜> {\"a\": ");
  ASSERT_EQ(got.calls.size(), 1u);
  EXPECT_EQ(got.calls[0].name, "f");
  EXPECT_EQ(got.calls[0].arguments, "{\"a\":");
  parser.push("[1, 2");
  EXPECT_EQ(got.calls[0].arguments, "{\"a\": [1, 2");
  EXPECT_FALSE(got.calls[0].complete);
  parser.push("]} <｜tool▁call▁end｜>");
  EXPECT_EQ(got.calls[0].arguments, "{\"a\": [1, 2]}");
  EXPECT_TRUE(got.calls[0].complete);
  EXPECT_TRUE(got.calls[0].valid);
}

TEST(StreamParser, BytesThatAreNotUtf8) {
  const StreamResult got = parse(StreamFormat::think,
                                 "a\xff\xed\x95"
                                 "b\xed\x95\x9c<think>\xf0\x9f");
  EXPECT_EQ(got.content_text,
            "a\xef\xbf\xbd\xef\xbf\xbd"
            "b\xed\x95\x9c<think>\xef\xbf\xbd");
}

// White space before a Hermes call belongs to it, but not without limit.
TEST(StreamParser, WhiteSpaceBeforeACallHasALimit) {
  const std::string call = "<tool_call>{\"name\": \"f\"}</tool_call>";
  for (const size_t blanks : {size_t{1}, kMostWhiteSpace, kMostWhiteSpace + 1, 3 * kMostWhiteSpace + 7}) {
    const StreamResult got = parse(StreamFormat::hermes, "x" + std::string(blanks, ' ') + call);
    EXPECT_EQ(got.content_text, "x" + std::string(blanks - std::min(blanks, kMostWhiteSpace), ' '));
    ASSERT_EQ(got.calls.size(), 1u);
    EXPECT_EQ(got.calls[0].arguments, "{}");
  }
  const std::string many(kMostWhiteSpace + 1, '\n');
  EXPECT_EQ(parse(StreamFormat::think, many + "<think>a</think>b").content_text, many + "<think>a</think>b");
}

TEST(StreamParser, DeepArgumentsAreNotValid) {
  const auto nested = [](size_t depth) {
    const std::string arguments = "{\"a\":" + std::string(depth, '[') + std::string(depth, ']') + "}";
    return parse(StreamFormat::kimi_k2,
                 "<|tool_calls_section_begin|><|tool_call_begin|>f:0<|tool_call_argument_begin|>" + arguments +
                     "<|tool_call_end|><|tool_calls_section_end|>");
  };
  EXPECT_TRUE(nested(kMostJsonDepth - 1).calls.at(0).valid);
  EXPECT_FALSE(nested(kMostJsonDepth).calls.at(0).valid);
  const StreamResult deep = nested(100'000);
  EXPECT_EQ(deep.calls.at(0).arguments.size(), 200'006u);
  EXPECT_FALSE(deep.calls.at(0).valid);
  const std::string block = "<tool_call>{\"name\": \"f\", \"arguments\": " + std::string(1000, '[') + "</tool_call>";
  EXPECT_EQ(parse(StreamFormat::hermes, block).content_text, block);
}

TEST(StreamParser, ALongHeaderIsDropped) {
  const std::string name(kMostHeader + 1, 'n');
  const StreamResult kimi = parse(StreamFormat::kimi_k2, "<|tool_calls_section_begin|><|tool_call_begin|>" + name +
                                                             "<|tool_call_argument_begin|>{}<|tool_call_end|>"
                                                             "<|tool_call_begin|>g<|tool_call_argument_begin|>1"
                                                             "<|tool_call_end|><|tool_calls_section_end|>x");
  EXPECT_EQ(kimi.content_text, "x");
  EXPECT_EQ(kimi.end.dropped, 1u);
  EXPECT_EQ(kimi.calls, (std::vector<Call>{{{.name = "g", .id = "g"}, "1", true, true}}));
  const StreamResult dsml =
      parse(StreamFormat::dsml_v4, "<｜DSML｜tool_calls><｜DSML｜invoke name=\"" + name + "\">x</｜DSML｜tool_calls>y");
  EXPECT_EQ(dsml.content_text, "y");
  EXPECT_EQ(dsml.end.dropped, 1u);
  EXPECT_TRUE(dsml.calls.empty());
}

// A block that turns out to be text behind an end tag inside a string: what follows that tag is read once more.
TEST(StreamParser, ABadHermesBlockEndsAtItsFirstEndTag) {
  const std::string good = "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": [1, 2]}}</tool_call>";
  const std::string bad = "<tool_call>{\"name\": \"</tool_call>";
  const StreamResult got = parse(StreamFormat::hermes, bad + "x" + good + "y");
  EXPECT_EQ(got.content_text, bad + "xy");
  EXPECT_EQ(got.calls, (std::vector<Call>{{{.name = "f"}, "{\"a\": [1, 2]}", true, true}}));
  EXPECT_EQ(got.end, (StreamEnd{.truncated = false, .dropped = 1}));
  // The same at the end of the text and at the end-of-sequence token, more than once.
  for (const char* last : {"", "<|im_end|>", "<|im_end|></tool_call>"}) {
    const std::string text = bad + " a " + bad + " b ";
    const StreamResult cut = parse(StreamFormat::hermes, text + last);
    EXPECT_EQ(cut.content_text, text);
    EXPECT_EQ(cut.end, (StreamEnd{.truncated = false, .dropped = 2}));
  }
  // Members by their decoded names, the last one counts.
  const StreamResult names =
      parse(StreamFormat::hermes,
            "<tool_call>{\"arguments\": 1, \"n\\u0061me\": \"f\", \"argument\\u0073\": {\"a:\": 2} }</tool_call>");
  EXPECT_EQ(names.calls, (std::vector<Call>{{{.name = "f"}, "{\"a:\": 2}", true, true}}));
}

TEST(StreamParser, ALongHermesBlockIsText) {
  const std::string block = "<tool_call>{\"name\": \"" + std::string(kMostBody, 'x') + "\"}</tool_call>";
  StreamResult got;
  StreamParser parser(StreamFormat::hermes, false, got);
  parser.push(block + "z");
  got.end = parser.finish();
  EXPECT_EQ(got.content_text, block + "z");
  EXPECT_EQ(got.end.dropped, 1u);
}

// Blocks inside the strings of blocks: text is read twice at most, so 8 MiB take no time that a person notices.
TEST(StreamParser, BlocksInsideStringsStayCheap) {
  std::string text;
  while (text.size() < (8 << 20)) {
    text += "<tool_call>{\"</tool_call>";
    for (int i = 0; i < 1000; ++i) text += "<tool_call>{\"\":\"\"</tool_call>";
  }
  StreamResult got;
  StreamParser parser(StreamFormat::hermes, false, got);
  parser.push(text);
  got.end = parser.finish();
  EXPECT_EQ(got.content_text, text);
  EXPECT_GT(got.end.dropped, 100'000u);
}

TEST(StreamParser, DsmlTagsThatAreBroken) {
  const auto section = [](const std::string& inside) {
    return parse(StreamFormat::dsml_v32, "<｜DSML｜function_calls>" + inside + "</｜DSML｜function_calls>");
  };
  const std::string open = "<｜DSML｜invoke name=\" f \">", close = "</｜DSML｜invoke>";
  const auto parameter = [](const std::string& attributes, const std::string& value) {
    return "<｜DSML｜parameter" + attributes + ">" + value + "</｜DSML｜parameter>";
  };
  const std::string good = parameter(" name=\"a>\" string=\"false\" ", "[1]");
  EXPECT_EQ(section(open + good + close).calls, (std::vector<Call>{{{.name = "f"}, "{\"a>\": [1]}", true, true}}));
  for (const char* bad : {" string=\"true\" name=\"a\"", "name=\"a\" string=\"true\"", " name=\"a\" string=\"maybe\"",
                          " name=\"a\" string=\"true\" x", " name=\"a string=true", ""}) {
    const StreamResult got = section(open + parameter(bad, "1") + good + close);
    EXPECT_EQ(got.calls, (std::vector<Call>{{{.name = "f"}, "{\"a>\": [1]}", true, true}})) << bad;
    EXPECT_EQ(got.end.dropped, 1u) << bad;
  }
  EXPECT_EQ(section("<｜DSML｜invoke name=\"\">" + good + close).end.dropped, 1u);
}

TEST(StreamParser, HarmonyEdges) {
  const auto harmony = [](std::string_view text) { return parse(StreamFormat::harmony, text); };
  EXPECT_EQ(harmony(" to=me").content_text, " to=me");
  EXPECT_EQ(harmony("too<|end|>x<|start|>assistant<|channel|>final<|message|>y<|end|>").content_text, "too\ny");
  const StreamResult cut = harmony("<|start|>assistant<|channel|>analysis<|return|>x");
  EXPECT_EQ(cut.end, (StreamEnd{.truncated = true, .dropped = 0}));
  EXPECT_EQ(cut.content_text + cut.reasoning_text, "");
}

}  // namespace
}  // namespace jamsu::text
