// jamsu bench: the speed of this build's kernels, training and decoding beside what the machine can do at most.
#include "bench/bench.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <boost/json.hpp>
#include <iostream>

#include "apps/verbs.h"
#include "models/open.h"

namespace jamsu::apps {
namespace {

struct Options {
  int rounds = 0;
  bool json = false;
  bench::GemmShape gemm;
  bench::TrainShape train;
  std::string shape = "nano", model, folder, text;
  bool fp8 = false;
  bench::ModelLoad load;
};

boost::json::object to_json(const machine::Spread& s) {
  return {{"median", s.median}, {"lower_quartile", s.lower}, {"upper_quartile", s.upper}};
}

void print_json(const char* what, const bench::Setup& setup, const bench::Line& l) {
  boost::json::object object{{"bench", what},
                             {"name", l.name},
                             {"isa", kernels::isa_name(setup.isa)},
                             {"threads", setup.threads},
                             {"unit", l.unit},
                             {"rate", to_json(l.rate)},
                             {l.of_bandwidth ? "of_bandwidth" : "of_peak", to_json(l.of_peak)},
                             {"rounds", l.rounds},
                             {"tensor_bytes", l.tensor_bytes}};
  if (l.planned > 0) object["planned"] = l.planned;
  if (l.planned_bytes > 0) object["planned_bytes"] = l.planned_bytes;
  if (!l.ids_sha256.empty()) object["ids_sha256"] = l.ids_sha256;
  std::cout << object << "\n" << std::flush;
}

bench::OnLine printer(const char* what, const bench::Setup& setup, bool json) {
  return [=](const bench::Line& l) {
    if (json) return print_json(what, setup, l);
    const bool flops = l.unit == "FLOP/s";
    fmt::print("{:<52} {:>10.1f} {}", l.name, flops ? l.rate.median / 1e9 : l.rate.median, flops ? "GFLOP/s" : l.unit);
    if (l.of_peak.median > 0)
      fmt::print("   {:.1f} % of {} (quartiles {:.1f}-{:.1f}, {} rounds)", 100 * l.of_peak.median,
                 l.of_bandwidth ? "read bandwidth" : "peak", 100 * l.of_peak.lower, 100 * l.of_peak.upper, l.rounds);
    else if (l.rounds > 1)
      fmt::print("   (quartiles {:.1f}-{:.1f}, {} rounds)", l.rate.lower, l.rate.upper, l.rounds);
    if (l.planned > 0) fmt::print("; {:.2f} x what plan says", l.rate.median / l.planned);
    fmt::print("\n");
    if (l.tensor_bytes > 0)
      fmt::print("  at most {:.0f} MiB of memory", static_cast<double>(l.tensor_bytes) / 1048576.0);
    if (l.planned_bytes > 0) fmt::print("; plan says {:.0f}", static_cast<double>(l.planned_bytes) / 1048576.0);
    if (l.tensor_bytes > 0) fmt::print("\n");
    std::fflush(stdout);
  };
}

using Measure = Status (*)(const Options&, const Globals&, const bench::Setup&, const bench::OnLine&);

Status measure_model(const Options& o, const Globals& globals, const bench::Setup& setup,
                     const bench::OnLine& on_line) {
  const auto folder = hub::find_model(o.model, globals.places);
  if (!folder) return folder.error();
  const auto described = models::describe_model(*folder, ops::Numerics::bf16);
  if (!described) return described.error();
  bench::ModelLoad load = o.load;
  load.policy = globals.cache_policy(*described->model);
  return bench::model(setup, *folder, load, on_line);
}

Verb* add_part(Verb& verb, const std::shared_ptr<Options>& options, const char* name, const char* help, int rounds) {
  auto* part = verb.add_subcommand(name, help);
  part->add_option("--rounds", options->rounds,
                   fmt::format("medians and quartiles are over so many (default {})", rounds))
      ->range(1, 100'000);
  part->add_flag("--json", options->json, "one JSON object a line");
  return part;
}

Verb* add_measure(Verb& verb, Globals& globals, const std::shared_ptr<Options>& options, const char* name,
                  const char* help, int rounds, int threads, Measure measure) {
  auto* part = add_part(verb, options, name, help, rounds);
  part->footer(fmt::format("Example: jamsu bench {}", name));
  part->callback([options, &globals, name, rounds, threads, measure] {
    const bench::Setup setup{.isa = globals.chosen_isa(),
                             .threads = threads > 0 ? threads : globals.thread_count(),
                             .rounds = options->rounds > 0 ? options->rounds : rounds};
    if (setup.isa == kernels::Isa::ref) {
      globals.exit_code = fail("bench: the reference kernels have no peak to be measured against");
      return;
    }
    if (!options->json)
      fmt::print("{}, {} thread(s); peak: the register-only loop of jamsu doctor, measured in between\n",
                 kernels::isa_name(setup.isa), setup.threads);
    const Status done = measure(*options, globals, setup, printer(name, setup, options->json));
    if (!done) globals.exit_code = fail(done.error());
  });
  return part;
}

void add_tokenizer(Verb& verb, Globals& globals, const std::shared_ptr<Options>& options, int rounds) {
  auto* part = add_part(verb, options, "tokenizer", "encoding a text on one thread, by the clock alone", rounds);
  part->add_option("tokenizer", options->model, "a tokenizer.json, or a folder with one")->required();
  part->add_option("text", options->text, "a text file; documents of 1 MiB are made of it")->required();
  part->footer("Example: jamsu bench tokenizer pretrained/nano README.md");
  part->callback([options, &globals, rounds] {
    const bench::Setup setup{.isa = globals.chosen_isa(), .threads = 1};
    const Status done = bench::tokenizer(options->model, options->text, options->rounds > 0 ? options->rounds : rounds,
                                         printer("tokenizer", setup, options->json));
    if (!done) globals.exit_code = fail(done.error());
  });
}

}  // namespace

void add_bench(Verb& app, Globals& globals) {
  constexpr int kSlices = 21, kWholeRuns = 7;  // bench/README.md
  auto options = std::make_shared<Options>();
  auto* verb = app.add_subcommand("bench", "measure kernels, training and decoding against this machine's peak");
  verb->require_subcommand();
  verb->footer("Example: jamsu bench gemm --threads 1");
  auto* gemm =
      add_measure(*verb, globals, options, "gemm", "a bf16 product, weights packed", kSlices, 0,
                  [](const Options& o, const Globals&, const bench::Setup& s, const bench::OnLine& l) -> Status {
                    bench::gemm(s, o.gemm, l);
                    return {};
                  });
  constexpr std::pair<int64_t, int64_t> kExtent{1, int64_t{1} << 16};
  gemm->add_option("--m", options->gemm.m, "rows of activations (default 512)")->range(kExtent.first, kExtent.second);
  gemm->add_option("--k", options->gemm.k, "contraction (default 2048)")->range(kExtent.first, kExtent.second);
  gemm->add_option("--n", options->gemm.n, "outputs (default 2048)")->range(kExtent.first, kExtent.second);
  add_measure(*verb, globals, options, "attention", "attention of one head on one thread, forward and backward",
              kSlices, 1, [](const Options&, const Globals&, const bench::Setup& s, const bench::OnLine& l) -> Status {
                bench::attention(s, l);
                return {};
              });
  auto* train =
      add_measure(*verb, globals, options, "train", "whole training steps of 16 rows of 512 tokens", kWholeRuns, 0,
                  [](const Options& o, const Globals&, const bench::Setup& s, const bench::OnLine& l) -> Status {
                    bench::train(s, {.tiny = o.shape == "tiny", .micro_rows = o.train.micro_rows}, l);
                    return {};
                  });
  train->add_option("--shape", options->shape, "nano (default) or tiny")->one_of({"nano", "tiny"});
  train->add_option("--micro-rows", options->train.micro_rows, "rows of a micro-batch: 1, 2, 4 (default), 8 or 16")
      ->one_of({1, 2, 4, 8, 16});
  add_measure(*verb, globals, options, "decode", "decoding through the engine, alone and 64 sequences at once",
              kWholeRuns, 0,
              [](const Options&, const Globals&, const bench::Setup& s, const bench::OnLine& l) -> Status {
                bench::decode(s, l);
                return {};
              });
  auto* model = add_measure(*verb, globals, options, "model", "a model's folder: opening, prefill of 512, decoding",
                            kWholeRuns, 0, measure_model);
  model->add_option("model", options->model, kModelHelp);
  model->add_option("--prompt", options->load.prompt, "tokens before those decoded (default 64)")
      ->range(kExtent.first, kExtent.second);
  model->add_option("--decoded", options->load.decoded, "tokens decoded (default 32)")
      ->range(kExtent.first, kExtent.second);
  model->add_option("--prefill", options->load.prefill, "tokens of the prefill (default 512)")
      ->range(kExtent.first, kExtent.second);
  add_tokenizer(*verb, globals, options, kWholeRuns);
  auto* make = verb->add_subcommand("make-model", "a folder with random weights of a published shape, to measure with");
  make->add_option("shape", options->shape, fmt::format("{}", fmt::join(bench::model_shapes(), ", ")))
      ->required()
      ->one_of(bench::model_shapes());
  make->add_option("folder", options->folder, "written anew")->required();
  make->add_flag("--fp8", options->fp8, "matrices in FP8 with a scale for each 128 x 128, as DeepSeek-V3");
  make->footer("Example: jamsu bench make-model qwen2-1.5b /tmp/qwen2 && jamsu bench model /tmp/qwen2");
  make->callback([options, &globals] {
    const auto made = bench::make_model(options->shape, options->fp8, options->folder);
    globals.exit_code = made ? 0 : fail(made.error());
  });
}

}  // namespace jamsu::apps
