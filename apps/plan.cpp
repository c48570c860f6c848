// jamsu plan MODEL: memory, speed, time and money, before anything is loaded.
#include "plan/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <iostream>

#include "apps/verbs.h"
#include "ledger/account.h"

namespace jamsu::apps {
namespace {

struct Options {
  std::string model;
  std::optional<int64_t> context;
  int64_t parallel = 1;
  std::optional<double> memory_gib, peak_gflops, bandwidth_gbs;
  double train_tokens = 0;
  bool train = false, json = false;
};

double gib(int64_t bytes) {
  return static_cast<double>(bytes) / (1 << 30);
}

// A number with the unit that fits: 3.2 MB, 37.5 GFLOP.
std::string scaled(double value, std::string_view unit) {
  constexpr std::string_view kPrefixes[] = {"", "k", "M", "G", "T", "P", "E", "Z", "Y"};
  size_t i = 0;
  while (value >= 1000 && i + 1 < std::size(kPrefixes)) value /= 1000, ++i;
  return fmt::format("{:.3g} {}{}", value, kPrefixes[i], unit);
}

std::string duration(double seconds) {
  if (seconds < 120) return fmt::format("{:.0f} s", seconds);
  if (seconds < 7200) return fmt::format("{:.0f} min", seconds / 60);
  if (seconds < 2 * 86400) return fmt::format("{:.1f} h", seconds / 3600);
  if (seconds < 2 * 365.25 * 86400) return fmt::format("{:.1f} days", seconds / 86400);
  return fmt::format("{:.3g} years", seconds / 365.25 / 86400);
}

const char* limit_name(const plan::Speed& speed) {
  return speed.by_memory ? "memory" : "arithmetic";
}

// The model as named: a config.json, or a folder as for every other verb.
Result<std::string> find_source(const std::string& name, const Globals& globals) {
  std::error_code error;
  if (!name.empty() && std::filesystem::is_regular_file(name, error)) return name;
  return hub::find_model(name, globals.places);
}

// What our own training runs reached, by the ledger, against what the plan assumes.
std::string ledger_line(const Globals& globals, const plan::Machine& machine) {
  const auto rates = ledger::read_rates(globals.places.home);
  if (!rates) return {};
  const auto ledger = ledger::Ledger::open(globals.places.home, *rates);
  if (!ledger) return {};
  const auto totals = ledger->totals();
  if (!totals) return {};
  double flops = 0, seconds = 0;
  int64_t runs = 0;
  for (const ledger::Total& t : *totals) {
    if (t.kind != "pretrain" && t.kind != "sft") continue;
    flops += t.flops, seconds += t.seconds, runs += t.runs;
  }
  if (seconds <= 0 || flops <= 0) return {};
  const double predicted = machine.peak * plan::shares_of(machine.isa, false).training;
  return fmt::format("{} training run(s) in the ledger reached {}/s: {:.2f} of what this plan assumes\n", runs,
                     scaled(flops / seconds, "FLOP"), flops / seconds / predicted);
}

struct Found {
  plan::Source source;
  plan::Load load;
  plan::Machine machine;
  plan::Memory memory;
  plan::Speed decode, prefill;
  plan::Step step;
};

boost::json::object as_json(const Found& f, const Options& o, const std::string& path, bool fits) {
  const models::ModelInfo& info = f.source.model->info();
  boost::json::object out{{"model", path},
                          {"architecture", info.architecture},
                          {"parameters", info.parameters.total},
                          {"active_parameters", info.parameters.active},
                          {"context", f.load.context},
                          {"parallel", f.load.parallel},
                          {"stored", f.source.stored},
                          {"bytes",
                           {{"weights", f.memory.weights},
                            {"state", f.memory.state},
                            {"activations", f.memory.activations},
                            {"program", f.memory.program},
                            {"total", f.memory.total()},
                            {"free", f.machine.free_bytes}}},
                          {"fits", fits},
                          {"step", {{"bytes", f.step.bytes}, {"flops", f.step.flops}}},
                          {"machine",
                           {{"threads", f.machine.threads},
                            {"peak_flops", f.machine.peak},
                            {"read_bytes_per_second", f.machine.bandwidth},
                            {"isa", kernels::isa_name(f.machine.isa)}}},
                          {"decode_tokens_per_second", f.decode.tokens_per_second},
                          {"decode_limit", limit_name(f.decode)},
                          {"prefill_tokens_per_second", f.prefill.tokens_per_second},
                          {"prefill_limit", limit_name(f.prefill)}};
  if (o.train) {
    const plan::Training t = plan::training(f.source, o.train_tokens, f.load.context, f.machine);
    out["training"] = {{"tokens", o.train_tokens}, {"flops", t.flops}, {"seconds", t.seconds}, {"bytes", t.bytes}};
  }
  return out;
}

void print_training(const Found& f, const Options& o, const Globals& globals) {
  const plan::Training t = plan::training(f.source, o.train_tokens, f.load.context, f.machine);
  print("training    {} tokens: {} ({} a token), about {} here; {:.2f} GiB for weights and optimizer\n",
        scaled(o.train_tokens, ""), scaled(t.flops, "FLOP"), scaled(t.flops / o.train_tokens, "FLOP"),
        duration(t.seconds), gib(t.bytes));
  if (const auto rates = ledger::read_rates(globals.places.home); rates && rates->per_hour > 0)
    print("            {:.2f} {} at {} {} an hour (energy not counted)\n", t.seconds / 3600 * rates->per_hour,
          rates->currency, rates->per_hour, rates->currency);
  else
    print("            no price: jamsu ledger --currency KRW --per-hour 20 sets one\n");
  if (!f.source.model->info().trainable) print("            this program cannot train it: no backward\n");
  fmt::print("{}", ledger_line(globals, f.machine));
}

void print_published(const models::ModelInfo& info) {
  const plan::PublishedV3 v3;
  const double flops = 3 * info.forward_flops(2048);
  print(
      "DeepSeek-V3 as published (arXiv:2412.19437): {:.0f}K H800 hours for {:.1f}T tokens; at {} a token (ours, "
      "contexts of 4,096) and {}/s of FP8 that is {:.1f} % of the GPUs' peak.\n"
      "            {:.0f}K + {:.0f}K (context extension) + {:.0f}K (post-training) = {:.0f}K hours, ${:.3f}M at "
      "${:.0f} "
      "an hour.\n",
      v3.pretrain_hours / 1e3, v3.tokens / 1e12, scaled(flops, "FLOP"), scaled(v3.peak, "FLOP"),
      100 * v3.utilisation(flops), v3.pretrain_hours / 1e3, v3.extension_hours / 1e3, v3.post_training_hours / 1e3,
      v3.hours() / 1e3, v3.dollars() / 1e6, v3.dollars_per_hour);
}

void print_found(const Found& f, const std::string& path) {
  const models::ModelInfo& info = f.source.model->info();
  const auto millions = [](int64_t n) { return scaled(static_cast<double>(n), ""); };
  print("{}\n{}: {}\n", path, info.architecture, info.shape);
  print("parameters  {} total, {} active per token; weights {}{}\n", millions(info.parameters.total),
        millions(info.parameters.active), f.source.stored,
        f.source.file_bytes ? fmt::format(", {:.2f} GiB of files", gib(f.source.file_bytes))
                            : " (by the config; no weights here)");
  print("memory      {:8.2f} GiB weights as loaded\n", gib(f.memory.weights));
  print("            {:8.2f} GiB state of {} sequence(s) of {} tokens{}\n", gib(f.memory.state), f.load.parallel,
        f.load.context,
        models::cache_policies(*f.source.model).size() > 1 ? fmt::format(", {}", policy_name(f.load.policy)) : "");
  print("            {:8.2f} GiB activations and program\n", gib(f.memory.activations + f.memory.program));
  print("            {:8.2f} GiB in all; {:.2f} GiB are free here\n", gib(f.memory.total()), gib(f.machine.free_bytes));
  const auto sequences = static_cast<double>(f.load.parallel);
  print("a token     {} read, {} computed, with {} tokens behind it\n", scaled(f.step.bytes / sequences, "B"),
        scaled(f.step.flops / sequences, "FLOP"), f.load.context);
  print("machine     {} thread(s), {}/s ({}), {}/s read from memory\n", f.machine.threads,
        scaled(f.machine.peak, "FLOP"), kernels::isa_name(f.machine.isa), scaled(f.machine.bandwidth, "B"));
  print("prefill     {:.3g} tokens/s, limited by {}\n", f.prefill.tokens_per_second, limit_name(f.prefill));
  print("decode      {:.3g} tokens/s{}, limited by {}\n", f.decode.tokens_per_second,
        f.load.parallel > 1 ? " of all sequences together" : "", limit_name(f.decode));
}

int run(const Options& o, const Globals& globals) {
  if (o.train && o.train_tokens <= 0) return fail("--train: --tokens N says how many tokens");
  const auto path = find_source(o.model, globals);
  if (!path) return fail(path.error());
  auto source = plan::read_source(*path, globals.numerics());
  if (!source) return fail(source.error());
  const models::ModelInfo& info = source->model->info();
  if (o.context.value_or(1) > info.context)
    return fail(fmt::format("--context {}: {} was made for {} tokens", *o.context, *path, info.context));
  Found f{std::move(*source), {}, {}, {}, {}, {}, {}};
  f.load.context = o.context.value_or(std::min(info.context, f.load.context));
  f.load.parallel = o.parallel;
  f.load.policy = globals.cache_policy(*f.source.model);
  f.machine = plan::measure(globals.thread_count(), globals.chosen_isa(), globals.numerics());
  if (o.memory_gib) f.machine.free_bytes = static_cast<int64_t>(*o.memory_gib * (1 << 30));
  if (o.peak_gflops) f.machine.peak = *o.peak_gflops * 1e9;
  if (o.bandwidth_gbs) f.machine.bandwidth = *o.bandwidth_gbs * 1e9;
  const ops::Numerics numerics = globals.numerics();
  f.memory = plan::memory(f.source, f.load, numerics, f.machine.threads);
  f.decode = plan::decode_speed(f.source, f.load, f.machine, numerics);
  f.prefill = plan::prefill_speed(f.source, f.load, f.machine, numerics);
  f.step = plan::decode_step(f.source, f.load, numerics);
  const bool fits = f.memory.total() <= f.machine.free_bytes;
  if (o.json) {
    std::cout << as_json(f, o, *path, fits) << "\n";
  } else {
    print_found(f, *path);
    if (o.train) print_training(f, o, globals);
    if (plan::is_deepseek_v3_671b(info)) print_published(info);
  }
  if (fits || globals.force) return 0;
  return fail(fmt::format("it does not fit: {:.2f} GiB are needed, {:.2f} GiB are free (--force plans on)",
                          gib(f.memory.total()), gib(f.machine.free_bytes)));
}

}  // namespace

void add_plan(Verb& app, Globals& globals) {
  auto options = std::make_shared<Options>();
  auto* verb = app.add_subcommand("plan", "memory, speed, time and money of a model before it is loaded");
  verb->add_option("model", options->model,
                   "folder, name under $JAMSU_HOME/models, or a bare config.json (default: pretrained/nano)");
  verb->add_option("--context", options->context,
                   "tokens of each sequence (default: 4096, or the model's if that is less)")
      ->range(int64_t{1}, int64_t{1} << 30);
  verb->add_option("--parallel", options->parallel, "sequences at once")
      ->range(int64_t{1}, int64_t{1} << 20)
      ->show_default();
  verb->add_option("--memory-gib", options->memory_gib, "plan for so much free memory instead of this machine's")
      ->positive();
  verb->add_option("--peak-gflops", options->peak_gflops, "plan for so much arithmetic instead of what is measured")
      ->positive();
  verb->add_option("--bandwidth-gbs", options->bandwidth_gbs, "plan for so many GB/s instead of what is measured")
      ->positive();
  verb->add_flag("--train", options->train, "time and money of a training run of --tokens");
  verb->add_option("--tokens", options->train_tokens, "of --train; 1e9 may be written")->positive();
  verb->add_flag("--json", options->json, "one JSON object");
  verb->footer("Example: jamsu plan pretrained/nano --context 1024 --parallel 64");
  verb->callback([options, &globals] { globals.exit_code = run(*options, globals); });
}

}  // namespace jamsu::apps
