// Kind C: everyday mathematics beside plain arithmetic.
#include "tasks/misc/misc.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace jamsu::tasks {
namespace {

struct SubKind {
  std::string_view name;
  void (*make)(Problem&);
  int weight;  // how often misc_sample draws it: what needs more practice comes more often
};
constexpr auto kSubKinds = std::to_array<SubKind>({
    {"equation", equation_problem, 5},
    {"unit", unit_problem, 8},
    {"calendar", calendar_problem, 12},
    {"clock", clock_problem, 11},
    {"sorting", sorting_problem, 15},
    {"counting", counting_problem, 12},
    {"comparing", comparing_problem, 10},
    {"sequence", sequence_problem, 5},
    {"average", average_problem, 4},
    {"remainder", remainder_problem, 6},
    {"percent", percent_problem, 6},
    {"fraction", fraction_problem, 11},
    {"decimal", decimal_problem, 8},
    {"power", power_problem, 6},
    {"signed", signed_problem, 6},
    {"division by zero", zero_division_problem, 2},
});

const SubKind& draw_kind(RandomStream& random) {
  int sum = 0;
  for (const SubKind& kind : kSubKinds) sum += kind.weight;
  int draw = static_cast<int>(random.below(static_cast<uint32_t>(sum)));
  for (const SubKind& kind : kSubKinds) {
    if ((draw -= kind.weight) < 0) return kind;
  }
  return kSubKinds.back();
}

Sample draw_sample(const SubKind& kind, RandomStream& random, const GeneratorOptions& options) {
  StepWriter writer(random, options.retry_percent);
  Sample sample;
  sample.kind = Kind::misc;
  sample.language = random.chance(1, 2) ? Language::korean : Language::english;
  sample.cell = kind.name;
  Problem problem{random, sample.language, options.split, writer, {}, {}, {}};
  kind.make(problem);
  sample.prompt = problem.prompt;
  sample.thinking = writer.finish();
  sample.value = problem.value;
  const std::string& said = problem.said.empty() ? problem.value : problem.said;
  sample.answer = problem.korean() ? "답은 " + said + "입니다." : "The answer is " + said + ".";
  return sample;
}

Sample make_sample(const SubKind& kind, RandomStream& random, const GeneratorOptions& options) {
  while (true) {
    Sample sample = draw_sample(kind, random, options);
    if (!reserved_prompt(sample.prompt)) return sample;
  }
}

}  // namespace

std::vector<std::string> misc_cells() {
  std::vector<std::string> names;
  for (const SubKind& kind : kSubKinds) names.emplace_back(kind.name);
  return names;
}

Sample misc_cell_sample(std::string_view cell, uint64_t index, const GeneratorOptions& options) {
  const auto found = std::find_if(kSubKinds.begin(), kSubKinds.end(), [&](const SubKind& k) { return k.name == cell; });
  JAMSU_CHECK(found != kSubKinds.end());
  RandomStream random = sample_stream(index, options, 300 + static_cast<int>(found - kSubKinds.begin()));
  return make_sample(*found, random, options);
}

Sample misc_sample(uint64_t index, const GeneratorOptions& options) {
  RandomStream random = sample_stream(index, options, 2);
  return make_sample(draw_kind(random), random, options);
}

}  // namespace jamsu::tasks
