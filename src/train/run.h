#pragma once
// A training run from its first step to its last: data, steps, checkpoints, resume. What it does is a pure function of
// the plan and the sources; where it was stopped and on how many threads it ran changes no bit.
#include <functional>
#include <map>
#include <string>

#include "train/checkpoint.h"
#include "train/data.h"
#include "train/recipe.h"
#include "train/schedule.h"
#include "train/trainer.h"

namespace jamsu::train {

struct RunPlan {
  DataOptions data;        // rows: data rows of a global batch
  int64_t micro_rows = 4;  // data rows of a micro-batch; part of the recipe, for it fixes the order of sums
  int64_t steps = 0;
  Schedule schedule;
  StepOptions step;    // learning_rate is the schedule's
  std::string folder;  // of checkpoints; empty: none are written
  int64_t checkpoint_every = 200;
  SaveOptions save;
  // What is not trained on (null: nothing is kept), how much of it is read, and after how many steps its loss is
  // measured; it is at the end in any case.
  std::shared_ptr<const DocumentSource> validation = {};
  int64_t validation_tokens = 65'536, validate_every = 0;
  int64_t sample_every = 0;  // RunHooks::on_sample after so many steps, and at the end; 0: never
  std::string recipe;        // its effective text, kept in every checkpoint; a resume under another one is refused
  // What else decides the bits, by a name for people: {"tokenizer", its SHA-256}. run() adds numerics_version, the
  // weights it starts from and the documents of every source. A resume that finds one of them changed is refused.
  std::map<std::string, std::string> decides;
};
// A stage of a recipe; no folder, nothing in `decides`.
RunPlan plan_of(const Recipe& recipe, const StageRecipe& stage);

struct RunCounters {
  int64_t tokens = 0, learned = 0, samples_skipped = 0;
};

struct RunHooks {
  // Once, before the first step: where the run continues from (step 0 and zeros at a beginning). An Error ends it.
  std::function<Status(int64_t step, const RunCounters&)> on_start;
  std::function<void(const StepReport&, const RunCounters&)> on_step;
  std::function<void(int64_t step)> on_sample;  // the moment to ask the model something; it changes no weights
  std::function<void(const std::string& path)> on_checkpoint;
  // A broken checkpoint that was passed over; a resume that finds none and starts at the beginning; the validation's
  // loss before the first step; a step that this machine computed wrongly.
  std::function<void(const std::string& message)> on_message;
  std::function<bool()> should_stop;  // asked after every step; saves and returns when true
};

enum class RunEnd { finished, stopped };
struct RunResult {
  RunEnd end = RunEnd::finished;
  int64_t step = 0;
  RunCounters counters;
  std::string checkpoint;  // the last one written
};

// Steps until plan.steps. With `resume`, continues from the newest whole checkpoint of plan.folder; from the start, and
// says so, where none was saved yet. Errors: the data's, checkpoints of which none is whole, one that does not fit or
// was made by something else (the message names what differs), one that cannot be written (training has stopped;
// earlier ones are intact). A loss, or a gradient's norm, that is not finite: the step is computed once more before
// anything is changed; finite then, it was a fault of the machine, which is said, and the run goes on; else the run ends
// with an Error that names step, loss and the newest checkpoint, and nothing is saved. So it does after a validation
// whose loss is not finite. REQUIRES: the trainer has taken no step: its weights are those the run starts from.
Result<RunResult> run(Trainer& trainer, const std::vector<WeightedSource>& sources, const RunPlan& plan, bool resume,
                      const RunHooks& hooks);

}  // namespace jamsu::train
