// Perplexity and choices with a model whose probabilities are known: at position q of its sequence the byte `a` has the
// logit q / 100, every other token 0.
#include "eval/likelihood.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cmath>

#include "base/files.h"
#include "eval/question_files.h"
#include "session/scripted_session.h"

namespace jamsu::eval {
namespace {

class PositionModel final : public models::Model {
 public:
  PositionModel(int64_t vocab, int32_t favourite) : favourite_(favourite) {
    info_ = {
        .architecture = "Position", .vocab = vocab, .hidden = 1, .layers = 1, .context = 200, .bos = -1, .eos = {}};
    layouts_.front().layers.push_back(models::FixedState{8});
  }
  autograd::Value hidden(const models::Batch& batch, models::ForwardContext& c) const override {
    Tensor rows = c.ops.zeros({static_cast<int64_t>(batch.tokens.size()), 1});
    for (const models::Segment& s : batch.segments)
      for (int64_t i = 0; i < s.rows; ++i) rows.f32()[s.first_row + i] = static_cast<float>(s.position + i);
    return {rows, -1};
  }
  autograd::Value logits(const autograd::Value& hidden, models::ForwardContext& c) const override {
    const int64_t count = hidden.tensor.elements();
    Tensor out = c.ops.zeros({count, info_.vocab});
    for (int64_t i = 0; i < count; ++i) out.f32()[i * info_.vocab + favourite_] = hidden.tensor.f32()[i] / 100;
    return {out, -1};
  }

 private:
  int32_t favourite_;
};

class Likelihood : public ::testing::Test {
 protected:
  tokenizer::Tokenizer tokenizer_ = test::byte_tokenizer();
  ops::Runtime runtime_{1, kernels::best_isa(), ops::Numerics::f32};
  session::Session session_{
      std::make_shared<PositionModel>(tokenizer_.vocab_size(), tokenizer_.encode_plain("a").front()), tokenizer_,
      text::PromptBuilder::create(tokenizer_), runtime_, engine::EngineOptions{.max_step_rows = 16}};
  // Of `a` at the place after position q; of any other token.
  double a_after(double q) const { return q / 100 - total(q); }
  double other_after(double q) const { return -total(q); }
  double total(double q) const { return std::log(std::exp(q / 100) + tokenizer_.vocab_size() - 1); }
};

TEST_F(Likelihood, EachTokenIsScoredOnceInTheFirstWindowThatHasIt) {
  for (const int64_t window : {150, 64, 7, 2}) {
    const std::string text(100, 'a');  // behind the tokenizer's BOS
    int64_t tokens = 0;
    const auto p = perplexity(session_, text, window, [&](const engine::Finished& f) { tokens += f.prompt_tokens; });
    ASSERT_TRUE(p.ok()) << p.error().message;
    EXPECT_EQ(p->tokens, 100);
    EXPECT_EQ(p->bytes, 100);
    EXPECT_GE(tokens, 101);
    double expected = 0;
    for (int64_t t = 1; t <= 100; ++t) {
      int64_t begin = 0;
      while (begin + window <= t) begin += window / 2;
      expected -= a_after(static_cast<double>(t - 1 - begin));
    }
    EXPECT_NEAR(p->nll, expected, 1e-3) << window;
    EXPECT_NEAR(p->per_token(), std::exp(expected / 100), 1e-2);
    EXPECT_NEAR(p->bits_per_byte(), expected / 100 / std::log(2.0), 1e-4);
  }
}

TEST_F(Likelihood, WhatCannotBeScoredIsAnError) {
  EXPECT_FALSE(perplexity(session_, "", 0).ok());
  EXPECT_TRUE(perplexity(session_, "a", 0).ok());  // BOS, and one token after it
  EXPECT_FALSE(perplexity(session_, "aaa", 1).ok());
  EXPECT_FALSE(perplexity(session_, "aaa", 200).ok());  // no room for a reply
  EXPECT_TRUE(perplexity(session_, std::string(500, 'b'), 0).ok());
}

TEST_F(Likelihood, TheMostProbableChoiceWinsAndPerByteTheBestOnAverage) {
  // `a` beats `b`; `aaa` is less probable than `b`, but more so per byte.
  const std::vector<ChoiceProblem> problems = {
      {"x", {"b", "a"}, 1}, {"x", {"b", "aaa"}, 0}, {"x", {"b", "aaa"}, 1}, {std::string(300, 'x'), {"a", "b"}, 0}};
  std::vector<boost::json::object> items;
  const ChoiceReport r = choose(session_, problems, [&](const boost::json::object& item) { items.push_back(item); });
  EXPECT_EQ(r.problems, 4);
  EXPECT_EQ(r.right, 2);
  EXPECT_EQ(r.right_per_byte, 2);
  EXPECT_EQ(r.errors, 1);
  ASSERT_EQ(items.size(), 4u);
  EXPECT_TRUE(items[3].contains("error"));
  session::ChatRequest request;
  request.messages = {{"user", "x", ""}};
  request.thinking = session::Thinking::off;
  const auto q = static_cast<double>(session_.prompt(request)->ids.size() - 1);
  const auto& sums = items[1].at("log_probabilities").as_array();
  EXPECT_NEAR(sums[0].as_double(), other_after(q), 1e-4);
  EXPECT_NEAR(sums[1].as_double(), a_after(q) + a_after(q + 1) + a_after(q + 2), 1e-4);
}

TEST(QuestionFiles, EveryMalformedLineIsNamed) {
  const std::string folder = ::testing::TempDir();
  const auto file = [&](const std::string& content) {
    const std::string path = folder + "/choices.jsonl";
    EXPECT_TRUE(write_file(path, content).ok());
    return path;
  };
  const auto good =
      read_choices(file("{\"question\": \"q\", \"choices\": [\"x\", \"y\"], \"answer\": \"B\"}\n\n"
                        "{\"prompt\": \"p\", \"choices\": [\"x\", \"y\"], \"answer\": 0}\n"
                        "{\"prompt\": \"p\", \"choices\": [\"B\", \"A\"], \"answer\": \"A\"}\n"));
  ASSERT_TRUE(good.ok()) << good.error().message;
  ASSERT_EQ(good->size(), 3u);
  EXPECT_EQ((*good)[0].answer, 1u);
  EXPECT_EQ((*good)[1].answer, 0u);
  EXPECT_EQ((*good)[2].answer, 1u);  // a choice itself goes before a letter
  for (const char* bad :
       {"", "[]", "nonsense", "{\"choices\": [\"x\", \"y\"], \"answer\": 0}", "{\"prompt\": \"p\", \"answer\": 0}",
        "{\"prompt\": \"p\", \"choices\": [\"x\"], \"answer\": 0}",
        "{\"prompt\": \"p\", \"choices\": [\"x\", 2], \"answer\": 0}",
        "{\"prompt\": \"p\", \"choices\": [\"x\", \"\"], \"answer\": 0}",
        "{\"prompt\": \"p\", \"choices\": [\"x\", \"y\"]}",
        "{\"prompt\": \"p\", \"choices\": [\"x\", \"y\"], \"answer\": 2}",
        "{\"prompt\": \"p\", \"choices\": [\"x\", \"y\"], \"answer\": \"C\"}"}) {
    const auto r = read_choices(file(bad));
    ASSERT_FALSE(r.ok()) << bad;
    EXPECT_NE(r.error().message.find("choices.jsonl"), std::string::npos) << r.error().message;
  }
  const auto values =
      read_questions(file("{\"prompt\": \"p\", \"answer\": \"9, 15, 38\"}\n"
                          "{\"prompt\": \"p\", \"answer\": \"so\\n#### 1,005\"}\n"
                          "{\"prompt\": \"p\", \"answer\": \" 4:20 \"}\n"));
  ASSERT_TRUE(values.ok()) << values.error().message;
  EXPECT_EQ((*values)[0].value, "9, 15, 38");
  EXPECT_EQ((*values)[1].value, "1005");
  EXPECT_EQ((*values)[2].value, "4:20");
  const auto words = read_questions(file(R"({"prompt": "p", "any": ["Hello", "hi"], "answer": null})"));
  ASSERT_TRUE(words.ok()) << words.error().message;
  EXPECT_EQ((*words)[0].any, (std::vector<std::string>{"Hello", "hi"}));
  EXPECT_TRUE(tasks::verify((*words)[0], "", "HELLO there").answer_right);
  EXPECT_FALSE(tasks::verify((*words)[0], "", "Good day").answer_right);
  for (const char* bad : {R"({"prompt": "p", "any": []})", R"({"prompt": "p", "any": "a"})",
                          R"({"prompt": "p", "any": ["a", ""]})", R"({"prompt": "p", "any": ["a"], "answer": "b"})"}) {
    const auto r = read_questions(file(bad));
    ASSERT_FALSE(r.ok()) << bad;
    EXPECT_NE(r.error().message.find("\"any\""), std::string::npos) << r.error().message;
  }
}

}  // namespace
}  // namespace jamsu::eval
