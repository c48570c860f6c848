#include "tasks/word_writer.h"

#include <algorithm>
#include <array>
#include <map>

#include "base/check.h"
#include "tasks/split.h"
#include "tasks/steps.h"
#include "tasks/word_patterns.h"
#include "tasks/word_story.h"

namespace jamsu::tasks {
namespace {

constexpr int kStyles = 3;  // 합니다, 해요, 한다

using Table = std::map<std::string_view, std::vector<std::string_view>>;

const Table& table(Language language) {
  const auto make = [](std::span<const Pattern> patterns) {
    Table table;
    for (const Pattern& pattern : patterns) table[pattern.use].push_back(pattern.text);
    return table;
  };
  static const Table korean = make(word_patterns_korean()), english = make(word_patterns_english());
  return language == Language::korean ? korean : english;
}

// In unseen a held-out pattern where the use has one.
std::string_view pick_pattern(const Table& table, std::string_view use, Split split, RandomStream& random) {
  const auto found = table.find(use);
  JAMSU_CHECK(found != table.end());
  for (const bool held : {split == Split::unseen, false}) {
    std::vector<std::string_view> free;
    for (std::string_view pattern : found->second) {
      if (held_out(pattern) == held) free.push_back(pattern);
    }
    if (!free.empty()) return random.pick(free);
  }
  JAMSU_CHECK(false);
  return {};
}

// `있[습니다|어요|다]` in a style.
std::string in_style(std::string_view pattern, int style) {
  std::string out;
  while (!pattern.empty()) {
    const size_t open = pattern.find('[');
    out += pattern.substr(0, open);
    if (open == std::string_view::npos) break;
    const size_t close = pattern.find(']', open);
    JAMSU_CHECK(close != std::string_view::npos);
    std::string_view choice = pattern.substr(open + 1, close - open - 1);
    for (int i = 0; i < style; ++i) choice.remove_prefix(choice.find('|') + 1);
    out += choice.substr(0, choice.find('|'));
    pattern.remove_prefix(close + 1);
  }
  return out;
}

bool lower(char c) {
  return c >= 'a' && c <= 'z';
}

// Capitals where English sentences begin; a pattern that is typed without them stays so.
std::string capitalized(std::string text, std::string_view pattern) {
  if (lower(pattern[0])) return text;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool begins = i == 0 || (i >= 2 && text[i - 1] == ' ' && (text[i - 2] == '.' || text[i - 2] == '?'));
    if (begins && lower(text[i])) text[i] = static_cast<char>(text[i] - 'a' + 'A');
  }
  return text;
}

// Whether the word stands in the text; a Latin name not as the beginning of another word.
bool stands_in(std::string_view text, std::string_view word) {
  const size_t at = text.find(word);
  if (at == std::string_view::npos) return false;
  const size_t end = at + word.size();
  return end == text.size() || !lower(text[end]);
}

// Writes the operations that lead to a quantity and are not yet written.
class Worker {
 public:
  Worker(const Story& story, StepWriter& writer)
      : story_(story), writer_(writer), written_(static_cast<size_t>(story.graph.size()), false) {}

  bool written(int id) const { return written_[static_cast<size_t>(id)]; }

  void work_out(int wanted) {
    const std::vector<bool> needed = story_.graph.needed(wanted);
    for (int id = 0; id < story_.graph.size(); ++id) {
      const Quantity& quantity = story_.graph[id];
      if (!needed[static_cast<size_t>(id)] || written(id) || quantity.operation == Operation::given) continue;
      written_[static_cast<size_t>(id)] = true;
      writer_.label(" " + story_.label(id) + ": ");
      const int64_t left = story_.value(quantity.left), right = story_.value(quantity.right);
      switch (quantity.operation) {
        case Operation::add:
          writer_.add(left, right);
          break;
        case Operation::subtract:
          writer_.subtract(left, right);
          break;
        case Operation::multiply:
          writer_.multiply(left, right);
          break;
        case Operation::divide:
          writer_.divide(left, right);
          break;
        case Operation::given:
          break;
      }
    }
  }

 private:
  const Story& story_;
  StepWriter& writer_;
  std::vector<bool> written_;
};

// Reads the problem once more, sentence by sentence: the sentence, what it says in short, what can be computed from it.
// A small model that wrote the short form of all sentences in one line, from afar, misread one in eight (docs/LOG.md).
// Sentences stand as in the prompt, a space before all but the first, and labels have one too: to a tokenizer ` Sue`
// and `Sue` are different words. `sentences`: of the facts in order, empty for one without text, then of the question.
void work_out(const Story& story, const std::vector<std::string>& sentences, RandomStream& random, StepWriter& writer) {
  Worker worker(story, writer);
  // Mostly one sentence at a time, sometimes several: people pack what they say into fewer sentences than the patterns
  // do, and a reader must find two facts in one piece of text.
  const bool packed = random.chance(1, 2);
  const size_t facts = story.facts.size();
  for (size_t begin = 0; begin <= facts;) {
    size_t end = begin + 1;  // pieces [begin, end) are quoted together; the question is the last piece
    while (packed && end <= facts && random.chance(1, 2)) ++end;
    std::string quote;
    for (size_t i = begin; i < end; ++i) quote += sentences[i];
    if (!quote.empty()) writer.text(quote);
    for (size_t i = begin; i < std::min(end, facts); ++i) {
      const Fact& fact = story.facts[i];
      if (!fact.plan.empty()) writer.text(" " + fact.plan);
      if (fact.quantity >= 0) worker.work_out(fact.quantity);
    }
    begin = end;
  }
  const bool known = worker.written(story.asked);
  const std::string& plan = story.question.plan;
  writer.text(" " + story.goal + "?" + (plan.empty() ? "" : " " + plan) +
              (known ? " " + std::to_string(story.value(story.asked)) : ""));
  worker.work_out(story.asked);
}

// One to eight steps. Near uniform: with few long ones (22 % of one step, 5 % of eight) a model of 18M tokens solved 80
// % of one step and 10 % of five and more.
int draw_level(RandomStream& random) {
  constexpr std::array<int, 8> weights = {14, 14, 14, 13, 12, 12, 11, 10};
  int draw = static_cast<int>(random.below(100));
  for (size_t i = 0; i < weights.size(); ++i) {
    if ((draw -= weights[i]) < 0) return static_cast<int>(i) + 1;
  }
  return 1;
}

// False: the prompt is one kept for hand tests, or (unseen) nothing in it is held out.
bool write(const Story& story, RandomStream& random, const GeneratorOptions& options, WordProblem& problem,
           std::vector<std::string>& sentences) {
  const int style = static_cast<int>(random.below(kStyles));
  const Table& patterns = table(story.language);
  std::string& prompt = problem.sample.prompt;
  prompt.clear();
  problem.patterns.clear();
  sentences.clear();
  const auto add = [&](const Fact& fact) {
    const std::string_view pattern = pick_pattern(patterns, fact.use, story.split, random);
    problem.patterns.push_back(pattern);
    const std::string text = fill(in_style(pattern, style), fact.slots), space = prompt.empty() ? "" : " ";
    sentences.push_back(space + (story.korean() ? text : capitalized(text, pattern)));
    prompt += sentences.back();
  };
  for (const Fact& fact : story.facts) {
    if (fact.use.empty()) {
      sentences.emplace_back();
    } else {
      add(fact);
    }
  }
  add(story.question);
  if (reserved_prompt(prompt)) return false;
  for (const std::string& word : story.held_out_words) {
    if (stands_in(prompt, word)) problem.held_out_words.push_back(word);
  }
  const bool held = std::any_of(problem.patterns.begin(), problem.patterns.end(), held_out);
  return options.split == Split::train || held || !problem.held_out_words.empty();
}

}  // namespace

WordProblem word_problem(uint64_t index, Language language, const GeneratorOptions& options, int level) {
  RandomStream random = sample_stream(index, options, (language == Language::korean ? 100 : 120) + level);
  if (level == 0) level = draw_level(random);
  while (true) {
    const Story story = make_story(random, language, options.split, level);
    WordProblem problem;
    std::vector<std::string> sentences;
    if (!write(story, random, options, problem, sentences)) continue;
    StepWriter writer(random, options.retry_percent);
    work_out(story, sentences, random, writer);
    Sample& sample = problem.sample;
    sample.kind = Kind::word;
    sample.language = language;
    sample.cell = std::string(language == Language::korean ? "word ko " : "word en ") + std::to_string(level) +
                  (level == 1 ? " step" : " steps");
    sample.level = level;
    sample.thinking = writer.finish();
    sample.value = std::to_string(story.value(story.asked));
    Unit unit = story.unit;
    unit.dollar_sign = false;
    const std::string said = counted(story.value(story.asked), unit, language);
    sample.answer = language == Language::korean ? "답은 " + said + "입니다." : "The answer is " + said + ".";
    problem.graph = story.graph;
    problem.asked = story.asked;
    return problem;
  }
}

Sample word_sample(uint64_t index, Language language, const GeneratorOptions& options, int level) {
  return word_problem(index, language, options, level).sample;
}

}  // namespace jamsu::tasks
