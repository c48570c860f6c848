#include "train/setup/stage_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "train/file_source.h"
#include "train/setup/validation.h"
#include "train/sources.h"

namespace jamsu::train {
namespace {

// Takes the share of each file out of `training`.
Result<std::shared_ptr<const DocumentSource>> divide(std::vector<WeightedSource>& training, const DataRecipe& data,
                                                     const std::string& recipe_name) {
  std::vector<SelectedSource::Place> kept;
  for (WeightedSource& source : training) {
    if (source.source->size() == 0) continue;
    auto held = hold_out(source.source, data.validation_percent, static_cast<uint64_t>(data.seed));
    if (!held) return held.error();
    source.source = held->training;
    if (held->validation) kept.insert(kept.end(), held->validation->places().begin(), held->validation->places().end());
  }
  if (kept.empty())
    return Error{
        fmt::format("recipe {}: data.validation.percent = {}: the files hold one document each, and too little "
                    "to be cut; give more, or a data.validation.file",
                    recipe_name, data.validation_percent)};
  return std::shared_ptr<const DocumentSource>(std::make_shared<SelectedSource>(std::move(kept)));
}

}  // namespace

Result<StageData> open_stage_data(const Recipe& recipe, const StageRecipe& stage, const tokenizer::Tokenizer& tokenizer,
                                  const std::optional<text::ChatFormat>& format,
                                  const std::function<void(const std::string&)>& on_message) {
  auto sources = open_sources(recipe, stage, tokenizer, format, on_message);
  if (!sources) return sources.error();
  StageData data{std::move(*sources), nullptr};
  const std::string& file = recipe.data.validation_file;
  if (!file.empty()) {
    auto kept = open_data_file(file.starts_with('/') ? file : recipe.folder + "/" + file, tokenizer,
                               {.context = stage.context, .format = format, .learn_all = stage.loss_on == "all"});
    if (!kept) return kept.error();
    data.validation = *kept;
  } else if (recipe.data.validation_percent > 0) {
    auto kept = divide(data.training, recipe.data, recipe.name);
    if (!kept) return kept.error();
    data.validation = *kept;
  }
  return data;
}

Result<StageRecipe> set_length(StageRecipe stage, const std::vector<WeightedSource>& training, const Recipe& recipe,
                               std::string_view stage_name) {
  if (stage.epochs <= 0) return stage;
  // A block of the stream has `weight` documents of each source (data.h).
  uint64_t block = 0;
  double blocks = 0;
  for (const WeightedSource& s : training) {
    block += s.weight;
    blocks = std::max(blocks, std::ceil(static_cast<double>(s.source->size()) * stage.epochs / s.weight));
  }
  const auto places = static_cast<uint64_t>(blocks) * block;
  auto dataset = Dataset::create(training, stage.data_options(recipe.data.seed));
  if (!dataset) return dataset.error();
  int64_t steps = 0;
  const auto placed = [&] { return dataset->state().next - dataset->state().waiting.size(); };
  for (; placed() < places; ++steps)
    if (const auto batch = dataset->next(); !batch) return batch.error();
  stage.tokens = steps * stage.batch_tokens;
  if (auto s = stage.learning_rate().check(); !s)
    return Error{fmt::format("recipe {}: {}.learning_rate: {} ({:g} epochs are {} steps)", recipe.name, stage_name,
                             s.error().message, stage.epochs, steps)};
  return stage;
}

}  // namespace jamsu::train
