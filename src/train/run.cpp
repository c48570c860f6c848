#include "train/run.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "base/check.h"
#include "base/numerics_version.h"
#include "base/sha256.h"

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

Status resume_newest(Trainer& trainer, Dataset& dataset, const RunPlan& plan, const Decides& decides,
                     const RunHooks& hooks, RunCounters& counters) {
  const auto say = [&](const std::string& message) {
    if (hooks.on_message) hooks.on_message(message);
  };
  const Latest latest = latest_valid(plan.folder);
  if (!latest.checkpoint && !latest.skipped.empty())
    return Error{fmt::format("{}: no checkpoint there is whole, so there is nothing to continue: {}", plan.folder,
                             fmt::join(latest.skipped, "; "))};
  for (const std::string& message : latest.skipped) say(message);
  if (latest.checkpoint) return resume_from(*latest.checkpoint, trainer, dataset, plan, decides, counters);
  say(fmt::format("{}: no checkpoint was saved yet; starting at step 0", plan.folder));
  return {};
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
  plan.recipe = recipe.text;
  return plan;
}

Result<RunResult> run(Trainer& trainer, const std::vector<WeightedSource>& sources, const RunPlan& plan, bool resume,
                      const RunHooks& hooks) {
  JAMSU_CHECK(trainer.steps() == 0);
  auto dataset = Dataset::create(sources, plan.data);
  if (!dataset) return dataset.error();
  const auto decides = what_decides(trainer, sources, plan);
  if (!decides) return decides.error();
  RunResult result;
  if (resume && !plan.folder.empty())
    if (auto s = resume_newest(trainer, *dataset, plan, *decides, hooks, result.counters); !s) return s.error();
  if (hooks.on_start)
    if (auto s = hooks.on_start(trainer.steps(), result.counters); !s) return s.error();
  const auto save = [&]() -> Status {
    if (plan.folder.empty()) return {};
    const auto path = save_checkpoint(plan.folder, trainer.steps(), trainer.tensors(),
                                      state_of(plan, *decides, result.counters, dataset->state()), plan.save);
    if (!path) return path.error();
    result.checkpoint = *path;
    if (hooks.on_checkpoint) hooks.on_checkpoint(*path);
    return {};
  };
  while (trainer.steps() < plan.steps) {
    const auto batch = dataset->next();
    if (!batch) return batch.error();
    std::vector<MicroBatch> parts;
    for (int64_t row = 0; row < batch->rows.rows; row += plan.micro_rows)
      parts.push_back(
          pack(slice(batch->rows, row, std::min(row + plan.micro_rows, batch->rows.rows)), plan.data.document_mask));
    StepOptions options = plan.step;
    options.learning_rate = plan.schedule.rate(trainer.steps() + 1);
    const StepReport report = trainer.step(parts, options);
    result.counters.tokens += batch->tokens;
    result.counters.learned += batch->learned;
    result.counters.samples_skipped += static_cast<int64_t>(batch->skipped_places.size());
    if (hooks.on_step) hooks.on_step(report, result.counters);
    const bool stop = hooks.should_stop && hooks.should_stop();
    const bool last = trainer.steps() >= plan.steps;
    if (stop || last || (plan.checkpoint_every > 0 && trainer.steps() % plan.checkpoint_every == 0))
      if (auto s = save(); !s) return s.error();
    if (stop && !last) {
      result.end = RunEnd::stopped;
      break;
    }
  }
  result.step = trainer.steps();
  return result;
}

}  // namespace jamsu::train
