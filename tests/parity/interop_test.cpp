// Writes what tests/interop/transformers_check.py compares: logits and greedy tokens of pretrained/nano, in both modes.
#include <fmt/format.h>

#include <future>

#include "engine/engine.h"
#include "formats/safetensors.h"
#include "kernels/test_isas.h"
#include "models/open.h"
#include "ops/rows.h"
#include "parity/golden.h"
#include "tokenizer/tokenizer.h"

namespace jamsu {
namespace {

namespace fs = std::filesystem;

// Chats begun as the model's own template begins them, and one plain text.
constexpr std::string_view kTexts[] = {"<|begin_of_text|><|user|>48+57은?<|assistant|>",
                                       "<|begin_of_text|><|user|>what's 9000 minus 1234<|assistant|><think>",
                                       "<|begin_of_text|><|user|>안녕하세요<|assistant|>",
                                       "<|begin_of_text|><|user|>민수는 사과 12개를 가지고 있다. 그중 5개를 먹었다. "
                                       "사과가 몇 개 남았을까?<|assistant|><think>",
                                       "<|begin_of_text|><|user|>Solve 3x+5=20.<|assistant|>",
                                       "<|begin_of_text|>The answer is 42. 답은 42입니다."};
constexpr int64_t kGreedy = 64;

Tensor logits_of(const models::Model& model, const std::vector<int32_t>& ids, ops::Context& context) {
  models::SequenceState state(model.state_layout(models::CachePolicy::expanded), context.memory);
  const auto rows = static_cast<int64_t>(ids.size());
  state.reserve(rows);
  const std::vector<models::Segment> segments{{0, rows, 0, &state}};
  const FlushScope flush;
  models::ForwardContext forward(context);
  return model.logits(model.hidden({ids, segments, {}}, forward), forward).tensor;
}

Tensor greedy_of(const std::shared_ptr<const models::Model>& model, const std::vector<int32_t>& ids,
                 ops::Runtime& runtime) {
  std::vector<int32_t> tokens;
  std::promise<void> done;
  const auto engine = engine::Engine::open(model, runtime, {});
  engine::Request request{.tokens = ids, .max_tokens = kGreedy};
  request.sampling.temperature = 0;
  const auto id = engine->submit(request, [&](const engine::Event& event) {
    if (const auto* token = std::get_if<engine::TokenEvent>(&event)) tokens.push_back(token->token);
    if (std::holds_alternative<engine::Finished>(event)) done.set_value();
  });
  EXPECT_TRUE(id.ok());
  if (id) done.get_future().wait();
  Tensor t = runtime.context().empty({static_cast<int64_t>(tokens.size())}, DType::i32);
  std::copy(tokens.begin(), tokens.end(), t.i32());
  return t;
}

TEST(interop, writes_logits_and_tokens_of_the_shipped_model) {
  const std::string folder = std::string(JAMSU_SOURCE_DIR) + "/pretrained/nano";
  const auto tokenizer = tokenizer::Tokenizer::load(folder);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  std::map<std::string, Tensor> out;
  ops::Runtime keeper(1, kernels::test::test_isa(), ops::Numerics::f32);  // of what is written
  for (const ops::Numerics numerics : {ops::Numerics::f32, ops::Numerics::bf16}) {
    ops::Runtime runtime(2, kernels::test::test_isa(), numerics);
    const auto opened = models::open_model(folder, ops::Packs::forward, runtime.context());
    ASSERT_TRUE(opened) << opened.error().message;
    const std::string mode = numerics == ops::Numerics::f32 ? "f32" : "bf16";
    for (size_t i = 0; i < std::size(kTexts); ++i) {
      const auto ids = tokenizer->encode(kTexts[i]);
      ASSERT_GT(ids.size(), 3u);
      Tensor prompt = keeper.context().empty({static_cast<int64_t>(ids.size())}, DType::i32);
      std::copy(ids.begin(), ids.end(), prompt.i32());
      out[fmt::format("{}.ids", i)] = prompt;
      out[fmt::format("{}.{}.logits", i, mode)] =
          ops::copy(logits_of(*opened->model, ids, runtime.context()), keeper.context());
      const Tensor greedy = greedy_of(opened->model, ids, runtime);
      Tensor kept = keeper.context().empty(greedy.shape(), DType::i32);
      std::copy_n(greedy.i32(), greedy.elements(), kept.i32());
      out[fmt::format("{}.{}.greedy", i, mode)] = kept;
      EXPECT_GT(greedy.elements(), 0);
    }
  }
  const auto to = fs::path(JAMSU_BINARY_DIR) / "interop/nano";
  fs::create_directories(to);
  const auto status = formats::write_safetensors((to / "cases.safetensors").string(), out);
  ASSERT_TRUE(status) << status.error().message;
}

}  // namespace
}  // namespace jamsu
