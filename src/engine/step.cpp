#include "engine/step.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "ops/loss.h"
#include "ops/rows.h"

namespace jamsu::engine {

Step::Step(std::vector<Piece> plan, const models::StateLayout& layout, Allocator& memory) : pieces_(std::move(plan)) {
  segments_.reserve(pieces_.size());
  logits_.reserve(pieces_.size());
  draws_.reserve(pieces_.size());
  for (const Piece& piece : pieces_) lay_out(piece, layout, memory);
}

void Step::lay_out(const Piece& piece, const models::StateLayout& layout, Allocator& memory) {
  Sequence& s = *piece.sequence;
  if (!s.state) s.state = std::make_unique<models::SequenceState>(layout, memory);
  s.state->reserve(piece.rows);
  const auto first = static_cast<int64_t>(tokens_.size());
  segments_.push_back(
      {.first_row = first, .rows = piece.rows, .position = s.done, .state = s.state.get(), .whole = s.prompt()});
  for (int64_t i = 0; i < piece.rows; ++i) tokens_.push_back(s.token(s.done + i));
  prompt_rows_ += std::clamp<int64_t>(s.prompt() - s.done, 0, piece.rows);

  const auto draws_first = [](const Sequence* fork) { return fork->output.empty(); };
  const bool last = piece.samples || std::any_of(piece.forks.begin(), piece.forks.end(), draws_first);
  const bool all = s.request->prompt_logprobs && s.output.empty();
  const int64_t rows = all ? piece.rows : last ? 1 : 0;
  logits_.push_back({static_cast<int64_t>(wanted_.size()), rows});
  for (int64_t i = piece.rows - rows; i < piece.rows; ++i) {
    wanted_.push_back(static_cast<int32_t>(first + i));
    labels_.push_back(s.done + i + 1 < s.prompt() ? s.token(s.done + i + 1) : -1);
  }
  const int64_t row = static_cast<int64_t>(wanted_.size()) - 1;
  if (piece.samples) draws_.push_back({.sequence = &s, .row = row});
  for (Sequence* fork : piece.forks)
    if (draws_first(fork)) draws_.push_back({.sequence = fork, .row = row});
}

void Step::draw(const Tensor& logits, ops::Context& context) {
  context.pool.run(static_cast<int64_t>(draws_.size()),
                   [&](int64_t i, int) { draw_one(draws_[static_cast<size_t>(i)], logits); });
  read_logprobs(logits, context);
}

// In any thread of the pool.
void Step::draw_one(Draw& draw, const Tensor& logits) {
  const Sequence& s = *draw.sequence;
  const Request& request = *s.request;
  const int64_t vocab = logits.dim(1);
  try {
    TokenMask mask;
    const TokenMask* allowed = nullptr;
    if (request.filter) {
      mask.reset(vocab);
      if (request.filter->allowed(s.output, mask)) allowed = &mask;
    }
    const auto d = distribution({logits.f32() + draw.row * vocab, static_cast<size_t>(vocab)}, request.sampling,
                                request.tokens, s.output, allowed);
    if (d)
      draw.token =
          engine::draw(*d, request.sampling.seed, static_cast<uint64_t>(s.length()), request.sample + s.sample);
    else
      draw.error = "logits: NaN, or no token is allowed";
  } catch (const std::exception& e) {
    draw.error = e.what();
  }
}

void Step::read_logprobs(const Tensor& logits, ops::Context& context) {
  std::vector<Draw*> more;  // from a row whose label is another draw's
  std::vector<int32_t> rows, labels;
  for (Draw& draw : draws_) {
    if (!draw.token) continue;
    int32_t& label = labels_[static_cast<size_t>(draw.row)];
    if (label < 0) label = *draw.token;
    if (label == *draw.token) continue;
    more.push_back(&draw);
    rows.push_back(static_cast<int32_t>(draw.row));
    labels.push_back(*draw.token);
  }
  logprobs_ = ops::token_logp(logits, labels_, context);
  for (Draw& draw : draws_) draw.logprob = logprobs_.f32()[draw.row];
  if (more.empty()) return;
  const Tensor others = ops::token_logp(ops::gather_rows(logits, rows, context), labels, context);
  for (size_t i = 0; i < more.size(); ++i) more[i]->logprob = others.f32()[i];
}

void Step::advance() {
  for (size_t p = 0; p < pieces_.size(); ++p) {
    const Piece& piece = pieces_[p];
    Sequence& s = *piece.sequence;
    if (s.request->prompt_logprobs && s.output.empty())
      for (int64_t i = 0; i < logits_[p].count && s.done + i + 1 < s.prompt(); ++i)
        s.finished.prompt_logprobs.push_back(logprobs_.f32()[logits_[p].first + i]);
    s.state->advance(piece.rows);
    s.done += piece.rows;
    for (Sequence* fork : piece.forks) {
      fork->state = s.state->fork(s.prompt());
      fork->done = s.prompt();
      if (!fork->output.empty()) continue;  // it has had its prompt from old weights
      fork->finished.cached_tokens = s.prompt();
      fork->finished.prompt_logprobs = s.finished.prompt_logprobs;
      forked_ += s.prompt();
    }
  }
}

}  // namespace jamsu::engine
