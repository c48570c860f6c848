#include "tasks/word/made_up.h"

#include <array>

#include "base/ascii.h"
#include "tasks/split.h"
#include "tasks/word/lexicon.h"

namespace jamsu::tasks {
namespace {

// Syllables as they come in names and nouns.
constexpr auto kSyllables = std::to_array<std::string_view>(
    {"가", "강", "건", "경", "고", "공", "구", "국", "규", "기", "길", "나", "남", "노", "누", "다", "단", "대",
     "도", "동", "두", "라", "람", "로", "루", "리", "린", "마", "만", "명", "모", "무", "문", "미", "민", "바",
     "박", "배", "범", "별", "보", "복", "봄", "비", "빈", "사", "산", "상", "새", "서", "석", "선", "설", "성",
     "세", "소", "솔", "송", "수", "순", "슬", "승", "시", "신", "아", "안", "양", "여", "연", "영", "예", "오",
     "용", "우", "운", "원", "유", "윤", "은", "의", "이", "인", "임", "자", "장", "재", "정", "제", "조", "종",
     "주", "준", "중", "지", "진", "차", "찬", "창", "채", "천", "초", "치", "카", "코", "쿠", "타", "태", "토",
     "파", "포", "표", "피", "하", "한", "해", "향", "현", "호", "화", "환", "효", "후", "훈", "희", "곡", "굴",
     "낭", "늘", "달", "돌", "들", "땅", "뚱", "랑", "룡", "름", "맛", "멍", "뭉", "밀", "방", "뱅", "뿔", "샘",
     "싹", "쌀", "씨", "얌", "옥", "잎", "줄", "찜", "콩", "탕", "통", "팡", "풀", "핀", "홍", "흙"});
constexpr auto kBegins = std::to_array<std::string_view>(
    {"b", "c", "d",  "f",  "g",  "h",  "j",  "k",  "l",  "m",  "n",  "p",  "r",  "s",  "t",  "v",  "w",
     "y", "z", "br", "ch", "cl", "dr", "fl", "gr", "kr", "pl", "sh", "sl", "sn", "st", "th", "tr", ""});
constexpr auto kVowels =
    std::to_array<std::string_view>({"a", "e", "i", "o", "u", "a", "e", "i", "o", "ai", "ee", "ou", "oo", "ia"});
constexpr auto kEnds = std::to_array<std::string_view>(
    {"", "", "", "n", "r", "l", "m", "t", "d", "k", "p", "b", "ck", "nd", "rt", "lk", "mp", "ng"});

std::string made_up(Language language, int64_t least, int64_t most, RandomStream& random) {
  std::string word;
  const int64_t syllables = random.between(least, most);
  for (int64_t i = 0; i < syllables; ++i) {
    if (language == Language::korean) {
      word += random.pick(kSyllables);
      continue;
    }
    word += random.pick(kBegins);  // one draw a statement: the order of draws is part of a sample
    word += random.pick(kVowels);
    if (i + 1 == syllables || random.chance(1, 4)) word += random.pick(kEnds);
  }
  return word;
}

// Whether a held-out name or thing stands in it.
bool holds_held_out(std::string_view word, Language language) {
  const auto in = [&](std::string_view item) { return word.find(lower_ascii(item)) != std::string_view::npos; };
  for (const PersonName& person : names(language)) {
    if (held_out(person.name) && in(person.name)) return true;
  }
  for (const Thing& thing : things()) {
    if (held_out(thing.key()) && (in(thing.korean) || in(thing.one) || in(thing.many))) return true;
  }
  return false;
}

}  // namespace

std::string made_up_name(Language language, RandomStream& random) {
  while (true) {
    std::string name = language == Language::korean ? made_up(language, 2, 3, random) : made_up(language, 1, 2, random);
    if (name.size() < 3 || holds_held_out(name, language)) continue;
    if (language == Language::english) name[0] = static_cast<char>(name[0] - 'a' + 'A');
    return name;
  }
}
std::string made_up_noun(Language language, RandomStream& random) {
  while (true) {
    std::string noun = language == Language::korean ? made_up(language, 2, 4, random) : made_up(language, 2, 3, random);
    if (!holds_held_out(noun, language)) return noun;
  }
}

}  // namespace jamsu::tasks
