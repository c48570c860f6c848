// golden/models_saved: folders as transformers' save_pretrained left them (tests/interop/folders.py), opened as a user's
// folder is, with the greedy ids that transformers gives in f32.
#include <future>

#include "engine/engine.h"
#include "kernels/test_isas.h"
#include "models/config/generation.h"
#include "models/open.h"
#include "parity/golden_files.h"

namespace jamsu {
namespace {

namespace json = boost::json;

std::vector<int32_t> ids_of(const json::value& list) {
  std::vector<int32_t> ids;
  for (const json::value& id : list.as_array()) ids.push_back(id.to_number<int32_t>());
  return ids;
}

std::vector<int32_t> greedy(engine::Engine& engine, engine::Request request) {
  std::vector<int32_t> output;
  std::promise<void> finished;
  const auto id = engine.submit(std::move(request), [&](const engine::Event& event) {
    if (const auto* token = std::get_if<engine::TokenEvent>(&event))
      output.push_back(token->token);
    else
      finished.set_value();
  });
  if (!id) {
    ADD_FAILURE() << id.error().message;
    return output;
  }
  finished.get_future().wait();
  return output;
}

TEST(models, saved_folders_open_and_give_the_ids_of_transformers) {
  int folders = 0;
  for (const auto& entry : std::filesystem::directory_iterator(golden::own_root() / "models_saved")) {
    if (!std::filesystem::exists(entry.path() / "expected.json")) continue;
    const std::string name = entry.path().filename().string();
    ops::Runtime runtime(2, kernels::test::test_isa(), ops::Numerics::f32);
    const auto opened = models::open_model(entry.path().string(), ops::Packs::forward, runtime.context());
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    const models::ModelInfo& info = opened->model->info();
    engine::Request request;
    request.sampling.temperature = 0;
    request.max_tokens = 16;
    for (const auto& ends : {info.eos, models::load_generation_config(entry.path().string(), info.vocab).eos})
      for (const int64_t id : ends) request.stop_tokens.push_back(static_cast<int32_t>(id));
    const auto engine = engine::Engine::open(opened->model, runtime, {});
    const json::value expected = golden::read_json(entry.path() / "expected.json");
    for (const json::value& row : expected.at("rows").as_array()) {
      request.tokens = ids_of(row.at("prompt"));
      EXPECT_EQ(greedy(*engine, request), ids_of(row.at("ids"))) << name;
    }
    ++folders;
  }
  EXPECT_GE(folders, 32);
  std::printf("  %d folders of transformers: equal greedy ids\n", folders);
}

}  // namespace
}  // namespace jamsu
