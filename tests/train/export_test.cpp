// A trained model as a folder: what is written is what was trained, it opens again,
// and a failing disk leaves the model that stood there.
#include "train/export.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cerrno>
#include <filesystem>

#include "base/faults.h"
#include "base/math.h"
#include "formats/safetensors.h"
#include "kernels/test_isas.h"
#include "models/open.h"
#include "numerics/small_world.h"
#include "train/byte_tokenizer.h"

namespace jamsu::train {
namespace {

namespace fs = std::filesystem;
using Files = std::map<std::string, std::string>;

Files contents(const std::string& folder) {
  Files all;
  for (const auto& e : fs::directory_iterator(folder))
    all[e.path().filename().string()] = *read_file(e.path().string());
  return all;
}

class Export : public ::testing::Test {
 protected:
  Export()
      : config_(*with_tokenizer(
            [] {
              auto c = numerics_test::small_config();
              c.vocab_size = test::byte_tokenizer().vocab_size() + 3;
              return models::to_json(c, "bfloat16");
            }(),
            test::byte_tokenizer())),
        model_(*models::create_model(config_, ops::Numerics::bf16, "config.json")),
        trainer_(*model_, runtime_, {.seed = 5, .scale = 1.0, .embedding_std = 0.3}) {}

  // A step, so that biases and norms are no constants any more.
  void step(uint64_t data) {
    trainer_.step({pack(numerics_test::data(data), true)}, {.losses = {.mtp_lambda = 0.3, .balance_alpha = 0.02},
                                                            .optimizer = {},
                                                            .learning_rate = 3e-3,
                                                            .bias_gamma = 1e-2});
  }
  Status write(const ExportOptions& options) {
    return export_model(folder_ / "runs/model", trainer_, config_, test::byte_tokenizer(), options);
  }
  std::string at() const { return folder_ / "runs/model"; }
  int64_t folders() const {  // the model's, and what is left of others
    return std::distance(fs::directory_iterator(folder_ / "runs"), fs::directory_iterator());
  }
  std::string mtp() const { return fmt::format("model.layers.{}.", model_->info().layers); }

  test::Folder folder_;
  boost::json::object config_;
  ops::Runtime runtime_{2, kernels::test::test_isa(), ops::Numerics::bf16};
  std::shared_ptr<models::Model> model_;
  Trainer trainer_;
};

// A config.json that says the type of its weights under both names opens again: one of them is left.
TEST_F(Export, TheTypeOfTheWeightsIsSaidOnce) {
  config_["dtype"] = "float32";
  config_["torch_dtype"] = "float32";
  ASSERT_TRUE(write({}).ok());
  const auto opened = models::open_model(at(), ops::Packs::forward, runtime_.context());
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  EXPECT_EQ(read_file(at() + "/config.json")->find("float32"), std::string::npos);
}

TEST_F(Export, HoldsTheMastersRoundedAndOpensAgain) {
  step(1);
  ASSERT_TRUE(write({.chat_template = "{{ bos_token }}"}).ok());
  const auto file = formats::Safetensors::open_folder(at());
  ASSERT_TRUE(file.ok()) << file.error().message;
  const auto written = file->views();
  size_t weights = 0, biases = 0;
  for (const auto& [name, tensor] : trainer_.tensors()) {
    const bool master = name.starts_with("master."), bias = name.starts_with("bias.");
    if (!master && !bias) continue;
    const std::string published = name.substr(name.find('.') + 1);
    ASSERT_TRUE(written.contains(published)) << published;
    const Tensor& w = written.at(published);
    ASSERT_EQ(w.dtype(), master ? DType::bf16 : DType::f32) << published;
    ASSERT_EQ(w.shape(), tensor.shape()) << published;
    for (int64_t i = 0; i < tensor.elements(); ++i) {
      if (master)
        ASSERT_EQ(w.bf16()[i], f32_to_bf16(tensor.f32()[i])) << published << " " << i;
      else
        ASSERT_EQ(numerics_test::canonical_bits(w.f32()[i]), numerics_test::canonical_bits(tensor.f32()[i]));
    }
    weights += master;
    biases += bias;
  }
  EXPECT_EQ(biases, 2u);
  EXPECT_EQ(written.size(), weights + biases + 2);
  for (const auto& [copy, original] :
       {std::pair{"embed_tokens.weight", "model.embed_tokens.weight"}, {"shared_head.head.weight", "lm_head.weight"}}) {
    ASSERT_TRUE(written.contains(mtp() + copy));
    const Tensor &a = written.at(mtp() + copy), &b = written.at(original);
    ASSERT_EQ(a.bytes(), b.bytes());
    EXPECT_EQ(std::memcmp(a.raw(), b.raw(), static_cast<size_t>(a.bytes())), 0) << copy;
  }

  const auto opened = models::open_model(at(), ops::Packs::forward, runtime_.context());
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  EXPECT_TRUE(opened->model->info().has_mtp);
  EXPECT_EQ(opened->model->info().bos, 0);
  const auto tokenizer = tokenizer::Tokenizer::load(at());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  EXPECT_EQ(tokenizer->to_json(), test::byte_tokenizer().to_json());
  EXPECT_EQ(*read_file(at() + "/chat_template.jinja"), "{{ bos_token }}");

  // What a trainer goes on with is what was published.
  const auto second = *models::create_model(config_, ops::Numerics::bf16, "config.json");
  Trainer other(*second, runtime_, {.seed = 6});
  ASSERT_TRUE(other.start_from(written, at()).ok());
  for (const auto& [name, tensor] : other.published(true))
    EXPECT_EQ(std::memcmp(tensor.raw(), written.at(name).raw(), static_cast<size_t>(tensor.bytes())), 0) << name;
}

TEST_F(Export, AFolderWithoutTheMtpModuleReads) {
  ASSERT_TRUE(write({}).ok());
  auto tensors = trainer_.published(true);
  std::erase_if(tensors, [&](const auto& entry) { return entry.first.starts_with(mtp()); });
  ASSERT_LT(tensors.size(), trainer_.published(true).size());
  ASSERT_TRUE(formats::write_safetensors(at() + "/model.safetensors", tensors).ok());
  const auto opened = models::open_model(at(), ops::Packs::forward, runtime_.context());
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  EXPECT_FALSE(opened->model->info().has_mtp);

  // And without the copies alone.
  ASSERT_TRUE(write({.chat_template = {}, .mtp_copies = false}).ok());
  EXPECT_FALSE(formats::Safetensors::open_folder(at())->views().contains(mtp() + "embed_tokens.weight"));
  const auto with_module = models::open_model(at(), ops::Packs::forward, runtime_.context());
  ASSERT_TRUE(with_module.ok()) << with_module.error().message;
  EXPECT_TRUE(with_module->model->info().has_mtp);
}

TEST_F(Export, EachCallFailingOnceLeavesTheEarlierModel) {
  ASSERT_TRUE(write({.chat_template = "old"}).ok());
  ASSERT_TRUE(write_file(at() + "/README.md", "mine").ok());
  const Files before = contents(at());
  step(1);
  int failures = 0;
  for (int n = 0; n < 1000; ++n) {
    const int error = n % 2 ? ENOSPC : EIO;
    test::FailNth files(n, error);
    const auto status = write({.chat_template = "new", .files = &files});
    if (status) {
      EXPECT_FALSE(files.failed());
      break;
    }
    ++failures;
    EXPECT_NE(status.error().message.find(parent_folder(at())), std::string::npos) << status.error().message;
    if (error == ENOSPC) {
      EXPECT_NE(status.error().message.find("the disk is full"), std::string::npos) << status.error().message;
    }
    ASSERT_EQ(contents(at()), before) << "call " << n;
    ASSERT_EQ(folders(), 1) << "call " << n;
  }
  EXPECT_GT(failures, 100);
  Files after = contents(at());
  EXPECT_EQ(after["README.md"], "mine");
  EXPECT_EQ(after["chat_template.jinja"], "new");
  EXPECT_NE(after["model.safetensors"], before.at("model.safetensors"));
  EXPECT_EQ(after.size(), before.size());

  // What an export was killed over stands in nobody's way.
  fs::rename(at(), at() + ".replaced");
  fs::create_directories(at() + ".tmp/x");
  ASSERT_TRUE(write({.chat_template = "new"}).ok());
  after.erase("README.md");
  EXPECT_EQ(contents(at()), after);
  EXPECT_EQ(folders(), 1);
}

}  // namespace
}  // namespace jamsu::train
