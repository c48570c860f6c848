// A stage of a recipe from a folder of any architecture that has a backward: model, tokenizer and chat template are the
// folder's, and what it writes is that model again.
#include "train/stage.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>

#include "base/faults.h"
#include "kernels/test_isas.h"
#include "models/open.h"
#include "numerics/small_world.h"
#include "train/byte_tokenizer.h"
#include "train/metrics.h"
#include "train/setup/run_folder.h"

namespace jamsu::train {
namespace {

namespace fs = std::filesystem;

const std::string kSource = JAMSU_SOURCE_DIR, kModels = kSource + "/tests/golden/models/";

constexpr const char* kRecipe = R"([data]
tasks_weight = 0
files = [{ path = "mine.txt", split = "blank_lines" }]
[sft]
tokens = 384
batch_tokens = 64
micro_batch_tokens = 32
context = 32
loss_on = "all"
checkpoint_every_steps = 2
)";
constexpr const char* kModel = R"([model]
vocab_size = 300
hidden_size = 16
num_hidden_layers = 2
first_k_dense_replace = 1
intermediate_size = 24
num_attention_heads = 2
kv_lora_rank = 8
qk_nope_head_dim = 8
qk_rope_head_dim = 4
v_head_dim = 8
n_routed_experts = 4
moe_intermediate_size = 8
num_experts_per_tok = 2
max_position_embeddings = 64
)";

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

class StageTest : public ::testing::Test {
 protected:
  StageTest() {
    std::string text;
    for (int i = 0; i < 30; ++i) text += "the sea is deep " + std::to_string(i * i) + "\n\n";
    EXPECT_TRUE(write_file(folder_ / "mine.txt", text).ok());
  }
  Recipe recipe(const std::string& text) {
    EXPECT_TRUE(write_file(folder_ / "small.toml", text).ok());
    auto r = load_recipe(folder_ / "small.toml");
    EXPECT_TRUE(r.ok()) << r.error().message;
    return *r;
  }
  // A golden model with a tokenizer and what its owners keep beside it.
  std::string model_with_tokenizer(const std::string& name) {
    const std::string at = folder_ / name;
    fs::copy(kModels + name, at);
    EXPECT_TRUE(test::byte_tokenizer().save(at + "/tokenizer.json").ok());
    EXPECT_TRUE(write_file(at + "/tokenizer_config.json", "{ \"eos_token\": \"<|end_of_text|>\",\"mine\": 1 }").ok());
    EXPECT_TRUE(write_file(at + "/special_tokens_map.json", "{}\n").ok());
    return at;
  }
  struct Ended {
    std::string error;
    RunResult result;
    std::vector<std::string> said;
    std::string architecture;
    double flops_per_token = 0;
    size_t samples = 0;
    uint64_t kept = 0;
  };
  Ended go(const Recipe& recipe, StageOptions options, int64_t stop_after = 1000, int threads = 2) {
    ops::Runtime runtime(threads, kernels::test::test_isa(), ops::Numerics::bf16);
    if (options.folder.empty()) options.folder = folder_ / "run";
    options.stage = Stage::sft;
    Ended ended;
    StageHooks hooks;
    hooks.on_ready = [&](const StageReady& ready) {
      ended.architecture = ready.model->info().architecture;
      ended.samples = ready.samples.size();
      ended.kept = ready.kept_documents;
      ended.flops_per_token = ready.flops_per_token;
    };
    hooks.on_message = [&](const std::string& message) {
      if (!message.starts_with("validation loss ")) ended.said.push_back(message);
    };
    hooks.should_stop = [&, taken = int64_t{0}]() mutable { return ++taken >= stop_after; };
    const auto result = run_stage(recipe, options, runtime, hooks);
    if (result)
      ended.result = *result;
    else
      ended.error = result.error().message;
    return ended;
  }
  const test::Folder folder_;
};

// What transformers would look for later: named chat templates in both forms, old forms of the tokenizer, code.
TEST_F(StageTest, WhatStandsBesideTheWeightsGoesAlong) {
  const std::string from = model_with_tokenizer("qwen2"), model = model_folder(folder_ / "run");
  const std::string chat =
      "{{ bos_token or '' }}{% for m in messages %}{{ m.role }}: {{ m.content }}<|end_of_text|>{% endfor %}";
  const std::map<std::string, std::string> beside = {
      {"additional_chat_templates/tool_use.jinja", chat + "{# tools #}"},
      {"additional_chat_templates/rag.jinja", chat + "{# rag #}"},
      {"chat_template.jinja", chat},
      {"tokenizer_config.json",
       R"({"eos_token": "<|end_of_text|>", "chat_template": [{"name": "default", "template": "a"}]})"},
      {"generation_config.json", R"({"temperature": 0.5})"},
      {"vocab.json", "{}"},
      {"merges.txt", "#version: 0.2\n"},
      {"tokenizer.model", std::string("\0\1", 2)},
      {"tokenization_mine.py", "pass\n"}};
  fs::create_directory(from + "/additional_chat_templates");
  for (const auto& [name, text] : beside) ASSERT_TRUE(write_file(from + "/" + name, text).ok()) << name;
  ASSERT_TRUE(write_file(from + "/additional_chat_templates/notes.txt", "not a template").ok());
  const Recipe r = recipe(kRecipe);
  ASSERT_EQ(go(r, {.from = from}).error, "");
  for (const auto& [name, text] : beside) {
    const auto copy = read_file(model + "/" + name);
    ASSERT_TRUE(copy.ok()) << copy.error().message;
    EXPECT_EQ(*copy, text) << name;
  }
  EXPECT_FALSE(fs::exists(model + "/additional_chat_templates/notes.txt"));
  // Another model in its place: its own templates, none of the earlier one's.
  fs::remove(from + "/additional_chat_templates/rag.jinja");
  ASSERT_EQ(go(r, {.from = from, .restart = true}).error, "");
  EXPECT_TRUE(fs::exists(model + "/additional_chat_templates/tool_use.jinja"));
  EXPECT_FALSE(fs::exists(model + "/additional_chat_templates/rag.jinja"));
  // With a template that the person names, that one is the model's.
  ASSERT_TRUE(write_file(folder_ / "named.jinja", chat + "{# mine #}").ok());
  ASSERT_EQ(go(r, {.from = from, .chat_template = folder_ / "named.jinja", .restart = true}).error, "");
  EXPECT_FALSE(fs::exists(model + "/additional_chat_templates"));
  EXPECT_EQ(*read_file(model + "/chat_template.jinja"), chat + "{# mine #}");
}

TEST_F(StageTest, AnotherFamilyTrainsOnFromItsFolder) {
  for (const std::string name : {"qwen2", "qwen3_moe"}) {
    const std::string from = model_with_tokenizer(name), run = folder_ / (name + "-run");
    const Recipe r = recipe(kRecipe);
    const Ended whole = go(r, {.folder = run, .from = from});
    ASSERT_EQ(whole.error, "");
    EXPECT_TRUE(whole.said.empty());
    EXPECT_EQ(whole.result.step, 6);
    const auto before = models::describe_model(from, ops::Numerics::bf16);
    const auto after = models::describe_model(model_folder(run), ops::Numerics::bf16);
    ASSERT_TRUE(before.ok() && after.ok());
    EXPECT_EQ(after->model->info().architecture, before->model->info().architecture);
    EXPECT_EQ(whole.architecture, before->model->info().architecture);
    EXPECT_EQ(after->model->info().shape, before->model->info().shape);
    EXPECT_EQ(after->model->info().eos, before->model->info().eos);
    EXPECT_EQ(after->stored_dtype, "BF16");
    for (const auto& entry : fs::directory_iterator(from)) {
      const std::string file = entry.path().filename().string();
      if (file == "config.json" || file == "model.safetensors" || file.starts_with("case.")) continue;
      EXPECT_EQ(*read_file(model_folder(run) + "/" + file), *read_file(from + "/" + file)) << file;
    }
    EXPECT_TRUE(fs::exists(run + "/loss.svg") && fs::exists(run + "/metrics.jsonl"));

    // Stopped, then resumed on other threads: the same weights.
    const std::string again = folder_ / (name + "-again");
    const Ended stopped = go(r, {.folder = again, .from = from}, 3);
    EXPECT_EQ(stopped.result.end, RunEnd::stopped);
    EXPECT_FALSE(fs::exists(model_folder(again)));
    EXPECT_TRUE(has(go(r, {.folder = again, .from = from}).error, "holds checkpoints of an earlier run"));
    ASSERT_EQ(go(r, {.folder = again, .from = from, .resume = true}, 1000, 1).error, "");
    EXPECT_EQ(*read_file(model_folder(again) + "/model.safetensors"),
              *read_file(model_folder(run) + "/model.safetensors"));
    fs::remove(folder_ / "small.toml");
  }
}

TEST_F(StageTest, ASectionOfTheRecipeThatIsNotUsedIsSaid) {
  const std::string from = model_with_tokenizer("qwen2");
  const Ended ended = go(recipe(std::string(kModel) + kRecipe), {.from = from, .max_steps = 1});
  EXPECT_EQ(ended.error, "");
  ASSERT_EQ(ended.said.size(), 1u);
  EXPECT_EQ(ended.said[0], "note   [model] of small.toml is not used: the model is that of " + from + "/config.json");
  EXPECT_EQ(ended.architecture, "Qwen2ForCausalLM");
}

TEST_F(StageTest, WhatIsNotTrainedOrContradictsIsAnError) {
  const Recipe r = recipe(kRecipe);
  EXPECT_EQ(go(r, {}).error, "recipe small.toml: [model] is missing.");
  const Ended minimax = go(r, {.from = model_with_tokenizer("minimax_m2")});
  EXPECT_TRUE(has(minimax.error, "MiniMaxM2ForCausalLM cannot be trained: this program has no backward for its layers"))
      << minimax.error;
  const Ended fp8 = go(r, {.from = model_with_tokenizer("deepseek_v3_fp8")});
  EXPECT_TRUE(has(fp8.error, "F8_E4M3 weights are not trained on")) << fp8.error;
  const Ended gone = go(r, {.from = folder_ / "gone"});
  EXPECT_TRUE(has(gone.error, folder_ / "gone")) << gone.error;

  const std::string nano = kSource + "/pretrained/nano";
  const Ended other = go(recipe(std::string(kModel) + kRecipe), {.from = nano});
  EXPECT_EQ(other.error, "recipe small.toml: model.vocab_size = 300 where " + nano +
                             "/config.json has 2048. The model that is trained is the folder's: make them agree, or "
                             "leave [model] out of the recipe");
  std::string longer = kRecipe;
  longer.replace(longer.find("context = 32"), 12, "context = 8192");
  for (const char* tokens : {"batch_tokens = 64", "micro_batch_tokens = 32"})
    longer.replace(longer.find(tokens), std::string(tokens).size(),
                   std::string(tokens).substr(0, std::string(tokens).find('=')) + "= 8192");
  EXPECT_EQ(go(recipe(longer), {.from = nano}).error,
            "recipe small.toml: sft.context = 8192 is larger than \"max_position_embeddings\" of " + nano +
                "/config.json, which is 1024");
}

// Whatever is wrong is found before the earlier run is touched.
TEST_F(StageTest, ARestartRemovesNothingBeforeEverythingElseWasChecked) {
  const std::string from = model_with_tokenizer("qwen2"), run = folder_ / "run";
  const Recipe r = recipe(kRecipe);
  ASSERT_EQ(go(r, {.from = from}).error, "");
  ASSERT_TRUE(write_file(run + "/checkpoints/mine.txt", "mine").ok());
  const auto listing = [&] {
    std::map<std::string, std::string> all;
    for (const auto& e : fs::recursive_directory_iterator(run))
      if (e.is_regular_file()) all[e.path().string()] = *read_file(e.path().string());
    return all;
  };
  const auto before = listing();
  const auto refused = [&](const Recipe& recipe, const StageOptions& options, const std::string& part) {
    const Ended ended = go(recipe, options);
    EXPECT_TRUE(has(ended.error, part)) << ended.error;
    EXPECT_EQ(listing(), before) << part;
  };
  refused(r, {.from = folder_ / "gone", .restart = true}, "gone");
  refused(r, {.from = from, .tokenizer = folder_ / "gone.json", .restart = true}, "gone.json");
  refused(r, {.from = from, .chat_template = folder_ / "gone.jinja", .restart = true}, "gone.jinja");
  std::string other = kRecipe;
  other.replace(other.find("mine.txt"), 8, "none.txt");
  refused(recipe(other), {.from = from, .restart = true}, "none.txt");
  refused(r, {.from = run + "/model", .restart = true}, "is what the run starts from");
  {
    const auto held = RunFolder::open(run);
    const Ended ended = go(r, {.from = from, .restart = true});
    EXPECT_TRUE(has(ended.error, "another run writes this folder")) << ended.error;
  }
  EXPECT_EQ(listing(), before);
  // And then it does.
  const Ended anew = go(r, {.from = from, .restart = true, .max_steps = 1});
  ASSERT_EQ(anew.error, "");
  EXPECT_EQ(latest_valid(run + "/checkpoints").checkpoint->step, 1);
  EXPECT_EQ(*read_file(run + "/checkpoints/mine.txt"), "mine");
}

// From nothing and without a tokenizer: it is made of the text, which it needs few tokens for, and stays for a resume.
TEST_F(StageTest, AUsersTextMakesTheTokenizerAndItsShareIsMeasured) {
  std::string text = std::string(kModel) + kRecipe;
  text.replace(text.find("[sft]"), 5, "[data.validation]\npercent = 20\n[sft]\nsample_every_steps = 3");
  text.replace(text.find("tokens = 384"), 12, "epochs = 2");
  text.replace(text.find("checkpoint_every"), 0, "validate_every_steps = 2\nmtp_lambda = 0\n");
  const Recipe r = recipe(text);
  const std::string run = folder_ / "run", again = folder_ / "again";
  const Ended whole = go(r, {.folder = run});
  ASSERT_EQ(whole.error, "");
  const auto tokenizer = tokenizer::Tokenizer::load(run + "/tokenizer.json");
  ASSERT_TRUE(tokenizer.ok());
  EXPECT_LE(tokenizer->encode_plain("the sea is deep").size(), 4u);  // each word has become a token
  EXPECT_EQ(whole.samples, 2u);                                      // of three: the six kept have two beginnings
  EXPECT_EQ(whole.kept, 6u);                                         // of 30
  EXPECT_GT(whole.result.step, 4);
  const std::string svg = *read_file(run + "/loss.svg");
  EXPECT_TRUE(has(svg, ">validation_loss<"));
  EXPECT_FALSE(has(svg, ">mtp<"));
  ASSERT_EQ(go(r, {.folder = again}, 3).result.end, RunEnd::stopped);
  EXPECT_TRUE(fs::exists(again + "/loss.svg"));
  ASSERT_EQ(go(r, {.folder = again, .resume = true}, 1000, 1).error, "");
  EXPECT_EQ(*read_file(again + "/model/model.safetensors"), *read_file(run + "/model/model.safetensors"));
  // All that was measured, to the last digit; only the clock differs.
  const auto lines = [](const std::string& folder) {
    std::vector<std::pair<int64_t, std::vector<std::pair<std::string, double>>>> all;
    const auto points = read_metrics(folder + "/metrics.jsonl");
    EXPECT_TRUE(points.ok());
    if (points)
      for (const MetricPoint& p : *points) all.emplace_back(p.step, p.values);
    return all;
  };
  EXPECT_EQ(lines(again), lines(run));
  EXPECT_TRUE(has(*read_file(run + "/metrics.jsonl"), "\"validation_loss\":"));
}

// SFT of nano from its folder, by its recipe: everything but the weights is as it was shipped.
TEST_F(StageTest, NanoGoesOnFromItsFolder) {
  std::string text = *read_file(kSource + "/recipes/nano.toml");
  const size_t sft = text.find("[sft]");
  for (const char* field : {"\nbatch_tokens = 4096", "\nmicro_batch_tokens = 2048"}) {
    const size_t at = text.find(field, sft);
    ASSERT_NE(at, std::string::npos);
    text.replace(text.find("= ", at) + 2, 4, "1024");
  }
  const Recipe r = recipe(text);
  const std::string nano = kSource + "/pretrained/nano", run = folder_ / "run";
  const Ended ended = go(r, {.folder = run, .from = nano, .max_steps = 1});
  ASSERT_EQ(ended.error, "");
  EXPECT_TRUE(ended.said.empty());
  for (const char* file :
       {"config.json", "generation_config.json", "tokenizer_config.json", "tokenizer.json", "chat_template.jinja"})
    EXPECT_EQ(*read_file(model_folder(run) + "/" + file), *read_file(nano + "/" + file)) << file;
  EXPECT_EQ(ended.flops_per_token, 14831616);  // by the formula of its config, a mean context of 256, MTP included
}

}  // namespace
}  // namespace jamsu::train
