// The sets of problems, and a whole evaluation with a model whose replies are scripted.
#include "eval/task_eval.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "session/scripted_session.h"

namespace jamsu::eval {
namespace {

const ProblemSet& named(const std::vector<ProblemSet>& sets, const std::string& name) {
  for (const ProblemSet& s : sets)
    if (s.name == name) return s;
  ADD_FAILURE() << name;
  return sets.front();
}

// A question about an answer is asked with that answer before it.
TEST(ProblemSets, AFollowUpComesWithWhatWasSaidBefore) {
  const auto sets = problem_sets(5);
  const auto set = std::find_if(sets.begin(), sets.end(), [](const ProblemSet& s) { return s.name == "E"; });
  ASSERT_NE(set, sets.end());
  const tasks::Sample sample = set->sample(0);
  const auto messages = messages_of(sample);
  ASSERT_EQ(messages.size(), 2 * sample.before.size() + 1);
  EXPECT_EQ(messages[0].content, sample.before[0].prompt);
  EXPECT_EQ(messages[1].role, "assistant");
  EXPECT_EQ(messages.back().content, sample.prompt);
}

TEST(ProblemSets, MainOnesFirstAndTheUnseenApart) {
  std::vector<std::string> seen, unseen, by_name;
  for (const ProblemSet& s : problem_sets(1)) (s.by_name ? by_name : s.unseen ? unseen : seen).push_back(s.name);
  EXPECT_EQ(by_name, (std::vector<std::string>{"countdown3", "countdown4", "countdown3 unseen", "countdown4 unseen"}));
  EXPECT_EQ(seen, (std::vector<std::string>{"A", "B ko", "B en", "B longer", "C", "E"}));
  EXPECT_EQ(unseen, (std::vector<std::string>{"D", "A unseen", "B ko unseen", "B en unseen", "C unseen", "E unseen"}));
}

TEST(ProblemSets, AreUniformOverLevelsAndCells) {
  const auto sets = problem_sets(1);
  const auto cells = [&](const std::string& name, uint64_t count) {
    std::map<std::string, int> found;
    for (uint64_t i = 0; i < count; ++i) ++found[named(sets, name).sample(i).cell];
    return found;
  };
  for (const std::string name : {"B ko", "B en", "B ko unseen", "B en unseen"}) {
    const auto levels = cells(name, 32);
    EXPECT_EQ(levels.size(), 8u) << name;  // 1-8 steps
    for (const auto& [level, count] : levels) EXPECT_EQ(count, 4) << name << " " << level;
  }
  std::set<int> longer;
  int korean = 0;
  for (uint64_t i = 0; i < 40; ++i) {
    const tasks::Sample s = named(sets, "B longer").sample(i);
    longer.insert(s.level);
    korean += s.language == tasks::Language::korean;
  }
  EXPECT_EQ(longer, (std::set<int>{9, 10}));
  EXPECT_EQ(korean, 20);
  const auto arithmetic = cells("A", 2 * tasks::arithmetic_cells().size());
  EXPECT_EQ(arithmetic.size(), tasks::arithmetic_cells().size());
  for (const auto& [cell, count] : arithmetic) EXPECT_EQ(count, 2) << cell;
  EXPECT_EQ(cells("C", 3 * tasks::misc_cells().size()).size(), tasks::misc_cells().size());
}

TEST(ProblemSets, ASeedRepeatsAndAnotherDiffers) {
  const auto a = problem_sets(1), b = problem_sets(1), c = problem_sets(2);
  for (size_t s = 0; s < a.size(); ++s) {
    int changed = 0;
    for (uint64_t i = 0; i < 16; ++i) {
      EXPECT_EQ(a[s].sample(i).prompt, b[s].sample(i).prompt);
      changed += a[s].sample(i).prompt != c[s].sample(i).prompt;
    }
    EXPECT_GT(changed, 8) << a[s].name;
  }
}

TEST(ProblemSets, UnseenProblemsAreNotThoseOfTheSeenSets) {
  const auto sets = problem_sets(1);
  for (const std::string kind : {"B ko", "B en", "C", "countdown3", "countdown4"}) {
    std::set<std::string> seen;
    for (uint64_t i = 0; i < 400; ++i) seen.insert(named(sets, kind).sample(i).prompt);
    for (uint64_t i = 0; i < 100; ++i)
      EXPECT_FALSE(seen.contains(named(sets, kind + " unseen").sample(i).prompt)) << kind << " " << i;
  }
}

// Problem i asks topic 'a' + i; the model says what stands in the scripts.
ProblemSet planted() {
  return {"planted", [](uint64_t i) {
            tasks::Sample s;
            s.kind = tasks::Kind::arithmetic;
            s.cell = i % 2 ? "odd" : "even";
            s.prompt = std::string(1, static_cast<char>('a' + i));
            s.value = std::to_string(i);
            return s;
          }};
}

TEST(Evaluate, AsksEveryProblemKTimesAndTellsEachReply) {
  const std::string end(tokenizer::kEndOfText);
  std::map<std::string, std::string> scripts;
  for (int i = 0; i < 10; ++i)  // 7 and 9 are answered wrong
    scripts[std::string(1, static_cast<char>('a' + i))] =
        "<think>1+1=2</think>" + std::to_string(i == 7 || i == 9 ? 99 : i) + end;
  ops::Runtime runtime(2, kernels::best_isa(), ops::Numerics::bf16);
  const auto session = test::scripted_session(scripts, runtime);
  for (const int64_t in_flight : {1, 7, 1000}) {  // one after the other, uneven groups, all at once
    std::vector<std::pair<int64_t, int64_t>> items;
    int64_t replied = 0, tokens = 0;
    const Report r = evaluate(
        *session, planted(), {.problems = 10, .samples = 3, .request = {}, .in_flight = in_flight},
        {.item =
             [&](const boost::json::object& item) {
               items.emplace_back(item.at("index").to_number<int64_t>(), item.at("sample").to_number<int64_t>());
             },
         .replied =
             [&](const session::Reply& reply) {
               ++replied;
               tokens += reply.done.output_tokens;
             }});
    EXPECT_EQ(r.name, "planted");
    EXPECT_EQ(r.problems, 10);
    EXPECT_EQ(r.right, 8);
    EXPECT_EQ(r.pass_at_k, 8);
    EXPECT_EQ(r.majority_at_k, 8);
    EXPECT_EQ(r.steps_verified, 8);
    EXPECT_EQ(r.tokens, tokens);
    EXPECT_EQ(replied, 30);
    ASSERT_EQ(r.cells.size(), 2u);
    EXPECT_EQ(r.cells[0].right, 5);
    EXPECT_EQ(r.cells[1].right, 3);
    ASSERT_EQ(items.size(), 30u);
    for (int64_t i = 0; i < 30; ++i) EXPECT_EQ(items[static_cast<size_t>(i)], std::pair(i / 3, i % 3));
  }
}

TEST(Evaluate, ProblemsPastTheContextAreErrorsNotCrashes) {
  ops::Runtime runtime(1, kernels::best_isa(), ops::Numerics::bf16);
  const auto session = test::scripted_session({{"a", "0<|end_of_text|>"}}, runtime);
  const ProblemSet long_one{"long", [](uint64_t) {
                              tasks::Sample s;
                              s.prompt = std::string(5000, 'a');
                              s.value = "0";
                              return s;
                            }};
  const Report r = evaluate(*session, long_one, {.problems = 2});
  EXPECT_EQ(r.errors, 2);
  EXPECT_EQ(r.right, 0);
}

}  // namespace
}  // namespace jamsu::eval
