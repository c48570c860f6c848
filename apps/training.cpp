#include "apps/training.h"

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <optional>

#include "base/clock.h"
#include "ledger/account.h"
#include "machine/measure.h"
#include "train/stage.h"

namespace jamsu::apps {
namespace {

namespace fs = std::filesystem;

volatile std::sig_atomic_t interrupted = 0;
void on_interrupt(int) {
  interrupted = 1;
}

// One updating line on a terminal, a line now and then elsewhere.
class Progress {
 public:
  struct Costs {
    double flops_per_token, peak;  // peak: measured flop/s
  };
  Progress(int64_t steps, const Costs& costs, ledger::Account& account)
      : steps_(steps), costs_(costs), account_(account) {}
  void step(const train::StepReport& r, const train::RunCounters& counters) {
    const double now = seconds();
    if (first_tokens_ < 0) {
      first_tokens_ = counters.tokens - r.counts.tokens;
      first_ = r.step - 1;
    }
    const double rate = static_cast<double>(counters.tokens - first_tokens_) / now;
    const double left = static_cast<double>(steps_ - r.step) * now / static_cast<double>(r.step - first_);
    const bool last = r.step == steps_;
    if (!terminal_ && !last && r.step != first_ + 1 && now - printed_ < 10.0) return;
    printed_ = now;
    std::string line = fmt::format("step {} / {}  loss {:.4f} (mtp {:.4f}, balance {:.3f})  {:.1f}k tok/s", r.step,
                                   steps_, r.ce, r.mtp, r.balance, rate / 1000);
    if (costs_.peak > 0) line += fmt::format("  {:.1f} % of peak", 100 * rate * costs_.flops_per_token / costs_.peak);
    line += fmt::format("  experts max {:.2f} x mean, {} dead  {}", r.load_max_over_mean, r.dead_experts,
                        last ? std::string("done") : fmt::format("{:.0f} min left", left / 60));
    if (const std::string price = account_.price(); !price.empty()) line += "  " + price;
    if (terminal_)
      fmt::print("\r\033[K{}{}", line, last ? "\n" : "");
    else
      fmt::print("{}\n", line);
    std::fflush(stdout);
  }
  void line(const std::string& text) const {
    fmt::print("{}{}\n", terminal_ ? "\r\033[K" : "", text);
    std::fflush(stdout);
  }
  double seconds() const { return monotonic_seconds() - start_; }

 private:
  int64_t steps_;
  Costs costs_;
  ledger::Account& account_;
  int64_t first_ = 0, first_tokens_ = -1;
  double printed_ = 0;
  bool terminal_ = isatty(1) == 1;
  double start_ = monotonic_seconds();
};

// What is printed of a stage, and what the ledger is told.
class Watcher {
 public:
  Watcher(const train::StageOptions& options, const train::StageRecipe& recipe, const Globals& globals,
          ops::Runtime& runtime, ledger::Account& account)
      : options_(options), recipe_(recipe), globals_(globals), runtime_(runtime), account_(account) {}

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
            .on_message = [this](const std::string& message) { line(message); },
            .should_stop = [] { return interrupted != 0; }};
  }
  void line(const std::string& text) const {
    if (progress_)
      progress_->line(text);
    else
      fmt::print("{}\n", text);
  }
  double seconds() const { return progress_->seconds(); }

 private:
  void begin(const train::StageReady& ready) {
    const models::ParameterCount& count = ready.model.parameters;
    std::string_view name = ready.model.architecture;
    if (name.ends_with("ForCausalLM")) name.remove_suffix(std::string_view("ForCausalLM").size());
    fmt::print("model  {}, {:.2f}M parameters ({:.2f}M active), MTP {:.2f}M, {}, {} on {} thread(s)\n", name,
               static_cast<double>(count.total) / 1e6, static_cast<double>(count.active) / 1e6,
               static_cast<double>(count.mtp) / 1e6, globals_.f32 ? "f32" : "bf16",
               kernels::isa_name(runtime_.context().kernels.isa), globals_.thread_count());
    fmt::print("run    {}  {} steps of {} tokens, a checkpoint every {}\n", options_.folder, ready.steps,
               recipe_.batch_tokens, recipe_.checkpoint_every_steps);
    std::fflush(stdout);
    std::signal(SIGINT, on_interrupt);
    std::signal(SIGTERM, on_interrupt);
    flops_per_token_ = ready.flops_per_token;
    const auto peak =
        machine::measure_peak(machine::peak_isa(globals_.chosen_isa(), globals_.f32), runtime_.context().pool, 5);
    progress_.emplace(ready.steps, Progress::Costs{flops_per_token_, peak.median}, account_);
  }

  const train::StageOptions& options_;
  const train::StageRecipe& recipe_;
  const Globals& globals_;
  ops::Runtime& runtime_;
  ledger::Account& account_;
  std::optional<Progress> progress_;
  double flops_per_token_ = 0;
  int64_t tokens_before_ = 0;  // of earlier processes, which have their own rows in the ledger
};

// Where a stage goes, and what it starts from.
train::StageOptions options_of(Stage stage, const TrainingOptions& o, const Globals& globals) {
  const auto run_folder = [&](Stage which) {
    const std::string name = fs::path(o.recipe).stem().string() + "-" + std::string(train::stage_name(which));
    return (fs::path(globals.places.home) / "runs" / name).string();
  };
  const bool follows = stage == Stage::sft && o.from.empty();
  return {.stage = stage,
          .folder = o.folder.empty() ? run_folder(stage) : o.folder,
          .from = follows ? train::model_folder(run_folder(Stage::pretrain)) : o.from,
          .tokenizer = o.tokenizer,
          .chat_template = o.chat_template,
          .resume = o.resume,
          .restart = o.restart,
          .max_steps = o.max_steps};
}

}  // namespace

int run_training(Stage stage, const TrainingOptions& o, const Globals& globals) {
  const auto recipe = train::load_recipe(o.recipe);
  if (!recipe) return fail(recipe.error());
  if (o.explain) {
    fmt::print("{}", train::explain(*recipe));
    return 0;
  }
  const auto section = train::section_of(*recipe, stage);
  if (!section) return fail(section.error());
  const std::string name(train::stage_name(stage));
  const train::StageOptions options = options_of(stage, o, globals);
  // From here on whatever becomes of the run stands in the ledger.
  ledger::Account account(globals.places.home, {.kind = name, .model = options.folder, .note = recipe->name}, say);
  ops::Runtime runtime(globals.thread_count(), globals.chosen_isa(), globals.numerics());
  if (const std::string& shortage = runtime.pool()->shortage(); !shortage.empty()) say(shortage);
  Watcher watcher(options, *section, globals, runtime, account);
  const auto result = train::run_stage(*recipe, options, runtime, watcher.hooks());
  if (!result) return fail(result.error());
  if (result->end == train::RunEnd::stopped) {
    account.finish(ledger::Ending::interrupted);
    watcher.line(fmt::format("saved step {}. Continue with: jamsu {} {} --resume", result->step, name, o.recipe));
    return 130;
  }
  account.finish(ledger::Ending::finished);
  watcher.line(fmt::format("model  {}   {} tokens in {:.0f} s", train::model_folder(options.folder),
                           result->counters.tokens, watcher.seconds()));
  if (result->counters.samples_skipped > 0)
    watcher.line(
        fmt::format("note   {} samples longer than the context were left out", result->counters.samples_skipped));
  return 0;
}

namespace {

void add_verb(Verb& app, Globals& globals, Stage stage, const char* name, const char* help, const char* example) {
  auto options = std::make_shared<TrainingOptions>();
  auto* verb = app.add_subcommand(name, help);
  verb->add_option("recipe", options->recipe, "recipe (TOML)")->required();
  verb->add_option("--folder", options->folder,
                   "of the run: checkpoints, metrics, the model (default: $JAMSU_HOME/runs/RECIPE-STAGE)");
  verb->add_option("--from", options->from, "start from this model's folder: its weights, tokenizer and chat template");
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
  add_verb(app, globals, Stage::pretrain, "pretrain", "train a model from nothing, by a recipe",
           "Example: jamsu pretrain recipes/nano.toml");
}
void add_sft(Verb& app, Globals& globals) {
  add_verb(app, globals, Stage::sft, "sft", "supervised fine-tuning of a model, by a recipe",
           "Example: jamsu sft recipes/nano.toml --from runs/nano-pretrain/model");
}

}  // namespace jamsu::apps
