// Letters of a word, items of a list, times an item occurs.
#include <algorithm>
#include <array>

#include "tasks/korean.h"
#include "tasks/misc/misc.h"
#include "tasks/split.h"

namespace jamsu::tasks {
namespace {

constexpr auto kWordsEn = std::to_array<std::string_view>(
    {"apple",   "banana",   "cherry",  "lemon",    "melon",    "orange",    "peach",   "pear",    "grape",
     "mango",   "carrot",   "potato",  "tomato",   "onion",    "pepper",    "bread",   "butter",  "cheese",
     "coffee",  "sugar",    "pizza",   "salad",    "noodle",   "cookie",    "candy",   "bottle",  "pencil",
     "paper",   "ruler",    "eraser",  "school",   "teacher",  "student",   "book",    "letter",  "number",
     "window",  "door",     "table",   "chair",    "garden",   "flower",    "tree",    "forest",  "river",
     "ocean",   "beach",    "island",  "mountain", "valley",   "summer",    "winter",  "spring",  "autumn",
     "rabbit",  "tiger",    "lion",    "zebra",    "monkey",   "horse",     "kitten",  "puppy",   "parrot",
     "eagle",   "whale",    "dolphin", "turtle",   "spider",   "butterfly", "bee",     "doctor",  "nurse",
     "farmer",  "driver",   "singer",  "artist",   "soccer",   "tennis",    "guitar",  "piano",   "violin",
     "drum",    "movie",    "camera",  "phone",    "computer", "keyboard",  "engine",  "wheel",   "bicycle",
     "train",   "rocket",   "planet",  "moon",     "star",     "cloud",     "rain",    "snow",    "wind",
     "storm",   "happy",    "funny",   "little",   "yellow",   "purple",    "green",   "silver",  "golden",
     "seven",   "eleven",   "hello",   "mirror",   "pillow",   "blanket",   "kitchen", "spoon",   "pocket",
     "button",  "jacket",   "sweater", "ribbon",   "balloon",  "puzzle",    "village", "castle",  "cat",
     "dog",     "hen",      "fox",     "owl",      "ant",      "bat",       "cow",     "pig",     "sun",
     "sky",     "sea",      "hat",     "cup",      "pen",      "bag",       "box",     "map",     "key",
     "bus",     "car",      "van",     "jam",      "egg",      "ham",       "nut",     "tea",     "milk",
     "rice",    "soup",     "fish",    "corn",     "bean",     "plum",      "fig",     "kiwi",    "lime",
     "salt",    "cake",     "pie",     "rose",     "lily",     "leaf",      "seed",    "grass",   "hill",
     "lake",    "road",     "farm",    "barn",     "nest",     "bird",      "duck",    "goose",   "swan",
     "deer",    "wolf",     "bear",    "seal",     "frog",     "toad",      "snail",   "worm",    "crab",
     "shrimp",  "clock",    "watch",   "radio",    "lamp",     "candle",    "basket",  "bucket",  "hammer",
     "ladder",  "rope",     "tent",    "boat",     "ship",     "plane",     "truck",   "tram",    "metro",
     "ticket",  "coin",     "money",   "bank",     "shop",     "market",    "office",  "park",    "pool",
     "gym",     "stage",    "story",   "poem",     "song",     "dance",     "music",   "color",   "black",
     "white",   "brown",    "pink",    "blue",     "cotton",   "metal",     "stone",   "sand",    "brick",
     "glass",   "roof",     "floor",   "wall",     "stair",    "bridge",    "tower",   "church",  "temple",
     "palace",  "museum",   "library", "hospital", "airport",  "station",   "harbor",  "desert",  "jungle",
     "meadow",  "canyon",   "volcano", "thunder",  "rainbow",  "sunset",    "morning", "evening", "weekend",
     "holiday", "birthday", "present", "surprise", "secret",   "friend",    "brother", "sister",  "mother",
     "father",  "cousin",   "uncle",   "neighbor", "captain",  "pirate",    "wizard",  "dragon",  "giant",
     "knight",  "queen",    "king",    "prince"});
constexpr auto kWordsKo = std::to_array<std::string_view>(
    {"사과",     "바나나",     "포도",       "수박",   "딸기",     "복숭아",   "토마토",   "고구마", "감자",
     "당근",     "양파",       "오이",       "김치",   "비빔밥",   "떡볶이",   "냉장고",   "세탁기", "텔레비전",
     "컴퓨터",   "전화기",     "자전거",     "자동차", "비행기",   "지하철",   "버스",     "기차",   "학교",
     "선생님",   "학생",       "교과서",     "연필",   "지우개",   "필통",     "책상",     "의자",   "칠판",
     "운동장",   "도서관",     "병원",       "소방서", "경찰서",   "우체국",   "시장",     "백화점", "놀이터",
     "동물원",   "호랑이",     "사자",       "코끼리", "기린",     "원숭이",   "토끼",     "고양이", "강아지",
     "다람쥐",   "거북이",     "개구리",     "나비",   "잠자리",   "고래",     "바다",     "하늘",   "구름",
     "무지개",   "해바라기",   "장미",       "소나무", "단풍",     "봄바람",   "여름방학", "가을",   "겨울",
     "눈사람",   "크리스마스", "아이스크림", "초콜릿", "햄버거",   "샌드위치", "스파게티", "오렌지", "파인애플",
     "블루베리", "미역국",     "된장찌개",   "할머니", "할아버지", "어머니",   "아버지",   "동생",   "친구"});

constexpr std::string_view kLettersKo[] = {"'{w}'에는 알파벳이 몇 개 있어?", "{w}의 글자 수는?",
                                           "영어 단어 {w:은/는} 몇 글자야?", "{w:은/는} 알파벳 몇 개로 되어 있나요?",
                                           "'{w}'의 철자 수를 세어 줘.",     "{w}에 들어 있는 알파벳은 몇 개입니까?",
                                           "단어 {w}의 글자 수를 구하세요.", "{w} 글자 수 세어줘"};
constexpr std::string_view kLettersEn[] = {"How many letters are in {w}?",
                                           "how many letters does {w} have",
                                           "How many letters are in the word \"{w}\"?",
                                           "Count the letters in {w}.",
                                           "Number of letters in {w}?",
                                           "The word {w} has how many letters?",
                                           "How long is the word {w}?",
                                           "count letters: {w}"};
constexpr std::string_view kOneLetterKo[] = {
    "{w}에 {c:이/가} 몇 개 있어?",          "'{w}'에서 {c:은/는} 몇 번 나와요?",
    "{w}에는 {c:이/가} 몇 개 들어 있나요?", "단어 {w}에서 {c}의 개수는?",
    "{w}에 나오는 {c:을/를} 세어 줘.",      "'{w}'에 {c:은/는} 모두 몇 개입니까?",
    "{w} 안의 {c} 개수를 구하세요.",        "{w}에 {c} 몇 개?"};
constexpr std::string_view kOneLetterEn[] = {"How many {c}'s are in {w}?",
                                             "how many {c} in {w}",
                                             "How many times does {c} appear in {w}?",
                                             "Count the letter {c} in {w}.",
                                             "How often does the letter {c} occur in \"{w}\"?",
                                             "Number of {c} in {w}?",
                                             "In the word {w}, how many {c}'s are there?",
                                             "How many of the letter {c} does {w} contain?"};
constexpr std::string_view kSyllablesKo[] = {"'{w}'{~w:은/는} 몇 글자야?",
                                             "{w:은/는} 몇 글자예요?",
                                             "'{w}'의 글자 수는?",
                                             "{w}의 글자 수를 세어 줘.",
                                             "낱말 {w:은/는} 몇 글자입니까?",
                                             "{w} 글자 수 알려줘",
                                             "{w:은/는} 글자가 몇 개인가요?",
                                             "'{w}' 몇 글자?"};
constexpr std::string_view kItemsKo[] = {"{l:은/는} 모두 몇 개야?",
                                         "{l}, 모두 몇 가지예요?",
                                         "목록에 몇 개가 있나요? {l}",
                                         "다음은 몇 가지입니까? {l}",
                                         "{l}까지 몇 개야?",
                                         "몇 개인지 세어 줘: {l}",
                                         "{l}의 개수는?",
                                         "다음 목록의 개수를 구하세요. {l}"};
constexpr std::string_view kItemsEn[] = {"How many items are in this list: {l}?",
                                         "how many items: {l}",
                                         "Count the items: {l}",
                                         "How many things are listed: {l}?",
                                         "How many words are there: {l}?",
                                         "{l}. How many is that?",
                                         "Count these: {l}",
                                         "What is the number of items in {l}?"};
constexpr std::string_view kTimesKo[] = {"{l}에서 {w:은/는} 몇 번 나와?",     "{l} 중에 {w:은/는} 몇 개 있어요?",
                                         "다음에서 {w}의 개수는? {l}",        "{w:이/가} 몇 번 나오는지 세어 줘: {l}",
                                         "{l}에는 {w:이/가} 몇 번 나옵니까?", "목록 {l}에서 {w:을/를} 세면 몇 개야?",
                                         "{w:은/는} 몇 개인가요? {l}",        "{l}에 나오는 {w}의 수를 구하세요."};
constexpr std::string_view kTimesEn[] = {"How many times does {w} appear in {l}?",
                                         "how many {w} in {l}",
                                         "Count {w} in this list: {l}",
                                         "In {l}, how often is {w} listed?",
                                         "How often does {w} occur: {l}?",
                                         "Number of times {w} is in {l}?",
                                         "How many of these are {w}: {l}?",
                                         "{l}. How many times did I say {w}?"};

// Code points of a text.
std::vector<std::string> characters(std::string_view text) {
  std::vector<std::string> out;
  for (char c : text) {
    if ((static_cast<unsigned char>(c) & 0xC0) == 0x80) {
      out.back() += c;
    } else {
      out.emplace_back(1, c);
    }
  }
  return out;
}

template <size_t N>
std::vector<std::string_view> usable(const std::array<std::string_view, N>& words, Split split) {
  std::vector<std::string_view> out;
  for (std::string_view word : words) {
    if (allowed(split, word)) out.push_back(word);
  }
  return out;
}

// `1 b, 2 a, 3 n`: counted aloud.
void count_aloud(Problem& problem, const std::vector<std::string>& items) {
  std::string line, wrong;
  const size_t slip = problem.random.below(static_cast<uint32_t>(items.size()));
  for (size_t i = 0; i < items.size(); ++i) {
    const std::string between = i == 0 ? "" : ", ";
    line += between + std::to_string(i + 1) + " " + items[i];
    wrong += between + std::to_string(i + (i >= slip ? 2 : 1)) + " " + items[i];
  }
  problem.steps.line(line, wrong);
  problem.value = std::to_string(items.size());
}

// `b 0, a 1, n 1, a 2`: how often `wanted` has come so far.
void count_one(Problem& problem, const std::vector<std::string>& items, std::string_view wanted) {
  std::string line, wrong;
  size_t found = 0;
  const size_t slip = problem.random.below(static_cast<uint32_t>(items.size()));
  for (size_t i = 0; i < items.size(); ++i) {
    if (items[i] == wanted) ++found;
    const std::string between = i == 0 ? "" : ", ";
    line += between + items[i] + " " + std::to_string(found);
    wrong += between + items[i] + " " + std::to_string(found + (i >= slip ? 1 : 0));
  }
  problem.steps.line(line, wrong);
  problem.value = std::to_string(found);
}

std::string joined(const std::vector<std::string>& items) {
  std::string out;
  for (const std::string& item : items) out += (out.empty() ? "" : ", ") + item;
  return out;
}

}  // namespace

void counting_problem(Problem& problem) {
  RandomStream& random = problem.random;
  const bool ko = problem.korean();
  const auto english = usable(kWordsEn, problem.split), native = ko ? usable(kWordsKo, problem.split) : english;
  const uint32_t form = random.below(10);
  const auto letters = characters(random.pick(english));
  std::string word;
  for (const std::string& c : letters) word += c;
  // What is counted, and in what, before the counting.
  const auto restate = [&](const std::string& what, const std::string& in) { problem.steps.text(what + ": " + in); };
  if (form < 1) {
    if (ko && random.chance(1, 2)) {
      const std::string syllables(random.pick(native));
      restate("글자", syllables);
      count_aloud(problem, characters(syllables));
      problem.ask(kSyllablesKo, kLettersEn, {{"w", syllables}});
    } else {
      restate(problem.say("글자", "letters"), word);
      count_aloud(problem, letters);
      problem.ask(kLettersKo, kLettersEn, {{"w", word}});
    }
  } else if (form < 3) {
    const std::string c = random.pick(letters);
    restate(c, word);
    count_one(problem, letters, c);
    problem.ask(kOneLetterKo, kOneLetterEn, {{"w", word}, {"c", c}});
  } else {
    std::vector<std::string> items;
    const int64_t count = random.between(3, 9);
    if (form < 7) {
      while (static_cast<int64_t>(items.size()) < count) {
        const std::string next(random.pick(native));
        if (std::find(items.begin(), items.end(), next) == items.end() || static_cast<size_t>(count) > native.size())
          items.push_back(next);
      }
      restate(problem.say("개수", "count"), joined(items));
      count_aloud(problem, items);
      problem.ask(kItemsKo, kItemsEn, {{"l", joined(items)}});
    } else {
      const std::vector<std::string> few = {std::string(random.pick(native)), std::string(random.pick(native)),
                                            std::string(random.pick(native))};
      while (static_cast<int64_t>(items.size()) < count) items.push_back(random.pick(few));
      const std::string wanted = random.pick(items);
      restate(wanted, joined(items));
      count_one(problem, items, wanted);
      problem.ask(kTimesKo, kTimesEn, {{"w", wanted}, {"l", joined(items)}});
    }
  }
}

}  // namespace jamsu::tasks
