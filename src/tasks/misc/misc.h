#pragma once
// Kind C: the sub-kinds, each a function that fills a problem. Internal to tasks.
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/rng.h"
#include "tasks/frames.h"
#include "tasks/steps.h"
#include "tasks/tasks.h"

namespace jamsu::tasks {

struct Problem {
  RandomStream& random;
  Language language;
  Split split;
  StepWriter& steps;
  std::string prompt;
  std::string value;
  std::string said;  // the value as the answer says it ("325 cm"); empty: the value itself

  bool korean() const { return language == Language::korean; }
  // The text of the problem's language.
  std::string say(std::string_view ko, std::string_view en) const { return std::string(korean() ? ko : en); }
  void ask(std::span<const std::string_view> ko, std::span<const std::string_view> en, const Slots& slots) {
    prompt = fill(pick_frame(korean() ? ko : en, split, random), slots);
  }
};

void equation_problem(Problem& problem);
void sequence_problem(Problem& problem);
void sorting_problem(Problem& problem);
void comparing_problem(Problem& problem);
void average_problem(Problem& problem);
void remainder_problem(Problem& problem);
void percent_problem(Problem& problem);
void fraction_problem(Problem& problem);
void unit_problem(Problem& problem);
void calendar_problem(Problem& problem);
void clock_problem(Problem& problem);
void counting_problem(Problem& problem);
void decimal_problem(Problem& problem);
void power_problem(Problem& problem);
void signed_problem(Problem& problem);
void zero_division_problem(Problem& problem);

}  // namespace jamsu::tasks
