// post/preference_loss.h against the DPO of golden/training/distill, and by hand.
#include "post/preference_loss.h"

#include "parity/objectives.h"

namespace jamsu::post {
namespace {

using boost::json::object;
using golden::kLimit, golden::rows_with, golden::values_of;

// Rows of both sides in turn: [2 P, T].
std::vector<float> in_turn(const Tensor& chosen, const Tensor& rejected) {
  std::vector<float> out;
  const int64_t width = chosen.dim(1);
  for (int64_t i = 0; i < chosen.dim(0); ++i)
    for (const Tensor* side : {&chosen, &rejected})
      out.insert(out.end(), side->f32() + i * width, side->f32() + (i + 1) * width);
  return out;
}

// "sigmoid", "sigmoid_smoothed_0.1", "ipo".
PreferenceOptions options_of(const std::string& name, double beta) {
  PreferenceOptions o{.beta = beta};
  constexpr std::string_view kSmoothed = "_smoothed_";
  const size_t at = name.find(kSmoothed);
  const auto kind = preference_named(name.substr(0, at));
  EXPECT_TRUE(kind.ok()) << kind.error().message;
  o.kind = *kind;
  if (at != std::string::npos) o.smoothing = std::stod(name.substr(at + kSmoothed.size()));
  return o;
}

double sum_of(const Tensor& t) {
  double sum = 0;
  for (int64_t i = 0; i < t.elements(); ++i) sum += static_cast<double>(t.f32()[i]);
  return sum;
}

TEST(Preference, Golden) {
  int checked = 0;
  for (const auto& folder : golden::training_cases("distill")) {
    const object info = golden::read_json(folder / "case.json").as_object();
    if (!info.contains("dpo")) continue;
    Allocator memory;
    const auto in = golden::read_tensors(folder / "dpo.inputs.safetensors", memory),
               out = golden::read_tensors(folder / "dpo.outputs.safetensors", memory);
    const object& dpo = info.at("dpo").as_object();
    const Tensor& mask = in.at("chosen.mask");
    const int64_t pairs = mask.dim(0);
    std::vector<int32_t> labels;
    for (const float m : in_turn(mask, in.at("rejected.mask"))) labels.push_back(m != 0 ? 0 : -100);
    const auto batch = rows_with(labels, std::vector<int64_t>(static_cast<size_t>(2 * pairs), mask.dim(1)));
    for (const auto& [key, value] : dpo) {
      if (!value.is_object()) continue;
      const std::string name(key);
      PreferenceStatistics s;
      const auto loss = preference_loss(options_of(name, dpo.at("beta").to_number<double>()),
                                        {in_turn(in.at("chosen.logp_ref"), in.at("rejected.logp_ref"))}, pairs, &s);
      std::vector<float> slopes(labels.size());
      const float got =
          loss({batch, train::count({&batch, 1}), 0}, in_turn(in.at("chosen.logp"), in.at("rejected.logp")), slopes);
      const double want = value.at("loss_f64").to_number<double>();
      EXPECT_NEAR(got, want, kLimit) << name;
      const auto grad = in_turn(out.at(name + ".grad.chosen"), out.at(name + ".grad.rejected"));
      EXPECT_LE(golden::difference(slopes.data(), grad.data(), static_cast<int64_t>(grad.size())).max_abs, kLimit)
          << name;
      EXPECT_EQ(s.pairs, pairs);
      EXPECT_EQ(static_cast<double>(s.right) / static_cast<double>(pairs), value.at("accuracy").to_number<double>());
      EXPECT_NEAR(s.chosen_reward_sum, sum_of(out.at(name + ".reward.chosen")), kLimit * 4) << name;
      EXPECT_NEAR(s.rejected_reward_sum, sum_of(out.at(name + ".reward.rejected")), kLimit * 4) << name;
      ++checked;
    }
  }
  EXPECT_GT(checked, 0);
  std::printf("  %d losses on pairs with their gradients and rewards\n", checked);
}

// Far apart the loss is linear or nothing, and neither overflows.
TEST(Preference, LargeDifferencesStayFinite) {
  const auto batch = rows_with({1, 1}, {1, 1});
  const auto counts = train::count({&batch, 1});
  const auto loss = preference_loss({.beta = 1}, {{0, 0}}, 1);
  std::vector<float> slopes(2);
  EXPECT_FLOAT_EQ(loss({batch, counts, 0}, std::vector<float>{-2000, 0}, slopes), 2000);
  EXPECT_EQ(slopes, (std::vector<float>{-1, 1}));
  EXPECT_EQ(loss({batch, counts, 0}, std::vector<float>{0, -2000}, slopes), 0);
  EXPECT_EQ(slopes, (std::vector<float>{0, 0}));
}

TEST(Preference, OptionsOutOfRangeAreNamed) {
  const auto message = [](const PreferenceOptions& o) { return check(o).ok() ? "" : check(o).error().message; };
  EXPECT_EQ(message({}), "");
  EXPECT_EQ(message({.beta = 0}), "beta = 0: has to be above 0");
  EXPECT_EQ(message({.smoothing = 0.5}), "smoothing = 0.5: has to be from 0 to below 0.5");
  EXPECT_EQ(message({.kind = Preference::ipo, .smoothing = 0.1}), "smoothing = 0.1: ipo has none");
  EXPECT_EQ(preference_named("kto").error().message, "\"kto\" is none of sigmoid, ipo");
}

}  // namespace
}  // namespace jamsu::post
