#include <algorithm>
#include <string>
#include <vector>

#include "base/ascii.h"
#include "tasks/talk/talk.h"

namespace jamsu::tasks {
namespace {

// What a reply has to say: every phrase of its language, where "a|b" is met by either. English without capitals.
struct Demand {
  std::string_view intent;
  std::vector<std::string_view> korean, english;
};

const std::vector<Demand>& demands() {
  static const std::vector<Demand> list = {
      {"greeting", {"안녕하세요", "나노|계산"}, {"hello|hi ", "nano|problem"}},
      {"good_morning", {"아침"}, {"good morning"}},
      {"good_night", {"안녕히 주무|편안한 밤|잘 자"}, {"good night|sleep well"}},
      {"goodbye", {"안녕히 가|다시 찾아|또 만나|다음에"}, {"goodbye|bye|see you"}},
      {"thanks", {"천만에|도움이 되었|별말씀"}, {"welcome|glad i could"}},
      {"apology", {"괜찮아"}, {"that is all right|no problem|do not worry about it"}},
      {"praise", {"칭찬|고마워", "열심히|더 잘"}, {"thank you", "trying|better|hard"}},
      {"how_are_you", {"잘 있|잘 지내|좋아요", "저는"}, {"i am fine|i am well|i am good"}},
      {"nice_to_meet", {"만나서 반가|처음 뵙"}, {"meet you"}},
      {"laugh", {"하하|즐거"}, {"haha|fun too"}},
      {"bored", {"심심|퀴즈"}, {"play with numbers|7 times 8"}},
      {"tired", {"피곤|쉬어|쉬세요"}, {"rest|tired"}},
      {"sad", {"속상|슬프|나아지"}, {"sorry to hear|feel better"}},
      {"happy", {"기쁘|기뻐요|축하", "정말|저도"}, {"happy for you|wonderful!"}},
      {"insult", {"죄송", "더 잘|노력"}, {"sorry", "do better|try to be better|improve"}},
      {"love", {"고마워|좋아요", "이야기|저도"}, {"like talking|thank you", "you too|talking"}},
      {"hungry", {"식사|맛있|배가"}, {"meal|hungry"}},
      {"what_doing", {"기다리"}, {"waiting"}},
      {"birthday", {"생일", "축하"}, {"happy birthday"}},
      {"are_you_there", {"네", "여기 있"}, {"here"}},
      {"nice_day", {"고마워", "하루"}, {"thank you", "day"}},
      {"exam", {"할 수 있|잘하실", "연습|함께"}, {"you can do it|practice together"}},
      {"joke", {"?", "천도복숭아"}, {"?", "seven ate nine|789"}},
      {"favorite_number", {"좋아", "7"}, {"like", "7"}},
      {"favorite_thing", {"프로그램", "좋아하는", "없"}, {"program", "no favorite"}},
      {"who_are_you", {"잠수 나노", "작은 모델|언어 모델"}, {"jamsu nano", "small model|language model"}},
      {"name", {"이름", "잠수 나노"}, {"name is", "jamsu nano"}},
      {"who_made_you", {"잠수", "주인|만들어"}, {"jamsu", "owner|was made"}},
      {"age", {"나이", "없"}, {"no age|have an age"}},
      {"human", {"아니", "사람", "모델|프로그램"}, {"not a person|not human", "model|program"}},
      {"other_models", {"아니", "다른 모델", "잠수 나노"}, {"not another model|not ", "jamsu nano"}},
      {"where", {"컴퓨터 안"}, {"inside this computer|in this computer"}},
      {"size", {"매개변수", "315만"}, {"parameters", "3.15 million"}},
      {"training", {"프로그램이 만든 문제", "학습|배웠"}, {"problems made by a program"}},
      {"architecture", {"딥시크", "구조"}, {"deepseek", "structure|architecture"}},
      {"cost", {"무료|공짜"}, {"free"}},
      {"offline", {"인터넷 없이"}, {"without the internet|offline"}},
      {"privacy", {"밖으로 나가지 않"}, {"never leaves|does not leave|stays on"}},
      {"memory", {"기억하지 못|기억할 수 없"}, {"not remember|cannot remember"}},
      {"languages", {"한국어", "영어"}, {"korean", "english"}},
      {"learn", {"배우지", "못"}, {"not learn new|cannot learn new"}},
      {"feelings", {"감정", "없"}, {"no feelings|not have feelings"}},
      {"friends", {"친구"}, {"friend"}},
      {"can_do", {"계산", "문장제", "수 있"}, {"solve", "arithmetic", "word problems"}},
      {"cannot_do", {"날씨", "못"}, {"cannot", "weather", "news"}},
      {"example", {"예를 들|예시", "?"}, {"for example", "?"}},
      {"help", {"숫자|문제", "적어", "차근차근|한 줄씩"}, {"type a problem|just type", "step|solve", "numbers"}},
      {"can_arithmetic", {"네", "더하기|덧셈", "곱하기|곱셈"}, {"yes", "add", "multiply"}},
      {"can_word", {"네", "문장제"}, {"yes", "word problems"}},
      {"can_units", {"네", "단위"}, {"yes", "units"}},
      {"can_calendar", {"네", "요일|날짜"}, {"yes", "weekdays|dates"}},
      {"big_numbers", {"자리", "틀릴"}, {"digits", "wrong"}},
      {"accuracy", {"틀릴", "확인"}, {"wrong|mistakes", "check"}},
      {"thinking", {"생각", "한 줄씩|풀이"}, {"think", "line by line|step"}},
      {"weather", {"날씨를|날씨는", "없|못|몰라"}, {"cannot|do not", "the weather"}},
      {"news", {"새 소식|뉴스를 알|최신 소식", "없|못|몰라"}, {"cannot|do not", "new in the world|know the news"}},
      {"writing", {"글을", "못", "짓|쓰"}, {"cannot", "write texts|write poems|write stories"}},
      {"code", {"코드", "못"}, {"cannot", "code"}},
      {"medical", {"의사|의학", "없|못|상담"}, {"medical", "doctor"}},
      {"legal", {"법률|변호사", "없|못|상담"}, {"legal", "lawyer"}},
      {"money_advice", {"투자", "없|못"}, {"cannot", "money advice|investment"}},
      {"personal_data", {"개인 정보", "않|못"}, {"personal data|private"}},
      {"opinion", {"의견", "않|못"}, {"opinions", "not"}},
      {"translate", {"번역", "못"}, {"cannot", "translate"}},
      {"recommend", {"추천", "못"}, {"cannot", "recommend"}},
      {"recipe", {"요리법|요리", "않|못"}, {"recipes|cook", "not"}},
      {"sports", {"경기", "없|못"}, {"cannot|do not", "match results|scores|sports"}},
      {"image", {"그림", "못"}, {"cannot", "pictures|images"}},
      {"clock", {"시각|시간", "날짜", "없|못"}, {"cannot", "current time|time or date"}},
      {"search", {"인터넷|검색", "검색", "없|못"}, {"cannot", "search"}},
      {"knowledge", {"상식|지식", "않|못"}, {"not", "facts"}},
      {"relationship", {"고민", "가까운 사람|서툴"}, {"close to you|such matters"}},
      {"harmful", {"그런 일", "없"}, {"cannot help with that"}},
      {"actions", {"기기", "못"}, {"cannot", "devices"}},
      {"summary", {"요약", "못"}, {"cannot", "summarize"}},
      {"gibberish", {"모르겠", "다시"}, {"not understand", "again"}},
      {"yes_no", {"좋아요", "문제", "함께"}, {"type a problem", "together"}},
  };
  return list;
}

bool meets(std::string_view reply, std::string_view alternatives) {
  while (true) {
    const size_t bar = alternatives.find('|');
    if (reply.find(alternatives.substr(0, bar)) != std::string_view::npos) return true;
    if (bar == std::string_view::npos) return false;
    alternatives.remove_prefix(bar + 1);
  }
}

// Hangul syllables U+AC00-U+D7A3 start with the bytes EA-ED.
size_t count_hangul(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0xEA && byte <= 0xED;
  }));
}
size_t count_latin(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }));
}

}  // namespace

bool talk_reply_fits(std::string_view intent, std::string_view reply) {
  constexpr size_t kLongest = 400;  // bytes; a reply of short talk is one or two sentences
  if (reply.empty() || reply.size() > kLongest) return false;
  const auto& list = demands();
  const auto demand = std::find_if(list.begin(), list.end(), [&](const Demand& d) { return d.intent == intent; });
  if (demand == list.end()) return false;
  const size_t hangul = count_hangul(reply);
  if (hangul > 0 && count_latin(reply) > hangul) return false;
  const std::string lower = lower_ascii(reply);
  const auto& phrases = hangul > 0 ? demand->korean : demand->english;
  return std::all_of(phrases.begin(), phrases.end(), [&](std::string_view p) { return meets(lower, p); });
}

}  // namespace jamsu::tasks
