#include "eval/tally.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "tasks/answer/answer.h"
#include "tasks/answer/plain_text.h"

namespace jamsu::eval {
namespace {

boost::json::object item_of(const std::string& set, const tasks::Sample& problem, uint64_t index, size_t sample,
                            const session::Reply& reply, const tasks::Verdict& verdict) {
  boost::json::object item{{"set", set},
                           {"index", index},
                           {"sample", sample},
                           {"cell", problem.cell},
                           {"prompt", problem.prompt},
                           {"reasoning", reply.reasoning},
                           {"content", reply.content},
                           {"value", problem.value},
                           {"answer", tasks::final_number(reply.content)},
                           {"right", verdict.answer_right},
                           {"steps", verdict.steps},
                           {"steps_right", verdict.steps_right},
                           {"tokens", reply.done.output_tokens}};
  if (!problem.any.empty()) item["any"] = boost::json::value_from(problem.any);
  if (!problem.numbers.empty()) item["numbers"] = boost::json::value_from(problem.numbers);
  if (!reply.done.error.empty()) item["error"] = reply.done.error;
  return item;
}

// Answers in the order they came, with their votes.
struct Vote {
  tasks::Answer answer;
  int64_t count = 0;
  bool right = false;
};
// Where the value is no number, or not what is answered, whole replies vote.
tasks::Answer vote_of(const tasks::Sample& problem, const std::string& content) {
  const bool number = problem.numbers.empty() && tasks::whole_quantity(tasks::plain_text(problem.value)).has_value();
  return number ? tasks::read_answer(content) : tasks::Answer{content, std::nullopt};
}
Vote& vote_for(std::vector<Vote>& votes, tasks::Answer answer) {
  const auto found =
      std::find_if(votes.begin(), votes.end(), [&](const Vote& v) { return tasks::same_answer(v.answer, answer); });
  if (found != votes.end()) return *found;
  return votes.emplace_back(Vote{std::move(answer)});
}

}  // namespace

Interval wilson(int64_t right, int64_t problems) {
  if (problems == 0) return {0, 1};
  const double z = 1.959963984540054, n = static_cast<double>(problems), p = static_cast<double>(right) / n;
  const double center = (p + z * z / (2 * n)) / (1 + z * z / n),
               half = z * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n);
  return {std::max(0.0, center - half), std::min(1.0, center + half)};
}

Tally::Tally(std::string set, OnItem on_item) : on_item_(std::move(on_item)) {
  report_.name = std::move(set);
}

void Tally::add(const tasks::Sample& problem, uint64_t index, const std::vector<session::Reply>& replies) {
  JAMSU_CHECK(!replies.empty());
  std::vector<Vote> votes;
  bool any = false;
  for (size_t k = 0; k < replies.size(); ++k) {
    const session::Reply& reply = replies[k];
    tasks::Verdict verdict = tasks::verify(problem, reply.reasoning, reply.content);
    if (!reply.done.error.empty()) {
      verdict.answer_right = false;
      ++report_.errors;
    }
    Vote& vote = vote_for(votes, vote_of(problem, reply.content));
    ++vote.count;
    vote.right = verdict.answer_right;
    any |= verdict.answer_right;
    report_.tokens += reply.done.output_tokens;
    report_.truncated += reply.done.reason == engine::FinishReason::length;
    if (k == 0) {
      Cell& cell = cells_[problem.cell];
      cell.name = problem.cell;
      ++cell.problems;
      cell.right += verdict.answer_right;
      report_.right += verdict.answer_right;
      if (verdict.answer_right && verdict.steps > 0) {
        ++report_.with_steps;
        report_.steps_verified += verdict.all_steps_right();
      }
    }
    if (on_item_) on_item_(item_of(report_.name, problem, index, k, reply, verdict));
  }
  ++report_.problems;
  report_.pass_at_k += any;
  const auto best =
      std::max_element(votes.begin(), votes.end(), [](const Vote& x, const Vote& y) { return x.count < y.count; });
  report_.majority_at_k += best->right;
}

Report Tally::report() const {
  Report report = report_;
  for (const auto& [name, cell] : cells_) report.cells.push_back(cell);
  return report;
}

}  // namespace jamsu::eval
