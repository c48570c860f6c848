// What a line of `generate --prompts` says of its own reply.
#include "regress/program.h"

namespace jamsu::regress {
namespace {

using LineOptions = ProgramTest;

// What a line says itself is obeyed as the command line's options are, or named; never passed over.
TEST_F(LineOptions, AreObeyedOrNamed) {
  const std::string path = file("p.jsonl", R"({"prompt": "7+5", "max_tokens": 2}
{"prompt": "7+5", "max_completion_tokens": 3, "max_tokens": 3, "temperature": 0.0, "top_p": 1, "stop": null}
{"prompt": "7+5", "temperature": 5, "seed": 3}
{"prompt": "7+5", "temperature": 5, "seed": 3, "n": 1, "logit_bias": {}, "response_format": {"type": "text"}}
{"prompt": "7+5", "temperature": 5, "seed": 4}
{"prompt": "7+5", "think": false}
{"request": {"messages": [{"role": "user", "content": "7+5"}], "max_tokens": 4}, "response": null}
{"prompt": "7+5"}
)");
  const Ended ended = jamsu({"generate", "--chat", "--prompts", path, "--max-tokens", "60"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  const auto lines = ended.lines();
  ASSERT_EQ(lines.size(), 8u);
  EXPECT_EQ(lines[0].at("tokens").as_int64(), 2);
  EXPECT_EQ(lines[1].at("tokens").as_int64(), 3);
  const auto said = [&](size_t i) {
    return boost::json::serialize(lines[i].at("content")) + boost::json::serialize(lines[i].at("reasoning"));
  };
  EXPECT_EQ(said(2), said(3));
  EXPECT_NE(said(2), said(4));
  EXPECT_NE(lines[5].at("prompt_tokens"), lines[7].at("prompt_tokens")) << "the template's switch";
  EXPECT_EQ(lines[6].at("tokens").as_int64(), 4);
  const auto hot =
      jamsu({"generate", "--chat", "-p", "7+5", "--json", "--max-tokens", "60", "--temperature", "5", "--seed", "3"});
  EXPECT_EQ(hot.json().at("content"), lines[2].at("content")) << "as the command line's";
  // A stop of the line's own.
  const auto whole = jamsu({"generate", "-p", "1, 2, 3, ", "--json", "--max-tokens", "20"}).json();
  const std::string content(whole.at("content").as_string());
  const size_t comma = content.find(',');
  ASSERT_NE(comma, std::string::npos) << content;
  const auto stopped = jamsu({"generate", "--max-tokens", "20", "--prompts",
                              file("s.jsonl", R"({"prompt": "1, 2, 3, ", "stop": [","]})")})
                           .json();
  EXPECT_EQ(std::string(stopped.at("content").as_string()), content.substr(0, comma));

  const std::pair<const char*, const char*> bad[] = {
      {R"("temperature": -1)", "bad.jsonl:2: \"temperature\" is -1: temperature is a number from 0 to 100"},
      {R"("temperature": "1")", "\"temperature\" is \"1\": temperature is a number"},
      {R"("max_tokens": 0)", "\"max_tokens\" is 0: max_tokens is a whole number"},
      {R"("max_tokens": 2.5)", "\"max_tokens\" is 2.5E0: max_tokens is a whole number"},
      {R"("max_tokens": 2, "max_new_tokens": 3)", "\"max_tokens\" and \"max_new_tokens\" disagree"},
      {R"("seed": -1)", "\"seed\" is -1: seed is a whole number"},
      {R"("stop": [1])", "\"stop\" is a text or a list of texts"},
      {R"("stop": "")", "\"stop\" is a text or a list of texts"},
      {R"("n": 2)", "bad.jsonl:2: \"n\" is not obeyed here"},
      {R"("logit_bias": {"5": 100})", "\"logit_bias\" is not obeyed here"},
      {R"("response_format": {"type": "json_object"})", "\"response_format\" is not obeyed here"}};
  for (const auto& [members, expected] : bad)
    for (const char* chat : {"--chat", "--unordered"}) {
      const Ended said_so =
          jamsu({"generate", chat, "--prompts",
                 file("bad.jsonl", "{\"prompt\": \"a\"}\n{\"prompt\": \"a\", " + std::string(members) + "}\n")});
      EXPECT_EQ(said_so.code, 1) << members;
      EXPECT_TRUE(contains(said_so.err, expected)) << said_so.err;
      EXPECT_EQ(said_so.out, "");
    }
  const Ended think = jamsu({"generate", "--prompts", file("t.jsonl", R"({"prompt": "a", "think": "off"})")});
  EXPECT_EQ(think.code, 1);
  EXPECT_TRUE(contains(think.err, "t.jsonl:1: \"think\" is of the chat format; add --chat")) << think.err;
}

}  // namespace
}  // namespace jamsu::regress
