#include "train/run.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cmath>

#include "base/check.h"
#include "base/numerics_version.h"
#include "base/sha256.h"
#include "train/setup/validation.h"

namespace jamsu::train {
namespace {

// Documents of a source without end that stand for all of it: enough to meet each kind of task.
constexpr uint64_t kProbed = 256;

using Decides = std::map<std::string, std::string>;

template <class T>
std::string_view bytes_of(const std::vector<T>& v) {
  return {reinterpret_cast<const char*>(v.data()), v.size() * sizeof(T)};
}

// Of what training sees of a source, so it covers the file, the way it is read and the generator of tasks.
Result<std::string> hash_of(const DocumentSource& source) {
  Sha256 hash;
  const uint64_t size = source.size();
  for (uint64_t i = 0; i < (size ? size : kProbed); ++i) {
    const auto d = source.at(i);
    if (!d) return d.error();
    hash.update(fmt::format("{} {}\n", d->ids.size(), d->may_cut))
        .update(bytes_of(d->ids))
        .update(bytes_of(d->learned));
  }
  return hash.hex();
}

std::span<const std::byte> bytes_of(const Tensor& tensor) {
  return {tensor.raw(), static_cast<size_t>(tensor.bytes())};
}

// Masters and correction biases.
std::string hash_of_weights(const Trainer& trainer) {
  Sha256 hash;
  for (const auto& [name, tensor] : trainer.tensors())
    if (name.starts_with("master.") || name.starts_with("bias.")) hash.update(name).update(bytes_of(tensor));
  return hash.hex();
}

// Names, shapes and values; empty: nothing is frozen.
std::string hash_of_frozen(const Trainer& trainer) {
  const models::NamedTensors frozen = trainer.frozen();
  if (frozen.empty()) return "";
  Sha256 hash;
  for (const auto& [name, tensor] : frozen) hash.update(name + tensor.shape().text()).update(bytes_of(tensor));
  return hash.hex();
}

Result<Decides> what_decides(const Trainer& trainer, const std::vector<WeightedSource>& sources, const RunPlan& plan) {
  Decides all = plan.decides;
  all["numerics_version"] = std::to_string(kNumericsVersion);
  all["starting weights"] = hash_of_weights(trainer);
  if (std::string frozen = hash_of_frozen(trainer); !frozen.empty()) all["frozen weights"] = std::move(frozen);
  for (size_t i = 0; i < sources.size(); ++i) {
    auto hash = hash_of(*sources[i].source);
    if (!hash) return hash.error();
    all[fmt::format("data {}: {}", i + 1, sources[i].name)] = std::move(*hash);
  }
  if (plan.validation) {
    auto hash = hash_of(*plan.validation);
    if (!hash) return hash.error();
    all["validation"] = std::move(*hash);
  }
  return all;
}

boost::json::object state_of(const RunPlan& plan, const Decides& decides, const RunCounters& counters,
                             const DataState& data) {
  return {{"format", 2},
          {"numerics_version", kNumericsVersion},
          {"recipe", plan.recipe},
          {"decides", boost::json::value_from(decides)},
          {"tokens", counters.tokens},
          {"learned", counters.learned},
          {"samples_skipped", counters.samples_skipped},
          {"data", to_json(data)}};
}

Status check_recipe(const Checkpoint& checkpoint, const RunPlan& plan) {
  const auto* recipe = checkpoint.state.if_contains("recipe");
  if (recipe && recipe->is_string() && std::string_view(recipe->as_string()) == plan.recipe) return {};
  return Error{
      fmt::format("{}: was made by another recipe; start anew in another folder, or use the recipe it was made by",
                  checkpoint.path)};
}

// Names everything that differs.
Status check_decides(const Checkpoint& checkpoint, const Decides& now) {
  const auto* stored = checkpoint.state.if_contains("decides");
  if (!stored || !stored->is_object())
    return Error{fmt::format(
        "{}/state.json: \"decides\" is missing: a version that did not record what decides the bits made it",
        checkpoint.path)};
  std::map<std::string, std::pair<std::string, std::string>> both;
  for (const auto& [name, value] : stored->get_object())
    both[name].first = value.is_string() ? std::string(value.get_string()) : std::string("no text");
  for (const auto& [name, value] : now) both[name].second = value;
  const auto shown = [](const std::string& value) {
    return value.empty() ? std::string("not there") : value.size() > 16 ? value.substr(0, 12) + "..." : value;
  };
  std::string differing;
  for (const auto& [name, values] : both)
    if (values.first != values.second)
      differing += fmt::format("{}{} (was {}, is {})", differing.empty() ? "" : "; ", name, shown(values.first),
                               shown(values.second));
  if (differing.empty()) return {};
  return Error{
      fmt::format("{}: continuing would give other bits than the run it belongs to. What differs: {}. Start anew in "
                  "another folder, "
                  "or bring back what it was made by",
                  checkpoint.path, differing)};
}

Status resume_from(const Checkpoint& checkpoint, Trainer& trainer, Dataset& dataset, const RunPlan& plan,
                   const Decides& decides, RunCounters& counters) {
  if (auto s = check_recipe(checkpoint, plan); !s) return s;
  if (auto s = check_decides(checkpoint, decides); !s) return s;
  const auto field = [&](const char* name) { return checkpoint.state.if_contains(name); };
  for (const auto& [name, value] : {std::pair<const char*, int64_t*>{"tokens", &counters.tokens},
                                    {"learned", &counters.learned},
                                    {"samples_skipped", &counters.samples_skipped}}) {
    const auto* number = field(name);
    if (!number || !number->is_int64())
      return Error{fmt::format("{}/state.json: \"{}\" is missing or no integer", checkpoint.path, name)};
    *value = number->as_int64();
  }
  const auto* data = field("data");
  if (!data) return Error{fmt::format("{}/state.json: \"data\" is missing", checkpoint.path)};
  const auto state = data_state_from_json(*data, checkpoint.path + "/state.json");
  if (!state) return state.error();
  if (auto s = dataset.restore(*state); !s) return s;
  if (auto s = trainer.restore(checkpoint.tensors, checkpoint.step); !s) return s;
  return checkpoint.file->intact();
}

// The checkpoint it goes on from; empty: from the beginning.
Result<std::string> resume_newest(Trainer& trainer, Dataset& dataset, const RunPlan& plan, const Decides& decides,
                                  const RunHooks& hooks, RunCounters& counters) {
  const auto say = [&](const std::string& message) {
    if (hooks.on_message) hooks.on_message(message);
  };
  const Latest latest = latest_valid(plan.folder);
  if (!latest.checkpoint && !latest.skipped.empty())
    return Error{fmt::format("{}: no checkpoint there is whole, so there is nothing to continue: {}", plan.folder,
                             fmt::join(latest.skipped, "; "))};
  for (const std::string& message : latest.skipped) say(message);
  if (latest.checkpoint) {
    if (auto s = resume_from(*latest.checkpoint, trainer, dataset, plan, decides, counters); !s) return s.error();
    return latest.checkpoint->path;
  }
  say(fmt::format("{}: no checkpoint was saved yet; starting at step 0", plan.folder));
  return std::string();
}

}  // namespace

RunPlan plan_of(const Recipe& recipe, const StageRecipe& stage) {
  RunPlan plan;
  plan.data = stage.data_options(recipe.data.seed);
  plan.micro_rows = stage.micro_batch_tokens / stage.context;
  plan.steps = stage.total_steps();
  plan.schedule = stage.learning_rate();
  plan.step = stage.step_options(1);
  plan.checkpoint_every = stage.checkpoint_every_steps;
  plan.save.keep = stage.keep;
  plan.validation_tokens = recipe.data.validation_tokens;
  plan.validate_every = stage.validate_every_steps;
  plan.sample_every = stage.sample_every_steps;
  plan.recipe = recipe.text;
  return plan;
}

namespace {

// One run: what its steps share.
class Run {
 public:
  Run(Trainer& trainer, const RunPlan& plan, const RunHooks& hooks, Dataset dataset, Decides decides,
      std::vector<MicroBatch> validation)
      : trainer_(trainer),
        plan_(plan),
        hooks_(hooks),
        dataset_(std::move(dataset)),
        decides_(std::move(decides)),
        validation_(std::move(validation)) {}

  Result<RunResult> go(bool resume) {
    if (resume && !plan_.folder.empty()) {
      auto from = resume_newest(trainer_, dataset_, plan_, decides_, hooks_, result_.counters);
      if (!from) return from.error();
      newest_ = std::move(*from);
    }
    if (hooks_.on_start)
      if (auto s = hooks_.on_start(trainer_.steps(), result_.counters); !s) return s.error();
    if (trainer_.steps() == 0 && !validation_.empty())
      say(fmt::format("validation loss {:.4f} before the first step", trainer_.validate(validation_)));
    while (trainer_.steps() < plan_.steps && result_.end == RunEnd::finished)
      if (auto s = step(); !s) return s.error();
    result_.step = trainer_.steps();
    return result_;
  }

 private:
  void say(const std::string& message) const {
    if (hooks_.on_message) hooks_.on_message(message);
  }
  std::string newest() const {
    return newest_.empty() ? "No checkpoint was saved yet" : fmt::format("The newest good checkpoint is {}", newest_);
  }

  Status step() {
    const auto batch = dataset_.next();
    if (!batch) return batch.error();
    auto report = compute(*batch);
    if (!report) return report.error();
    result_.counters.tokens += batch->tokens;
    result_.counters.learned += batch->learned;
    result_.counters.samples_skipped += static_cast<int64_t>(batch->skipped_places.size());
    const bool last = trainer_.steps() >= plan_.steps;
    const auto due = [&](int64_t every) { return every > 0 && trainer_.steps() % every == 0; };
    if (!validation_.empty() && (last || due(plan_.validate_every)))
      report->validation = trainer_.validate(validation_);
    if (hooks_.on_step) hooks_.on_step(*report, result_.counters);
    if (report->validation && !std::isfinite(*report->validation))
      return Error{fmt::format("step {}: the validation's loss is {} after it, so its weights are not saved. {}",
                               report->step, *report->validation, newest())};
    if (hooks_.on_sample && plan_.sample_every > 0 && (last || due(plan_.sample_every)))
      hooks_.on_sample(trainer_.steps());
    const bool stop = hooks_.should_stop && hooks_.should_stop();
    if (stop || last || due(plan_.checkpoint_every))
      if (auto s = save(); !s) return s;
    if (stop && !last) result_.end = RunEnd::stopped;
    return {};
  }

  // A step from the batch; nothing has changed where it is an Error.
  Result<StepReport> compute(const PackedBatch& batch) {
    std::vector<MicroBatch> parts;
    for (int64_t row = 0; row < batch.rows.rows; row += plan_.micro_rows)
      parts.push_back(
          pack(slice(batch.rows, row, std::min(row + plan_.micro_rows, batch.rows.rows)), plan_.data.document_mask));
    StepOptions options = plan_.step;
    options.learning_rate = plan_.schedule.rate(trainer_.steps() + 1);
    const StepReport first = trainer_.step(parts, options);
    if (first.finite) return first;
    const StepReport again = trainer_.step(parts, options);
    // Whatever its sign bit, a NaN is one.
    const auto positive = [](double x) { return std::isnan(x) ? std::abs(x) : x; };
    const auto shown = [&](const StepReport& r) {
      return fmt::format("loss {:.4f}, gradient norm {:.4g}", positive(r.ce), positive(r.gradient_norm));
    };
    if (!again.finite)
      return Error{fmt::format(
          "step {}: not finite ({}), and the same when it was computed a second time: it comes from the recipe or the "
          "data, not from this machine. The weights were left as they were after step {}. {}. A lower "
          "learning_rate.peak, a longer warm-up or a smaller optimizer.clip helps; then begin anew with --restart",
          first.step, shown(first), first.step - 1, newest())};
    say(
        fmt::format("step {}: not finite ({}), but finite when it was computed a second time from the same weights and "
                    "data ({}): this machine computed wrongly. The run goes on with the second result; have its memory "
                    "and processor checked",
                    first.step, shown(first), shown(again)));
    return again;
  }

  Status save() {
    if (plan_.folder.empty()) return {};
    auto path = save_checkpoint(plan_.folder, trainer_.steps(), trainer_.tensors(),
                                state_of(plan_, decides_, result_.counters, dataset_.state()), plan_.save);
    if (!path) {
      const std::string& what = path.error().message;
      return Error{fmt::format("{}{} {}", what, what.ends_with('.') ? "" : ".", newest())};
    }
    result_.checkpoint = newest_ = std::move(*path);
    if (hooks_.on_checkpoint) hooks_.on_checkpoint(result_.checkpoint);
    return {};
  }

  Trainer& trainer_;
  const RunPlan& plan_;
  const RunHooks& hooks_;
  Dataset dataset_;
  Decides decides_;
  std::vector<MicroBatch> validation_;
  RunResult result_;
  std::string newest_;  // checkpoint; empty: none
};

}  // namespace

Result<RunResult> run(Trainer& trainer, const std::vector<WeightedSource>& sources, const RunPlan& plan, bool resume,
                      const RunHooks& hooks) {
  JAMSU_CHECK(trainer.steps() == 0);
  auto dataset = Dataset::create(sources, plan.data);
  if (!dataset) return dataset.error();
  auto decides = what_decides(trainer, sources, plan);
  if (!decides) return decides.error();
  std::vector<MicroBatch> validation;
  if (plan.validation) {
    auto batches = validation_batches(*plan.validation, plan.micro_rows * plan.data.context, plan.validation_tokens);
    if (!batches) return batches.error();
    validation = std::move(*batches);
  }
  return Run(trainer, plan, hooks, std::move(*dataset), std::move(*decides), std::move(validation)).go(resume);
}

}  // namespace jamsu::train
