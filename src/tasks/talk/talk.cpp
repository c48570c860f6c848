#include "tasks/talk/talk.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/ascii.h"
#include "base/check.h"
#include "tasks/frames.h"
#include "tasks/split.h"

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

// Shorter forms of English, as most people type them.
constexpr auto kShort = std::to_array<std::array<std::string_view, 2>>({{"I am ", "I'm "},
                                                                        {"You are ", "You're "},
                                                                        {"you are ", "you're "},
                                                                        {"What is ", "What's "},
                                                                        {"what is ", "what's "},
                                                                        {"How is ", "How's "},
                                                                        {"how is ", "how's "},
                                                                        {"Who is ", "Who's "},
                                                                        {"who is ", "who's "},
                                                                        {"That is ", "That's "},
                                                                        {"that is ", "that's "},
                                                                        {"It is ", "It's "},
                                                                        {"it is ", "it's "},
                                                                        {"do not ", "don't "},
                                                                        {"cannot ", "can't "},
                                                                        {"Let us ", "Let's "},
                                                                        {"let us ", "let's "}});

std::string contracted(std::string text) {
  for (const auto& [full, brief] : kShort) {
    for (size_t at = text.find(full); at != std::string::npos; at = text.find(full, at)) {
      const bool word = at == 0 || text[at - 1] == ' ';
      if (word) text.replace(at, full.size(), brief);
      ++at;
    }
  }
  return text;
}

std::string without(std::string text, std::string_view characters) {
  std::erase_if(text, [&](char c) { return characters.find(c) != std::string_view::npos; });
  return text;
}

// Spaces left out, as Korean is typed in a hurry.
std::string crowded(const std::string& text, RandomStream& random) {
  std::string out;
  for (char c : text) {
    if (c != ' ' || random.chance(1, 3)) out += c;
  }
  return out;
}

// As typed by different people: marks left out or added, shorter forms, English without capitals or apostrophes, Korean
// with fewer spaces, a word before or behind.
std::string typed(std::string_view wording, Language language, RandomStream& random) {
  const bool korean = language == Language::korean;
  std::string text(wording);
  const bool marked = ends_with_mark(text);
  switch (random.below(4)) {
    case 0:
      if (marked && text.size() > 3) text.pop_back();
      break;
    case 1:
      if (!marked) text += random.chance(1, 2) ? '.' : '!';
      break;
    default:
      break;
  }
  if (korean) {
    if (random.chance(1, 5)) text = crowded(text, random);
  } else {
    if (random.chance(1, 2)) text = contracted(std::move(text));
    if (random.chance(2, 5)) text = lower_ascii(std::move(text));
    if (random.chance(1, 4)) text = without(std::move(text), "'");
  }
  if (random.chance(1, 5)) text.insert(0, korean ? random.pick(kBeforeKo) : random.pick(kBeforeEn));
  if (random.chance(1, 6) && !ends_with_mark(text)) text += korean ? random.pick(kBehindKo) : random.pick(kBehindEn);
  return text;
}

const TalkPatterns& patterns_of(std::string_view intent, Language language) {
  const auto& all = language == Language::korean ? talk_patterns_korean() : talk_patterns_english();
  const auto found = std::find_if(all.begin(), all.end(), [&](const TalkPatterns& p) { return p.intent == intent; });
  JAMSU_CHECK(found != all.end());
  return *found;
}

// A wording of the split: one of the list, or a composed one. Every intent has composed ones in both splits
// (tests/tasks).
std::string wording(const TalkIntent& intent, Language language, Split split, RandomStream& random) {
  const TalkPatterns& patterns = patterns_of(intent.name, language);
  while (true) {
    const std::string text = random.chance(2, 5) ? std::string(random.pick(intent.wordings))
                                                 : compose(random.pick(patterns.patterns), random);
    if (allowed(split, plain_wording(text))) return text;
  }
}

}  // namespace

std::span<const TalkIntent> talk_intents(Language language) {
  return language == Language::korean ? talk_korean() : talk_english();
}

std::string compose(std::string_view pattern, RandomStream& random) {
  std::string text;
  while (!pattern.empty()) {
    const size_t open = pattern.find('(');
    text += pattern.substr(0, open);
    if (open == std::string_view::npos) break;
    const size_t close = pattern.find(')', open);
    JAMSU_CHECK(close != std::string_view::npos);
    std::string_view parts = pattern.substr(open + 1, close - open - 1);
    const auto bars = static_cast<uint32_t>(std::count(parts.begin(), parts.end(), '|'));
    for (uint32_t skip = random.below(bars + 1); skip > 0; --skip) parts.remove_prefix(parts.find('|') + 1);
    text += parts.substr(0, parts.find('|'));
    pattern.remove_prefix(close + 1);
  }
  std::string out;
  for (char c : text) {
    if (c != ' ' || (!out.empty() && out.back() != ' ')) out += c;
  }
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

std::string plain_wording(std::string_view wording) {
  return without(lower_ascii(contracted(std::string(wording))), " .,!?~'-^");
}

Sample talk_sample(uint64_t index, const GeneratorOptions& options) {
  RandomStream random = sample_stream(index, options, kSalt);
  Sample sample;
  sample.kind = Kind::talk;
  sample.language = random.chance(1, 2) ? Language::korean : Language::english;
  const TalkIntent& intent = random.pick(talk_intents(sample.language));
  // Held out as it is typed, too: "Oh, " before "thanks" is a wording of the list.
  do {
    sample.prompt = typed(wording(intent, sample.language, options.split, random), sample.language, random);
  } while (!allowed(options.split, plain_wording(sample.prompt)) || reserved_prompt(sample.prompt));
  sample.answer = intent.reply;
  sample.cell = intent.name;
  sample.intent = intent.name;
  return sample;
}

}  // namespace jamsu::tasks
