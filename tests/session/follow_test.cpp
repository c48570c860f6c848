// Replies that are followed while they are written: each event, a stop from outside, loops.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>

#include "session/scripted_session.h"
#include "session/session.h"

namespace jamsu::session {
namespace {

const std::string kEnd(tokenizer::kEndOfText), kThink(tokenizer::kThinkBegin), kUnthink(tokenizer::kThinkEnd);

class FollowTest : public ::testing::Test {
 protected:
  void open(const std::map<std::string, std::string>& scripts, std::chrono::milliseconds pause = {}) {
    session_ = test::scripted_session(scripts, runtime_, pause);
  }
  static ChatRequest ask(const std::string& text) {
    ChatRequest r;
    r.messages = {{"user", text, ""}};
    return r;
  }
  ops::Runtime runtime_{2, kernels::best_isa(), ops::Numerics::bf16};
  std::unique_ptr<Session> session_;
};

std::string spoken(const Event& event) {
  if (const auto* r = std::get_if<ReasoningPiece>(&event)) return "R:" + r->text;
  if (const auto* c = std::get_if<ContentPiece>(&event)) return "C:" + c->text;
  return "D";
}
using Strings = std::vector<std::string>;

TEST_F(FollowTest, ALoopEndsTheReplyWhereItIsAskedFor) {
  open({{"q", "a0123456789"}});  // and 9 for ever
  ChatRequest request = ask("q");
  request.max_tokens = 1000;
  EXPECT_EQ(session_->chat(request).content.size(), 1000u);
  request.end_loops = true;
  const Reply reply = session_->chat(request);
  EXPECT_EQ(reply.content, "a012345678" + std::string(384, '9'));
  EXPECT_TRUE(reply.done.looped);
  EXPECT_EQ(reply.done.reason, engine::FinishReason::length);
  EXPECT_EQ(reply.done.output_tokens, 394);
  request.max_tokens = 394;
  EXPECT_EQ(session_->chat(request).done.reason, engine::FinishReason::length);
  open({{"q", "ab" + kEnd}});
  EXPECT_FALSE(session_->chat(request).done.looped);
}

TEST_F(FollowTest, FollowTellsEachEventAndStopCancels) {
  open({{"q", kThink + "ab" + kUnthink + "cd" + kEnd}, {"r", "x"}}, std::chrono::milliseconds(1));
  Strings seen;
  const Reply reply = session_->follow(ask("q"), [&](const Event& event) { seen.push_back(spoken(event)); });
  EXPECT_EQ(seen, (Strings{"R:a", "R:b", "C:c", "C:d", "D"}));
  EXPECT_EQ(reply.reasoning + "|" + reply.content, "ab|cd");
  ChatRequest endless = ask("r");
  endless.max_tokens = 3000;
  int looks = 0;
  const Reply stopped = session_->follow(
      endless, [](const Event&) {}, [&] { return ++looks > 2; });
  EXPECT_EQ(stopped.done.reason, engine::FinishReason::cancelled);
  EXPECT_LT(stopped.done.output_tokens, 3000);
  // Of many, those that have ended stay; the others are cancelled.
  std::vector<ChatRequest> requests = {ask("q"), endless};
  std::atomic<bool> one_ended = false;
  const auto replies = session_->chat_all(
      requests, [&](size_t i, const Reply&) { one_ended = one_ended || i == 0; }, [&] { return one_ended.load(); });
  EXPECT_EQ(replies[0].content, "cd");
  EXPECT_EQ(replies[1].done.reason, engine::FinishReason::cancelled);
  const Reply refused = session_->follow({}, [](const Event&) {});
  EXPECT_NE(refused.done.error, "");
}

}  // namespace
}  // namespace jamsu::session
