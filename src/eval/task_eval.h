#pragma once
// Scores a model on generated tasks as its users meet it: through a session, with the model's own chat format.
#include <functional>
#include <string>
#include <vector>

#include "eval/tally.h"

namespace jamsu::eval {

// One set of problems: a name and a sample for each index.
struct ProblemSet {
  std::string name;
  std::function<tasks::Sample(uint64_t index)> sample;
  bool unseen = false;   // of patterns, names, objects or wordings that training never has
  bool by_name = false;  // run where it is asked for by its name alone
};
// The fixed mixes. "A" (uniform over operation x length cells), "B ko", "B en" (levels 1-8, uniform), "B longer"
// (levels 9 and 10, two steps more than training has; half Korean), "C" (uniform over its cells), "D" (talk, wordings
// never trained), "E" (questions about the answer before them); then the same kinds from the held-out tenth of patterns, names and objects alone: "A unseen",
// "B ko unseen", "B en unseen", "C unseen", "E unseen". By name: "countdown3", "countdown4", and the problems and
// wordings of both that are held out, "countdown3 unseen", "countdown4 unseen".
// The problems of the others are new ones of the kinds that training has (`seed` differs from the recipes'), but in
// cells with few problems (5+3, 7*8, a weekday) the very same ones have been trained on: no seed can avoid that.
std::vector<ProblemSet> problem_sets(uint64_t seed);

struct Options {
  int64_t problems = 1000;            // per set
  int64_t samples = 1;                // k, for pass@k and maj@k
  session::ChatRequest request = {};  // sampling; messages are filled in
  int64_t in_flight = 256;            // replies submitted at once
};
struct Observer {
  Tally::OnItem item = {};                                        // one object per sample, see Tally
  std::function<void(const session::Reply& reply)> replied = {};  // as each ends; while evaluate waits
};

// What a session is asked: the turns before the prompt, and the prompt.
std::vector<text::Message> messages_of(const tasks::Sample& sample);

Report evaluate(session::Session& session, const ProblemSet& set, const Options& options,
                const Observer& observer = {});

}  // namespace jamsu::eval
