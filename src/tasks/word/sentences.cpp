#include "tasks/word/sentences.h"

#include <algorithm>
#include <array>
#include <map>
#include <span>

#include "base/check.h"
#include "tasks/split.h"
#include "tasks/word/patterns.h"

namespace jamsu::tasks {
namespace {

constexpr int kStyles = 3;  // 합니다, 해요, 한다

using Table = std::map<std::string_view, std::vector<std::string_view>>;

const Table& table(Language language) {
  const auto make = [](Language of) {
    Table table;
    for (const Pattern& pattern : word_patterns(of)) table[pattern.use].push_back(pattern.text);
    return table;
  };
  static const Table korean = make(Language::korean), english = make(Language::english);
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
bool upper(char c) {
  return c >= 'A' && c <= 'Z';
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

void replace_one(std::string& text, std::string_view from, std::string_view to) {
  if (const size_t at = text.find(from); at != std::string::npos) text.replace(at, from.size(), to);
}

// How a clause stands to the one after it.
enum class Join { none, fact, question };

// One clause: a fact's or the question's.
struct Clause {
  const Fact* fact;
  std::string_view chosen;  // as it stands in the table
  std::string pattern;      // shortened, its ending changed
  Join next = Join::none;
  bool joined = false;     // to the one before it
  bool condition = false;  // the first of a sentence "If ..., how many ..."
};

std::string_view theme(const Clause& clause) {
  return std::string_view(clause.fact->use).substr(0, clause.fact->use.find('.'));
}

// Whether both speak of the same one first: {a} or {w} with the same value.
bool same_subject(const Clause& one, const Clause& two, std::string_view opening) {
  if (!one.chosen.starts_with(opening) || !two.chosen.starts_with(opening)) return false;
  const std::string_view slot = opening.substr(1, 1);
  const auto value = [&](const Clause& clause) -> std::string_view {
    for (const auto& [name, text] : clause.fact->slots) {
      if (name == slot) return text;
    }
    return {};
  };
  return value(one) == value(two);
}

// --- English

bool whole_sentence(std::string_view pattern) {  // one sentence that ends with a full stop
  return pattern.ends_with('.') && pattern.find(". ") == std::string_view::npos;
}

// As it stands inside a sentence: `Then` -> `then`, `{He}` -> `{he}`; names and `I` stay.
std::string inside(std::string text, std::string_view pattern) {
  const bool stays = pattern.starts_with("I ") || pattern.starts_with("Mom ") || pattern.starts_with("{A}");
  const bool capital = upper(pattern[0]) || (pattern[0] == '{' && (upper(pattern[1]) || pattern.find("An}") < 6));
  if (!stays && capital && !text.empty() && upper(text[0])) text[0] = static_cast<char>(text[0] - 'A' + 'a');
  return text;
}

void shorten_english(Clause& clause, const Clause* before, RandomStream& random) {
  const std::string_view use = clause.fact->use;
  if (random.chance(2, 5) && clause.pattern.find("{k+} than") == std::string::npos)
    replace_one(clause.pattern, "{k+}", "{k.} more");
  if (before == nullptr || theme(*before) != theme(clause)) return;
  const bool part = use == "h.lose" || use == "h.eat" || use == "h.move" || use == "p.lose" || use == "p.eat";
  const bool begins = clause.pattern.starts_with("{k}");
  if (part && !begins && random.chance(2, 5))
    replace_one(clause.pattern, "{k}", random.chance(1, 2) ? "{k.} of them" : "{k.}");
}

std::string english(const Clause& clause, const Clause* before) {
  std::string pattern = clause.pattern;
  std::string between;
  if (clause.joined) {
    between = before->next == Join::question ? ", " : "";
    if (before->next == Join::fact) {
      constexpr auto subjects = std::to_array<std::string_view>({"{a} ", "{w} ", "I ", "We "});
      for (std::string_view subject : subjects) {
        const bool same = subject[0] == '{' ? same_subject(*before, clause, subject)
                                            : before->chosen.starts_with(subject) && pattern.starts_with(subject);
        if (!same || pattern.starts_with("{a} and ")) continue;
        pattern.erase(0, subject.size());
        between = " and ";
        break;
      }
      const std::string then = "Then {a} ";
      if (between.empty() && pattern.starts_with(then) && !pattern.starts_with("Then {a} and ")) {
        Clause rest = clause;
        rest.chosen.remove_prefix(5);
        if (same_subject(*before, rest, "{a} ")) pattern.erase(0, then.size()), between = " and then ";
      }
      if (between.empty()) between = ", and ";
    }
  }
  if (clause.next != Join::none) pattern.pop_back();  // the full stop
  std::string text = fill(pattern, clause.fact->slots);
  if (clause.condition) return "If " + inside(std::move(text), pattern);
  if (clause.joined) {
    const bool subject_left = pattern.size() + (clause.next != Join::none ? 1 : 0) == clause.pattern.size();
    return between + (subject_left ? inside(std::move(text), pattern) : text);
  }
  return capitalized(std::move(text), clause.chosen);
}

// --- Korean

constexpr size_t kSyllable = 3;  // bytes of a Hangul syllable

// Whether the text ends in a syllable with ㅆ below: 있, 었, 샀.
bool ends_in_double_siot(std::string_view text) {
  if (text.size() < kSyllable) return false;
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[text.size() - kSyllable + i]); };
  if ((byte(0) & 0xF0) != 0xE0) return false;
  const int code = ((byte(0) & 0x0F) << 12) | ((byte(1) & 0x3F) << 6) | (byte(2) & 0x3F);
  constexpr int first = 0xAC00, last = 0xD7A3, finals = 28, double_siot = 20;
  return code >= first && code <= last && (code - first) % finals == double_siot;
}

// A pattern that can be joined ends in a choice of styles, the plain one last: `있[습니다|어요|다].`
bool has_ending(std::string_view pattern) {
  return pattern.ends_with("다].") && pattern.find(". ") == std::string_view::npos;
}

// `있[습니다|어요|다].` -> `있고`, `있는데`; before a question `있으면`, `있다면`.
std::string connected(std::string_view pattern, Join join, RandomStream& random) {
  const size_t open = pattern.rfind('['), bar = pattern.rfind('|');
  const std::string stem(pattern.substr(0, open));
  std::string_view plain = pattern.substr(bar + 1);
  plain.remove_suffix(2);  // `].`
  const bool verb = plain == "다" && ends_in_double_siot(stem);
  const bool noun = plain == "이다";
  const std::string comma = random.chance(1, 4) ? "," : "";
  // What is told twice is left out the first time: "닭이 8마리, 오리는 닭보다 3마리 더 많아요."
  if (join == Join::fact && random.chance(1, 3)) {
    if (noun && stem.ends_with('}')) return stem + ",";
    if (verb && stem.ends_with("} 있") && !stem.ends_with("이/가} 있"))
      return stem.substr(0, stem.size() - kSyllable - 1) + ",";
  }
  if (join == Join::question) {
    if (random.chance(1, 3) && (verb || noun)) return stem + (verb ? "는데" : "인데") + comma;
    if (noun) return stem + "이라면" + comma;
    return stem + (verb && random.chance(1, 2) ? "으면" : std::string(plain) + "면") + comma;
  }
  if ((verb || noun) && random.chance(1, 2)) return stem + (verb ? "는데" : "인데") + comma;
  if (plain == "한다") return stem + "하고" + comma;
  if (plain == "판다") return stem + "팔고" + comma;
  if (plain == "는다") return stem + "고" + comma;
  return stem + std::string(plain.substr(0, plain.size() - kSyllable)) + "고" + comma;
}

// What was just said is left out: the person, the thing.
void shorten_korean(Clause& clause, const Clause* before, RandomStream& random) {
  if (before == nullptr || theme(*before) != theme(clause)) return;
  for (std::string_view subject : {"{a:은/는} ", "{a:이/가} ", "{w:은/는} ", "{w:이/가} "}) {
    const std::string_view slot = subject.substr(0, 2);  // `{a`
    if (!clause.pattern.starts_with(subject) || !same_subject(*before, clause, slot)) continue;
    if (random.chance(clause.joined ? 70 : 15, 100)) clause.pattern.erase(0, subject.size());
    break;
  }
  if (theme(clause) != "h" && theme(clause) != "p") return;
  if (!random.chance(clause.joined ? 45 : 15, 100)) return;
  constexpr auto shorter = std::to_array<std::array<std::string_view, 2>>({{"{x:을/를} {k} ", "{k:을/를} "},
                                                                           {"{x} {k:을/를} ", "{k:을/를} "},
                                                                           {"{x:이/가} {k} ", "{k:이/가} "},
                                                                           {"{x} {k:이/가} ", "{k:이/가} "},
                                                                           {"{x:을/를} {k}씩 ", "{k}씩 "},
                                                                           {"남은 {x:은/는} ", "이제 "},
                                                                           {"지금 있는 {x:은/는} ", "지금 "},
                                                                           {"{x:은/는} 모두 ", "모두 "}});
  for (const auto& [from, to] : shorter) replace_one(clause.pattern, from, to);
}

std::string korean(const Clause& clause, int style) {
  return fill(in_style(clause.pattern, style), clause.fact->slots);
}

// --- both

bool joinable(const Story& story, const Clause& clause) {
  return story.korean() ? has_ending(clause.chosen) : whole_sentence(clause.chosen) && !lower(clause.chosen[0]);
}

// Which clauses become one sentence: never more than three facts.
void join(const Story& story, std::vector<Clause>& clauses, RandomStream& random) {
  if (!random.chance(1, 2)) return;
  int run = 1;
  for (size_t i = 0; i + 1 < clauses.size(); ++i) {
    const bool question = i + 2 == clauses.size();
    const std::string_view next = clauses[i + 1].chosen;
    const bool asks = story.korean() || next.starts_with("How ") || next.starts_with("What ");
    const bool may = joinable(story, clauses[i]) && (question ? asks : joinable(story, clauses[i + 1]) && run < 3);
    if (!may || !random.chance(question ? 30 : 45, 100)) {
      run = 1;
      continue;
    }
    size_t first = i;
    while (clauses[first].joined) --first;
    const std::string_view opening = clauses[first].chosen;
    constexpr auto after_if = std::to_array<std::string_view>({"Then ", "Later ", "This ", "At ", "Of "});
    const bool odd =
        std::any_of(after_if.begin(), after_if.end(), [&](auto word) { return opening.starts_with(word); });
    if (question && odd) break;  // `If then ...`
    clauses[i].next = question ? Join::question : Join::fact;
    clauses[i + 1].joined = true;
    clauses[first].condition = question;
    ++run;
  }
}

}  // namespace

std::vector<Pattern> word_patterns(Language language) {
  const bool korean = language == Language::korean;
  std::vector<Pattern> all;
  for (const std::span<const Pattern> table : {korean ? word_patterns_korean() : word_patterns_english(),
                                               korean ? more_patterns_korean() : more_patterns_english()})
    all.insert(all.end(), table.begin(), table.end());
  return all;
}

Told tell(const Story& story, RandomStream& random) {
  const int style = static_cast<int>(random.below(kStyles));
  const Table& patterns = table(story.language);
  std::vector<Clause> clauses;
  const auto add = [&](const Fact& fact) {
    const std::string_view pattern = pick_pattern(patterns, fact.use, story.split, random);
    clauses.push_back({&fact, pattern, std::string(pattern)});
  };
  for (const Fact& fact : story.facts) {
    if (!fact.use.empty()) add(fact);
  }
  add(story.question);
  join(story, clauses, random);

  Told told;
  for (size_t i = 0; i < clauses.size(); ++i) {
    Clause& clause = clauses[i];
    const Clause* before = i == 0 ? nullptr : &clauses[i - 1];
    std::string text;
    if (story.korean()) {
      shorten_korean(clause, before, random);
      if (clause.next != Join::none) clause.pattern = connected(clause.pattern, clause.next, random);
      text = (i == 0 ? "" : " ") + korean(clause, style);
    } else {
      shorten_english(clause, before, random);
      const bool space = i > 0 && !clause.joined;
      text = (space ? " " : "") + english(clause, before);
      if (text.starts_with(',')) told.pieces.back() += ',', text.erase(0, 1);  // a comma ends a piece
    }
    told.patterns.push_back(clause.chosen);
    told.pieces.push_back(std::move(text));
  }
  for (const std::string& piece : told.pieces) told.prompt += piece;
  // Facts without text keep their places.
  for (size_t i = 0; i < story.facts.size(); ++i) {
    if (story.facts[i].use.empty()) told.pieces.emplace(told.pieces.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return told;
}

}  // namespace jamsu::tasks
