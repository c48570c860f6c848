// golden/models: hidden states per layer, routing, logits, greedy tokens through the cache, MTP. A case is a folder
// with a config.json whose architecture this program knows; others are named and passed over.
#include <fmt/format.h>

#include <condition_variable>
#include <mutex>
#include <set>

#include "base/math.h"
#include "engine/engine.h"
#include "kernels/test_isas.h"
#include "parity/golden.h"
#include "tensor/f16.h"

namespace jamsu {
namespace {

namespace fs = std::filesystem;
using golden::difference;
using models::CachePolicy;

struct Case {
  explicit Case(ops::Numerics numerics = ops::Numerics::f32) : runtime(2, kernels::test::test_isa(), numerics) {}
  ops::Runtime runtime;
  fs::path folder = {};
  std::shared_ptr<models::Model> model;
  models::NamedTensors expected;
  double tolerance = 0;
};

struct Seen : models::Observer {
  void hidden(int64_t layer, const Tensor& x) override { hidden_[layer] = x; }
  void routing(int64_t layer, const Tensor& logits, const Tensor& indices, const Tensor& weights) override {
    routing_[layer] = {logits, indices, weights};
  }
  std::map<int64_t, Tensor> hidden_;
  std::map<int64_t, std::array<Tensor, 3>> routing_;
};

// Runs rows of [B, T] ids as B segments in pieces of `piece` tokens; logits of every row, [B * T, vocab].
struct Run {
  std::vector<float> logits, normed;  // [B * T, vocab], [B * T, hidden]: the rows the head multiplies
  double eps = 0;                     // of the norms
  std::vector<std::unique_ptr<models::SequenceState>> states;
};
Run run(Case& c, const Tensor& ids, int64_t piece, CachePolicy policy, Seen* seen) {
  const int64_t batch = ids.dim(0), length = ids.dim(1), vocab = c.model->info().vocab;
  Run r;
  const int64_t width = c.model->info().hidden;
  r.logits.resize(static_cast<size_t>(batch * length * vocab));
  r.normed.resize(static_cast<size_t>(batch * length * width));
  r.eps = golden::read_json(c.folder / "config.json").as_object().at("rms_norm_eps").to_number<double>();
  for (int64_t b = 0; b < batch; ++b)
    r.states.push_back(std::make_unique<models::SequenceState>(c.model->state_layout(policy), c.runtime.memory()));
  for (int64_t begin = 0; begin < length; begin += piece) {
    const int64_t count = std::min(piece, length - begin);
    std::vector<int32_t> tokens;
    std::vector<models::Segment> segments;
    for (int64_t b = 0; b < batch; ++b) {
      auto& state = *r.states[static_cast<size_t>(b)];
      state.reserve(count);
      segments.push_back({.first_row = b * count, .rows = count, .position = begin, .state = &state});
      for (int64_t t = 0; t < count; ++t) tokens.push_back(static_cast<int32_t>(ids.i64()[b * length + begin + t]));
    }
    const FlushScope flush;
    models::ForwardContext forward(c.runtime.context(), nullptr, seen);
    const auto rows = c.model->hidden({tokens, segments, {}}, forward);
    const auto logits = c.model->logits(rows, forward).tensor;
    for (int64_t b = 0; b < batch; ++b) {
      std::copy_n(rows.tensor.f32() + b * count * width, count * width,
                  r.normed.begin() + (b * length + begin) * width);
      std::copy_n(logits.f32() + b * count * vocab, count * vocab, r.logits.begin() + (b * length + begin) * vocab);
      r.states[static_cast<size_t>(b)]->advance(count);
    }
  }
  return r;
}

void check_prompt(Case& c, const std::string& prefix, const std::string& name) {
  const Tensor& ids = c.expected.at(prefix + "input_ids");
  const int64_t batch = ids.dim(0), length = ids.dim(1), vocab = c.model->info().vocab, layers = c.model->info().layers;
  Seen seen;
  const Run whole = run(c, ids, length, CachePolicy::expanded, &seen);
  const Tensor& logits = c.expected.at(prefix + "logits");
  const int64_t kept = logits.dim(1), skip = length - kept;  // long cases keep the last positions only
  double worst_logit = 0, worst_hidden = 0;
  for (int64_t b = 0; b < batch; ++b) {
    worst_logit = std::max(worst_logit, difference(whole.logits.data() + (b * length + skip) * vocab,
                                                   logits.f32() + b * kept * vocab, kept * vocab)
                                            .max_abs);
    for (int64_t i = 0; i <= layers; ++i) {
      const Tensor& want = c.expected.at(fmt::format("{}hidden.{}", prefix, i));
      const int64_t width = want.dim(2);
      worst_hidden = std::max(worst_hidden, difference(seen.hidden_.at(i).f32() + (b * length + skip) * width,
                                                       want.f32() + b * kept * width, kept * width)
                                                .max_abs);
    }
  }
  EXPECT_LE(worst_logit, c.tolerance) << name;
  EXPECT_LE(worst_hidden, c.tolerance) << name;
  for (const auto& [layer, routing] : seen.routing_) {
    const Tensor &indices = c.expected.at(fmt::format("{}router.{}.indices", prefix, layer)),
                 &weights = c.expected.at(fmt::format("{}router.{}.weights", prefix, layer));
    for (int64_t i = 0; i < indices.elements(); ++i)
      ASSERT_EQ(routing[1].i32()[i], indices.i32()[i]) << name << " layer " << layer;
    EXPECT_LE(difference(routing[2].f32(), weights.f32(), weights.elements()).max_abs, c.tolerance)
        << name << " layer " << layer;
    EXPECT_LE(difference(routing[0].f32(), c.expected.at(fmt::format("{}router.{}.logits", prefix, layer)).f32(),
                         routing[0].elements())
                  .max_abs,
              c.tolerance);
  }
  // Pieces and policies give the same bits; absorbed has bits of its own.
  std::string policies, absorbed;
  for (const CachePolicy policy : models::cache_policies(*c.model)) {
    policies += (policies.empty() ? "" : ", ") + std::string(policy_name(policy));
    const bool own = policy == CachePolicy::absorbed;
    const Run first = own ? run(c, ids, length, policy, nullptr) : Run{};
    const Run& want = own ? first : whole;
    if (own) {
      double worst = 0;
      for (int64_t b = 0; b < batch; ++b)
        worst = std::max(worst, difference(first.logits.data() + (b * length + skip) * vocab,
                                           logits.f32() + b * kept * vocab, kept * vocab)
                                    .max_abs);
      EXPECT_LE(worst, c.tolerance) << name << " absorbed";
      absorbed = fmt::format("; absorbed logits {:.1e}", worst);
    }
    for (const int64_t piece : {int64_t{1}, int64_t{5}, length}) {
      if (piece == length && policy != CachePolicy::latent) continue;  // that is `want`
      if (length > 100 && piece == 1 && policy == CachePolicy::latent)
        continue;  // re-expanding 300 times: the short prompt covers it
      const Run other = run(c, ids, piece, policy, nullptr);
      EXPECT_EQ(std::memcmp(other.logits.data(), want.logits.data(), want.logits.size() * sizeof(float)), 0)
          << name << " pieces of " << piece << " " << policy_name(policy);
    }
  }
  std::printf("  %s: logits %.1e, hidden %.1e off (tolerance %.1e)%s; pieces 1, 5, all x %s: equal bits\n",
              name.c_str(), worst_logit, worst_hidden, c.tolerance, absorbed.c_str(), policies.c_str());
}

// Greedy continuation of every prompt at once, through the engine.
void check_greedy(Case& c, const std::string& prefix, const std::string& name, CachePolicy policy) {
  const Tensor &ids = c.expected.at(prefix + "input_ids"), &want = c.expected.at(prefix + "greedy");
  const int64_t batch = ids.dim(0), length = ids.dim(1), steps = want.dim(1);
  std::vector<std::vector<int32_t>> got(static_cast<size_t>(batch));
  {
    const auto engine = engine::Engine::open(c.model, c.runtime, {.policy = policy});
    std::mutex mutex;
    std::condition_variable done;
    int64_t finished = 0;
    for (int64_t b = 0; b < batch; ++b) {
      engine::Request request;
      for (int64_t t = 0; t < length; ++t) request.tokens.push_back(static_cast<int32_t>(ids.i64()[b * length + t]));
      request.sampling.temperature = 0;
      request.max_tokens = steps;
      const auto id = engine->submit(request, [&, b](const engine::Event& event) {
        std::lock_guard lock(mutex);
        if (const auto* token = std::get_if<engine::TokenEvent>(&event))
          got[static_cast<size_t>(b)].push_back(token->token);
        if (std::holds_alternative<engine::Finished>(event)) {
          ++finished;
          done.notify_all();
        }
      });
      ASSERT_TRUE(id.ok()) << id.error().message;
    }
    std::unique_lock lock(mutex);
    done.wait(lock, [&] { return finished == batch; });
  }
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t t = 0; t < steps; ++t)
      ASSERT_EQ(got[static_cast<size_t>(b)].at(static_cast<size_t>(t)), want.i64()[b * steps + t])
          << name << " prompt " << b << " step " << t;
  std::printf("  %s: %ld greedy tokens equal (%s)\n", name.c_str(), static_cast<long>(batch * steps),
              std::string(policy_name(policy)).c_str());
}

void check_mtp(Case& c, const std::string& name) {
  const Tensor& ids = c.expected.at("input_ids");
  const int64_t batch = ids.dim(0), length = ids.dim(1), vocab = c.model->info().vocab;
  models::ForwardContext forward(c.runtime.context());
  double worst = 0;
  for (int64_t b = 0; b < batch; ++b) {
    models::SequenceState state(c.model->state_layout(CachePolicy::expanded), c.runtime.memory()),
        mtp(c.model->mtp()->layout(), c.runtime.memory());
    state.reserve(length);
    mtp.reserve(length - 1);
    std::vector<int32_t> tokens, next, rows;
    for (int64_t t = 0; t < length; ++t) tokens.push_back(static_cast<int32_t>(ids.i64()[b * length + t]));
    for (int32_t t = 0; t + 1 < length; ++t) {
      rows.push_back(t);
      next.push_back(tokens[static_cast<size_t>(t) + 1]);
    }
    const std::vector<models::Segment> segments{{0, length, 0, &state}}, mtp_segments{{0, length - 1, 0, &mtp}};
    const FlushScope flush;
    const auto h = autograd::gather_rows(c.model->hidden({tokens, segments, {}}, forward), rows, forward);
    const auto logits = c.model->logits(c.model->mtp()->hidden(h, {next, mtp_segments, {}}, forward), forward).tensor;
    worst = std::max(worst, difference(logits.f32(), c.expected.at("mtp.logits").f32() + b * (length - 1) * vocab,
                                       (length - 1) * vocab)
                                .max_abs);
  }
  EXPECT_LE(worst, c.tolerance) << name;
  std::printf("  %s: MTP logits %.1e off\n", name.c_str(), worst);
}

// Published with these, and of a later issue.
const std::set<std::string, std::less<>> kLater = {
    "DeepseekV32ForCausalLM", "DeepseekV4ForCausalLM", "Llama4ForCausalLM", "GptOssForCausalLM",
    "KimiLinearForCausalLM",  "Glm4MoeForCausalLM",    "Gemma3ForCausalLM"};

// The case's model with its weights in this mode; null where the architecture is one of a later issue.
void open_case(const fs::path& folder, const std::string& name, Case& c, models::NamedTensors* weights_out = nullptr) {
  const auto json = golden::read_json(folder / "config.json").as_object();
  const std::string architecture(json.at("architectures").as_array()[0].as_string());
  if (kLater.contains(architecture)) {
    std::printf("  %s: %s is an architecture of a later issue, not run\n", name.c_str(), architecture.c_str());
    return;
  }
  c.folder = folder;
  const auto weights = golden::read_model(folder, c.runtime.memory());
  auto model = models::create_model(json, weights, c.runtime.context().numerics, "config.json");
  ASSERT_TRUE(model.ok()) << name << ": " << model.error().message;
  const auto set = models::set_weights(**model, weights, ops::Packs::forward, c.runtime.context(), "model.safetensors");
  ASSERT_TRUE(set.ok()) << name << ": " << set.error().message;
  c.model = *model;
  c.expected = golden::read_tensors(folder / "case.safetensors", c.runtime.memory());
  if (weights_out) *weights_out = weights;
}

TEST(models, every_case) {
  int checked = 0;
  for (const auto& folder : golden::cases_in(golden::root() / "models", "config.json")) {
    const std::string name = folder.filename().string();
    Case c;
    ASSERT_NO_FATAL_FAILURE(open_case(folder, name, c));
    if (!c.model) continue;
    c.tolerance = golden::read_json(folder / "case.json")
                      .as_object()
                      .at("tolerance")
                      .as_object()
                      .at("logits_f32")
                      .to_number<double>();
    for (const std::string prefix : {"", "long."}) {
      if (!c.expected.contains(prefix + "input_ids")) continue;
      ASSERT_NO_FATAL_FAILURE(check_prompt(c, prefix, name + (prefix.empty() ? "" : " long")));
      for (const CachePolicy policy : models::cache_policies(*c.model))
        check_greedy(c, prefix, name + (prefix.empty() ? "" : " long"), policy);
    }
    if (c.expected.contains("mtp.logits")) check_mtp(c, name);
    ++checked;
  }
  EXPECT_GT(checked, 0);
}

double norm(const float* x, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return std::sqrt(sum);
}
double distance(const float* a, const float* b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
  return std::sqrt(sum);
}

// Values of a tensor as f32.
std::vector<float> floats(const Tensor& t) {
  std::vector<float> out(static_cast<size_t>(t.elements()));
  for (size_t i = 0; i < out.size(); ++i) {
    const auto* half = reinterpret_cast<const uint16_t*>(t.raw());
    out[i] = t.dtype() == DType::f32    ? t.f32()[i]
             : t.dtype() == DType::bf16 ? bf16_to_f32(half[i])
                                        : f16_to_f32(half[i]);
  }
  return out;
}

// numerics.md section 8: in bf16 mode every product rounds its operands, by up to 2^-9 of each.
// - Of a row of the head, K wide: |z - z'| <= |x - x'| |w| + (2^-8 + K 2^-23) |x| |w| (Cauchy-Schwarz; x rounded,
//   w rounded, K sums in f32), x' the row of the f32 reference. That is a bound, not an estimate.
// - Of a hidden row at layer i: relative to its norm at most the sum of all roundings before it, each at its worst and
//   none made smaller by those that follow: 1 of the embedding and kRoundings of each layer (x, q and its latent, k and
//   v and their latent, p, the sum's, x and h of the MLP), twice as many where weights are rounded too.
// arg-max must agree wherever the margin exceeds the bound.
constexpr double kRounding = 0x1p-9;
constexpr int kRoundings = 10;

// For each row the last layer whose input owes nothing to a choice of experts that f32 mode makes otherwise.
std::vector<int64_t> judged_layers(const Seen& bf16, const Seen& f32, int64_t batch, int64_t length, int64_t layers) {
  std::vector<int64_t> last(static_cast<size_t>(batch * length), layers);
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t t = 0; t < length; ++t) {
      int64_t& judged = last[static_cast<size_t>(b * length + t)];
      if (t > 0) judged = last[static_cast<size_t>(b * length + t - 1)];  // what it attends to
      for (const auto& [layer, routing] : bf16.routing_) {
        const int64_t k = routing[1].dim(1), row = (b * length + t) * k;
        if (!std::equal(routing[1].i32() + row, routing[1].i32() + row + k, f32.routing_.at(layer)[1].i32() + row))
          judged = std::min(judged, layer);
      }
    }
  return last;
}

void check_bf16(Case& c, Case& f32, const models::NamedTensors& weights, const std::string& prefix,
                const std::string& name) {
  const Tensor &ids = c.expected.at(prefix + "input_ids"), &want = c.expected.at(prefix + "logits");
  const int64_t batch = ids.dim(0), length = ids.dim(1), vocab = c.model->info().vocab, layers = c.model->info().layers,
                kept = want.dim(1), skip = length - kept, width = c.model->info().hidden;
  Seen seen;
  const Run run_bf16 = run(c, ids, length, CachePolicy::expanded, &seen);
  Seen exact;
  run(f32, ids, length, CachePolicy::expanded, &exact);
  const auto last_judged = judged_layers(seen, exact, batch, length, layers);
  const auto head_name = weights.contains("lm_head.weight") ? "lm_head.weight" : "model.embed_tokens.weight";
  const std::vector<float> head = floats(weights.at(head_name)), gain = floats(weights.at("model.norm.weight"));
  const double per_rounding = kRounding * (weights.at(head_name).dtype() == DType::bf16 ? 1 : 2);
  double worst_hidden = 0, worst_logit = 0;
  int64_t rows = 0, decided = 0, whole = 0;
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t t = 0; t < kept; ++t) {
      const int64_t judged = last_judged[static_cast<size_t>(b * length + skip + t)];
      whole += judged == layers;
      for (int64_t i = 0; i <= judged; ++i) {
        const float *got = seen.hidden_.at(i).f32() + (b * length + skip + t) * width,
                    *ref = c.expected.at(fmt::format("{}hidden.{}", prefix, i)).f32() + (b * kept + t) * width;
        worst_hidden = std::max(worst_hidden, distance(got, ref, width) / norm(ref, width) /
                                                  (per_rounding * static_cast<double>(1 + kRoundings * i)));
      }
      // The reference's normed row, which the golden files do not hold.
      const float* last = c.expected.at(fmt::format("{}hidden.{}", prefix, layers)).f32() + (b * kept + t) * width;
      const float* normed = run_bf16.normed.data() + (b * length + skip + t) * width;
      std::vector<float> reference(static_cast<size_t>(width));
      const double scale = 1 / std::sqrt(std::pow(norm(last, width), 2) / static_cast<double>(width) + run_bf16.eps);
      for (size_t k = 0; k < reference.size(); ++k)
        reference[k] = static_cast<float>(static_cast<double>(last[k]) * scale * static_cast<double>(gain[k]));
      const double off = distance(normed, reference.data(), width), size = norm(normed, width);
      std::vector<double> bound(static_cast<size_t>(vocab));
      const float *z = run_bf16.logits.data() + (b * length + skip + t) * vocab,
                  *w = want.f32() + (b * kept + t) * vocab;
      for (int64_t j = 0; j < vocab; ++j) {
        const double row = norm(head.data() + j * width, width);
        bound[static_cast<size_t>(j)] = row * (off + size * (0x1p-8 + static_cast<double>(width) * 0x1p-23));
        worst_logit = std::max(worst_logit, std::abs(static_cast<double>(z[j]) - static_cast<double>(w[j])) /
                                                bound[static_cast<size_t>(j)]);
      }
      const auto top = static_cast<size_t>(std::max_element(w, w + vocab) - w);
      bool clear = true;
      for (size_t j = 0; j < bound.size(); ++j)
        clear &= j == top || static_cast<double>(w[top]) - static_cast<double>(w[j]) > bound[top] + bound[j];
      if (clear) {
        EXPECT_EQ(static_cast<size_t>(std::max_element(z, z + vocab) - z), top) << name << " row " << t;
      }
      decided += clear;
      ++rows;
    }
  EXPECT_LE(worst_hidden, 1) << name;
  EXPECT_LE(worst_logit, 1) << name;
  std::printf(
      "  %s: bf16 mode: hidden at most %.2f of its bound (%ld of %ld rows judged to the last layer), logits %.2f; "
      "arg-max equal in the %ld rows whose margin exceeds the bound\n",
      name.c_str(), worst_hidden, static_cast<long>(whole), static_cast<long>(rows), worst_logit,
      static_cast<long>(decided));
}

TEST(models, bf16_mode_keeps_its_bounds) {
  int checked = 0;
  for (const auto& folder : golden::cases_in(golden::root() / "models", "config.json")) {
    const std::string name = folder.filename().string();
    Case c(ops::Numerics::bf16);
    models::NamedTensors weights;
    ASSERT_NO_FATAL_FAILURE(open_case(folder, name, c, &weights));
    if (!c.model) continue;
    Case f32;
    ASSERT_NO_FATAL_FAILURE(open_case(folder, name, f32));
    for (const std::string prefix : {"", "long."})
      if (c.expected.contains(prefix + "input_ids"))
        check_bf16(c, f32, weights, prefix, name + (prefix.empty() ? "" : " long"));
    ++checked;
  }
  EXPECT_GT(checked, 0);
}

}  // namespace
}  // namespace jamsu
