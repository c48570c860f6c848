#include "apps/sampler.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

namespace jamsu::apps {
namespace {

constexpr int64_t kLeast = 48, kMost = 160;  // tokens of a reply

// Where a reply ends: the model's ends, and the last mark in the reply that the data give (a chat template's, which the
// config of a model that has not chatted before does not name). Marks before it are of thinking or of calls.
std::vector<int32_t> ends_of(const train::SamplePrompt& sample, const models::ModelInfo& info,
                             const tokenizer::Tokenizer& tokenizer) {
  std::vector<int32_t> ends;
  for (const int64_t id : info.eos) ends.push_back(static_cast<int32_t>(id));
  const auto is_mark = [&](int32_t id) {
    const std::vector<int32_t> one = {id};
    return tokenizer.decode(one, true).empty() && !tokenizer.decode(one).empty();
  };
  const auto mark = std::find_if(sample.reply.rbegin(), sample.reply.rend(), is_mark);
  if (mark != sample.reply.rend()) ends.push_back(*mark);
  return ends;
}

}  // namespace

Sampler::Sampler(const train::StageReady& ready, ops::Runtime& runtime)
    : model_(ready.model), tokenizer_(ready.tokenizer), samples_(ready.samples), runtime_(runtime) {}

Result<std::vector<Sampler::Answer>> Sampler::ask() {
  if (!engine_) engine_ = engine::Engine::open(model_, runtime_, {.max_sequences = 4, .cached_prefixes = 0});
  engine_->weights_changed();
  struct Open {
    std::mutex mutex;
    std::condition_variable changed;
    size_t running = 0;
    std::vector<std::vector<int32_t>> said;
    std::string error;
  } open;
  open.said.resize(samples_.size());
  const models::ModelInfo& info = model_->info();
  Status submitted;
  for (size_t i = 0; i < samples_.size() && submitted; ++i) {
    const train::SamplePrompt& sample = samples_[i];
    const int64_t room = info.context - static_cast<int64_t>(sample.prompt.size());
    if (room < 1) continue;
    engine::Request request;
    request.tokens = sample.prompt;
    request.sampling.temperature = 0;
    request.max_tokens = std::min(room, std::clamp(2 * static_cast<int64_t>(sample.reply.size()), kLeast, kMost));
    request.stop_tokens = ends_of(sample, info, tokenizer_);
    {
      const std::lock_guard lock(open.mutex);
      ++open.running;
    }
    const auto id = engine_->submit(std::move(request), [&open, i](const engine::Event& event) {
      const std::lock_guard lock(open.mutex);
      if (const auto* token = std::get_if<engine::TokenEvent>(&event)) open.said[i].push_back(token->token);
      if (const auto* end = std::get_if<engine::Finished>(&event)) {
        if (!end->error.empty()) open.error = end->error;
        --open.running;
        open.changed.notify_all();
      }
    });
    if (id) continue;
    submitted = id.error();
    const std::lock_guard lock(open.mutex);
    --open.running;
  }
  std::unique_lock lock(open.mutex);
  open.changed.wait(lock, [&] { return open.running == 0; });
  if (!submitted) return submitted.error();
  if (!open.error.empty()) return Error{open.error};
  std::vector<Answer> answers;
  for (size_t i = 0; i < samples_.size(); ++i)
    answers.push_back({tokenizer_.decode(samples_[i].prompt, true), tokenizer_.decode(open.said[i], true),
                       tokenizer_.decode(samples_[i].reply, true)});
  return answers;
}

}  // namespace jamsu::apps
