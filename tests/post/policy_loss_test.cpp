// post/policy_loss.h and post/advantage.h against golden/training/grpo, by differences through the logits, and by hand.
#include "post/policy_loss.h"

#include <limits>

#include "ops/token_logps.h"
#include "parity/objectives.h"
#include "post/advantage.h"

namespace jamsu::post {
namespace {

using boost::json::object;
using golden::kLimit, golden::rows_with, golden::values_of;

double number(const object& o, std::string_view key) {
  return o.at(key).to_number<double>();
}

// "dapo.clip_higher.kl_k3.opsm_on" and what case.json says of it.
PolicyOptions options_of(const std::string& name, const object& info) {
  std::vector<std::string> words;
  for (size_t begin = 0, end = 0; end != std::string::npos; begin = end + 1)
    words.push_back(name.substr(begin, (end = name.find('.', begin)) - begin));
  EXPECT_EQ(words.size(), 4u) << name;
  words.resize(4);
  PolicyOptions o;
  const std::string mean = words[0] == "grpo_no_std" ? "grpo" : words[0];
  EXPECT_TRUE(mean_named(mean).ok()) << name;
  o.mean = *mean_named(mean);
  o.longest = info.at("max_completion_length").to_number<int64_t>();
  EXPECT_TRUE(words[1].starts_with("clip_")) << name;
  const object& clip = info.at("clips").as_object().at(words[1].substr(5)).as_object();
  o.clip = {number(clip, "low"), number(clip, "high")};
  EXPECT_TRUE(words[2].starts_with("kl_")) << name;
  const std::string kl = words[2].substr(3) == "k3_unbiased" ? "unbiased" : words[2].substr(3);
  EXPECT_TRUE(kl_named(kl).ok()) << name;
  o.kl = *kl_named(kl);
  o.beta = number(info, "beta");
  EXPECT_TRUE(words[3] == "opsm_on" || words[3] == "opsm_off") << name;
  if (words[3] == "opsm_on") o.sequence_mask = number(info, "opsm_delta");
  return o;
}

// The clips that case.json names are those that a recipe names.
void expect_named_clips(const object& clips) {
  for (const auto& [key, value] : clips) {
    const auto named = clip_named(key == "sym" ? "symmetric" : std::string_view(key));
    ASSERT_TRUE(named.ok()) << named.error().message;
    EXPECT_EQ(named->low, number(value.as_object(), "low")) << key;
    EXPECT_EQ(named->high, number(value.as_object(), "high")) << key;
  }
}

void expect_statistics(const PolicyStatistics& got, const object& want, const std::string& name) {
  const auto tokens = static_cast<double>(got.tokens);
  EXPECT_NEAR(static_cast<double>(got.clipped_low) / tokens, number(want, "clip_low"), kLimit) << name;
  EXPECT_NEAR(static_cast<double>(got.clipped_high) / tokens, number(want, "clip_high"), kLimit) << name;
  EXPECT_NEAR(got.clip_share(), number(want, "clip"), kLimit) << name;
  EXPECT_EQ(got.kept, want.at("kept_sequences").to_number<int64_t>()) << name;
  const bool kl = want.contains("kl_token_mean");
  EXPECT_NEAR(got.kl(), kl ? number(want, "kl_token_mean") : 0, kLimit) << name;
  EXPECT_NEAR(got.kl_of_replies(), kl ? number(want, "kl_sequence_mean") : 0, kLimit) << name;
}

TEST(Policy, Golden) {
  for (const auto& folder : golden::training_cases("grpo")) {
    Allocator memory;
    const object info = golden::read_json(folder / "case.json").as_object();
    const auto in = golden::read_tensors(folder / "inputs.safetensors", memory),
               out = golden::read_tensors(folder / "outputs.safetensors", memory);
    const Tensor &mask = in.at("mask"), &logp = in.at("logp_new"), &rewards = in.at("rewards");
    const int64_t sequences = mask.dim(0), length = mask.dim(1);
    std::vector<int64_t> groups;
    for (int64_t g = 0; g <= rewards.dim(0); ++g) groups.push_back(g * rewards.dim(1));
    std::map<std::string, std::vector<float>> advantages;
    for (const auto& [key, want] : out) {
      if (!key.starts_with("advantage.")) continue;
      const std::string name = key.substr(10);
      const auto kind = normalisation_named(name == "no_std" ? "none" : name == "std_population" ? "population" : name);
      ASSERT_TRUE(kind.ok()) << kind.error().message;
      advantages[name] = group_advantages(values_of(rewards), groups, *kind).values;
      EXPECT_LE(golden::difference(advantages[name].data(), want.f32(), want.elements()).max_abs, kLimit) << name;
    }
    std::vector<int32_t> labels;
    for (int64_t i = 0; i < mask.elements(); ++i) labels.push_back(mask.f32()[i] != 0 ? 0 : -100);
    const auto batch = rows_with(labels, std::vector<int64_t>(static_cast<size_t>(sequences), length));
    const auto counts = train::count({&batch, 1});
    const object& variants = info.at("variants").as_object();
    expect_named_clips(info.at("clips").as_object());
    EXPECT_FALSE(variants.empty());
    for (const auto& [key, value] : variants) {
      const std::string name(key);
      const object& variant = value.as_object();
      PolicyStatistics statistics;
      const auto loss = policy_loss(options_of(name, info),
                                    {.advantage = {advantages.at(std::string(variant.at("advantage").as_string()))},
                                     .old_logp = {values_of(in.at("logp_old"))},
                                     .reference_logp = {values_of(in.at("logp_ref"))}},
                                    &statistics);
      std::vector<float> slopes(labels.size());
      const float got = loss({batch, counts, 0}, {logp.f32(), labels.size()}, slopes);
      EXPECT_NEAR(got, number(variant, "loss_f64"), kLimit) << name;
      const Tensor& want = out.at("grad." + name);
      EXPECT_LE(golden::difference(slopes.data(), want.f32(), want.elements()).max_abs, kLimit) << name;
      expect_statistics(statistics, variant, name);
    }
    std::printf("  %s: %zu losses with their gradients and statistics\n", folder.filename().c_str(), variants.size());
  }
}

class PolicyGradients : public golden::Objectives {};

TEST_F(PolicyGradients, ByDifferencesThroughTheLogits) {
  const Tensor logits = random_logits(5, 23, 4);
  const auto batch = rows_with({3, 22, -100, 0, 7}, {3, 2});
  const Tensor logp = ops::token_logps(logits, batch.labels, 1, runtime_.context());
  std::vector<float> old = values_of(logp), reference = old;
  old[0] -= 0.05f, old[1] += 0.9f, old[3] -= 0.9f, old[4] -= 0.8f;  // inside, below, above, above
  reference[0] += 0.3f, reference[1] -= 0.4f, reference[3] -= 0.2f, reference[4] += 0.5f;
  int64_t low = 0, high = 0;
  for (const float sign : {1.0f, -1.0f})
    for (const Kl kl : {Kl::none, Kl::k3, Kl::unbiased})
      for (const Mean mean : {Mean::sequence, Mean::tokens, Mean::longest}) {
        PolicyStatistics statistics;
        check_by_differences(
            train::PolicyGradient(policy_loss(
                {.mean = mean, .longest = 4, .clip = kHigher, .kl = kl, .beta = 0.5},
                {.advantage = {{0.7f * sign, -0.5f * sign}}, .old_logp = {old}, .reference_logp = {reference}},
                &statistics)),
            logits, batch);
        low += statistics.clipped_low, high += statistics.clipped_high;
      }
  EXPECT_GT(low, 0);  // both bounds were in the way
  EXPECT_GT(high, 0);
}

// Replies by hand: those of two prompts with a label each on two of three rows.
struct Two {
  train::MicroBatch batch = rows_with({-100, 1, 2, -100, 3, 4}, {3, 3});
  train::GlobalCounts counts = train::count({&batch, 1});
  std::vector<float> logp = {0, -1, -2, 0, -0.5f, -3};
};

TEST(Policy, OnPolicyItIsReinforce) {
  const Two x;
  PolicyStatistics s;
  const auto loss =
      policy_loss({.kl = Kl::k3}, {.advantage = {{2, -1}}, .old_logp = {x.logp}, .reference_logp = {x.logp}}, &s);
  std::vector<float> slopes(6);
  EXPECT_EQ(loss({x.batch, x.counts, 0}, x.logp, slopes), -0.5f);  // minus the mean advantage
  EXPECT_EQ(slopes, (std::vector<float>{0, -0.5f, -0.5f, 0, 0.25f, 0.25f}));
  EXPECT_EQ(s.ratio_gap, 0);
  EXPECT_EQ(s.moved(), 0);
  EXPECT_EQ(s.kl(), 0);
  EXPECT_EQ(s.clip_share(), 0);
  EXPECT_DOUBLE_EQ(s.entropy(), 6.5 / 4);
  EXPECT_EQ(s.replies, 2);
  EXPECT_EQ(s.tokens, 4);
}

// A step in one micro-batch and in two has the same slopes, losses that add up, and the same statistics.
TEST(Policy, MicroBatchesAddUp) {
  const Two x;
  std::vector<float> old = x.logp, reference = x.logp;
  old[1] += 0.1f, old[4] -= 0.3f, old[5] += 0.4f;
  reference[2] += 0.2f;
  const std::vector<train::MicroBatch> halves = {rows_with({-100, 1, 2}, {3}), rows_with({-100, 3, 4}, {3})};
  for (const Mean mean : {Mean::sequence, Mean::tokens, Mean::longest}) {
    const PolicyOptions o{.mean = mean, .longest = 9, .kl = Kl::unbiased, .sequence_mask = 0.01};
    PolicyStatistics one, two;
    std::vector<float> slopes(6), parts(6);
    const float whole = policy_loss(o, {.advantage = {{1, -1}}, .old_logp = {old}, .reference_logp = {reference}},
                                    &one)({x.batch, x.counts, 0}, x.logp, slopes);
    const auto half = [](const std::vector<float>& v, int64_t i) {
      return std::vector<float>(v.begin() + 3 * i, v.begin() + 3 * i + 3);
    };
    const auto loss = policy_loss(o,
                                  {.advantage = {{1}, {-1}},
                                   .old_logp = {half(old, 0), half(old, 1)},
                                   .reference_logp = {half(reference, 0), half(reference, 1)}},
                                  &two);
    float sum = 0;
    for (int64_t i = 0; i < 2; ++i)
      sum += loss({halves[static_cast<size_t>(i)], train::count(halves), i}, half(x.logp, i),
                  std::span(parts).subspan(static_cast<size_t>(3 * i), 3));
    EXPECT_NEAR(sum, whole, 1e-6);
    EXPECT_EQ(parts, slopes);
    EXPECT_EQ(one.kept, 1);  // the second reply's tokens lost 0.05 on average
    EXPECT_EQ(two.kept, one.kept);
    EXPECT_EQ(two.ratio_gap, one.ratio_gap);
    EXPECT_DOUBLE_EQ(two.kl(), one.kl());
    EXPECT_DOUBLE_EQ(two.kl_of_replies(), one.kl_of_replies());
    EXPECT_DOUBLE_EQ(two.moved(), one.moved());
    EXPECT_GT(one.moved(), 0);
  }
}

// The mask asks for the mean over a reply's tokens, of replies below the average alone, and leaves the KL term.
TEST(Policy, AReplyFarOffThePolicyLosesItsFirstTerm) {
  const Two x;
  std::vector<float> old = x.logp, reference = x.logp;
  old[1] += 0.1f, old[4] += 0.125f;  // either reply lost 0.05 to 0.0625 a token
  reference[4] += 0.5f;
  const auto slopes_at = [&](double mask, int64_t kept) {
    PolicyStatistics s;
    std::vector<float> slopes(6);
    policy_loss({.kl = Kl::k3, .beta = 1, .sequence_mask = mask},
                {.advantage = {{1, -1}}, .old_logp = {old}, .reference_logp = {reference}},
                &s)({x.batch, x.counts, 0}, x.logp, slopes);
    EXPECT_EQ(s.kept, kept) << mask;
    return slopes;
  };
  const auto kept = slopes_at(0.0626, 2), masked = slopes_at(0.0624, 1);
  EXPECT_NE(kept[5], 0.0f);
  EXPECT_EQ(masked[5], 0.0f);
  EXPECT_NEAR(masked[4], (1 - std::exp(0.5)) / 4, 1e-6);
  EXPECT_EQ(masked[1], kept[1]);
}

// A reply without tokens adds nothing and is still one of the replies that the mean is over.
TEST(Policy, AnEmptyReplyCounts) {
  const auto batch = rows_with({1, -100}, {1, 1});
  PolicyStatistics s;
  std::vector<float> slopes(2);
  const std::vector<float> logp = {-1, 0};
  const auto loss = policy_loss({}, {.advantage = {{1, -1}}, .old_logp = {logp}}, &s);
  EXPECT_EQ(loss({batch, train::count({&batch, 1}), 0}, logp, slopes), -0.5f);
  EXPECT_EQ(slopes, (std::vector<float>{-0.5f, 0}));
  EXPECT_EQ(s.replies, 2);
  EXPECT_EQ(s.tokens, 1);
}

TEST(Policy, ARatioThatIsNoNumberIsSeen) {
  const Two x;
  std::vector<float> old = x.logp;
  old[1] = std::numeric_limits<float>::quiet_NaN();
  PolicyStatistics s;
  std::vector<float> slopes(6);
  policy_loss({}, {.advantage = {{1, 1}}, .old_logp = {old}}, &s)({x.batch, x.counts, 0}, x.logp, slopes);
  EXPECT_TRUE(std::isnan(s.ratio_gap));  // what comes after it does not hide it
}

TEST(Policy, OptionsOutOfRangeAreNamed) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto message = [](const PolicyOptions& o) { return check(o).ok() ? "" : check(o).error().message; };
  EXPECT_EQ(message({}), "");
  EXPECT_EQ(message({.clip = {-0.1, 0.2}}), "clip.low = -0.1: has to be 0 or more");
  EXPECT_EQ(message({.clip = {0.1, nan}}), "clip.high = nan: has to be 0 or more");
  EXPECT_EQ(message({.beta = -1}), "beta = -1: has to be 0 or more");
  EXPECT_EQ(message({.sequence_mask = -1}), "sequence_mask = -1: has to be 0 or more");
  EXPECT_EQ(message({.mean = Mean::longest}), "longest = 0: has to be the tokens that a reply may have, for dr_grpo");
  EXPECT_EQ(mean_named("grop").error().message, "\"grop\" is none of grpo, dapo, dr_grpo");
  EXPECT_EQ(clip_named("").error().message, "\"\" is none of symmetric, higher, r1");
  EXPECT_EQ(kl_named("k2").error().message, "\"k2\" is none of none, k3, unbiased");
}

}  // namespace
}  // namespace jamsu::post
