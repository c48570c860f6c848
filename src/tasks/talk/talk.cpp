#include "tasks/talk/talk.h"

#include <array>
#include <string>

#include "base/check.h"
#include "tasks/frames.h"

namespace jamsu::tasks {
namespace {

constexpr int kSalt = 400;  // talk's stream among the kinds

bool ends_with_mark(std::string_view text) {
  return !text.empty() && (text.back() == '?' || text.back() == '.' || text.back() == '!');
}

// What people put before or behind what they say; none of it changes what is meant.
constexpr auto kBeforeKo =
    std::to_array<std::string_view>({"나노야, ", "나노야 ", "저기, ", "저기요, ", "음, ", "음... ", "아, ", "있잖아, ",
                                     "잠수야, ", "근데 ", "그런데 ", "혹시 ", "자, ", "야, "});
constexpr auto kBehindKo = std::to_array<std::string_view>({" ㅎㅎ", " ㅋㅋ", "~", "~~", "!!", " ^^", "..."});
constexpr auto kBeforeEn =
    std::to_array<std::string_view>({"Nano, ", "nano ", "Hey, ", "hey nano, ", "Um, ", "Well, ", "So, ", "Oh, ",
                                     "By the way, ", "Just wondering: ", "Ok, ", "Hmm, "});
constexpr auto kBehindEn =
    std::to_array<std::string_view>({" haha", "!!", "...", ", buddy", ", my friend", " lol", " :)"});

// As typed by different people: marks left out or added, English without capitals, a word before or behind.
std::string typed(std::string_view wording, Language language, RandomStream& random) {
  std::string text(wording);
  const bool marked = ends_with_mark(text);
  switch (random.below(6)) {
    case 0:
      if (marked && text.size() > 3) text.pop_back();
      break;
    case 1:
      if (!marked) text += random.chance(1, 2) ? '.' : '!';
      break;
    case 2:
      if (language == Language::english)
        for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      break;
    default:
      break;
  }
  const bool korean = language == Language::korean;
  if (random.chance(1, 5)) text.insert(0, korean ? random.pick(kBeforeKo) : random.pick(kBeforeEn));
  if (random.chance(1, 6) && !ends_with_mark(text)) text += korean ? random.pick(kBehindKo) : random.pick(kBehindEn);
  return text;
}

}  // namespace

std::span<const TalkIntent> talk_intents(Language language) {
  return language == Language::korean ? talk_korean() : talk_english();
}

Sample talk_sample(uint64_t index, const GeneratorOptions& options) {
  RandomStream random = sample_stream(index, options, kSalt);
  Sample sample;
  sample.kind = Kind::talk;
  sample.language = random.chance(1, 2) ? Language::korean : Language::english;
  const TalkIntent& intent = random.pick(talk_intents(sample.language));
  sample.prompt = typed(pick_frame(intent.wordings, options.split, random), sample.language, random);
  JAMSU_CHECK(!reserved_prompt(sample.prompt));
  sample.answer = intent.reply;
  sample.cell = intent.name;
  sample.intent = intent.name;
  return sample;
}

}  // namespace jamsu::tasks
