// Sentences without a sense, read again one by one: what a word problem asks of a reader, and nothing to guess from.
#include <string>
#include <vector>

#include "tasks/frames.h"
#include "tasks/split.h"
#include "tasks/word/lexicon.h"
#include "tasks/word/made_up.h"

namespace jamsu::tasks {
namespace {

constexpr int kSalt = 500;  // repeat's stream among the kinds

std::string lexicon_word(Language language, Split split, RandomStream& random) {
  while (true) {
    if (random.chance(1, 2)) {
      const std::string_view name = random.pick(names(language)).name;
      if (allowed(split, name)) return std::string(name);
    } else {
      const Thing& thing = random.pick(things());
      if (allowed(split, thing.key()))
        return std::string(language == Language::korean || random.chance(1, 2) ? thing.name(language) : thing.many);
    }
  }
}

}  // namespace

Sample repeat_sample(uint64_t index, const GeneratorOptions& options) {
  RandomStream random = sample_stream(index, options, kSalt);
  Sample sample;
  sample.kind = Kind::repeat;
  sample.language = random.chance(1, 2) ? Language::korean : Language::english;
  sample.cell = "repeat";
  const bool korean = sample.language == Language::korean;
  std::vector<std::string> sentences;
  sample.level = static_cast<int>(random.between(2, 6));
  for (int i = 0; i < sample.level; ++i) {
    std::string sentence = i == 0 ? "" : " ", numbers;
    const int64_t count = random.between(3, 8);
    for (int64_t w = 0; w < count; ++w) {
      if (w > 0) sentence += ' ';
      const uint32_t draw = random.below(8);
      if (draw < 2) {
        const std::string number = std::to_string(random.between(2, random.chance(1, 4) ? 2000 : 99));
        sentence += number;
        numbers += " " + number;
      } else {
        if (draw < 6) {
          sentence += lexicon_word(sample.language, options.split, random);
        } else {
          sentence +=
              random.chance(1, 3) ? made_up_name(sample.language, random) : made_up_noun(sample.language, random);
        }
      }
    }
    sentence += '.';
    sample.prompt += sentence;
    sample.thinking += sentence + '\n';
    if (!numbers.empty()) sample.thinking += numbers + '\n';
    sentences.push_back(sentence.substr(i == 0 ? 0 : 1));
  }
  const auto asked = random.below(static_cast<uint32_t>(sentences.size()));
  const std::string question =
      korean ? " " + std::to_string(asked + 1) + "번째 문장은?" : " Sentence " + std::to_string(asked + 1) + "?";
  sample.prompt += question;
  sample.thinking += question;
  sample.value = sentences[asked];
  sample.answer = sample.value;
  return sample;
}

}  // namespace jamsu::tasks
