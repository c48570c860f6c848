// Dynamic NTK and LongRoPE: a prompt is rotated by its whole length, a token of the reply by the length it ends. Pieces, prefixes and
// forks must not be seen in the result (docs/numerics.md, section 4).
#include "engine/small_engine.h"

namespace jamsu::engine {
namespace {

using small::Collected;

constexpr int64_t kTrained = 64, kFactor = 4;

class RopeLengths : public small::Engines, public testing::WithParamInterface<ops::RopeScaling> {
 protected:
  RopeLengths() {
    const bool dynamic = GetParam() == ops::RopeScaling::dynamic;
    models::DeepseekV3Config c = small::config(dynamic ? kTrained : kTrained * kFactor);
    c.rope_scaling = models::RopeScalingConfig{.type = GetParam(), .factor = kFactor};
    if (!dynamic) {
      c.rope_scaling->original_max_position_embeddings = kTrained;
      c.rope_scaling->attention_factor = 1;
      c.rope_scaling->short_factor = {1, 1};
      c.rope_scaling->long_factor = {1.5, 8};
    }
    model_ = std::make_shared<models::DeepseekV3>(c, ops::Numerics::bf16);
    fill(3);
  }
  static Request request(int64_t prompt, int64_t reply = 12) {
    Request r;
    for (int64_t i = 0; i < prompt; ++i) r.tokens.push_back(static_cast<int32_t>((i * i + 3 * i) % 50));
    r.max_tokens = reply;
    return r;
  }
  Collected::Sample ask(Engine& engine, Request r) {
    Collected c;
    const auto id = engine.submit(std::move(r), c.sink());
    EXPECT_TRUE(id.ok()) << id.error().message;
    return c.wait();
  }
};

void expect_same(const Collected::Sample& a, const Collected::Sample& b) {
  EXPECT_EQ(a.tokens, b.tokens);
  EXPECT_EQ(a.logprobs, b.logprobs);  // bit for bit
}

TEST_P(RopeLengths, ContextIsStretchedByTheFactor) {
  EXPECT_EQ(model_->info().context, kTrained * kFactor);
  EXPECT_EQ(model_->info().same_up_to, kTrained);
}

TEST_P(RopeLengths, PiecesOfAPromptAreOnePrompt) {
  for (const int64_t prompt : {40, 63, 64, 65, 130}) {
    const auto want = alone(request(prompt));
    for (const int64_t rows : {1, 7, 33})
      expect_same(alone(request(prompt), {.max_step_rows = rows, .cached_prefixes = 0}), want);
  }
}

// Beyond the length it was trained on the rotation is another one: a model without scaling says something else.
TEST_P(RopeLengths, OnlyLongTextsAreScaled) {
  const auto short_text = alone(request(30)), long_text = alone(request(130));
  models::DeepseekV3Config plain = small::config(kTrained * kFactor);
  model_ = std::make_shared<models::DeepseekV3>(plain, ops::Numerics::bf16);
  fill(3);
  expect_same(alone(request(30)), short_text);
  EXPECT_NE(alone(request(130)).logprobs, long_text.logprobs);
}

TEST_P(RopeLengths, PrefixesAreSharedOnlyWhileNothingIsScaled) {
  const auto want_short = alone(request(50)), want_long = alone(request(130));
  const auto engine = open({.cached_prefixes = 4});
  EXPECT_EQ(ask(*engine, request(60, 20)).end->cached_tokens, 0);  // its state ends beyond 64 positions
  const auto again = ask(*engine, request(50));
  EXPECT_EQ(again.end->cached_tokens, 32);
  expect_same(again, want_short);
  for (int round = 0; round < 2; ++round) {  // neither takes a prefix nor leaves one
    const auto got = ask(*engine, request(130));
    EXPECT_EQ(got.end->cached_tokens, 0);
    expect_same(got, want_long);
  }
  const auto after = ask(*engine, request(50));
  EXPECT_EQ(after.end->cached_tokens, 32);
  expect_same(after, want_short);
}

INSTANTIATE_TEST_SUITE_P(Types, RopeLengths, testing::Values(ops::RopeScaling::dynamic, ops::RopeScaling::longrope),
                         [](const auto& c) { return c.param == ops::RopeScaling::dynamic ? "dynamic" : "longrope"; });

TEST_P(RopeLengths, SamplesThatShareALongPromptSayWhatTheySayAlone) {
  Request many = request(100);
  many.samples = 3;
  const auto engine = open({.cached_prefixes = 0});
  Collected c;
  ASSERT_TRUE(engine->submit(many, c.sink()));
  c.wait(3);
  for (uint32_t i = 0; i < 3; ++i) {
    Request one = request(100);
    one.sample = i;
    expect_same(c.samples.at(i), alone(one));
  }
}

}  // namespace
}  // namespace jamsu::engine
