#pragma once
// A model that says what a test wrote: the token after the prompt is script[0], and so on. Which script is told by a
// topic token in the prompt, kept in the sequence's state, so that conversations at once stay apart.
#include <chrono>
#include <cstring>
#include <map>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "models/model.h"
#include "session/session.h"
#include "tokenizer/bpe_train.h"

namespace jamsu::test {

class ScriptedModel final : public models::Model {
 public:
  using Script = std::vector<int32_t>;
  // After its last token a script goes on with that token.
  ScriptedModel(int64_t vocab, int64_t end, std::map<int32_t, Script> scripts) : scripts_(std::move(scripts)) {
    info_ = {.architecture = "Scripted",
             .vocab = vocab,
             .hidden = 2,
             .layers = 1,
             .context = 4096,
             .experts = 0,
             .experts_per_token = 0,
             .has_mtp = false,
             .bos = 0,
             .eos = {end}};
    layouts_.front().layers.push_back(models::FixedState{sizeof(State)});
  }
  // Each forward takes this long, so that a test can step in between.
  std::chrono::milliseconds pause{0};

  autograd::Value hidden(const models::Batch& batch, models::ForwardContext& c) const override {
    if (pause.count() > 0) std::this_thread::sleep_for(pause);
    Tensor rows = c.ops.zeros({static_cast<int64_t>(batch.tokens.size()), 2});
    for (const models::Segment& s : batch.segments) {
      State state;
      std::byte* kept = s.state->fixed(0);
      std::memcpy(&state, kept, sizeof state);
      if (s.position == 0) {
        state = {};
        for (int64_t i = 0; i < s.rows; ++i)
          if (const int32_t t = batch.tokens[static_cast<size_t>(s.first_row + i)]; scripts_.contains(t))
            state.topic = t;
      } else {
        ++state.said;
      }
      std::memcpy(kept, &state, sizeof state);
      float* last = rows.f32() + (s.first_row + s.rows - 1) * 2;
      last[0] = static_cast<float>(state.topic);
      last[1] = static_cast<float>(state.said);
    }
    return {rows, -1};
  }
  autograd::Value logits(const autograd::Value& hidden, models::ForwardContext& c) const override {
    const int64_t count = hidden.tensor.elements() / 2;
    Tensor out = c.ops.zeros({count, info_.vocab});
    for (int64_t i = 0; i < count; ++i) {
      const Script& script = scripts_.at(static_cast<int32_t>(hidden.tensor.f32()[i * 2]));
      const auto at = static_cast<size_t>(hidden.tensor.f32()[i * 2 + 1]);
      out.f32()[i * info_.vocab + script[std::min(at, script.size() - 1)]] = 50;
    }
    return {out, -1};
  }

 private:
  struct State {
    int32_t topic = 0, said = 0;
  };
  std::map<int32_t, Script> scripts_;
};

// No merges: a token is a byte, so a Korean syllable is three.
inline tokenizer::Tokenizer byte_tokenizer() {
  bool given = false;
  const auto tokenizer = tokenizer::train_bpe(
      [&](std::string& document) {
        document = "x";
        return !std::exchange(given, true);
      },
      {.vocab_size = 256 + static_cast<int32_t>(tokenizer::kChatTokens.size())});
  return tokenizer.value();
}

// A session whose model answers a prompt that holds `topic` (one byte) with its words; marks in them are tokens.
inline std::unique_ptr<session::Session> scripted_session(const std::map<std::string, std::string>& scripts,
                                                          ops::Runtime& runtime, std::chrono::milliseconds pause = {},
                                                          text::ChatFormat format = text::ChatFormat::built_in()) {
  const tokenizer::Tokenizer tokenizer = byte_tokenizer();
  std::map<int32_t, ScriptedModel::Script> ids;
  for (const auto& [topic, words] : scripts) ids[tokenizer.encode_plain(topic).front()] = tokenizer.encode(words);
  auto model = std::make_shared<ScriptedModel>(tokenizer.vocab_size(), *tokenizer.token_id(tokenizer::kEndOfText),
                                               std::move(ids));
  model->pause = pause;
  return std::make_unique<session::Session>(model, tokenizer, text::PromptBuilder::create(tokenizer, std::move(format)),
                                            runtime, engine::EngineOptions{.cached_prefixes = 0});
}

}  // namespace jamsu::test
