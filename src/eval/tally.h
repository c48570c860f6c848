#pragma once
// Counts replies to problems: cells, pass@k, maj@k, verified steps, intervals. Knows no model.
#include <boost/json/object.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "session/session.h"
#include "tasks/tasks.h"

namespace jamsu::eval {

struct Cell {
  std::string name;
  int64_t problems = 0, right = 0;
};
struct Report {
  std::string name;
  int64_t problems = 0;
  int64_t right = 0;           // of the first sample of each problem
  int64_t pass_at_k = 0;       // problems with at least one right sample
  int64_t majority_at_k = 0;   // problems whose most frequent final value is right
  int64_t steps_verified = 0;  // right answers whose every thinking step verifies
  int64_t with_steps = 0;      // right answers that show steps at all
  int64_t truncated = 0;       // replies cut at the limit
  int64_t errors = 0;          // replies that ended with an error (a prompt beyond the context); never right
  int64_t tokens = 0;          // of all replies
  std::vector<Cell> cells;     // by name
};
// 95 % Wilson score interval of right / problems.
struct Interval {
  double low = 0, high = 0;
};
Interval wilson(int64_t right, int64_t problems);

class Tally {
 public:
  using OnItem = std::function<void(const boost::json::object&)>;
  // `on_item` gets one object per sample: set, index, sample, cell, prompt, reasoning, content, value, right, steps,
  // steps_right, tokens, and error where there was one.
  explicit Tally(std::string set, OnItem on_item = {});

  // The replies to one problem, sample 0 first. The majority is taken over the final numbers, or over whole answers
  // where the value is no number; of values equally frequent the one that came first counts.
  // REQUIRES: at least one reply.
  void add(const tasks::Sample& problem, uint64_t index, const std::vector<session::Reply>& replies);
  Report report() const;

 private:
  Report report_;
  std::map<std::string, Cell> cells_;
  OnItem on_item_;
};

}  // namespace jamsu::eval
