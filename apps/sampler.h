#pragma once
// Asks a model in training what it says by now. Its weights are not touched.
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "ops/context.h"
#include "train/stage.h"

namespace jamsu::apps {

class Sampler {
 public:
  // What the stage's samples (StageReady::samples) ask for. `runtime` is the trainer's and outlives this.
  Sampler(const train::StageReady& ready, ops::Runtime& runtime);

  struct Answer {
    std::string asked, said, wanted;  // wanted: how the data go on
  };
  // Greedily, all at once; between two steps of the trainer. Errors: the engine's.
  Result<std::vector<Answer>> ask();

 private:
  std::shared_ptr<const models::Model> model_;
  tokenizer::Tokenizer tokenizer_;
  std::vector<train::SamplePrompt> samples_;
  ops::Runtime& runtime_;
  std::unique_ptr<engine::Engine> engine_;  // from the first question on
};

}  // namespace jamsu::apps
