#include "tasks/word/lexicon.h"

#include <array>

#include "base/check.h"

namespace jamsu::tasks {
namespace {

constexpr auto kThings = std::to_array<Thing>({
    {"사과", "개", "apple", "apples", Sort::food},
    {"배", "개", "pear", "pears", Sort::food},
    {"귤", "개", "tangerine", "tangerines", Sort::food},
    {"감", "개", "persimmon", "persimmons", Sort::food},
    {"복숭아", "개", "peach", "peaches", Sort::food},
    {"오렌지", "개", "orange", "oranges", Sort::food},
    {"딸기", "개", "strawberry", "strawberries", Sort::food},
    {"자두", "개", "plum", "plums", Sort::food},
    {"레몬", "개", "lemon", "lemons", Sort::food},
    {"밤", "개", "chestnut", "chestnuts", Sort::food},
    {"호두", "개", "walnut", "walnuts", Sort::food},
    {"토마토", "개", "tomato", "tomatoes", Sort::food},
    {"감자", "개", "potato", "potatoes", Sort::food},
    {"고구마", "개", "sweet potato", "sweet potatoes", Sort::food},
    {"달걀", "개", "egg", "eggs", Sort::food},
    {"사탕", "개", "candy", "candies", Sort::food},
    {"초콜릿", "개", "chocolate", "chocolates", Sort::food},
    {"쿠키", "개", "cookie", "cookies", Sort::food},
    {"도넛", "개", "donut", "donuts", Sort::food},
    {"만두", "개", "dumpling", "dumplings", Sort::food},
    {"젤리", "개", "jelly bean", "jelly beans", Sort::food},
    {"빵", "개", "bun", "buns", Sort::food},
    {"떡", "개", "rice cake", "rice cakes", Sort::food},
    {"컵케이크", "개", "cupcake", "cupcakes", Sort::food},
    {"바나나", "개", "banana", "bananas", Sort::food},
    {"당근", "개", "carrot", "carrots", Sort::food},
    {"체리", "개", "cherry", "cherries", Sort::food},
    {"과자", "개", "cracker", "crackers", Sort::food},
    {"키위", "개", "kiwi", "kiwis", Sort::food},
    {"오이", "개", "cucumber", "cucumbers", Sort::food},
    {"양파", "개", "onion", "onions", Sort::food},
    {"김밥", "줄", "sandwich", "sandwiches", Sort::food},
    {"머핀", "개", "muffin", "muffins", Sort::food},
    {"샌드위치", "개", "burger", "burgers", Sort::food},
    {"파이", "개", "pie", "pies", Sort::food},
    {"땅콩", "개", "peanut", "peanuts", Sort::food},
    {"피자", "판", "pizza", "pizzas", Sort::food},
    {"구슬", "개", "marble", "marbles", Sort::toy},
    {"블록", "개", "block", "blocks", Sort::toy},
    {"단추", "개", "button", "buttons", Sort::toy},
    {"조개껍데기", "개", "shell", "shells", Sort::toy},
    {"풍선", "개", "balloon", "balloons", Sort::toy},
    {"공", "개", "ball", "balls", Sort::toy},
    {"인형", "개", "doll", "dolls", Sort::toy},
    {"팽이", "개", "spinning top", "spinning tops", Sort::toy},
    {"동전", "개", "coin", "coins", Sort::toy},
    {"장난감 자동차", "대", "toy car", "toy cars", Sort::toy},
    {"열쇠고리", "개", "key ring", "key rings", Sort::toy},
    {"리본", "개", "ribbon", "ribbons", Sort::toy},
    {"퍼즐 조각", "개", "puzzle piece", "puzzle pieces", Sort::toy},
    {"배지", "개", "badge", "badges", Sort::toy},
    {"컵", "개", "cup", "cups", Sort::toy},
    {"접시", "개", "plate", "plates", Sort::toy},
    {"숟가락", "개", "spoon", "spoons", Sort::toy},
    {"모자", "개", "hat", "hats", Sort::toy},
    {"양말", "켤레", "sock", "socks", Sort::toy},
    {"신발", "켤레", "shoe", "shoes", Sort::toy},
    {"티셔츠", "벌", "shirt", "shirts", Sort::toy},
    {"벽돌", "개", "brick", "bricks", Sort::toy},
    {"나사", "개", "screw", "screws", Sort::toy},
    {"전구", "개", "light bulb", "light bulbs", Sort::toy},
    {"건전지", "개", "battery", "batteries", Sort::toy},
    {"우산", "개", "umbrella", "umbrellas", Sort::toy},
    {"화분", "개", "flower pot", "flower pots", Sort::toy},
    {"표", "장", "ticket", "tickets", Sort::paper},
    {"쿠폰", "장", "coupon", "coupons", Sort::paper},
    {"봉투", "장", "envelope", "envelopes", Sort::paper},
    {"연필", "자루", "pencil", "pencils", Sort::writing},
    {"볼펜", "자루", "pen", "pens", Sort::writing},
    {"색연필", "자루", "colored pencil", "colored pencils", Sort::writing},
    {"붓", "자루", "paintbrush", "paintbrushes", Sort::writing},
    {"사인펜", "자루", "marker", "markers", Sort::writing},
    {"지우개", "개", "eraser", "erasers", Sort::writing},
    {"크레용", "개", "crayon", "crayons", Sort::writing},
    {"분필", "자루", "piece of chalk", "pieces of chalk", Sort::writing},
    {"스티커", "장", "sticker", "stickers", Sort::paper},
    {"카드", "장", "card", "cards", Sort::paper},
    {"색종이", "장", "sheet of colored paper", "sheets of colored paper", Sort::paper},
    {"우표", "장", "stamp", "stamps", Sort::paper},
    {"엽서", "장", "postcard", "postcards", Sort::paper},
    {"사진", "장", "photo", "photos", Sort::paper},
    {"딱지", "장", "trading card", "trading cards", Sort::paper},
    {"도화지", "장", "sheet of drawing paper", "sheets of drawing paper", Sort::paper},
    {"공책", "권", "notebook", "notebooks", Sort::book},
    {"책", "권", "book", "books", Sort::book},
    {"동화책", "권", "storybook", "storybooks", Sort::book},
    {"만화책", "권", "comic book", "comic books", Sort::book},
    {"잡지", "권", "magazine", "magazines", Sort::book},
    {"수첩", "권", "diary", "diaries", Sort::book},
    {"그림책", "권", "picture book", "picture books", Sort::book},
    {"장미", "송이", "rose", "roses", Sort::flower},
    {"튤립", "송이", "tulip", "tulips", Sort::flower},
    {"국화", "송이", "daisy", "daisies", Sort::flower},
    {"해바라기", "송이", "sunflower", "sunflowers", Sort::flower},
    {"카네이션", "송이", "carnation", "carnations", Sort::flower},
    {"백합", "송이", "lily", "lilies", Sort::flower},
    {"우유", "병", "bottle of milk", "bottles of milk", Sort::drink},
    {"주스", "병", "bottle of juice", "bottles of juice", Sort::drink},
    {"생수", "병", "bottle of water", "bottles of water", Sort::drink},
    {"식혜", "병", "bottle of tea", "bottles of tea", Sort::drink},
});

constexpr auto kBags =
    std::to_array<Container>({{"봉지", "bag", "bags"}, {"상자", "box", "boxes"}, {"바구니", "basket", "baskets"}});
constexpr auto kTins =
    std::to_array<Container>({{"상자", "box", "boxes"}, {"통", "jar", "jars"}, {"주머니", "pouch", "pouches"}});
constexpr auto kPacks = std::to_array<Container>({{"묶음", "pack", "packs"}, {"상자", "box", "boxes"}});
constexpr auto kBunches = std::to_array<Container>({{"다발", "bunch", "bunches"}, {"바구니", "basket", "baskets"}});
constexpr auto kCrates = std::to_array<Container>({{"상자", "box", "boxes"}, {"바구니", "crate", "crates"}});

constexpr auto kNamesKorean = std::to_array<PersonName>(
    {{"민수"}, {"지우"}, {"서연"}, {"하준"}, {"도윤"}, {"예준"}, {"수아"}, {"지호"}, {"서준"}, {"민지"},
     {"지훈"}, {"유나"}, {"현우"}, {"은지"}, {"준서"}, {"다은"}, {"채원"}, {"시우"}, {"윤아"}, {"건우"},
     {"소희"}, {"태민"}, {"영희"}, {"철수"}, {"나연"}, {"동현"}, {"재민"}, {"혜진"}, {"성호"}, {"아린"},
     {"연우"}, {"주원"}, {"하은"}, {"지민"}, {"승현"}, {"정우"}, {"미나"}, {"수빈"}, {"우진"}, {"보라"},
     {"진아"}, {"한결"}, {"가은"}, {"민재"}, {"선우"}, {"슬기"}, {"유진"}, {"찬호"}, {"예린"}, {"세아"},
     {"은우"}, {"다현"}, {"기태"}, {"하린"}, {"종민"}, {"규리"}, {"솔이"}, {"경수"}, {"은별"}, {"태양"}});

constexpr auto kNamesEnglish = std::to_array<PersonName>(
    {{"Tom"},         {"Sue", true}, {"Anna", true},  {"Ben"},    {"Mia", true},    {"Sam"},
     {"Lily", true},  {"Jack"},      {"Emma", true},  {"Noah"},   {"Ella", true},   {"Leo"},
     {"Ruby", true},  {"Max"},       {"Kate", true},  {"Dan"},    {"Lucy", true},   {"Adam"},
     {"Zoe", true},   {"Ryan"},      {"Amy", true},   {"Peter"},  {"Nora", true},   {"Mark"},
     {"Jane", true},  {"Paul"},      {"Sara", true},  {"Eric"},   {"Grace", true},  {"Henry"},
     {"Mina", true},  {"Oscar"},     {"Alice", true}, {"David"},  {"Julia", true},  {"Kevin"},
     {"Laura", true}, {"Simon"},     {"Maria", true}, {"Victor"}, {"Chloe", true},  {"George"},
     {"Helen", true}, {"Jason"},     {"Karen", true}, {"Luke"},   {"Nina", true},   {"Owen"},
     {"Rosa", true},  {"Steve"},     {"Tina", true},  {"Will"},   {"Eva", true},    {"Frank"},
     {"Ivy", true},   {"James"},     {"Lena", true},  {"Nick"},   {"Olivia", true}, {"Carl"}});

constexpr auto kFarm = std::to_array<Thing>({{"닭", "마리", "chicken", "chickens", Sort::toy},
                                             {"오리", "마리", "duck", "ducks", Sort::toy},
                                             {"돼지", "마리", "pig", "pigs", Sort::toy},
                                             {"소", "마리", "cow", "cows", Sort::toy},
                                             {"양", "마리", "lamb", "lambs", Sort::toy},
                                             {"염소", "마리", "goat", "goats", Sort::toy},
                                             {"말", "마리", "horse", "horses", Sort::toy},
                                             {"토끼", "마리", "rabbit", "rabbits", Sort::toy},
                                             {"거위", "마리", "turkey", "turkeys", Sort::toy}});
constexpr auto kPond = std::to_array<Thing>({{"금붕어", "마리", "goldfish", "goldfish", Sort::toy},
                                             {"개구리", "마리", "frog", "frogs", Sort::toy},
                                             {"거북", "마리", "turtle", "turtles", Sort::toy},
                                             {"잉어", "마리", "carp", "carp", Sort::toy},
                                             {"물오리", "마리", "wild duck", "wild ducks", Sort::toy},
                                             {"잠자리", "마리", "dragonfly", "dragonflies", Sort::toy}});
constexpr auto kGarden = std::to_array<Thing>({{"장미", "송이", "rose", "roses", Sort::flower},
                                               {"튤립", "송이", "tulip", "tulips", Sort::flower},
                                               {"국화", "송이", "daisy", "daisies", Sort::flower},
                                               {"해바라기", "송이", "sunflower", "sunflowers", Sort::flower},
                                               {"백합", "송이", "lily", "lilies", Sort::flower},
                                               {"수선화", "송이", "daffodil", "daffodils", Sort::flower},
                                               {"코스모스", "송이", "violet", "violets", Sort::flower}});
constexpr auto kFruit = std::to_array<Thing>({{"사과", "개", "apple", "apples", Sort::food},
                                              {"배", "개", "pear", "pears", Sort::food},
                                              {"귤", "개", "tangerine", "tangerines", Sort::food},
                                              {"복숭아", "개", "peach", "peaches", Sort::food},
                                              {"수박", "개", "watermelon", "watermelons", Sort::food},
                                              {"참외", "개", "melon", "melons", Sort::food},
                                              {"오렌지", "개", "orange", "oranges", Sort::food},
                                              {"망고", "개", "mango", "mangoes", Sort::food}});
constexpr auto kShelf = std::to_array<Thing>({{"동화책", "권", "storybook", "storybooks", Sort::book},
                                              {"만화책", "권", "comic book", "comic books", Sort::book},
                                              {"과학책", "권", "science book", "science books", Sort::book},
                                              {"역사책", "권", "history book", "history books", Sort::book},
                                              {"그림책", "권", "picture book", "picture books", Sort::book},
                                              {"요리책", "권", "cookbook", "cookbooks", Sort::book},
                                              {"시집", "권", "poetry book", "poetry books", Sort::book}});
constexpr auto kParking = std::to_array<Thing>({{"버스", "대", "bus", "buses", Sort::toy},
                                                {"트럭", "대", "truck", "trucks", Sort::toy},
                                                {"승용차", "대", "sedan", "sedans", Sort::toy},
                                                {"오토바이", "대", "motorcycle", "motorcycles", Sort::toy},
                                                {"택시", "대", "taxi", "taxis", Sort::toy},
                                                {"승합차", "대", "van", "vans", Sort::toy}});
constexpr auto kStationer =
    std::to_array<Thing>({{"연필", "자루", "pencil", "pencils", Sort::writing},
                          {"볼펜", "자루", "pen", "pens", Sort::writing},
                          {"색연필", "자루", "colored pencil", "colored pencils", Sort::writing},
                          {"붓", "자루", "paintbrush", "paintbrushes", Sort::writing},
                          {"사인펜", "자루", "marker", "markers", Sort::writing},
                          {"분필", "자루", "crayon", "crayons", Sort::writing}});
constexpr auto kFridge = std::to_array<Thing>({{"우유", "병", "bottle of milk", "bottles of milk", Sort::drink},
                                               {"주스", "병", "bottle of juice", "bottles of juice", Sort::drink},
                                               {"생수", "병", "bottle of water", "bottles of water", Sort::drink},
                                               {"콜라", "병", "bottle of cola", "bottles of cola", Sort::drink},
                                               {"사이다", "병", "bottle of soda", "bottles of soda", Sort::drink}});
constexpr auto kPark = std::to_array<Thing>({{"남자아이", "명", "boy", "boys", Sort::toy},
                                             {"여자아이", "명", "girl", "girls", Sort::toy},
                                             {"할아버지", "명", "grandfather", "grandfathers", Sort::toy},
                                             {"할머니", "명", "grandmother", "grandmothers", Sort::toy},
                                             {"대학생", "명", "student", "students", Sort::toy}});

constexpr auto kKindScenes = std::to_array<KindScene>({
    {"농장에", "on the farm", "마리", "animal", "animals", kFarm},
    {"연못에", "at the pond", "마리", "animal", "animals", kPond},
    {"꽃밭에", "in the garden", "송이", "flower", "flowers", kGarden},
    {"과일 가게에", "in the fruit shop", "개", "piece of fruit", "pieces of fruit", kFruit},
    {"책꽂이에", "on the shelf", "권", "book", "books", kShelf},
    {"도서관에", "in the library", "권", "book", "books", kShelf},
    {"주차장에", "in the parking lot", "대", "vehicle", "vehicles", kParking},
    {"문구점에", "in the stationery shop", "자루", "item", "items", kStationer},
    {"냉장고에", "in the fridge", "병", "bottle", "bottles", kFridge},
    {"공원에", "in the park", "명", "person", "people", kPark},
});

constexpr auto kFlowScenes = std::to_array<FlowScene>({
    {"bus", {"명", "person", "people"}, 60},
    {"train", {"명", "passenger", "passengers"}, 400},
    {"lot", {"대", "car", "cars"}, 300},
    {"tree", {"마리", "bird", "birds"}, 80},
    {"pool", {"명", "child", "children"}, 200},
    {"library", {"권", "book", "books"}, 900},
    {"jar", {"개", "candy", "candies"}, 200},
    {"shop", {"개", "loaf of bread", "loaves of bread"}, 300},
    {"cafe", {"명", "customer", "customers"}, 90},
    {"farm", {"개", "egg", "eggs"}, 400},
    {"store", {"개", "box", "boxes"}, 500},
    {"game", {"점", "point", "points"}, 400},
    {"tank", {"리터", "liter", "liters"}, 300},
});

constexpr auto kDailyScenes = std::to_array<DailyScene>({
    {"책", "읽었", "읽는", "read", "read", "reading", {"쪽", "page", "pages"}, 5, 90, true},
    {"종이학", "접었", "접는", "folded", "fold", "folding", {"개", "paper crane", "paper cranes"}, 4, 60, false},
    {"쿠키", "구웠", "굽는", "baked", "bake", "baking", {"개", "cookie", "cookies"}, 6, 90, false},
    {"수학 문제", "풀었", "푸는", "solved", "solve", "solving", {"개", "problem", "problems"}, 4, 50, false},
    {"영어 단어", "외웠", "외우는", "learned", "learn", "learning", {"개", "word", "words"}, 4, 60, false},
    {"줄넘기", "했", "하는", "did", "do", "doing", {"번", "jump", "jumps"}, 20, 250, false},
    {"운동",
     "했",
     "하는",
     "exercised for",
     "exercise for",
     "exercising for",
     {"분", "minute", "minutes"},
     10,
     90,
     false},
    {"피아노 연습",
     "했",
     "하는",
     "practiced for",
     "practice for",
     "practicing for",
     {"분", "minute", "minutes"},
     10,
     90,
     false},
    {"그림", "그렸", "그리는", "drew", "draw", "drawing", {"장", "picture", "pictures"}, 2, 20, false},
    {"감자", "캤", "캐는", "dug up", "dig up", "digging up", {"개", "potato", "potatoes"}, 10, 90, false},
});

constexpr auto kTravellers = std::to_array<Traveller>({
    {"자동차", "A car", 50, 100},
    {"버스", "A bus", 40, 90},
    {"기차", "A train", 80, 200},
    {"트럭", "A truck", 40, 90},
    {"배", "A ship", 20, 50},
    {"오토바이", "A motorcycle", 40, 90},
    {"자전거", "A bicycle", 10, 25},
    {"마라톤 선수", "A runner", 8, 15},
    {"택시", "A taxi", 40, 90},
    {"유람선", "A boat", 15, 40},
});

}  // namespace

std::string counted(int64_t value, const Unit& unit, Language language) {
  const std::string digits = std::to_string(value);
  if (language == Language::korean) return digits + std::string(unit.korean);
  if (unit.dollar_sign) return "$" + digits;
  return digits + " " + std::string(value == 1 ? unit.one : unit.many);
}

std::span<const Thing> things() {
  return kThings;
}

std::span<const Container> containers(Sort sort) {
  switch (sort) {
    case Sort::food:
      return kBags;
    case Sort::toy:
      return kTins;
    case Sort::writing:
    case Sort::paper:
    case Sort::book:
      return kPacks;
    case Sort::flower:
      return kBunches;
    case Sort::drink:
      return kCrates;
  }
  JAMSU_CHECK(false);
  return kBags;
}

std::span<const PersonName> names(Language language) {
  if (language == Language::korean) return kNamesKorean;
  return kNamesEnglish;
}

std::span<const KindScene> kind_scenes() {
  return kKindScenes;
}

std::span<const FlowScene> flow_scenes() {
  return kFlowScenes;
}

std::span<const DailyScene> daily_scenes() {
  return kDailyScenes;
}

std::span<const Traveller> travellers() {
  return kTravellers;
}

}  // namespace jamsu::tasks
