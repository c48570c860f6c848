// jamsu eval: a model on generated tasks, and on a file of questions.
#include <fmt/format.h>

#include <algorithm>
#include <boost/algorithm/string/split.hpp>
#include <boost/algorithm/string/trim.hpp>
#include <cerrno>
#include <fstream>
#include <iostream>
#include <system_error>

#include "apps/request.h"
#include "eval/likelihood.h"
#include "eval/question_files.h"
#include "eval/task_eval.h"
#include "unicode/text_file.h"

namespace jamsu::apps {
namespace {

struct Options {
  std::string model, items, sets;
  std::vector<std::string> task;  // name and file
  std::optional<int64_t> show_item;
  int64_t window = 0;
  int64_t problems = 1000, k = 1;
  uint64_t seed = 20261124;
  bool unseen = false, json = false, cells = false;
  SamplingOptions sampling;
};

// What a request of log-probabilities took, for the ledger.
eval::OnFinished counted(session::OpenSession& open) {
  return [&open](const engine::Finished& f) { open.model->count(f.prompt_tokens, f.cached_tokens, f.output_tokens); };
}

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

void print_report(const eval::Report& r, const Options& o) {
  print("{:<11} {}   of {}   all steps verified {} of {}   cut {}   {:.0f} tokens a reply\n", r.name,
        percent(r.right, r.problems), r.problems, r.steps_verified, r.with_steps, r.truncated,
        static_cast<double>(r.tokens) / static_cast<double>(std::max<int64_t>(r.problems * o.k, 1)));
  if (r.errors > 0)
    print("            {} replies ended with an error (--items names it); counted as wrong\n", r.errors);
  if (o.k > 1)
    print("            pass@{} {}   maj@{} {}\n", o.k, percent(r.pass_at_k, r.problems), o.k,
          percent(r.majority_at_k, r.problems));
  if (o.cells)
    for (const auto& c : r.cells) print("    {:<28} {} of {}\n", c.name, percent(c.right, c.problems), c.problems);
}

// The sets that --sets and --unseen choose.
Result<std::vector<eval::ProblemSet>> choose_sets(const Options& o) {
  std::vector<eval::ProblemSet> all = eval::problem_sets(o.seed), chosen;
  if (o.sets.empty()) {
    for (auto& set : all)
      if (!set.by_name && (set.unseen || !o.unseen)) chosen.push_back(std::move(set));
    return chosen;
  }
  std::vector<std::string> wanted;
  boost::algorithm::split(wanted, o.sets, [](char c) { return c == ','; });
  for (const std::string& name : wanted) {
    const auto found = std::find_if(all.begin(), all.end(),
                                    [w = boost::algorithm::trim_copy(name)](const auto& s) { return s.name == w; });
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

// --task perplexity.
int run_perplexity(const Options& o, const std::string& file, session::OpenSession& open) {
  const auto text = unicode::read_text_file(file);
  if (!text) return fail(text.error());
  const auto p = eval::perplexity(*open.session, *text, o.window, counted(open));
  if (!p) return fail(fmt::format("{}: {}", file, p.error().message));
  if (o.json)
    std::cout << boost::json::object{{"set", "perplexity"},          {"file", file},
                                     {"tokens", p->tokens},          {"bytes", p->bytes},
                                     {"window", p->window},          {"nll", p->nll},
                                     {"perplexity", p->per_token()}, {"bits_per_byte", p->bits_per_byte()}}
              << "\n";
  else
    print("perplexity  {:.4g} a token, {:.4g} bits a byte   {} tokens, {} bytes, windows of {}\n", p->per_token(),
          p->bits_per_byte(), p->tokens, p->bytes, p->window);
  return 0;
}

// --task choice.
int run_choice(const Options& o, std::vector<eval::ChoiceProblem> problems, session::OpenSession& open,
               ItemsFile& items) {
  problems.resize(std::min(problems.size(), static_cast<size_t>(o.problems)));
  const auto r = eval::choose(
      *open.session, problems, [&](const boost::json::object& item) { items.write(item); }, counted(open));
  if (o.json)
    std::cout << boost::json::object{{"set", "choice"},
                                     {"problems", r.problems},
                                     {"right", r.right},
                                     {"interval", interval(r.right, r.problems)},
                                     {"right_per_byte", r.right_per_byte},
                                     {"right_per_byte_interval", interval(r.right_per_byte, r.problems)},
                                     {"errors", r.errors},
                                     {"tokens", r.tokens}}
              << "\n";
  else
    print("choice      {} by log-probability, {} per byte   of {}{}\n", percent(r.right, r.problems),
          percent(r.right_per_byte, r.problems), r.problems,
          r.errors ? fmt::format("   {} could not be run (--items names them); counted as wrong", r.errors) : "");
  if (auto s = items.flush(); !s) return fail(s.error());
  return 0;
}

// What --task or the sets ask for, read before the model is opened.
struct Work {
  std::vector<eval::ProblemSet> sets;
  std::vector<eval::ChoiceProblem> choices;
  std::string text_file;  // of perplexity
  int64_t problems = 0;
};

Result<Work> read_work(const Options& o) {
  Work work;
  work.problems = o.problems;
  if (o.task.empty()) {
    auto chosen = choose_sets(o);
    if (!chosen) return chosen.error();
    work.sets = std::move(*chosen);
    return work;
  }
  const std::string &name = o.task[0], &file = o.task[1];
  if (name == "perplexity") {
    work.text_file = file;
  } else if (name == "choice") {
    auto choices = eval::read_choices(file);
    if (!choices) return choices.error();
    work.choices = std::move(*choices);
  } else if (name == "qa" || name == "gsm8k") {
    auto questions = eval::read_questions(file);
    if (!questions) return questions.error();
    work.problems = std::min<int64_t>(o.problems, static_cast<int64_t>(questions->size()));
    work.sets.push_back({name, [q = std::move(*questions)](uint64_t i) { return q[i]; }});
  } else {
    return Error{fmt::format("--task: \"{}\" is none of gsm8k, qa, choice, perplexity", name)};
  }
  return work;
}

// --show-item N: the prompt of item N of the first set, token for token as the model reads it.
int show_item(const Options& o, const Work& work, session::OpenSession& open) {
  if (work.sets.empty() && work.choices.empty()) return fail("--show-item: this task has no items");
  const auto count = work.sets.empty() ? static_cast<int64_t>(work.choices.size()) : work.problems;
  if (*o.show_item >= count) return fail(fmt::format("--show-item {}: there are {} items", *o.show_item, count));
  session::ChatRequest request = make_request(o.sampling);
  const auto index = static_cast<size_t>(*o.show_item);
  if (work.sets.empty()) {
    request.messages = {{"user", work.choices[index].prompt, ""}};
  } else {
    request.messages = eval::messages_of(work.sets[0].sample(index));
  }
  if (work.sets.empty()) request.thinking = session::Thinking::off;
  const auto prompt = open.session->prompt(request);
  if (!prompt) return fail(prompt.error());
  print_lines(open.session->tokenizer().decode(prompt->ids) + "\n");
  return 0;
}

int run(const Options& o, const Globals& globals) {
  const auto work = read_work(o);
  if (!work) return fail(work.error());
  ItemsFile items(o.items);
  if (auto s = items.flush(); !s) return fail(s.error());
  const bool chat = work->text_file.empty();
  const auto open =
      session::open_session("eval", o.model, globals.how(), {.cached_prefixes = work->choices.empty() ? 0 : 2}, chat);
  if (!open) return fail(open.error());
  const auto finished = [&](int code) {
    if (code == 0) (*open)->model->account->finish(ledger::Ending::finished);
    return code;
  };
  if (o.show_item) return finished(show_item(o, *work, **open));
  if (!chat) return finished(run_perplexity(o, work->text_file, **open));
  if (!work->choices.empty()) return finished(run_choice(o, work->choices, **open, items));
  const eval::Options options{.problems = work->problems, .samples = o.k, .request = make_request(o.sampling)};
  const eval::Observer observer{.item = [&](const boost::json::object& item) { items.write(item); },
                                .replied = [&](const session::Reply& reply) { (*open)->count(reply); }};
  for (const auto& set : work->sets) {
    const auto report = eval::evaluate(*(*open)->session, set, options, observer);
    if (o.json)
      std::cout << to_json(report, o.k) << "\n" << std::flush;
    else
      print_report(report, o);
    std::fflush(stdout);
    if (auto s = items.flush(); !s) return fail(s.error());
  }
  return finished(0);
}

}  // namespace

void add_eval(Verb& app, Globals& globals) {
  auto options = std::make_shared<Options>();
  auto* verb =
      app.add_subcommand("eval", "score a model on generated tasks or on files: questions, choices, perplexity");
  verb->add_option("--model", options->model, kModelHelp);
  verb->add_option("--problems", options->problems, "per set")->range(int64_t{1}, int64_t{1'000'000});
  auto* sets =
      verb->add_option("--sets", options->sets,
                       "of A, B ko, B en, B longer, C, D, E, A unseen, B ko unseen, B en unseen, C unseen, E unseen "
                       "(default: all these), countdown3, countdown4, countdown3 unseen, countdown4 unseen; separated "
                       "by commas");
  verb->add_option("--task", options->task,
                   "instead of generated tasks a file: gsm8k FILE.jsonl and qa FILE.jsonl (\"prompt\" or \"question\", "
                   "\"answer\"), choice FILE.jsonl (\"choices\" too), perplexity FILE.txt")
      ->type_name("NAME FILE")
      ->expected(2)
      ->excludes(sets);
  verb->add_option("--window", options->window, "of perplexity: tokens of one forward (default: the context)");
  verb->add_option("--show-item", options->show_item, "print the exact prompt of this item, from 0, and stop")
      ->non_negative();
  verb->add_option("-k", options->k, "samples of each problem, for pass@k and maj@k (with --temperature)")
      ->range(int64_t{1}, int64_t{1000});
  verb->add_option("--problem-seed", options->seed, "of the problems; recipes train on another one");
  verb->add_option("--items", options->items, "write every item as JSONL: prompt, reasoning, content, verdict");
  verb->add_flag("--unseen", options->unseen, "only the sets of patterns, names, objects and wordings never trained")
      ->excludes(sets);
  verb->add_flag("--cells", options->cells, "a table by cell");
  verb->add_flag("--json", options->json, "one JSON object a set");
  add_sampling_options(*verb, options->sampling);
  verb->footer(
      "Example: jamsu eval --problems 1000 --cells\n"
      "         jamsu eval --model ORG/NAME --task gsm8k gsm8k_test.jsonl -k 4 --temperature 0.6\n"
      "A: arithmetic; B: word problems of 1-8 steps, B longer of 9-10; C: equations, units, calendar, clock and the "
      "like;\n"
      "D: short talk; E: questions about the answer before them; countdown: three or four numbers, a target to make "
      "of\n"
      "them. \"unseen\" (and D): sentence patterns, names, objects "
      "and wordings that training never has.\n"
      "The other problems are new draws of what training has; where a cell holds few problems (one-digit sums,\n"
      "weekdays), the same ones have occurred in training, and its score says little about generalisation.");
  verb->callback([options, &globals] { globals.exit_code = run(*options, globals); });
}

}  // namespace jamsu::apps
