#pragma once
// Requests to an engine, and all that it says of them.
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <vector>

#include "engine/engine.h"

namespace jamsu::numerics_test {

// Of a prompt: sampled tokens, each with its log-probability behind it; those of the prompt.
struct Answer {
  std::vector<float> sampled, prompt;
  int64_t cached = 0;
};

inline std::vector<Answer> ask(engine::Engine& engine, std::vector<engine::Request> requests) {
  const size_t count = requests.size();
  std::vector<Answer> answers(count);
  std::mutex mutex;
  std::condition_variable done;
  size_t finished = 0;
  for (size_t i = 0; i < count; ++i) {
    const auto id = engine.submit(std::move(requests[i]), [&, i](const engine::Event& event) {
      std::lock_guard lock(mutex);
      if (const auto* token = std::get_if<engine::TokenEvent>(&event)) {
        answers[i].sampled.push_back(static_cast<float>(token->token));
        answers[i].sampled.push_back(token->logprob);
      }
      if (const auto* end = std::get_if<engine::Finished>(&event)) {
        EXPECT_TRUE(end->error.empty()) << end->error;
        answers[i].prompt = end->prompt_logprobs;
        answers[i].cached = end->cached_tokens;
        ++finished;
        done.notify_all();
      }
    });
    EXPECT_TRUE(id.ok());
  }
  std::unique_lock lock(mutex);
  done.wait(lock, [&] { return finished == count; });
  return answers;
}

}  // namespace jamsu::numerics_test
