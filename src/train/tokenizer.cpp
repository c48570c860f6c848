#include "train/tokenizer.h"

#include <deque>

#include "tasks/tasks.h"
#include "tokenizer/bpe_train.h"

namespace jamsu::train {

Result<tokenizer::Tokenizer> make_tokenizer(const DataRecipe& data, int64_t samples, std::vector<std::string> texts,
                                            int64_t vocab) {
  const auto part = [](int64_t percent) { return static_cast<int>(percent); };
  const tasks::Mix mix{part(data.arithmetic), part(data.word_korean), part(data.word_english), part(data.misc),
                       part(data.talk),       part(data.follow),      part(data.repeat)};
  int64_t next = 0;
  std::deque<std::string> waiting(texts.begin(), texts.end());
  return tokenizer::train_bpe(
      [&](std::string& document) {
        while (waiting.empty() && next < samples) {
          tasks::Sample s =
              tasks::mixed_sample(static_cast<uint64_t>(next++), mix, {.seed = static_cast<uint64_t>(data.seed)});
          if (s.kind == tasks::Kind::repeat) continue;  // made-up words deserve no tokens
          for (tasks::Turn& turn : s.before) {
            waiting.push_back(std::move(turn.prompt));
            waiting.push_back(std::move(turn.answer));
          }
          for (std::string* text : {&s.prompt, &s.thinking, &s.answer}) waiting.push_back(std::move(*text));
        }
        if (waiting.empty()) return false;
        document = std::move(waiting.front());
        waiting.pop_front();
        return true;
      },
      {.vocab_size = static_cast<int32_t>(vocab)});
}

}  // namespace jamsu::train
