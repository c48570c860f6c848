#include "tasks/word/writer.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "tasks/split.h"
#include "tasks/steps.h"
#include "tasks/word/sentences.h"
#include "tasks/word/story.h"

namespace jamsu::tasks {
namespace {

bool lower(char c) {
  return c >= 'a' && c <= 'z';
}

// Whether the word stands in the text; a Latin name not as the beginning of another word.
bool stands_in(std::string_view text, std::string_view word) {
  const size_t at = text.find(word);
  if (at == std::string_view::npos) return false;
  const size_t end = at + word.size();
  return end == text.size() || !lower(text[end]);
}

// Writes what quantities are: ` Tom=14` where the text says so; where it is computed, a line that recalls the values of
// what it is computed from, ` Sue: Tom=14, 14+5`, and its value after its name again, ` Sue=19`. So every value is
// found by looking for the name where it last stood before a `=`, which is what a small model can do. (It could not
// find the value of a name whose line ended in `=19` some lines further down: it took the newest number instead, in
// most of the wrong replies to problems of seven steps and more; docs/LOG.md.)
class Worker {
 public:
  Worker(const Story& story, StepWriter& writer)
      : story_(story), writer_(writer), written_(static_cast<size_t>(story.graph.size()), false) {}

  bool written(int id) const { return written_[static_cast<size_t>(id)]; }

  // Of a quantity that is given, or already written: its value once more.
  void tell(int id) {
    if (story_.graph[id].operation == Operation::given || written(id)) {
      written_[static_cast<size_t>(id)] = true;
      writer_.text(" " + value_of(id));
    } else {
      work_out(id);
    }
  }

  void work_out(int wanted) {
    const std::vector<bool> needed = story_.graph.needed(wanted);
    for (int id = 0; id < story_.graph.size(); ++id) {
      const Quantity& quantity = story_.graph[id];
      if (!needed[static_cast<size_t>(id)] || written(id) || quantity.operation == Operation::given) continue;
      written_[static_cast<size_t>(id)] = true;
      writer_.named(" " + story_.label(id), recall(quantity.left) + recall(quantity.right));
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
  std::string value_of(int id) const { return story_.label(id) + "=" + std::to_string(story_.value(id)); }
  std::string recall(int id) const { return story_.label(id).empty() ? "" : value_of(id) + ", "; }

  const Story& story_;
  StepWriter& writer_;
  std::vector<bool> written_;
};

// "Tom has 5 pens. He buys 2. How many now?" -> "Tom has 5 pens.", " He buys 2.", " How many now?"
std::vector<std::string> split_sentences(std::string_view text) {
  std::vector<std::string> sentences;
  size_t begin = 0;
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i + 1] != ' ' || (text[i] != '.' && text[i] != '?' && text[i] != '!')) continue;
    sentences.emplace_back(text.substr(begin, i + 1 - begin));
    begin = i + 1;
  }
  sentences.emplace_back(text.substr(begin));
  return sentences;
}

// The given quantity with a name whose value is the one number of the text; -1: there is none.
int told_alone(const Story& story, std::string_view text) {
  const size_t begin = text.find_first_of("0123456789");
  if (begin == std::string_view::npos) return -1;
  const size_t end = std::min(text.find_first_not_of("0123456789", begin), text.size());
  if (text.find_first_of("0123456789", end) != std::string_view::npos) return -1;
  const std::string_view number = text.substr(begin, end - begin);
  for (int id = 0; id < story.graph.size(); ++id) {
    if (story.graph[id].operation == Operation::given && !story.label(id).empty() &&
        std::to_string(story.value(id)) == number)
      return id;
  }
  return -1;
}

// Reads the problem once more, piece by piece (a sentence or a clause of one): the piece, then what it says or what can
// be computed from it. A small model that wrote the short form of all sentences in one line, from afar, misread one
// in eight (docs/LOG.md). Pieces stand as in the prompt, a space before all but the first, and names have one too: to
// a tokenizer ` Sue` and `Sue` are different words. `said`: the pieces of word_sentences.h.
void work_out(const Story& story, std::vector<std::string> said, RandomStream& random, StepWriter& writer) {
  Worker worker(story, writer);
  // Mostly one at a time, sometimes several: a reader must find two facts in one piece of text.
  const bool packed = random.chance(1, 2);
  if (story.facts.empty()) {  // a problem in one pattern: a sentence may still tell what one quantity is
    const std::vector<std::string> sentences = split_sentences(said.front());
    std::string quote;
    for (size_t i = 0; i + 1 < sentences.size(); ++i) {
      quote += sentences[i];
      if (packed && random.chance(1, 2)) continue;
      writer.text(quote);
      if (const int id = told_alone(story, quote); id >= 0) worker.tell(id);
      quote.clear();
    }
    said = {quote + sentences.back()};
  }
  const size_t facts = story.facts.size();
  for (size_t begin = 0; begin <= facts;) {
    size_t end = begin + 1;  // pieces [begin, end) are quoted together; the question is the last piece
    while (packed && end <= facts && random.chance(1, 2)) ++end;
    std::string quote;
    for (size_t i = begin; i < end; ++i) quote += said[i];
    if (!quote.empty()) writer.text(quote);
    for (size_t i = begin; i < std::min(end, facts); ++i) {
      if (story.facts[i].quantity >= 0) worker.tell(story.facts[i].quantity);
    }
    begin = end;
  }
  writer.text(" " + story.label(story.asked) + "?");
  worker.tell(story.asked);
}

// One to eight steps. Near uniform: with few long ones (22 % of one step, 5 % of eight) a model of 18M tokens solved 80
// % of one step and 10 % of five and more.
int draw_level(RandomStream& random) {
  constexpr std::array<int, 8> weights = {13, 13, 12, 12, 12, 12, 13, 13};
  int draw = static_cast<int>(random.below(100));
  for (size_t i = 0; i < weights.size(); ++i) {
    if ((draw -= weights[i]) < 0) return static_cast<int>(i) + 1;
  }
  return 1;
}

// False: the prompt is one kept for hand tests, or (unseen) nothing in it is held out.
bool usable(const Story& story, const GeneratorOptions& options, WordProblem& problem) {
  const std::string& prompt = problem.sample.prompt;
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
    Told told = tell(story, random);
    problem.sample.prompt = std::move(told.prompt);
    problem.patterns = std::move(told.patterns);
    if (!usable(story, options, problem)) continue;
    StepWriter writer(random, options.retry_percent);
    work_out(story, std::move(told.pieces), random, writer);
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
    problem.counted = {std::string(unit.korean), std::string(unit.one), std::string(unit.many)};
    return problem;
  }
}

Sample word_sample(uint64_t index, Language language, const GeneratorOptions& options, int level) {
  return word_problem(index, language, options, level).sample;
}

}  // namespace jamsu::tasks
