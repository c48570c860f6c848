#include "train/sources.h"

#include <fmt/format.h>

#include "train/file_source.h"
#include "train/task_source.h"

namespace jamsu::train {

Result<std::vector<WeightedSource>> open_sources(const Recipe& recipe, const StageRecipe& stage,
                                                 const tokenizer::Tokenizer& tokenizer,
                                                 const std::optional<text::ChatFormat>& format,
                                                 const std::function<void(const std::string&)>& on_message) {
  std::vector<WeightedSource> sources;
  const DataRecipe& d = recipe.data;
  const bool learn_all = stage.loss_on == "all";
  if (d.tasks_weight > 0) {
    const auto percent = [](int64_t value) { return static_cast<int>(value); };
    auto tasks = TaskSource::create(
        tokenizer, {.mix = {percent(d.arithmetic), percent(d.word_korean), percent(d.word_english), percent(d.misc),
                            percent(d.talk), percent(d.follow), percent(d.repeat)},
                    .generator = {.seed = static_cast<uint64_t>(d.seed), .retry_percent = percent(stage.retry_percent)},
                    .format = format,
                    .learn_prompt = learn_all,
                    .turns = stage.turns,
                    .context = stage.context});
    if (!tasks) return tasks.error();
    sources.push_back({*tasks, static_cast<uint32_t>(d.tasks_weight), "tasks"});
  }
  for (const DataFile& file : d.files) {
    const std::string path = file.path.starts_with('/') ? file.path : recipe.folder + "/" + file.path;
    DataForms forms;
    auto list = open_data_file(path, tokenizer,
                               {.context = stage.context,
                                .split_at_blank_lines = file.split == "blank_lines",
                                .adapt_messages = file.adapt_messages,
                                .format = format,
                                .learn_all = learn_all,
                                .forms = &forms});
    if (!list) return list.error();
    const bool plain = forms.documents.size() == 1 && forms.documents.contains("text") && forms.passed_over.empty();
    if (on_message && !plain) on_message(fmt::format("{}: {}", file.path, forms.summary()));
    sources.push_back({*list, static_cast<uint32_t>(file.weight), file.path});
  }
  return sources;
}

}  // namespace jamsu::train
