#pragma once
// Generated problems with a line of thought a person can follow, and verifiers that know nothing of the generators.
// A sample is a pure function of (options.seed, index). No engine, no tensors.
//
// Text conventions of a sample (the chat format around it is text/prompt's business):
//   prompt    what a person types; one turn.
//   thinking  lines separated by '\n'; a line that computes holds its equation as `... = value` (steps.h). A wrong line
//             is followed by one that consists of kRetryMark and the corrected line (arXiv:2408.16293).
//             Empty: no thinking.
//   answer    what the assistant says; `value` must stand in it where the problem has one (countdown: an expression that
//             equals it).
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace jamsu::tasks {

inline constexpr std::string_view kRetryMark = "<|retry|>";  // a special token of the tokenizer

// A, B, C, D of `jamsu eval`; follow: a question about the answer before it (E); repeat teaches to read; countdown: a
// number to make of others, in no mix.
enum class Kind { arithmetic, word, misc, talk, follow, repeat, countdown };
enum class Language { korean, english };
// Which names, objects and sentence patterns may appear. 10 % of each (a fixed hash of the item) never occur in train.
enum class Split { train, unseen };

struct GeneratorOptions {
  uint64_t seed = 7;
  Split split = Split::train;
  // Percent of samples in which some step is first written wrong and then corrected (pre-training only).
  int retry_percent = 0;
};

// A question and its answer, as they stand in a chat.
struct Turn {
  std::string prompt, answer;
};

struct Sample {
  Kind kind = Kind::arithmetic;
  Language language = Language::korean;
  std::string cell;               // what it is, for tables: "mul 3x2 digits", "word ko 4 steps", "calendar", "greeting"
  int level = 1;                  // steps or operations, for curricula and tables
  std::vector<Turn> before = {};  // what was said before the prompt; the thinking that led to an answer is not kept
  std::string prompt;
  std::string thinking;
  std::string answer;
  std::string value;   // canonical final value ("105", "-3", "3/4", "12:30", "금요일"); empty for talk
  std::string intent;  // talk only: the intent a reply must fit
  // Of files of questions: one of these has to stand in the reply, capitals aside. There is no value then.
  std::vector<std::string> any = {};
  std::vector<int64_t> numbers = {};  // countdown only: what `value` is to be made of, each used at most once
};

// The generators. `level` 0 draws one;
// otherwise it asks for that many steps (word: 1-10) or operations (arithmetic: 1-6).
Sample arithmetic_sample(uint64_t index, const GeneratorOptions& options, int level = 0);
Sample word_sample(uint64_t index, Language language, const GeneratorOptions& options, int level = 0);
Sample misc_sample(uint64_t index, const GeneratorOptions& options);
Sample talk_sample(uint64_t index, const GeneratorOptions& options);
// A problem of one of the kinds above with its answer, perhaps a first such question, and then the prompt: what becomes
// of the answer ("거기서 3개를 더 먹으면?", "And if 5 more come?").
Sample follow_sample(uint64_t index, const GeneratorOptions& options);
// Sentences without a sense to say again, one by one. For training: no evaluation set has it.
Sample repeat_sample(uint64_t index, const GeneratorOptions& options);

// The cells of arithmetic, operation x length ("add 3+2 digits", "mul 3x2 digits", "expr 4 ops", "expr 4 ops ()"), over
// which arithmetic_sample and `jamsu eval` draw uniformly; and a sample of one of them.
// REQUIRES: `cell` is in the list.
std::vector<std::string> arithmetic_cells();
Sample arithmetic_cell_sample(std::string_view cell, uint64_t index, const GeneratorOptions& options);
// The sub-kinds of misc, drawn uniformly, and a sample of one of them. REQUIRES: `cell` is in the list.
std::vector<std::string> misc_cells();
Sample misc_cell_sample(std::string_view cell, uint64_t index, const GeneratorOptions& options);
// "countdown3" and "countdown4": so many numbers to make a target of. Some problems are of Split::unseen alone, as some
// wordings are. REQUIRES: `cell` is in the list.
std::vector<std::string> countdown_cells();
Sample countdown_cell_sample(std::string_view cell, uint64_t index, const GeneratorOptions& options);

// Shares of the kinds in a stream, in percent, summing to 100.
struct Mix {
  int arithmetic = 40, word_korean = 20, word_english = 20, misc = 15, talk = 5, follow = 0, repeat = 0;
};
// Sample number `index` of a mixed stream: kind by weight, then its generator.
Sample mixed_sample(uint64_t index, const Mix& mix, const GeneratorOptions& options);

// What a verifier says of a reply.
// It reads the text only (and the sample's value or intent), never the generator's state.
struct Verdict {
  bool answer_right = false;
  int steps = 0;        // equations found in the thinking
  int steps_right = 0;  // those that hold, wrong ones taken back by a retry mark not counted
  bool all_steps_right() const { return steps > 0 && steps_right == steps; }
};
Verdict verify(const Sample& sample, std::string_view thinking, std::string_view answer);

// The number that a reader takes as the result of a reply (answer/answer.h), as plain decimals or a fraction: "1234567",
// "-2.5", "1/3"; empty if none.
std::string final_number(std::string_view answer);

// Exact value of an integer expression as people type it (+ - * x × ÷ / parentheses, 더하기 빼기 곱하기 나누기);
// empty when it is none, when a division is not exact, or on overflow. Independent of the generators.
std::string evaluate_expression(std::string_view text);

}  // namespace jamsu::tasks
