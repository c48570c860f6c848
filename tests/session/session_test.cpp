// Messages in, typed events out. The model's words are scripted, so every event is known beforehand.
#include "session/session.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "session/scripted_session.h"

namespace jamsu::session {
namespace {

using tokenizer::kEndOfText;
using tokenizer::kThinkBegin;
using tokenizer::kThinkEnd;

// What an event said, as "R:...", "C:..." or "D".
std::string spoken(const Event& event) {
  if (const auto* r = std::get_if<ReasoningPiece>(&event)) return "R:" + r->text;
  if (const auto* c = std::get_if<ContentPiece>(&event)) return "C:" + c->text;
  return "D";
}

class SessionTest : public ::testing::Test {
 protected:
  void open(const std::map<std::string, std::string>& scripts, std::chrono::milliseconds pause = {}) {
    session_ = test::scripted_session(scripts, runtime_, pause);
  }
  static ChatRequest ask(const std::string& text) {
    ChatRequest r;
    r.messages = {{"user", text, ""}};
    return r;
  }
  // All events of one request, in order.
  std::vector<Event> events(const ChatRequest& request) {
    std::vector<Event> seen;
    std::mutex mutex;
    std::condition_variable changed;
    bool over = false;
    const auto id = session_->submit(request, [&](const Event& event) {
      std::lock_guard lock(mutex);
      EXPECT_FALSE(over) << "an event after Done";
      seen.push_back(event);
      over = std::holds_alternative<Done>(event);
      changed.notify_all();
    });
    EXPECT_TRUE(id) << id.error().message;
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return over; });
    return seen;
  }
  std::vector<std::string> spoken_events(const ChatRequest& request) {
    std::vector<std::string> out;
    for (const Event& e : events(request)) out.push_back(spoken(e));
    return out;
  }

  tokenizer::Tokenizer tokenizer_ = test::byte_tokenizer();
  ops::Runtime runtime_{2, kernels::best_isa(), ops::Numerics::bf16};
  std::unique_ptr<Session> session_;
};

using Strings = std::vector<std::string>;
const std::string kEnd(tokenizer::kEndOfText), kThink(tokenizer::kThinkBegin), kUnthink(tokenizer::kThinkEnd);

TEST_F(SessionTest, EventsComeInOrderAndTheMarksSplitThem) {
  open({{"q", kThink + "ab" + kUnthink + "cd" + kEnd}});
  EXPECT_EQ(spoken_events(ask("q")), (Strings{"R:a", "R:b", "C:c", "C:d", "D"}));
}

TEST_F(SessionTest, AReplyHoldsReasoningContentAndUsage) {
  open({{"q", kThink + "ab" + kUnthink + "cde" + kEnd}});
  const Reply reply = session_->chat(ask("q"));
  EXPECT_EQ(reply.reasoning, "ab");
  EXPECT_EQ(reply.content, "cde");
  EXPECT_EQ(reply.done.reason, engine::FinishReason::stop_token);
  EXPECT_EQ(reply.done.error, "");
  EXPECT_EQ(reply.done.prompt_tokens, static_cast<int64_t>(session_->prompt(ask("q"))->ids.size()));
  EXPECT_EQ(reply.done.output_tokens, 8);     // two marks, five letters, the end
  EXPECT_EQ(reply.done.reasoning_tokens, 3);  // a, b and the mark that closes
  EXPECT_EQ(reply.done.cached_tokens, 0);
  EXPECT_GE(reply.done.seconds, reply.done.reasoning_seconds);
}

TEST_F(SessionTest, WithoutThinkingAllIsContent) {
  open({{"q", "cd" + kEnd}});
  const Reply reply = session_->chat(ask("q"));
  EXPECT_EQ(reply.reasoning, "");
  EXPECT_EQ(reply.content, "cd");
  EXPECT_EQ(reply.done.reasoning_tokens, 0);
  EXPECT_EQ(reply.done.reasoning_seconds, 0);
}

// Thinking asked for: the prompt opens it, the model's first token is thinking. Not wanted: the prompt closes it.
TEST_F(SessionTest, TheThinkingSwitchIsInThePromptAndTheParserKnows) {
  open({{"q", "ab" + kUnthink + "cd" + kEnd}});
  ChatRequest request = ask("q");
  request.thinking = Thinking::on;
  const Reply on = session_->chat(request);
  EXPECT_EQ(on.reasoning, "ab");
  EXPECT_EQ(on.content, "cd");
  EXPECT_EQ(on.done.reasoning_tokens, 3);
  const auto marks = [&](Thinking thinking) {
    request.thinking = thinking;
    const auto ids = session_->prompt(request).value().ids;
    const auto count = [&](std::string_view mark) {
      return std::count(ids.begin(), ids.end(), *tokenizer_.token_id(mark));
    };
    return std::pair(count(tokenizer::kThinkBegin), count(tokenizer::kThinkEnd));
  };
  EXPECT_EQ(marks(Thinking::automatic), std::pair(0L, 0L));
  EXPECT_EQ(marks(Thinking::on), std::pair(1L, 0L));
  EXPECT_EQ(marks(Thinking::off), std::pair(1L, 1L));
  open({{"q", "cd" + kEnd}});
  request.thinking = Thinking::off;
  const Reply off = session_->chat(request);
  EXPECT_EQ(off.reasoning, "");
  EXPECT_EQ(off.content, "cd");
}

TEST_F(SessionTest, AThinkMarkAfterContentIsTextAndAnEndWithinThinkingKeepsIt) {
  open({{"q", "c" + kThink + "d" + kEnd}, {"r", kThink + "ab" + kEnd}});
  EXPECT_EQ(session_->chat(ask("q")).content, "c" + kThink + "d");
  const Reply reply = session_->chat(ask("r"));
  EXPECT_EQ(reply.reasoning, "ab");
  EXPECT_EQ(reply.content, "");
}

// The format of replies is that of the chat template's markers: here Qwen's.
TEST_F(SessionTest, ToolCallsAreSplitAsTheTemplateWritesThem) {
  const auto format = text::ChatFormat::from_text(
      "{#- <tool_call> -#}{% for m in messages %}<|user|>{{ m.content }}{% endfor %}<|assistant|>", "t");
  ASSERT_TRUE(format) << format.error().message;
  const std::string call = "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 1}}\n</tool_call>";
  session_ = test::scripted_session({{"q", kThink + "r" + kUnthink + "x\n" + call + kEnd}}, runtime_, {}, *format);
  EXPECT_EQ(session_->stream_format(), text::StreamFormat::hermes);
  const Reply reply = session_->chat(ask("q"));
  EXPECT_EQ(reply.reasoning, "r");
  EXPECT_EQ(reply.content, "x");
  ASSERT_EQ(reply.calls.size(), 1u);
  EXPECT_EQ(reply.calls[0].name, "add");
  EXPECT_EQ(reply.calls[0].arguments, "{\"a\": 1}");
  EXPECT_TRUE(reply.calls[0].complete && reply.calls[0].valid);
  // A stop text ends the content; what is written after it is not told.
  ChatRequest stopped = ask("q");
  stopped.stop = {"x"};
  const Reply early = session_->chat(stopped);
  EXPECT_EQ(early.content, "");
  EXPECT_TRUE(early.calls.empty());
  EXPECT_EQ(early.done.stop, "x");
}

TEST_F(SessionTest, OnlyCompleteCharactersAreStreamed) {
  open({{"q", kThink + "가" + kUnthink + "나a다" + kEnd}});
  EXPECT_EQ(spoken_events(ask("q")), (Strings{"R:가", "C:나", "C:a", "C:다", "D"}));
  // Cut inside the last syllable: what is left of it is one replacement character, at the end.
  ChatRequest cut = ask("q");
  cut.max_tokens = 1 + 3 + 1 + 3 + 1 + 2;
  EXPECT_EQ(spoken_events(cut), (Strings{"R:가", "C:나", "C:a", "C:\xEF\xBF\xBD", "D"}));
  EXPECT_EQ(session_->chat(cut).done.reason, engine::FinishReason::length);
}

TEST_F(SessionTest, AStopTextEndsTheContentAndIsNotPartOfIt) {
  open({{"q", kThink + "END" + kUnthink + "one END two" + kEnd}});
  ChatRequest request = ask("q");
  request.stop = {"END", "two"};
  const auto all = events(request);
  std::string content;
  for (const Event& e : all)
    if (const auto* c = std::get_if<ContentPiece>(&e)) content += c->text;
  EXPECT_EQ(content, "one ");  // thinking is not searched
  const Done done = std::get<Done>(all.back());
  EXPECT_EQ(done.reason, engine::FinishReason::stop_token);
  EXPECT_EQ(done.stop, "END");
  EXPECT_EQ(done.output_tokens, 1 + 3 + 1 + 7);  // the engine stopped there
}

TEST_F(SessionTest, WhatOnlyBeginsAStopTextIsContentAfterAll) {
  open({{"q", "aENbEN" + kEnd}});
  ChatRequest request = ask("q");
  request.stop = {"END"};
  // Held back until it is clear: first "EN" goes out with the b, the second at the end.
  EXPECT_EQ(spoken_events(request), (Strings{"C:a", "C:ENb", "C:EN", "D"}));
}

TEST_F(SessionTest, TheEarliestOfOverlappingStopTextsCountsAndKoreanOnesToo) {
  open({{"q", "xabcy" + kEnd}, {"r", "하나 그만 둘" + kEnd}, {"s", "aaab" + kEnd}});
  ChatRequest request = ask("q");
  request.stop = {"bc", "abc"};
  Reply reply = session_->chat(request);
  EXPECT_EQ(reply.content, "x");
  EXPECT_EQ(reply.done.stop, "abc");
  request = ask("r");
  request.stop = {"그만"};
  EXPECT_EQ(session_->chat(request).content, "하나 ");
  request = ask("s");
  request.stop = {"aab"};
  EXPECT_EQ(session_->chat(request).content, "a");
  request.stop = {""};
  reply = session_->chat(request);
  EXPECT_EQ(reply.done.reason, engine::FinishReason::error);
  EXPECT_NE(reply.done.error.find("stop"), std::string::npos) << reply.done.error;
}

// Text is compared with it after what is broken became U+FFFD, so such a stop text could never come.
TEST_F(SessionTest, AStopTextThatIsNoUtf8IsRefusedBeforeAnythingRuns) {
  open({{"q", "하나 그만 둘" + kEnd}});
  ChatRequest request = ask("q");
  for (const std::string broken : {"\xEA\xB7", "\xB8", "\xFF", "a\xED\xA0\x80", "\xC0\x80"}) {
    request.stop = {"그만", broken};
    const auto id = session_->submit(request, [](const Event&) { ADD_FAILURE() << "an event of a refused request"; });
    ASSERT_FALSE(id.ok());
    EXPECT_EQ(id.error().message, "stop: a text that is not UTF-8");
    const Reply reply = session_->chat(request);
    EXPECT_EQ(reply.done.reason, engine::FinishReason::error);
    EXPECT_EQ(reply.done.error, "stop: a text that is not UTF-8");
    EXPECT_EQ(reply.content, "");
  }
  request.stop = {"그만", "\xEF\xBF\xBD"};  // U+FFFD itself is a character like others
  EXPECT_EQ(session_->chat(request).content, "하나 ");
}

TEST_F(SessionTest, ATextIsContinuedWithoutTheChatFormat) {
  open({{"q", kThink + "ab" + kUnthink + "c" + kEnd}});
  ChatRequest request;
  request.continued = "q<|user|>";
  std::vector<int32_t> expected = {*tokenizer_.token_id(tokenizer::kBeginOfText)};
  for (const int32_t id : tokenizer_.encode_plain("q<|user|>")) expected.push_back(id);
  EXPECT_EQ(session_->prompt(request)->ids, expected);
  EXPECT_EQ(std::count(expected.begin(), expected.end(), *tokenizer_.token_id("<|user|>")), 0);  // a text, not a mark
  request.thinking = Thinking::on;  // of the chat format; says nothing here
  const Reply reply = session_->chat(request);
  EXPECT_EQ(reply.reasoning, "");
  EXPECT_EQ(reply.content, kThink + "ab" + kUnthink + "c");
}

TEST_F(SessionTest, CancelEndsAReplyWhereItStands) {
  open({{"q", "abc"}}, std::chrono::milliseconds(1));  // goes on with c for ever
  std::mutex mutex;
  std::condition_variable changed;
  std::string content;
  std::optional<Done> done;
  ChatRequest request = ask("q");
  request.max_tokens = 3000;
  const auto id = session_->submit(request, [&](const Event& event) {
    std::lock_guard lock(mutex);
    if (const auto* c = std::get_if<ContentPiece>(&event)) content += c->text;
    if (const auto* d = std::get_if<Done>(&event)) done = *d;
    changed.notify_all();
  });
  ASSERT_TRUE(id);
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return content.size() >= 4; });
  }
  session_->cancel(*id);
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return done.has_value(); });
  EXPECT_EQ(done->reason, engine::FinishReason::cancelled);
  EXPECT_EQ(content.substr(0, 4), "abcc");
  EXPECT_EQ(done->output_tokens, static_cast<int64_t>(content.size()));
  EXPECT_LT(content.size(), 3000u);
}

TEST_F(SessionTest, TokensComeWithTheirLogProbabilitiesWhereTheyAreAsked) {
  open({{"q", kThink + "a" + kUnthink + "나" + kEnd}});
  ChatRequest request = ask("q");
  EXPECT_TRUE(session_->chat(request).tokens.empty());
  request.tokens = true;
  std::string order;
  std::vector<TokenPiece> tokens;
  for (const Event& e : events(request)) {
    if (const auto* t = std::get_if<TokenPiece>(&e)) {
      tokens.push_back(*t);
      order += t->reasoning ? "t" : "T";
    } else {
      order += spoken(e)[0];
    }
  }
  EXPECT_EQ(order, "TtRtTTTCTD");  // mark, a, mark, three bytes of a syllable, the end
  const Reply reply = session_->chat(request);
  EXPECT_EQ(reply.reasoning, "a");
  EXPECT_EQ(reply.content, "나");
  const std::vector<int32_t> expected = tokenizer_.encode(kThink + "a" + kUnthink + "나" + kEnd);
  ASSERT_EQ(tokens.size(), expected.size());
  ASSERT_EQ(reply.tokens.size(), expected.size());
  // One logit of 50 among zeros.
  const double others = static_cast<double>(tokenizer_.vocab_size() - 1);
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(tokens[i].id, expected[i]);
    EXPECT_EQ(reply.tokens[i].id, expected[i]);
    EXPECT_NEAR(static_cast<double>(tokens[i].logprob), -others * std::exp(-50.0), 1e-6);
  }
  EXPECT_EQ(static_cast<int64_t>(tokens.size()), reply.done.output_tokens);
}

TEST_F(SessionTest, ASinkThatAnswersStopGetsDoneAndNothingElse) {
  open({{"q", kThink + "ab" + kUnthink + "cdefgh" + kEnd}});
  std::vector<std::string> seen;
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<Done> done;
  ASSERT_TRUE(session_->submit(ask("q"), [&](const Event& event) {
    std::lock_guard lock(mutex);
    seen.push_back(spoken(event));
    if (const auto* d = std::get_if<Done>(&event)) done = *d;
    changed.notify_all();
    return seen.back() == "C:d" ? SinkAnswer::stop : SinkAnswer::keep;
  }));
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return done.has_value(); });
  EXPECT_EQ(seen, (Strings{"R:a", "R:b", "C:c", "C:d", "D"}));
  EXPECT_EQ(done->reason, engine::FinishReason::cancelled);
  EXPECT_EQ(done->stop, "");
  EXPECT_EQ(done->error, "");
  EXPECT_EQ(done->output_tokens, 6);  // two marks, a, b, c, d, whatever the engine had come to
}

// A sink that waits in its first piece for another reply: the engine and the other's sink go on.
TEST_F(SessionTest, ASinkThatWaitsHoldsUpNoOtherReply) {
  open({{"q", "abc" + kEnd}, {"r", "defgh" + kEnd}});
  std::mutex mutex;
  std::condition_variable changed;
  std::string slow;
  bool over = false, other = false;
  ASSERT_TRUE(session_->submit(ask("q"), [&](const Event& event) {
    std::unique_lock lock(mutex);
    EXPECT_TRUE(changed.wait_for(lock, std::chrono::seconds(60), [&] { return other; }));
    if (const auto* c = std::get_if<ContentPiece>(&event)) slow += c->text;
    over = std::holds_alternative<Done>(event);
    changed.notify_all();
  }));
  EXPECT_EQ(session_->chat(ask("r")).content, "defgh");
  std::unique_lock lock(mutex);
  other = true;
  changed.notify_all();
  changed.wait(lock, [&] { return over; });
  EXPECT_EQ(slow, "abc");
}

// The scripted model has a fixed state, which is forked as it stands.
TEST_F(SessionTest, SamplesOfOnePromptAreToldApart) {
  open({{"q", kThink + "ab" + kUnthink + "cd" + kEnd}});
  ChatRequest request = ask("q");
  request.stop = {"d"};
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Strings> seen(3);
  size_t over = 0;
  std::vector<EventSink> sinks;
  for (Strings& s : seen)
    sinks.emplace_back([&](const Event& event) {
      std::lock_guard lock(mutex);
      s.push_back(spoken(event));
      if (!std::holds_alternative<Done>(event)) return;
      ++over;
      changed.notify_all();
    });
  ASSERT_TRUE(session_->submit_samples(request, std::move(sinks)));
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return over == 3; });
  for (const Strings& s : seen) EXPECT_EQ(s, (Strings{"R:a", "R:b", "C:c", "D"}));
  EXPECT_EQ(session_->engine().stats().prompt_rows, static_cast<int64_t>(session_->prompt(request)->ids.size()));
}

TEST_F(SessionTest, ManyConversationsAtOnceStayApartAndAreToldAsTheyEnd) {
  std::map<std::string, std::string> scripts;
  std::vector<ChatRequest> requests;
  for (int i = 0; i < 20; ++i) {
    const std::string topic(1, static_cast<char>('A' + i));
    scripts[topic] =
        kThink + topic + kUnthink + std::string(static_cast<size_t>(40 - 2 * i), static_cast<char>('a' + i)) + kEnd;
    requests.push_back(ask(topic));
  }
  requests.push_back({});  // no messages
  open(scripts);
  std::vector<size_t> ended;
  const auto replies = session_->chat_all(requests, [&](size_t i, const Reply& reply) {
    ended.push_back(i);
    EXPECT_FALSE(reply.content.empty() && reply.done.error.empty());
  });
  ASSERT_EQ(replies.size(), 21u);
  ASSERT_EQ(ended.size(), 21u);
  for (size_t i = 0; i < 20; ++i) {
    EXPECT_EQ(replies[i].reasoning, std::string(1, static_cast<char>('A' + i)));
    EXPECT_EQ(replies[i].content, std::string(40 - 2 * i, static_cast<char>('a' + i)));
  }
  EXPECT_EQ(replies[20].done.reason, engine::FinishReason::error);
  EXPECT_NE(replies[20].done.error.find("messages"), std::string::npos);
  std::sort(ended.begin(), ended.end());
  for (size_t i = 0; i < ended.size(); ++i) EXPECT_EQ(ended[i], i);
}

TEST_F(SessionTest, ManyThreadsUseOneSession) {
  open({{"q", "hello" + kEnd}, {"r", "stop it now" + kEnd}});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 8; ++i) {
        ChatRequest request = ask(t % 2 ? "q" : "r");
        request.stop = {" it"};
        EXPECT_EQ(session_->chat(request).content, t % 2 ? "hello" : "stop");
      }
    });
  for (auto& t : threads) t.join();
}

}  // namespace
}  // namespace jamsu::session
