// Every family that has a backward trains through train::Trainer: five steps on one batch, whatever the threads; what
// is exported opens again as the same model; and gradients are those of the loss, by differences. Frozen parameters
// stay, and change nothing for the others.
#include <cmath>

#include "base/faults.h"
#include "base/math.h"
#include "formats/safetensors.h"
#include "numerics/small_world.h"
#include "ops/rows.h"
#include "parity/training_cases.h"
#include "train/byte_tokenizer.h"
#include "train/export.h"
#include "train/trainer.h"

namespace jamsu {
namespace {

namespace fs = std::filesystem;
using train::MicroBatch;
using train::Trainer;

std::vector<fs::path> families() {
  std::vector<fs::path> all;
  for (const char* name :
       {"training/dense_step/qwen2", "training/dense_step/llama", "training/sliding_step/qwen3", "models/qwen3_moe",
        "models/qwen3_moe_sliding", "models/hyperclovax", "models/llama3", "models/deepseek_v2"})
    all.push_back(golden::own_root() / name);
  return all;
}

// Three rows of two documents and padding.
MicroBatch batch_of(int64_t vocab, int64_t width = 40) {
  RandomStream random(17, static_cast<uint64_t>(vocab), Purpose::test);
  train::DataRows d{3, width, {}, {}, {}, {}};
  for (int64_t i = 0; i < 3 * width; ++i) {
    const int64_t t = i % width, end = width / 2;
    d.ids.push_back(static_cast<int32_t>(random.below(static_cast<uint32_t>(vocab))));
    d.doc_ids.push_back(t >= width - 3 ? -1 : t < end ? 0 : 1);
  }
  for (int64_t i = 0; i < 3 * width; ++i) {
    const bool follows = i % width + 1 < width && d.doc_ids[static_cast<size_t>(i)] >= 0 &&
                         d.doc_ids[static_cast<size_t>(i)] == d.doc_ids[static_cast<size_t>(i + 1)];
    d.labels.push_back(follows ? d.ids[static_cast<size_t>(i + 1)] : -100);
    d.mtp_labels.push_back(-100);
  }
  return train::pack(d, true);
}

// A model's folder in a trainer. `also`: fields of config.json that the folder does not have. Parameters they bring are
// random.
struct Training {
  using Which = std::function<bool(const autograd::Parameter&)>;
  Training(const fs::path& folder, int threads, ops::Numerics numerics, const Which& frozen = {},
           const boost::json::object& also = {})
      : runtime(threads, kernels::test::test_isa(), numerics) {
    config = golden::read_json(folder / "config.json").as_object();
    for (const auto& [name, value] : also) config[name] = value;
    weights = golden::read_model(folder, runtime.memory());
    model = *models::create_model(config, weights, numerics, folder.string());
    for (const autograd::Parameter& p : model->parameters().all())
      if (!weights.contains(p.name)) weights.emplace(p.name, random(p));
    if (frozen) model->parameters().freeze(frozen);
    trainer.emplace(*model, runtime, train::InitOptions{});
    const auto started = trainer->start_from(weights, folder.string());
    EXPECT_TRUE(started.ok()) << started.error().message;
  }
  Tensor logits(const models::Model& of, const std::vector<int32_t>& tokens) {
    models::SequenceState state(of.state_layout(models::CachePolicy::expanded), runtime.memory());
    state.reserve(static_cast<int64_t>(tokens.size()));
    const models::Segment segment{0, static_cast<int64_t>(tokens.size()), 0, &state};
    models::ForwardContext c(runtime.context());
    return of.logits(of.hidden({tokens, {&segment, 1}, {}}, c), c).tensor;
  }
  Tensor random(const autograd::Parameter& p) {
    Tensor t = runtime.context().empty(p.shape);
    RandomStream stream(23, static_cast<uint64_t>(p.id), Purpose::test);
    for (int64_t i = 0; i < t.elements(); ++i) t.f32()[i] = 0.2f * (static_cast<float>(stream.uniform()) - 0.5f);
    return t;
  }
  ops::Runtime runtime;
  boost::json::object config;
  models::NamedTensors weights;
  std::shared_ptr<models::Model> model;
  std::optional<Trainer> trainer;
};

train::StepOptions options(double balance_alpha = 1e-2) {
  return {.losses = {.mtp_lambda = 0, .balance_alpha = balance_alpha},
          .optimizer = {},
          .learning_rate = 1e-3,
          .bias_gamma = 0};
}
// With which the first moment after the first step is the gradient.
train::StepOptions gradient_options() {
  train::StepOptions o = options(0);
  o.optimizer.beta1 = 0;
  o.optimizer.max_norm = 1e30;
  return o;
}

bool same_bytes(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() &&
         std::memcmp(a.raw(), b.raw(), static_cast<size_t>(a.bytes())) == 0;
}

// Opened, the exported folder is the trainer's model.
void check_export(Training& t, const std::string& architecture) {
  const test::Folder folder;
  const std::string at = folder / "model";
  ASSERT_TRUE(train::export_model(at, *t.trainer, t.config, test::byte_tokenizer(), {}).ok());
  const auto opened = models::open_model(at, ops::Packs::forward, t.runtime.context());
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  EXPECT_EQ(opened->model->info().architecture, architecture);
  const std::vector<int32_t> tokens = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3, 8, 4, 6, 2, 6, 4};
  EXPECT_TRUE(same_bytes(t.logits(*opened->model, tokens), t.logits(*t.model, tokens)));
  // The config is the one it came from, but for the format of the weights and our own number.
  auto written = golden::read_json(at + "/config.json").as_object(), want = t.config;
  for (auto* o : {&written, &want})
    for (const char* name : {"torch_dtype", "dtype", "jamsu_numerics_version"}) o->erase(name);
  ASSERT_EQ(written.size(), want.size());
  for (const auto& [name, value] : want) {
    ASSERT_TRUE(written.contains(name)) << std::string_view(name);
    const auto& got = written.at(name);
    if (value.is_double())  // Boost.JSON 1.81 reads them to within 1 ulp
      EXPECT_DOUBLE_EQ(got.as_double(), value.as_double()) << std::string_view(name);
    else
      EXPECT_EQ(got, value) << std::string_view(name);
  }
  const auto file = formats::Safetensors::open_folder(at);
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file->find("lm_head.weight") != nullptr, !t.model->info().tied_head);
}

TEST(families, five_steps_are_the_same_on_any_threads_and_open_again) {
  for (const auto& folder : families()) {
    std::string want, losses;
    for (const int threads : {1, 3}) {
      Training t(folder, threads, ops::Numerics::bf16);
      const MicroBatch batch = batch_of(t.model->info().vocab);
      double first = 0, last = 0;
      for (int step = 1; step <= 5; ++step) {
        const auto report = t.trainer->step({batch, batch}, options());
        ASSERT_TRUE(std::isfinite(report.ce) && std::isfinite(report.gradient_norm)) << folder;
        EXPECT_TRUE(step == 1 || report.ce < last) << folder << " step " << step;
        last = report.ce;
        if (step == 1) first = last;
        EXPECT_EQ(report.step, step);
        EXPECT_EQ(report.load_max_over_mean > 0, t.model->info().experts > 0) << folder;
      }
      losses = fmt::format("{:.4f} -> {:.4f}", first, last);
      const std::string got = numerics_test::sha256_of(t.trainer->tensors());
      if (want.empty()) want = got;
      EXPECT_EQ(got, want) << folder;
      if (threads == 3) check_export(t, t.model->info().architecture);
    }
    std::printf("  %s: loss %s\n", folder.filename().c_str(), losses.c_str());
  }
}

double value(const Tensor& t, int64_t i) {
  return static_cast<double>(t.dtype() == DType::f32 ? t.f32()[i] : bf16_to_f32(t.bf16()[i]));
}
double norm_of(const Tensor& t) {
  double sum = 0;
  for (int64_t i = 0; i < t.elements(); ++i) sum += value(t, i) * value(t, i);
  return std::sqrt(sum);
}

// Mean loss of the batch with `name` moved along `direction` by `by`, and the experts it took.
struct Loss {
  double mean = 0;
  std::vector<int32_t> experts;
};
Loss loss_at(Training& t, const MicroBatch& batch, const std::string& name, const Tensor& direction, double by) {
  models::NamedTensors moved = t.weights;
  const Tensor& from = t.weights.at(name);
  Tensor to = t.runtime.context().empty(from.shape());
  for (int64_t i = 0; i < to.elements(); ++i)
    to.f32()[i] = static_cast<float>(value(from, i) + by * static_cast<double>(direction.f32()[i]));
  moved.insert_or_assign(name, to);
  EXPECT_TRUE(models::set_weights(*t.model, moved, ops::Packs::forward_and_backward, t.runtime.context(), "").ok());
  golden::Recorder seen;
  autograd::GradStore unread(static_cast<size_t>(t.model->parameters().trained()));
  const auto counts = train::count({&batch, 1});
  const auto losses =
      train::run_micro_batch(*t.model, batch, options(0).losses, counts, unread, t.runtime.context(), &seen);
  Loss loss{static_cast<double>(losses.ce_sum) / static_cast<double>(counts.labels), {}};
  for (const auto& [layer, routing] : seen.routing_)
    loss.experts.insert(loss.experts.end(), routing.indices.i32(), routing.indices.i32() + routing.indices.elements());
  return loss;
}

// Along its own gradient each parameter's loss rises by the gradient's norm. The limit: the loss is a sum of f32 of
// relative error 1e-7 an element, divided by the step; 2 percent for its curvature over that step. Where a token would
// take another expert the loss jumps: the step is halved until none does.
void check_gradients(Training& t, const std::string& name, int at_least) {
  const MicroBatch batch = batch_of(t.model->info().vocab, 24);
  t.trainer->step({batch}, gradient_options());
  std::map<std::string, Tensor> gradients;
  for (const auto& [key, m] : t.trainer->tensors())
    if (key.starts_with("m.")) gradients.emplace(key.substr(2), ops::copy(m, t.runtime.context()));
  double worst = 0;
  int checked = 0;
  for (const auto& [parameter, g] : gradients) {
    const double norm = norm_of(g);
    if (norm < 1e-3) continue;  // experts that no token reached, or nearly none
    const std::vector<int32_t> experts = loss_at(t, batch, parameter, g, 0).experts;
    double by = std::min(5e-3 / norm, 2e-3 * norm_of(t.weights.at(parameter)));  // moved by so much in all
    Loss up, down;
    for (int halved = 0; halved < 12; ++halved, by /= 2) {
      up = loss_at(t, batch, parameter, g, by / norm);
      down = loss_at(t, batch, parameter, g, -by / norm);
      if (up.experts == experts && down.experts == experts) break;
    }
    const double slope = (up.mean - down.mean) / (2 * by), limit = 0.02 * norm + 3e-6 / by;
    EXPECT_NEAR(slope, norm, limit) << name << " " << parameter;
    worst = std::max(worst, std::abs(slope - norm) / limit);
    ++checked;
  }
  EXPECT_GT(checked, at_least) << name;
  std::printf("  %s: %d parameters, at worst %.2f of the limit\n", name.c_str(), checked, worst);
}

TEST(families, gradients_are_those_of_the_loss) {
  for (const char* name : {"qwen3_moe", "qwen3_moe_sliding", "hyperclovax", "deepseek_v2"}) {
    Training t(golden::own_root() / "models" / name, 2, ops::Numerics::f32);
    check_gradients(t, name, 25);
  }
}

// What configs may ask for beyond the golden folders: biases on every projection, half-split pairs and a tied head of
// DeepSeek, a rotation that goes by the length (documents of 12 and 9 tokens, beyond 8).
TEST(families, gradients_of_what_a_config_may_add) {
  namespace json = boost::json;
  struct Case {
    const char *folder, *name;
    json::object also;
    const char* reached;  // the beginning of a parameter's name that a gradient must reach
  };
  const json::object dynamic = {{"type", "dynamic"}, {"factor", 2}};
  // Documents of 12 and 9 tokens: one is beyond 10, one is not.
  const auto longrope = [](size_t pairs) {
    json::array within, beyond;
    for (size_t i = 0; i < pairs; ++i) {
      within.push_back(1 + 0.1 * static_cast<double>(i));
      beyond.push_back(1.5 + static_cast<double>(i));
    }
    return json::object{{"type", "longrope"},
                        {"factor", 4},
                        {"original_max_position_embeddings", 10},
                        {"short_factor", within},
                        {"long_factor", beyond}};
  };
  const Case cases[] = {
      {"models/llama3",
       "llama with biases",
       {{"attention_bias", true}, {"mlp_bias", true}},
       "model.layers.1.mlp.gate_proj.bias"},
      {"models/hyperclovax",
       "hyperclovax with biases",
       {{"attention_bias", true}, {"mlp_bias", true}},
       "model.layers.0.self_attn.o_proj.bias"},
      {"models/qwen3_moe",
       "qwen3_moe with biases and dynamic NTK",
       {{"attention_bias", true}, {"rope_scaling", dynamic}, {"max_position_embeddings", 8}},
       "model.layers.0.self_attn.q_proj.bias"},
      {"models/deepseek_v2",
       "deepseek_v2 with biases, tied",
       {{"attention_bias", true}, {"mlp_bias", true}, {"tie_word_embeddings", true}},
       "model.layers.1.mlp.shared_experts.down_proj.bias"},
      {"models/llama3",
       "llama with gelu and longrope",
       {{"hidden_act", "gelu"}, {"rope_scaling", longrope(6)}},
       "model.layers.1.mlp.gate_proj.weight"},
      {"models/qwen3_moe",
       "qwen3_moe with gelu by tanh",
       {{"hidden_act", "gelu_pytorch_tanh"}},
       "model.layers.0.mlp.gate.weight"},
      {"models/deepseek_v2",
       "deepseek_v2 with gelu and longrope",
       {{"hidden_act", "gelu"}, {"rope_scaling", longrope(6)}},
       "model.layers.1.mlp.shared_experts.down_proj.weight"},
      {"models/hyperclovax", "hyperclovax with relu", {{"hidden_act", "relu"}}, "model.layers.0.mlp.gate_proj.weight"},
  };
  for (const Case& c : cases) {
    Training t(golden::own_root() / c.folder, 2, ops::Numerics::f32, {}, c.also);
    check_gradients(t, c.name, 25);
    const auto after = t.trainer->tensors();
    const std::string key = std::string("m.") + c.reached;
    ASSERT_TRUE(after.contains(key)) << c.name;
    EXPECT_GT(norm_of(after.at(key)), 0) << c.name;
  }
}

TEST(families, frozen_parameters_stay_and_the_others_have_the_gradients_they_had) {
  const fs::path folder = golden::own_root() / "models/llama3";
  for (const ops::Numerics numerics : {ops::Numerics::bf16, ops::Numerics::f32}) {
    Training all(folder, 2, numerics);
    const std::string last = fmt::format("model.layers.{}.", all.model->info().layers - 1);
    const auto trained = [&](const std::string& name) { return name.starts_with(last); };
    Training some(folder, 2, numerics, [&](const autograd::Parameter& p) { return !trained(p.name); });
    const MicroBatch batch = batch_of(all.model->info().vocab);
    const auto before = some.trainer->frozen();
    EXPECT_GT(before.size(), 10u);
    const auto of_all = all.trainer->step({batch}, gradient_options());
    const auto of_some = some.trainer->step({batch}, gradient_options());
    EXPECT_EQ(of_all.ce, of_some.ce);
    EXPECT_LT(of_some.gradient_norm, of_all.gradient_norm);
    const auto state = some.trainer->tensors(), full = all.trainer->tensors();
    size_t compared = 0;
    for (const auto& [name, tensor] : full) {
      const std::string parameter = name.substr(name.find('.') + 1);
      ASSERT_EQ(state.contains(name), trained(parameter)) << name;
      if (!trained(parameter)) continue;
      EXPECT_TRUE(same_bytes(state.at(name), tensor)) << name;  // gradients in m, masters after the step
      compared += name.starts_with("m.");
    }
    EXPECT_EQ(compared, 9u);
    for (int step = 0; step < 3; ++step) some.trainer->step({batch}, options());
    const auto after = some.trainer->frozen(), published = some.trainer->published(true);
    EXPECT_EQ(published.size(), some.model->parameters().all().size());
    for (const auto& [name, tensor] : before) {
      EXPECT_TRUE(same_bytes(after.at(name), tensor)) << name;
      EXPECT_TRUE(same_bytes(published.at(name), tensor)) << name;
      EXPECT_TRUE(same_bytes(tensor, some.weights.at(name))) << name;  // bf16 in the file
    }
    // A checkpoint of the one is none of the other.
    const auto refused = some.trainer->restore(full, 1);
    ASSERT_FALSE(refused.ok());
    EXPECT_NE(refused.error().message.find("belongs to a parameter that is frozen now"), std::string::npos)
        << refused.error().message;
    EXPECT_FALSE(all.trainer->restore(state, 1).ok());
    EXPECT_TRUE(some.trainer->restore(state, 4).ok());
    if (numerics == ops::Numerics::bf16) check_export(some, "LlamaForCausalLM");
  }
}

// Some experts of a layer, a tied table: what goes on being trained is unchanged.
TEST(families, part_of_a_mixture_and_a_tied_table_frozen) {
  for (const auto& [name, frozen] :
       {std::pair<const char*, std::vector<std::string>>{
            "models/qwen3_moe", {".experts.1.", ".experts.4.", "k_proj", "layers.0.mlp.gate."}},
        {"training/dense_step/qwen2", {"embed_tokens", "layernorm", "bias"}}}) {
    Training all(golden::own_root() / name, 2, ops::Numerics::bf16);
    Training some(golden::own_root() / name, 2, ops::Numerics::bf16, [&parts = frozen](const autograd::Parameter& p) {
      return std::any_of(parts.begin(), parts.end(),
                         [&](const std::string& part) { return p.name.find(part) != std::string::npos; });
    });
    const MicroBatch batch = batch_of(all.model->info().vocab);
    all.trainer->step({batch}, gradient_options());
    some.trainer->step({batch}, gradient_options());
    const auto state = some.trainer->tensors(), full = all.trainer->tensors();
    EXPECT_LT(state.size(), full.size());
    for (const auto& [tensor_name, tensor] : state)
      EXPECT_TRUE(same_bytes(full.at(tensor_name), tensor)) << tensor_name;
  }
}

}  // namespace
}  // namespace jamsu
