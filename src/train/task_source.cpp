#include "train/task_source.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/rng.h"

namespace jamsu::train {
namespace {

constexpr uint64_t kTurnsSalt = 0x7475726e73;  // "turns": the number of questions is no part of any sample's stream

}  // namespace

Result<std::shared_ptr<const TaskSource>> TaskSource::create(tokenizer::Tokenizer tokenizer,
                                                             const TaskSourceOptions& options) {
  if (!tokenizer.token_id(tasks::kRetryMark))
    return Error{
        fmt::format("tokenizer.json: the special token \"{}\" of the chat format is missing", tasks::kRetryMark)};
  auto prompts = options.format ? text::PromptBuilder::create(std::move(tokenizer), *options.format)
                                : text::PromptBuilder::create(std::move(tokenizer));
  if (!prompts) return prompts.error();
  return std::shared_ptr<const TaskSource>(new TaskSource(std::move(*prompts), options));
}

Result<Document> TaskSource::at(uint64_t index) const {
  const auto most = static_cast<uint64_t>(options_.turns);
  uint64_t turns = 1;
  if (most > 1) {
    RandomStream random(options_.generator.seed ^ kTurnsSalt, index, Purpose::task);
    turns += std::min(random.below(static_cast<uint32_t>(most)), random.below(static_cast<uint32_t>(most)));
  }
  std::vector<text::Message> messages;
  for (uint64_t turn = 0; turn < turns; ++turn) {
    tasks::Sample sample = tasks::mixed_sample(index * most + turn, options_.mix, options_.generator);
    for (tasks::Turn& before : sample.before) {
      messages.push_back({.role = "user", .content = std::move(before.prompt), .reasoning_content = {}});
      messages.push_back(
          {.role = "assistant", .content = std::move(before.answer), .reasoning_content = {}, .ours = true});
    }
    messages.push_back({.role = "user", .content = std::move(sample.prompt), .reasoning_content = {}});
    // The reply is our own text: the retry mark in its thinking is the token.
    messages.push_back({.role = "assistant",
                        .content = std::move(sample.answer),
                        .reasoning_content = turn + 1 == turns ? std::move(sample.thinking) : std::string(),
                        .ours = true});
  }
  std::span<const text::Message> kept = messages;
  auto d = document(kept);
  while (d && kept.size() > 2 && options_.context > 0 && static_cast<int64_t>(d->ids.size()) > options_.context) {
    kept = kept.subspan(2);
    d = document(kept);
  }
  return d;
}

Result<Document> TaskSource::document(std::span<const text::Message> messages) const {
  auto prompt = prompts_.build({messages.begin(), messages.end()}, {.add_generation_prompt = false,
                                                                    .enable_thinking = {},
                                                                    .find_learned = !options_.learn_prompt,
                                                                    .now = data_day()});
  if (!prompt) return prompt.error();
  Document d;
  d.ids = std::move(prompt->ids);
  d.learned = std::move(prompt->learned);
  if (options_.learn_prompt) {
    d.learned.assign(d.ids.size(), 1);
  } else {
    // Earlier answers stand without the thinking that led to them: nobody is to learn to answer so.
    auto before = std::find(std::find(d.learned.rbegin(), d.learned.rend(), 1), d.learned.rend(), 0);
    std::fill(before, d.learned.rend(), uint8_t{0});
  }
  d.learned[0] = 0;
  return d;
}

}  // namespace jamsu::train
