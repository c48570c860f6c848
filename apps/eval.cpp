// jamsu eval: a model on generated tasks, and on a file of questions.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iostream>
#include <system_error>

#include "apps/open_session.h"
#include "base/files.h"
#include "eval/task_eval.h"
#include "formats/strict_json.h"

namespace jamsu::apps {
namespace {

struct Options {
  std::string model, items, sets, questions;
  int64_t problems = 1000, k = 1;
  uint64_t seed = 20261124;
  bool unseen = false, json = false, cells = false;
  SamplingOptions sampling;
};

std::string percent(int64_t right, int64_t problems) {
  const auto i = eval::wilson(right, problems);
  return fmt::format("{:5.1f} % ({:.1f}-{:.1f})",
                     problems ? 100.0 * static_cast<double>(right) / static_cast<double>(problems) : 0.0, 100 * i.low,
                     100 * i.high);
}

// [low, high] of the 95 % interval, as shares.
boost::json::array interval(int64_t right, int64_t problems) {
  const auto i = eval::wilson(right, problems);
  return {i.low, i.high};
}

boost::json::object to_json(const eval::Report& r, int64_t k) {
  boost::json::object cells;
  for (const auto& c : r.cells)
    cells[c.name] =
        boost::json::object{{"problems", c.problems}, {"right", c.right}, {"interval", interval(c.right, c.problems)}};
  return {{"set", r.name},
          {"problems", r.problems},
          {"right", r.right},
          {"interval", interval(r.right, r.problems)},
          {"k", k},
          {"pass_at_k", r.pass_at_k},
          {"pass_at_k_interval", interval(r.pass_at_k, r.problems)},
          {"majority_at_k", r.majority_at_k},
          {"majority_at_k_interval", interval(r.majority_at_k, r.problems)},
          {"with_steps", r.with_steps},
          {"steps_verified", r.steps_verified},
          {"truncated", r.truncated},
          {"errors", r.errors},
          {"tokens", r.tokens},
          {"cells", cells}};
}

void print(const eval::Report& r, const Options& o) {
  fmt::print("{:<11} {}   of {}   all steps verified {} of {}   cut {}   {:.0f} tokens a reply\n", r.name,
             percent(r.right, r.problems), r.problems, r.steps_verified, r.with_steps, r.truncated,
             static_cast<double>(r.tokens) / static_cast<double>(std::max<int64_t>(r.problems * o.k, 1)));
  if (r.errors > 0)
    fmt::print("            {} replies ended with an error (--items names it); counted as wrong\n", r.errors);
  if (o.k > 1)
    fmt::print("            pass@{} {}   maj@{} {}\n", o.k, percent(r.pass_at_k, r.problems), o.k,
               percent(r.majority_at_k, r.problems));
  if (o.cells)
    for (const auto& c : r.cells) fmt::print("    {:<28} {} of {}\n", c.name, percent(c.right, c.problems), c.problems);
}

// The sets that --sets and --unseen choose.
Result<std::vector<eval::ProblemSet>> choose_sets(const Options& o) {
  std::vector<eval::ProblemSet> all = eval::problem_sets(o.seed), chosen;
  if (o.sets.empty()) {
    for (auto& set : all)
      if (set.unseen || !o.unseen) chosen.push_back(std::move(set));
    return chosen;
  }
  for (const std::string& name : CLI::detail::split(o.sets, ',')) {
    const auto found = std::find_if(
        all.begin(), all.end(), [wanted = CLI::detail::trim_copy(name)](const auto& s) { return s.name == wanted; });
    if (found == all.end()) {
      std::string names;
      for (const auto& set : all) names += (names.empty() ? "" : ", ") + set.name;
      return Error{fmt::format("--sets: \"{}\" is none of {}", name, names)};
    }
    chosen.push_back(*found);
  }
  return chosen;
}

// --items: one JSON object a line.
class ItemsFile {
 public:
  explicit ItemsFile(std::string path) : path_(std::move(path)) {
    if (!path_.empty()) file_.open(path_);
    check();
  }
  void write(const boost::json::object& item) {
    if (path_.empty() || error_) return;
    file_ << item << "\n";
    check();
  }
  // A disk may be full only now.
  Status flush() {
    if (!path_.empty() && !error_) {
      file_.flush();
      check();
    }
    if (error_) return Error{fmt::format("{}: cannot be written: {}", path_, std::generic_category().message(error_))};
    return {};
  }

 private:
  void check() {
    if (!path_.empty() && !file_) error_ = errno != 0 ? errno : EIO;
  }
  std::string path_;
  std::ofstream file_;
  int error_ = 0;
};

// Questions of a file: {"prompt" or "question": ..., "answer": ...} a line; GSM8K's answers end in "#### N".
Result<std::vector<tasks::Sample>> read_questions(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return text.error();
  std::vector<tasks::Sample> samples;
  int64_t number = 0;
  for (size_t begin = 0; begin < text->size();) {
    size_t end = text->find('\n', begin);
    if (end == std::string::npos) end = text->size();
    const std::string_view line(text->data() + begin, end - begin);
    begin = end + 1;
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const auto where = fmt::format("{}:{}", path, number);
    const auto value = formats::parse_strict_json(line, where);
    if (!value) return value.error();
    const auto text_of = [&](const char* name) -> std::string {
      const auto* v = value->is_object() ? value->as_object().if_contains(name) : nullptr;
      return v && v->is_string() ? std::string(v->as_string()) : std::string();
    };
    tasks::Sample s;
    s.kind = tasks::Kind::word;
    s.cell = "question";
    s.prompt = text_of("prompt").empty() ? text_of("question") : text_of("prompt");
    s.value = text_of("answer");
    if (const size_t mark = s.value.rfind("####"); mark != std::string::npos) s.value = s.value.substr(mark + 4);
    std::erase_if(s.value, [](char c) { return c == ',' || c == ' '; });
    if (s.prompt.empty() || s.value.empty())
      return Error{where + ": not an object with strings \"prompt\" (or \"question\") and \"answer\""};
    samples.push_back(std::move(s));
  }
  if (samples.empty()) return Error{path + ": no questions"};
  return samples;
}

int run(const Options& o, const Globals& globals) {
  std::vector<eval::ProblemSet> sets;
  int64_t problems = o.problems;
  if (!o.questions.empty()) {
    auto questions = read_questions(o.questions);
    if (!questions) return fail(questions.error());
    problems = std::min<int64_t>(problems, static_cast<int64_t>(questions->size()));
    sets.push_back({"questions", [q = std::move(*questions)](uint64_t i) { return q[i]; }});
  } else {
    auto chosen = choose_sets(o);
    if (!chosen) return fail(chosen.error());
    sets = std::move(*chosen);
  }
  ItemsFile items(o.items);
  if (auto s = items.flush(); !s) return fail(s.error());
  const auto open = open_session("eval", o.model, globals, {.cached_prefixes = 0});
  if (!open) return fail(open.error());
  const eval::Options options{.problems = problems, .samples = o.k, .request = make_request(o.sampling)};
  const eval::Observer observer{.item = [&](const boost::json::object& item) { items.write(item); },
                                .replied = [&](const session::Reply& reply) { (*open)->count(reply); }};
  for (const auto& set : sets) {
    const auto report = eval::evaluate(*(*open)->session, set, options, observer);
    if (o.json)
      std::cout << to_json(report, o.k) << "\n" << std::flush;
    else
      print(report, o);
    std::fflush(stdout);
    if (auto s = items.flush(); !s) return fail(s.error());
  }
  (*open)->model->account->finish(ledger::Ending::finished);
  return 0;
}

}  // namespace

void add_eval(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<Options>();
  auto* verb = app.add_subcommand("eval", "score a model on generated tasks, or on a file of questions");
  verb->add_option("--model", options->model, "folder, or a name under $JAMSU_HOME/models (default: pretrained/nano)");
  verb->add_option("--problems", options->problems, "per set")->check(CLI::Range(int64_t{1}, int64_t{1'000'000}));
  auto* sets = verb->add_option("--sets", options->sets,
                                "of A, B ko, B en, B longer, C, D, A unseen, B ko unseen, B en unseen, C unseen; "
                                "separated by commas (default: all)");
  verb->add_option("--questions", options->questions,
                   "JSONL file with \"prompt\" (or \"question\") and \"answer\" instead of generated tasks");
  verb->add_option("-k", options->k, "samples of each problem, for pass@k and maj@k (with --temperature)")
      ->check(CLI::Range(int64_t{1}, int64_t{1000}));
  verb->add_option("--problem-seed", options->seed, "of the problems; recipes train on another one");
  verb->add_option("--items", options->items, "write every item as JSONL: prompt, reasoning, content, verdict");
  verb->add_flag("--unseen", options->unseen, "only the sets of patterns, names, objects and wordings never trained")
      ->excludes(sets);
  verb->add_flag("--cells", options->cells, "a table by cell");
  verb->add_flag("--json", options->json, "one JSON object a set");
  add_sampling_options(*verb, options->sampling);
  verb->footer(
      "Example: jamsu eval --problems 1000 --cells\n"
      "A: arithmetic; B: word problems of 1-8 steps, B longer of 9-10; C: equations, units, calendar, clock and the "
      "like;\n"
      "D: short talk. \"unseen\" (and D): sentence patterns, names, objects and wordings that training never has.\n"
      "The other problems are new draws of what training has; where a cell holds few problems (one-digit sums,\n"
      "weekdays), the same ones have occurred in training, and its score says little about generalisation.");
  verb->callback([options, &globals] { globals.exit_code = run(*options, globals); });
}

}  // namespace jamsu::apps
