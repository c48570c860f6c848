// Sentences without a sense, read again one by one: what a word problem asks of a reader, and nothing to guess from.
#include <string>
#include <vector>

#include "tasks/frames.h"
#include "tasks/split.h"
#include "tasks/word/lexicon.h"

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

// Whether a held-out name or thing stands in it.
bool holds_unseen(std::string_view word, Language language) {
  const auto in = [&](std::string_view item) { return word.find(item) != std::string_view::npos; };
  for (const PersonName& person : names(language)) {
    if (held_out(person.name) && in(person.name)) return true;
  }
  for (const Thing& thing : things()) {
    if (held_out(thing.key()) && (in(thing.korean) || in(thing.one) || in(thing.many))) return true;
  }
  return false;
}

// Two to four syllables of no sense.
std::string made_up_word(Language language, Split split, RandomStream& random) {
  constexpr std::string_view kConsonants = "bcdfghjklmnpqrstvwyz", kVowels = "aeiou";
  constexpr size_t kSyllable = 3;  // bytes of a Korean one
  std::string word;
  for (int64_t left = random.between(2, 4); left > 0; --left) {
    if (language == Language::korean) {
      const std::string source = lexicon_word(language, split, random);
      const auto at = random.below(static_cast<uint32_t>(source.size() / kSyllable)) * kSyllable;
      word += source.substr(at, kSyllable);
    } else {
      word += random.pick(kConsonants);
      word += random.pick(kVowels);
    }
  }
  if (language == Language::english && random.chance(1, 3)) word[0] = static_cast<char>(word[0] - 'a' + 'A');
  return word;
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
        std::string word;
        do {
          word = draw < 6 ? lexicon_word(sample.language, options.split, random)
                          : made_up_word(sample.language, options.split, random);
        } while (options.split == Split::train && draw >= 6 && holds_unseen(word, sample.language));
        sentence += word;
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
