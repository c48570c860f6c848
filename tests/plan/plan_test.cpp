// The planner against models that are loaded, against published figures, and against its own formulas.
#include "plan/plan.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "models/open.h"

namespace jamsu::plan {
namespace {

namespace fs = std::filesystem;
const std::string kSource = JAMSU_SOURCE_DIR;
const std::string kConfigs = kSource + "/tests/plan/configs/";

int64_t bytes(const Tensor& t) {
  return t.defined() ? t.bytes() : 0;
}

// What the weights of a loaded model really take.
int64_t loaded_bytes(models::Model& model) {
  int64_t total = 0;
  std::set<const std::byte*> counted;  // a tied head may be the embedding itself
  const auto add = [&](const autograd::Parameter& p) {
    total += bytes(p.values) + bytes(p.weight.forward) + bytes(p.weight.scales);
    if (p.values.defined()) counted.insert(p.values.raw());
    if (p.weight.format && counted.insert(p.weight.rows.raw()).second) total += p.weight.rows.bytes();
  };
  for (const autograd::Parameter& p : model.parameters().all()) add(p);
  for (const auto& tied : model.parameters().tied()) add(tied.matrix);
  return total;
}

TEST(Plan, WeightBytesAreThoseOfTheLoadedModel) {
  std::vector<std::string> folders = {kSource + "/pretrained/nano"};
  for (const auto& entry : fs::directory_iterator(kSource + "/tests/golden/models"))
    if (entry.is_directory()) folders.push_back(entry.path().string());
  EXPECT_GT(folders.size(), 10u);
  for (const ops::Numerics numerics : {ops::Numerics::bf16, ops::Numerics::f32}) {
    ops::Runtime runtime(1, kernels::best_isa(), numerics);
    for (const std::string& folder : folders) {
      const auto source = read_source(folder, numerics);
      ASSERT_TRUE(source.ok()) << source.error().message;
      const auto opened = models::open_model(folder, ops::Packs::forward, runtime.context());
      ASSERT_TRUE(opened.ok()) << opened.error().message;
      EXPECT_EQ(weight_bytes(*source, numerics).total(), loaded_bytes(*opened->model)) << folder;
    }
  }
}

// A format of 32 values in 18 bytes: its arithmetic is blocks times bytes a block, never bytes a value.
TEST(Plan, FourAndAHalfBitsAWeightComeOutRight) {
  static constexpr Format kMadeUp{
      .name = "MADE_UP", .block_elements = 32, .block_bytes = 18, .scales = Scales::inside, .used_as_it_lies = true};
  auto source = read_source(kSource + "/tests/golden/models/qwen2_sliding", ops::Numerics::bf16);
  ASSERT_TRUE(source.ok()) << source.error().message;
  const auto matrix = [&](const std::string& name) {
    const autograd::Parameter* p = source->model->parameters().find(name);
    return p && p->role == autograd::Role::matrix;
  };
  const int64_t as_bf16 = weight_bytes(*source, ops::Numerics::bf16).total();
  const double step_as_bf16 = decode_step(*source, {}, ops::Numerics::bf16).bytes;
  source->format = [](const std::string&) -> const Format& { return kMadeUp; };
  int64_t want = as_bf16, ragged = 0;
  for (const autograd::Parameter& p : source->model->parameters().all()) {
    if (!matrix(p.name)) continue;
    const int64_t blocks = (p.shape[1] + 31) / 32;
    want += p.shape[0] * (blocks * 18 - 2 * p.shape[1]);
    ragged += p.shape[1] % 32 != 0;
  }
  EXPECT_GT(ragged, 0);  // rows that end within a block take it whole
  EXPECT_LT(want, as_bf16);
  EXPECT_EQ(weight_bytes(*source, ops::Numerics::bf16).total(), want);
  // A step of one token reads every matrix once.
  EXPECT_NEAR(step_as_bf16 - decode_step(*source, {}, ops::Numerics::bf16).bytes, static_cast<double>(as_bf16 - want),
              1);
}

TEST(Plan, PublishedSizesComeOutOfBareConfigs) {
  const auto v3 = read_source(kConfigs + "deepseek_v3.json", ops::Numerics::bf16);
  ASSERT_TRUE(v3.ok()) << v3.error().message;
  const models::ModelInfo& info = v3->model->info();
  EXPECT_NEAR(static_cast<double>(info.parameters.total), 671.0e9, 0.1e9);  // "671B ... 37B activated"
  EXPECT_NEAR(static_cast<double>(info.parameters.active), 37e9, 0.7e9);
  EXPECT_TRUE(is_deepseek_v3_671b(info));
  const int64_t weights = weight_bytes(*v3, ops::Numerics::bf16).main;
  EXPECT_NEAR(static_cast<double>(weights), 671e9, 8e9);  // a byte a weight; embedding, head and routers more
  const auto k2 = read_source(kConfigs + "kimi_k2.json", ops::Numerics::bf16);
  ASSERT_TRUE(k2.ok()) << k2.error().message;
  EXPECT_NEAR(static_cast<double>(k2->model->info().parameters.total), 1.03e12, 0.01e12);  // "1T ... 32B activated"
  EXPECT_NEAR(static_cast<double>(k2->model->info().parameters.active), 32e9, 0.7e9);
  EXPECT_FALSE(is_deepseek_v3_671b(k2->model->info()));
}

TEST(Plan, DeepSeekV3sPublishedCostAddsUp) {
  const PublishedV3 v3;
  EXPECT_EQ(v3.hours(), 2788e3);
  EXPECT_EQ(v3.dollars(), 5.576e6);
  // 3 x 2 x 37e9 operations a token, attention left out: 14.8e12 x 222e9 / (2664e3 x 3600 x 1979e12).
  EXPECT_NEAR(v3.utilisation(222e9), 0.173, 0.001);
}

TEST(Plan, DecodingReadsTheExpertsThatAreChosen) {
  const auto nano = read_source(kSource + "/pretrained/nano", ops::Numerics::bf16);
  ASSERT_TRUE(nano.ok()) << nano.error().message;
  const auto bytes_of = [&](int64_t parallel) {
    return decode_step(*nano, {.context = 32, .parallel = parallel}, ops::Numerics::bf16).bytes;
  };
  const double all = static_cast<double>(weight_bytes(*nano, ops::Numerics::bf16).main);
  const double table = 2048 * 128 * 2;
  const double experts = 5 * 16 * 3.0 * 64 * 128 * 2;  // five MoE layers, 16 experts of three matrices
  const double state = static_cast<double>(nano->model->state_layout(models::CachePolicy::expanded).bytes_for(32));
  EXPECT_NEAR(bytes_of(1), all - table - experts * 12 / 16 + 256 + state, 1);
  EXPECT_NEAR(bytes_of(1000), all - table + 1000 * (256 + state), 1e3);  // by then every expert
  EXPECT_LT(bytes_of(64) / 64, bytes_of(1) / 5);
}

TEST(Plan, PrefillNeedsTheHeadForItsLastRowAlone) {
  const auto nano = read_source(kSource + "/pretrained/nano", ops::Numerics::bf16);
  ASSERT_TRUE(nano.ok());
  const Load load{.context = 512, .step_rows = 512};
  const models::ModelInfo& info = nano->model->info();
  const double head = 2.0 * 2048 * 128;
  EXPECT_NEAR(prefill_step(*nano, load, ops::Numerics::bf16).flops, 512 * info.forward_flops(256) - 511 * head, 1e3);
}

// A latent cache expands the past at every step, absorbed attends over wider keys.
TEST(Plan, CachePoliciesCostWhatTheyCompute) {
  const auto nano = read_source(kSource + "/pretrained/nano", ops::Numerics::bf16);
  ASSERT_TRUE(nano.ok());
  const auto flops = [&](models::CachePolicy policy) {
    return decode_step(*nano, {.context = 100, .policy = policy}, ops::Numerics::bf16).flops;
  };
  const double expanded = flops(models::CachePolicy::expanded);
  EXPECT_NEAR(flops(models::CachePolicy::latent) - expanded, 100 * 6 * 2.0 * 4 * (32 + 32) * 64, 1);
  EXPECT_NEAR(flops(models::CachePolicy::absorbed) - expanded, 100 * 6 * 2.0 * 4 * ((2 * 64 + 16) - (48 + 32)), 1);
}

// Of four layers three see the last 20 tokens: they read one block of 32 and compute 20 keys, whatever the context.
TEST(Plan, WindowsReadAndComputeNoMoreThanTheySee) {
  const auto source = read_source(kSource + "/tests/golden/models/qwen2_sliding", ops::Numerics::bf16);
  ASSERT_TRUE(source.ok()) << source.error().message;
  const models::StateLayout& layout = source->model->state_layout(models::CachePolicy::expanded);
  const auto step = [&](int64_t context) { return decode_step(*source, {.context = context}, ops::Numerics::bf16); };
  const auto block = static_cast<double>(layout.block_bytes(0));
  EXPECT_NEAR(step(320).bytes - step(32).bytes, 9 * block, 1);
  const double per_key = 4.0 * 4 * 12;  // four heads of 12
  EXPECT_NEAR(step(320).flops - step(32).flops, 288 * per_key, 1);
  EXPECT_NEAR(step(20).flops - step(10).flops, 10 * 4 * per_key, 1);
  EXPECT_EQ(layout.bytes_for(320), 10 * layout.bytes_for(32));  // all keys are kept
}

TEST(Plan, WhatLimitsIsSaid) {
  const auto nano = read_source(kSource + "/pretrained/nano", ops::Numerics::bf16);
  ASSERT_TRUE(nano.ok());
  Machine machine{.isa = kernels::Isa::avx2, .threads = 1, .peak = 1e15, .bandwidth = 1e9, .free_bytes = 1 << 30};
  EXPECT_TRUE(decode_speed(*nano, {}, machine, ops::Numerics::bf16).by_memory);
  const double slow = decode_speed(*nano, {.context = 1024}, machine, ops::Numerics::bf16).tokens_per_second;
  const double fast = decode_speed(*nano, {.context = 32}, machine, ops::Numerics::bf16).tokens_per_second;
  EXPECT_GT(fast, slow);
  machine.peak = 1e9, machine.bandwidth = 1e15;
  EXPECT_FALSE(prefill_speed(*nano, {}, machine, ops::Numerics::bf16).by_memory);
  const Training once = training(*nano, 1e6, 512, machine), twice = training(*nano, 2e6, 512, machine);
  EXPECT_DOUBLE_EQ(twice.seconds, 2 * once.seconds);
  EXPECT_GT(once.bytes, 16 * 3'154'304);
}

// No sum runs over: what is absurdly large does not come out as something that fits.
TEST(Plan, AbsurdLoadsDoNotFit) {
  const auto v3 = read_source(kConfigs + "deepseek_v3.json", ops::Numerics::bf16);
  ASSERT_TRUE(v3.ok());
  const Load load{.context = int64_t{1} << 30, .parallel = int64_t{1} << 40};
  const Memory m = memory(*v3, load, ops::Numerics::bf16, 2);
  for (const int64_t part : {m.weights, m.state, m.activations, m.program}) EXPECT_GT(part, 0);
  EXPECT_GT(m.total(), int64_t{1} << 60);
  EXPECT_GT(decode_step(*v3, load, ops::Numerics::bf16).bytes, 1e18);
}

TEST(Plan, BadInputNamesTheFile) {
  for (const std::string& path : {kConfigs + "absent.json", kConfigs, kSource + "/README.md"}) {
    const auto source = read_source(path, ops::Numerics::bf16);
    ASSERT_FALSE(source.ok()) << path;
    EXPECT_EQ(source.error().message.find(kSource), 0u) << source.error().message;
  }
}

}  // namespace
}  // namespace jamsu::plan
