#include "eval/likelihood.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <optional>

namespace jamsu::eval {
namespace {

// Log-probabilities of all tokens of each prompt but the first. Waits for all.
std::vector<Result<engine::Finished>> score(engine::Engine& engine, std::vector<std::vector<int32_t>> prompts,
                                            const OnFinished& finished) {
  std::mutex mutex;
  std::condition_variable ended;
  size_t left = prompts.size();
  std::vector<Result<engine::Finished>> results(prompts.size(), Error{"not run"});
  for (size_t i = 0; i < prompts.size(); ++i) {
    const auto submitted = engine.submit({.tokens = std::move(prompts[i]), .max_tokens = 1, .prompt_logprobs = true},
                                         [&, i](const engine::Event& event) {
                                           const auto* end = std::get_if<engine::Finished>(&event);
                                           if (!end) return;
                                           const std::lock_guard lock(mutex);
                                           if (end->reason == engine::FinishReason::error)
                                             results[i] = Error{end->error};
                                           else
                                             results[i] = *end;
                                           --left;
                                           ended.notify_one();
                                         });
    if (submitted) continue;
    const std::lock_guard lock(mutex);
    results[i] = submitted.error();
    --left;
  }
  std::unique_lock lock(mutex);
  ended.wait(lock, [&] { return left == 0; });
  for (const auto& result : results)
    if (result && finished) finished(*result);
  return results;
}

}  // namespace

double Perplexity::per_token() const {
  return std::exp(nll / static_cast<double>(tokens));
}
double Perplexity::bits_per_byte() const {
  return nll / (std::log(2.0) * static_cast<double>(bytes));
}

Result<Perplexity> perplexity(session::Session& session, std::string_view text, int64_t window,
                              const OnFinished& finished) {
  session::ChatRequest request;
  request.continued = std::string(text);
  const auto prompt = session.prompt(request);
  if (!prompt) return prompt.error();
  const std::vector<int32_t>& ids = prompt->ids;
  const auto length = static_cast<int64_t>(ids.size());
  const int64_t context = session.engine().model().info().context - 1;  // the engine wants room for a reply
  if (length < 2) return Error{"the text has less than two tokens"};
  if (window != 0 && (window < 2 || window > context))
    return Error{fmt::format("a window of {} tokens is not between 2 and {}", window, context)};
  Perplexity p{.tokens = length - 1, .bytes = static_cast<int64_t>(text.size()), .window = window ? window : context};
  const int64_t stride = std::max<int64_t>(1, p.window / 2);
  constexpr size_t kAtOnce = 8;
  int64_t scored = 1;  // tokens before this one are scored, or the first
  for (int64_t begin = 0; scored < length;) {
    std::vector<std::vector<int32_t>> prompts;
    std::vector<int64_t> begins;
    for (int64_t end = scored; end < length && prompts.size() < kAtOnce; begin += stride) {
      end = std::min(begin + p.window, length);
      prompts.emplace_back(ids.begin() + begin, ids.begin() + end);
      begins.push_back(begin);
    }
    const auto results = score(session.engine(), std::move(prompts), finished);
    for (size_t i = 0; i < results.size(); ++i) {
      if (!results[i]) return results[i].error();
      const std::vector<float>& logprobs = results[i]->prompt_logprobs;  // [j]: of token begin + j + 1
      for (auto j = static_cast<size_t>(scored - begins[i] - 1); j < logprobs.size(); ++j)
        p.nll -= static_cast<double>(logprobs[j]);
      scored = begins[i] + static_cast<int64_t>(logprobs.size()) + 1;
    }
  }
  return p;
}

namespace {

struct Chosen {
  std::vector<double> sums;
  size_t best = 0, best_per_byte = 0;
};

// The choices of one problem.
Result<Chosen> score_choices(session::Session& session, const ChoiceProblem& problem, ChoiceReport& report,
                             const OnFinished& finished) {
  session::ChatRequest request;
  request.messages = {{"user", problem.prompt, ""}};
  request.thinking = session::Thinking::off;
  const auto prompt = session.prompt(request);
  if (!prompt) return prompt.error();
  std::vector<std::vector<int32_t>> prompts;
  for (const std::string& choice : problem.choices) {
    std::vector<int32_t> ids = prompt->ids;
    session.tokenizer().encode_plain_to(choice, ids, false);
    if (ids.size() == prompt->ids.size()) return Error{"a choice has no tokens"};
    report.tokens += static_cast<int64_t>(ids.size());
    prompts.push_back(std::move(ids));
  }
  const auto results = score(session.engine(), std::move(prompts), finished);
  Chosen chosen;
  double best = 0, best_per_byte = 0;
  for (size_t i = 0; i < results.size(); ++i) {
    if (!results[i]) return results[i].error();
    double sum = 0;
    for (size_t j = prompt->ids.size() - 1; j < results[i]->prompt_logprobs.size(); ++j)
      sum += static_cast<double>(results[i]->prompt_logprobs[j]);
    const double per_byte = sum / static_cast<double>(problem.choices[i].size());
    if (i == 0 || sum > best) best = sum, chosen.best = i;
    if (i == 0 || per_byte > best_per_byte) best_per_byte = per_byte, chosen.best_per_byte = i;
    chosen.sums.push_back(sum);
  }
  return chosen;
}

}  // namespace

ChoiceReport choose(session::Session& session, const std::vector<ChoiceProblem>& problems,
                    const std::function<void(const boost::json::object&)>& on_item, const OnFinished& finished) {
  ChoiceReport report;
  for (size_t i = 0; i < problems.size(); ++i) {
    const ChoiceProblem& problem = problems[i];
    const auto chosen = score_choices(session, problem, report, finished);
    ++report.problems;
    boost::json::object item{{"index", i},
                             {"prompt", problem.prompt},
                             {"choices", boost::json::value_from(problem.choices)},
                             {"answer", problem.answer},
                             {"right", chosen.ok() && chosen->best == problem.answer}};
    if (chosen) {
      report.right += chosen->best == problem.answer;
      report.right_per_byte += chosen->best_per_byte == problem.answer;
      item["log_probabilities"] = boost::json::value_from(chosen->sums);
      item["chosen"] = chosen->best;
      item["chosen_per_byte"] = chosen->best_per_byte;
    } else {
      ++report.errors;
      item["error"] = chosen.error().message;
    }
    if (on_item) on_item(item);
  }
  return report;
}

}  // namespace jamsu::eval
