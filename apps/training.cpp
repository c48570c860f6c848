#include "apps/training.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <optional>

#include "apps/progress.h"
#include "apps/sampler.h"
#include "base/clock.h"
#include "base/files.h"
#include "ledger/account.h"
#include "machine/measure.h"
#include "train/file_source.h"
#include "train/setup/made_recipe.h"
#include "train/stage.h"

namespace jamsu::apps {
namespace {

namespace fs = std::filesystem;

constexpr double kLineEvery = 10;  // seconds, where there is no terminal

volatile std::sig_atomic_t interrupted = 0, says_so = 0;
void on_interrupt(int) {
  // A step of a large model takes a while.
  constexpr std::string_view kNote = "\nstopping after this step; a checkpoint is saved\n";
  if (says_so != 0 && interrupted == 0) (void)!::write(STDERR_FILENO, kNote.data(), kNote.size());
  interrupted = 1;
}

// Whoever wants the run to end, or will never read its lines again, gets a checkpoint first. A run that was started with
// nohup outlives its terminal.
void save_on_signals() {
  says_so = ::isatty(STDERR_FILENO);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) {
    struct sigaction before {};
    if (signal == SIGHUP && sigaction(signal, nullptr, &before) == 0 && before.sa_handler == SIG_IGN) continue;
    std::signal(signal, on_interrupt);
  }
}

// A word as a shell takes it back.
std::string for_shell(const std::string& word) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_@%+=:,./-").find(c) != std::string_view::npos;
  };
  if (!word.empty() && std::all_of(word.begin(), word.end(), plain)) return word;
  const bool steers =
      std::any_of(word.begin(), word.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
  std::string quoted = steers ? "$'" : "'";
  for (const char c : word) {
    if (steers && (static_cast<unsigned char>(c) < 0x20 || c == 0x7F))
      quoted += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else if (steers && (c == '\'' || c == '\\'))
      quoted += std::string("\\") + c;
    else if (c == '\'')
      quoted += "'\\''";
    else
      quoted += c;
  }
  return quoted + "'";
}

// The command that was given, so that it goes on.
std::string command_to_resume(const std::vector<std::string>& words) {
  std::string command;
  bool resumes = false;
  for (const std::string& word : words) {
    if (word == "--restart") continue;
    resumes |= word == "--resume";
    command += (command.empty() ? "" : " ") + for_shell(word);
  }
  return command + (resumes ? "" : " --resume");
}

std::string duration(double seconds) {
  const int64_t whole = std::llround(seconds), minutes = whole / 60;
  if (whole < 60) return fmt::format("{} s", whole);
  if (minutes < 100) return fmt::format("{} min", minutes);
  if (minutes < 48 * 60) return fmt::format("{} h {:02} min", minutes / 60, minutes % 60);
  return fmt::format("{:.1f} days", seconds / 86400);
}

// The line of a run, from what its steps report.
class Progress {
 public:
  struct Costs {
    double flops_per_token, peak;  // peak: measured flop/s
  };
  Progress(int64_t steps, bool with_mtp, const Costs& costs, StatusLine& status, ledger::Account& account)
      : steps_(steps), with_mtp_(with_mtp), costs_(costs), status_(status), account_(account) {}

  void step(const train::StepReport& r, const train::RunCounters& counters) {
    const double now = seconds();
    if (first_tokens_ < 0) {
      first_tokens_ = counters.tokens - r.counts.tokens;
      first_ = r.step - 1;
    }
    if (r.validation) validation_ = fmt::format("validation {:.4f}", *r.validation);
    const bool last = r.step == steps_;
    if (!status_.on_terminal() && !last && !r.validation && r.step != first_ + 1 && now - printed_ < kLineEvery) return;
    printed_ = now;
    const double rate = static_cast<double>(counters.tokens - first_tokens_) / now;
    const double left = static_cast<double>(steps_ - r.step) * now / static_cast<double>(r.step - first_);
    std::vector<std::string> fields = {last ? "done" : duration(left) + " left"};
    const auto add = [&](std::string field) {
      if (!field.empty()) fields.push_back(std::move(field));
    };
    add(account_.price());
    add(fmt::format("step {} / {}", r.step, steps_));
    add(fmt::format("loss {:.4f}", r.ce));
    add(validation_);
    add(rate < 1000 ? fmt::format("{:.0f} tok/s", rate) : fmt::format("{:.1f}k tok/s", rate / 1000));
    if (with_mtp_) add(fmt::format("mtp {:.4f}", r.mtp));
    if (costs_.peak > 0) add(fmt::format("{:.1f} % of peak", 100 * rate * costs_.flops_per_token / costs_.peak));
    if (r.load_max_over_mean > 0)
      add(fmt::format("experts max {:.2f} x mean, {} dead", r.load_max_over_mean, r.dead_experts));
    status_.show(std::move(fields));
    if (last) status_.close();
  }
  double seconds() const { return monotonic_seconds() - start_; }

 private:
  int64_t steps_;
  bool with_mtp_;
  Costs costs_;
  StatusLine& status_;
  ledger::Account& account_;
  std::string validation_;  // the last that was measured
  int64_t first_ = 0, first_tokens_ = -1;
  double printed_ = 0;
  double start_ = monotonic_seconds();
};

// What is printed of a stage, and what the ledger is told.
class Watcher {
 public:
  Watcher(const train::StageOptions& options, const Globals& globals, ops::Runtime& runtime, ledger::Account& account)
      : options_(options), globals_(globals), runtime_(runtime), account_(account), status_(globals.codes) {}

  train::StageHooks hooks() {
    return {.on_ready = [this](const train::StageReady& ready) { begin(ready); },
            .on_start =
                [this](int64_t step, const train::RunCounters& c) {
                  tokens_before_ = c.tokens;
                  if (step > 0) line(fmt::format("resume from step {}, {} tokens", step, c.tokens));
                },
            .on_step =
                [this](const train::StepReport& r, const train::RunCounters& c) {
                  progress_->step(r, c);
                  const int64_t tokens = c.tokens - tokens_before_;
                  account_.count(tokens, flops_per_token_ * static_cast<double>(tokens));
                },
            .on_sample = [this](int64_t step) { show_samples(step); },
            .on_message = [this](const std::string& message) { line(message); },
            .should_stop = [] { return interrupted != 0; }};
  }
  void line(const std::string& text) { status_.line(text); }
  void end() { status_.close(); }
  double seconds() const { return progress_->seconds(); }

 private:
  void begin(const train::StageReady& ready) {
    const models::ModelInfo& info = ready.model->info();
    const models::ParameterCount& count = info.parameters;
    std::string_view name = info.architecture;
    if (name.ends_with("ForCausalLM")) name.remove_suffix(std::string_view("ForCausalLM").size());
    line(fmt::format("model  {}, {:.2f}M parameters ({:.2f}M active), MTP {:.2f}M, {}, {} on {} thread(s)", name,
                     static_cast<double>(count.total) / 1e6, static_cast<double>(count.active) / 1e6,
                     static_cast<double>(count.mtp) / 1e6, globals_.f32 ? "f32" : "bf16",
                     kernels::isa_name(runtime_.context().kernels.isa), globals_.thread_count()));
    if (ready.documents > 0)
      line(fmt::format("data   {} documents of your files{}", ready.documents,
                       ready.kept_documents > 0
                           ? fmt::format(", {} more are kept for validation and not trained on", ready.kept_documents)
                           : ""));
    line(fmt::format("run    {}  {} steps of {} tokens, a checkpoint every {}", options_.folder, ready.steps,
                     ready.stage.batch_tokens, ready.stage.checkpoint_every_steps));
    save_on_signals();
    flops_per_token_ = ready.flops_per_token;
    if (!ready.samples.empty()) sampler_.emplace(ready, runtime_);
    const auto peak =
        machine::measure_peak(machine::peak_isa(globals_.chosen_isa(), globals_.f32), runtime_.context().pool, 5);
    if (status_.on_terminal()) status_.show({"starting", fmt::format("step 0 / {}", ready.steps)});
    progress_.emplace(ready.steps, info.has_mtp && ready.stage.mtp_lambda != 0,
                      Progress::Costs{flops_per_token_, peak.median}, status_, account_);
  }

  void show_samples(int64_t step) {
    if (!sampler_) return;
    const auto answers = sampler_->ask();
    if (!answers) {
      line(fmt::format("note   no samples: {}", answers.error().message));
      sampler_.reset();
      return;
    }
    line(fmt::format("samples after step {}", step));
    for (const Sampler::Answer& a : *answers) {
      show_text("   asked ", a.asked, true);
      show_text("   says  ", a.said, false);
      show_text("   data  ", a.wanted, false);
    }
  }
  // On one line, with its line ends shown; of a long prompt the end is what matters.
  void show_text(std::string_view label, std::string text, bool end_matters) {
    for (size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += std::string_view("⏎").size())
      text.replace(at, 1, "⏎");
    const int columns = status_.columns() - static_cast<int>(label.size()) - 1;
    std::string shown = fitted(text, columns);
    if (end_matters && shown.ends_with("…")) {
      const size_t kept = shown.size() - std::string_view("…").size();
      size_t begin = text.size() - std::min(text.size(), kept);
      while (begin < text.size() && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) ++begin;
      shown = "…" + fitted(std::string_view(text).substr(begin), columns - 1);
    }
    line(std::string(label) + shown);
  }

  const train::StageOptions& options_;
  const Globals& globals_;
  ops::Runtime& runtime_;
  ledger::Account& account_;
  StatusLine status_;
  std::optional<Progress> progress_;
  std::optional<Sampler> sampler_;
  double flops_per_token_ = 0;
  int64_t tokens_before_ = 0;  // of earlier processes, which have their own rows in the ledger
};

// A recipe, unless its name says that it is data.
bool is_recipe(const std::vector<std::string>& data) {
  return data.size() == 1 && !train::data_kind(data[0]);
}

// Where a stage goes, and what it starts from.
train::StageOptions options_of(Stage stage, const TrainingOptions& o, const Globals& globals) {
  const auto run_folder = [&](Stage which) {
    const std::string name = fs::path(o.data[0]).stem().string() + "-" + std::string(train::stage_name(which));
    return (fs::path(globals.places.home) / "runs" / name).string();
  };
  train::StageOptions options{.stage = stage,
                              .folder = o.folder.empty() ? run_folder(stage) : o.folder,
                              .from = o.from,
                              .tokenizer = o.tokenizer,
                              .chat_template = o.chat_template,
                              .resume = o.resume,
                              .restart = o.restart,
                              .write_recipe = !is_recipe(o.data),
                              .max_steps = o.max_steps};
  if (stage == Stage::sft && o.from.empty() && is_recipe(o.data))
    options.from = train::model_folder(run_folder(Stage::pretrain));
  return options;
}

// --from as a folder: it may be a name, and for files alone none is the model that comes with this program.
Status find_start(train::StageOptions& options, const Globals& globals) {
  std::error_code error;
  if (fs::is_directory(options.from, error) || (options.from.empty() && options.stage == Stage::pretrain)) return {};
  auto found = hub::find_model(options.from, globals.places);
  if (!found)
    return Error{fmt::format("--from {}: is no folder with a model, nor the name of one that jamsu ls lists{}",
                             options.from, options.stage == Stage::sft ? "; jamsu pretrain makes one" : "")};
  options.from = std::move(*found);
  return {};
}

// The recipe that is given, made for the files, or, where a run is continued, made by it.
Result<train::Recipe> recipe_of(const TrainingOptions& o, const train::StageOptions& options, ops::Runtime& runtime) {
  if (is_recipe(o.data)) return train::load_recipe(o.data[0]);
  for (const std::string& file : o.data)
    if (!train::data_kind(file))
      return Error{fmt::format("{}: is none of .txt, .md, .jsonl and .json files (one recipe alone, or data)", file)};
  const std::string made = options.folder + "/recipe.toml";
  std::error_code error;
  if (!options.resume || !fs::exists(made, error)) return train::recipe_of_files(o.data, options, runtime);
  auto recipe = train::load_recipe(made);
  if (!recipe) return recipe;
  std::vector<std::string> given;
  for (const std::string& file : o.data) given.push_back(fs::absolute(file).lexically_normal().string());
  std::vector<std::string> there;
  for (const train::DataFile& file : recipe->data.files) there.push_back(file.path);
  if (given != there)
    return Error{fmt::format("{}: the run was begun with other files ({})", made, fmt::join(there, ", "))};
  recipe->name = fs::path(o.data[0]).filename().string();
  return recipe;
}

int print_explained(const train::Recipe& recipe) {
  fmt::print("{}", train::explain(recipe));
  return 0;
}

}  // namespace

int run_training(Stage stage, const TrainingOptions& o, const Globals& globals) {
  std::signal(SIGXFSZ, SIG_IGN);  // a limit of file size is then an error of the file that meets it
  std::optional<train::Recipe> recipe;
  if (is_recipe(o.data)) {
    auto given = train::load_recipe(o.data[0]);
    if (!given) return fail(given.error());
    if (o.explain) return print_explained(*given);
    if (const auto section = train::section_of(*given, stage); !section) return fail(section.error());
    recipe = std::move(*given);
  }
  train::StageOptions options = options_of(stage, o, globals);
  const std::string name(train::stage_name(stage));
  ops::Runtime runtime(globals.thread_count(), globals.chosen_isa(), globals.numerics());
  if (const std::string& shortage = runtime.pool()->shortage(); !shortage.empty()) say(shortage);
  if (o.explain) {
    if (auto s = find_start(options, globals); !s) return fail(s.error());
    const auto made = recipe_of(o, options, runtime);
    return made ? print_explained(*made) : fail(made.error());
  }
  // From here on whatever becomes of the run stands in the ledger.
  ledger::Account account(globals.places.home,
                          {.kind = name, .model = options.folder, .note = fs::path(o.data[0]).filename().string()},
                          say);
  if (auto s = find_start(options, globals); !s) return fail(s.error());
  if (!recipe) {
    auto made = recipe_of(o, options, runtime);
    if (!made) return fail(made.error());
    recipe = std::move(*made);
  }
  Watcher watcher(options, globals, runtime, account);
  const auto result = train::run_stage(*recipe, options, runtime, watcher.hooks());
  watcher.end();
  if (!result) return fail(result.error());
  if (result->end == train::RunEnd::stopped) {
    account.finish(ledger::Ending::interrupted);
    watcher.line(fmt::format("saved step {}. Continue with:", result->step));
    watcher.line(command_to_resume(globals.words));
    return 130;
  }
  account.finish(ledger::Ending::finished);
  watcher.line(fmt::format("model  {}   {} tokens in {}", train::model_folder(options.folder), result->counters.tokens,
                           duration(watcher.seconds())));
  if (result->counters.samples_skipped > 0)
    watcher.line(
        fmt::format("note   {} samples longer than the context were left out", result->counters.samples_skipped));
  return 0;
}

namespace {

void add_verb(Verb& app, Globals& globals, Stage stage, const char* name, const char* help, const char* example) {
  auto options = std::make_shared<TrainingOptions>();
  auto* verb = app.add_subcommand(name, help);
  verb->add_option(
          "data", options->data,
          "a recipe (TOML), or your files (.txt, .md, .jsonl, .json) for which one is made: see it with --explain")
      ->required();
  verb->add_option("--folder", options->folder,
                   "of the run: checkpoints, metrics, the model (default: $JAMSU_HOME/runs/RECIPE-STAGE)");
  verb->add_option("--from", options->from,
                   "start from this model: its weights, tokenizer and chat template (a folder or a name)");
  verb->add_option("--tokenizer", options->tokenizer, "tokenizer.json to use instead of the recipe's");
  verb->add_option("--chat-template", options->chat_template,
                   "chat_template.jinja to train with, which goes into the model's folder (default: that of "
                   "--from, or the built-in)");
  verb->add_flag("--resume", options->resume, "continue from the newest whole checkpoint");
  verb->add_flag("--restart", options->restart,
                 "delete the checkpoints of an earlier run in the folder and begin anew");
  verb->add_flag("--explain", options->explain, "print the effective recipe with every field explained, and stop");
  verb->add_option("--max-steps", options->max_steps, "stop after so many steps")->range(int64_t{1}, int64_t{1} << 40);
  verb->footer(example);
  verb->callback([options, &globals, stage] { globals.exit_code = run_training(stage, *options, globals); });
}

}  // namespace

void add_pretrain(Verb& app, Globals& globals) {
  add_verb(app, globals, Stage::pretrain, "pretrain", "train a model on text, from nothing or from another",
           "Example: jamsu pretrain book.txt\n"
           "          jamsu pretrain recipes/nano.toml");
}
void add_sft(Verb& app, Globals& globals) {
  add_verb(app, globals, Stage::sft, "sft", "supervised fine-tuning of a model on conversations",
           "Example: jamsu sft --from pretrained/nano chats.jsonl\n"
           "          jamsu sft recipes/nano.toml --from runs/nano-pretrain/model");
}

}  // namespace jamsu::apps
