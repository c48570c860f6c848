#pragma once
// Evaluation by log-probabilities instead of replies: perplexity of a text, and questions with given answers to choose
// from. Through a session, so that prompts are those of its users.
#include <boost/json/object.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "session/session.h"

namespace jamsu::eval {

// Called for each request as it ends, while the caller waits: for the ledger.
using OnFinished = std::function<void(const engine::Finished&)>;

struct Perplexity {
  int64_t tokens = 0, bytes = 0;  // tokens scored: all but the first
  int64_t window = 0;             // tokens of one forward
  double nll = 0;                 // -sum of natural log-probabilities
  double per_token() const;       // exp(nll / tokens)
  double bits_per_byte() const;   // nll / (ln 2 * bytes): comparable between tokenizers
};
// The text after the beginning-of-text token, in windows that overlap by half: each token is scored once, in the first
// window that has it, so with at least half a window before it but in the first. `window` 0: the model's context.
// Errors: a text of less than two tokens, invalid UTF-8, a window below 2 or beyond the context, the engine's.
Result<Perplexity> perplexity(session::Session& session, std::string_view text, int64_t window,
                              const OnFinished& finished = {});

struct ChoiceProblem {
  std::string prompt;
  std::vector<std::string> choices;  // at least two
  size_t answer = 0;                 // index into them
};
struct ChoiceReport {
  int64_t problems = 0;
  int64_t right = 0;           // the answer has the highest log-probability
  int64_t right_per_byte = 0;  // the highest per byte: long choices are not at a disadvantage
  int64_t errors = 0;          // problems that could not be run (a prompt beyond the context); never right
  int64_t tokens = 0;          // read
};
// Each choice as the assistant's reply to the prompt, thinking switched off where the template has a switch. Items:
// index, prompt, choices, log_probabilities, answer, chosen, chosen_per_byte, right, and error where there was one.
ChoiceReport choose(session::Session& session, const std::vector<ChoiceProblem>& problems,
                    const std::function<void(const boost::json::object&)>& on_item = {},
                    const OnFinished& finished = {});

}  // namespace jamsu::eval
