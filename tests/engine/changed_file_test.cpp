// FP8 weights stay in their file. When it is cut short or written to while the model is loaded, requests end with an
// error that names it; the process and other models go on.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/faults.h"
#include "engine/engine.h"
#include "kernels/test_isas.h"
#include "models/open.h"

namespace jamsu::engine {
namespace {

namespace fs = std::filesystem;

const std::string kPublished = std::string(JAMSU_SOURCE_DIR) + "/tests/golden/models/deepseek_v3_fp8";

struct Answer {
  std::vector<int32_t> tokens;
  Finished end;
};

// A model of a copied folder, in bf16 mode, where FP8 is kept as published.
class Loaded {
 public:
  explicit Loaded(const std::string& folder) : file_(folder + "/model.safetensors") {
    fs::copy(kPublished, folder);
    auto opened = models::open_model(folder, ops::Packs::forward, runtime_.context());
    EXPECT_TRUE(opened.ok()) << opened.error().message;
    engine_ = Engine::open(opened->model, runtime_, {.cached_prefixes = 2, .most_undelivered = 1});
  }
  const std::string& file() const { return file_; }
  std::uintmax_t bytes() const { return fs::file_size(file_); }

  // `on_token` is called between two steps: the engine waits for the sink.
  Answer answer(int64_t max_tokens = 8, const std::function<void()>& on_token = {}) {
    Answer a;
    std::mutex mutex;
    std::condition_variable changed;
    bool over = false;
    const auto id = engine_->submit({.tokens = {1, 2, 3}, .max_tokens = max_tokens}, [&](const Event& event) {
      const std::lock_guard lock(mutex);
      if (const auto* t = std::get_if<TokenEvent>(&event)) {
        a.tokens.push_back(t->token);
        if (on_token) on_token();
        return;
      }
      a.end = std::get<Finished>(event);
      over = true;
      changed.notify_all();
    });
    EXPECT_TRUE(id.ok()) << id.error().message;
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return over; });
    return a;
  }
  void expect_error(const Answer& a, const std::string& said) const {
    EXPECT_EQ(a.end.reason, FinishReason::error);
    EXPECT_EQ(a.end.error, file_ + ": " + said);
  }

 private:
  std::string file_;
  ops::Runtime runtime_{3, kernels::test::test_isa(), ops::Numerics::bf16};
  std::unique_ptr<Engine> engine_;
};

class ChangedFile : public ::testing::Test {
 protected:
  std::string cut(const Loaded& m, std::uintmax_t left) const {
    const auto before = m.bytes();
    fs::resize_file(m.file(), left);
    return "was cut short from " + std::to_string(before) + " to " + std::to_string(left) +
           " bytes while it was in use.";
  }
  test::Folder folder_;
  Loaded first_{folder_ / "first"}, second_{folder_ / "second"};
  const std::vector<int32_t> expected_ = second_.answer().tokens;
};

TEST_F(ChangedFile, CutBetweenTwoRequests) {
  EXPECT_EQ(first_.answer().tokens, expected_);
  const std::string said = cut(first_, 0);
  for (int i = 0; i < 3; ++i) {
    const Answer a = first_.answer();
    first_.expect_error(a, said);
    EXPECT_TRUE(a.tokens.empty());
  }
  EXPECT_EQ(second_.answer().tokens, expected_);
}

// The tokens before it stand; none comes after.
TEST_F(ChangedFile, CutInTheMiddleOfARequest) {
  std::string said;
  int tokens = 0;
  const Answer a = first_.answer(8, [&] {
    if (++tokens == 3) said = cut(first_, 4096);
  });
  first_.expect_error(a, said);
  EXPECT_EQ(a.tokens, std::vector<int32_t>(expected_.begin(), expected_.begin() + 3));
  EXPECT_EQ(second_.answer().tokens, expected_);
}

// No page is lost: there is no signal, only zeros for the last scale.
TEST_F(ChangedFile, CutByOneByte) {
  const std::string said = cut(first_, first_.bytes() - 1);
  first_.expect_error(first_.answer(), said);
}

// At any moment of a forward, in whichever thread computes.
TEST_F(ChangedFile, CutWhileAForwardRuns) {
  for (int round = 0; round < 20; ++round) {
    Loaded m(folder_ / std::to_string(round));
    const auto bytes = m.bytes();
    std::atomic<bool> begun = false;
    std::thread other([&] {
      while (!begun) std::this_thread::yield();
      std::this_thread::sleep_for(std::chrono::microseconds(50 * round));
      fs::resize_file(m.file(), 0);
    });
    const Answer a = m.answer(100, [&] { begun = true; });
    other.join();
    m.expect_error(a, "was cut short from " + std::to_string(bytes) + " to 0 bytes while it was in use.");
    for (size_t i = 0; i < std::min(a.tokens.size(), expected_.size()); ++i) EXPECT_EQ(a.tokens[i], expected_[i]);
  }
  EXPECT_EQ(second_.answer().tokens, expected_);
}

// Weights and scales of all ones are NaN: no expert, no token may be chosen by them.
TEST_F(ChangedFile, OverwrittenInPlace) {
  std::fstream file(first_.file(), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(4096);
  file << std::string(first_.bytes() - 4096, '\xFF') << std::flush;
  first_.expect_error(first_.answer(), "was written to while it was in use.");
  EXPECT_EQ(second_.answer().tokens, expected_);
}

// An update that takes the file's name leaves the loaded model as it was.
TEST_F(ChangedFile, ReplacedOrRemoved) {
  ASSERT_TRUE(write_file(first_.file(), "another").ok());
  EXPECT_EQ(first_.answer().tokens, expected_);
  fs::remove_all(folder_ / "first");
  EXPECT_EQ(first_.answer().tokens, expected_);
}

}  // namespace
}  // namespace jamsu::engine
