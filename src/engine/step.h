#pragma once
// One step of the engine: a scheduler's plan as a batch of rows, and what is read from their logits.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/scheduler.h"
#include "models/batch.h"

namespace jamsu::engine {

class Step {
 public:
  // Gives every sequence of the plan a state with room for its rows.
  // REQUIRES: a plan that is not empty. Throws std::bad_alloc.
  Step(std::vector<Piece> plan, const models::StateLayout& layout, Allocator& memory);

  models::Batch batch() const { return {tokens_, segments_, wanted_}; }
  const std::vector<int32_t>& wanted() const { return wanted_; }  // rows whose logits are read
  int64_t rows() const { return static_cast<int64_t>(tokens_.size()); }
  int64_t prompt_rows() const { return prompt_rows_; }  // of them: tokens of prompts
  int64_t forked_tokens() const { return forked_; }     // of prompts, that advance() has given to samples

  // Draws the tokens, by the pool's threads (a draw depends on its sequence alone), and takes the log-probabilities of
  // them and of the prompts' tokens. REQUIRES: logits [wanted, vocab].
  void draw(const Tensor& logits, ops::Context& context);
  // After the forward and draw(): the rows belong to the states; samples of a prompt that has ended get its state.
  void advance();

  // A token drawn, with its log-probability by the untouched logits; none: why not is in `error`.
  struct Draw {
    Sequence* sequence = nullptr;
    int64_t row = 0;  // of logits; samples of one prompt draw their first from the same
    std::optional<int32_t> token = {};
    std::string error = {};
    float logprob = 0;
  };
  const std::vector<Draw>& draws() const { return draws_; }

 private:
  void lay_out(const Piece& piece, const models::StateLayout& layout, Allocator& memory);
  static void draw_one(Draw& draw, const Tensor& logits);
  void read_logprobs(const Tensor& logits, ops::Context& context);

  std::vector<Piece> pieces_;
  std::vector<int32_t> tokens_, wanted_;
  std::vector<models::Segment> segments_;  // of each piece
  struct Logits {
    int64_t first = 0, count = 0;  // rows of logits
  };
  std::vector<Logits> logits_;   // of each piece
  std::vector<int32_t> labels_;  // of each row of logits, whose log-probability is asked; -1: none
  Tensor logprobs_;              // of the labels
  std::vector<Draw> draws_;
  int64_t prompt_rows_ = 0, forked_ = 0;
};

}  // namespace jamsu::engine
