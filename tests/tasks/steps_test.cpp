// The written steps and the particles, on cases worked out by hand.
#include "tasks/steps.h"

#include <gtest/gtest.h>

#include "tasks/frames.h"
#include "tasks/korean.h"
#include "tasks/split.h"
#include "tasks/tasks.h"

namespace jamsu::tasks {
namespace {

template <class Operation>
std::string written(Operation operation, int retry_percent = 0, uint64_t index = 0) {
  RandomStream random(1, index, Purpose::test);
  StepWriter writer(random, retry_percent);
  operation(writer);
  return writer.finish();
}

TEST(Steps, OneGlanceIsOneLine) {
  EXPECT_EQ(written([](StepWriter& w) { EXPECT_EQ(w.add(7, 5), 12); }), "7+5=12");
  EXPECT_EQ(written([](StepWriter& w) { EXPECT_EQ(w.subtract(3, 8), -5); }), "3-8=-(8-3)=-5");
  EXPECT_EQ(written([](StepWriter& w) { EXPECT_EQ(w.multiply(300, 4), 1200); }), "300*4=1200");
  EXPECT_EQ(written([](StepWriter& w) { EXPECT_EQ(w.divide(56, 8), 7); }), "56/8=7");
  EXPECT_EQ(written([](StepWriter& w) { w.divide_with_remainder(58, 8); }), "58-8*7=58-56=2\n58=8*7+2");
}

TEST(Steps, ColumnsFromTheOnes) {
  EXPECT_EQ(written([](StepWriter& w) { EXPECT_EQ(w.add(48, 57), 105); }), "48+57\n8+7=15→5\n4+5+1=10\n=105");
  EXPECT_EQ(written([](StepWriter& w) { EXPECT_EQ(w.subtract(412, 158), 254); }),
            "412-158\n2-8<0,12-8=4→4\n1-5-1<0,11-5-1=5→54\n4-1-1=2\n=254");
  EXPECT_EQ(written([](StepWriter& w) { EXPECT_EQ(w.subtract(1000, 998), 2); }),
            "1000-998\n0-8<0,10-8=2→2\n0-9-1<0,10-9-1=0→02\n0-9-1<0,10-9-1=0→002\n1-0-1=0\n=2");
  EXPECT_EQ(written([](StepWriter& w) { EXPECT_EQ(w.subtract(12, 48), -36); }), "12-48=-(48-12)\n8-2=6→6\n4-1=3\n=-36");
  EXPECT_EQ(written([](StepWriter& w) { EXPECT_EQ(w.add(-36, 20), -16); }), "-36+20=-(36-20)\n6-0=6→6\n3-2=1\n=-16");
  EXPECT_EQ(written([](StepWriter& w) { EXPECT_EQ(w.multiply(348, 70), 24360); }),
            "348*70\n8*7=56→60\n4*7+5=28+5=33→360\n3*7+3=21+3=24\n=24360");
  EXPECT_EQ(written([](StepWriter& w) { EXPECT_EQ(w.multiply(7, 48), 336); }),
            "7*48=48*7\n8*7=56→6\n4*7+5=28+5=33\n=336");
  EXPECT_EQ(written([](StepWriter& w) { EXPECT_EQ(w.multiply(-23, 12), -276); }),
            "-23*12=-(23*12)\n23*2\n3*2=6→6\n2*2=4\n=46\n23*10=230\n=-(46+230)\n6+0=6→6\n4+3=7→76\n0+2=2\n=-276");
}

TEST(Steps, DivisionDigitByDigit) {
  EXPECT_EQ(written([](StepWriter& w) { EXPECT_EQ(w.divide(2436, 7), 348); }),
            "2436/7\n24-7*3=24-21=3→3|36\n33-7*4=33-28=5→34|6\n56-7*8=56-56=0\n=348");
  EXPECT_EQ(written([](StepWriter& w) { EXPECT_EQ(w.divide(4800, 300), 16); }),
            "4800/300=48/3\n4-3*1=4-3=1→1|8\n18-3*6=18-18=0\n=16");
  EXPECT_EQ(written([](StepWriter& w) { EXPECT_EQ(w.divide(72, 24), 3); }),
            "72/24\n72|\n24*3\n4*3=12→2\n2*3+1=6+1=7\n=72\n72-72=0\n72-24*3=0\n=3");
  // The first estimate, 6/1, is too high.
  EXPECT_EQ(
      written([](StepWriter& w) { EXPECT_EQ(w.divide(60, 12), 5); }),
      "60/12\n60|\n12*6\n2*6=12→2\n1*6+1=6+1=7\n=72>60\n12*5\n2*5=10→0\n1*5+1=5+1=6\n=60\n60-60=0\n60-12*5=0\n=5");
  EXPECT_EQ(written([](StepWriter& w) {
              const auto [q, r] = w.divide_with_remainder(100, 7);
              EXPECT_EQ(q, 14);
              EXPECT_EQ(r, 2);
            }),
            "100/7\n10-7*1=10-7=3→1|0\n30-7*4=30-28=2\n100=7*14+2");
}

TEST(Steps, ALabelBeginsTheFirstLineOfOneOperationOnly) {
  EXPECT_EQ(written([](StepWriter& w) {
              w.text("먼저 남은 구슬");
              w.label("구슬: ");
              w.add(w.subtract(9, 4), 3);
            }),
            "먼저 남은 구슬\n구슬: 9-4=5\n5+3=8");
}

TEST(Steps, OneLineIsWrongThenTakenBack) {
  int places = 0;
  std::string first;
  for (uint64_t i = 0; i < 40; ++i) {
    const std::string text = written([](StepWriter& w) { w.add(48, 57); }, 100, i);
    const size_t mark = text.find(kRetryMark);
    ASSERT_NE(mark, std::string::npos);
    EXPECT_EQ(text.find(kRetryMark, mark + 1), std::string::npos);
    ASSERT_EQ(text[mark - 1], '\n');
    // Without the wrong line and the mark, the right text is left.
    const size_t before = text.rfind('\n', mark - 2);
    const std::string repaired =
        text.substr(0, before == std::string::npos ? 0 : before + 1) + text.substr(mark + kRetryMark.size());
    EXPECT_EQ(repaired, "48+57\n8+7=15→5\n4+5+1=10\n=105");
    if (first.empty()) first = text;
    if (text != first) ++places;
  }
  EXPECT_GT(places, 10);
}

TEST(Korean, ParticlesFollowTheSound) {
  const struct {
    std::string_view word, topic, direction, copula;
  } cases[] = {
      {"사과", "는", "로", "예요"},    {"구슬", "은", "로", "이에요"},      {"책", "은", "으로", "이에요"},
      {"민수", "는", "로", "예요"},    {"서울", "은", "로", "이에요"},      {"0", "은", "으로", "이에요"},
      {"1", "은", "로", "이에요"},     {"2", "는", "로", "예요"},           {"3", "은", "으로", "이에요"},
      {"4", "는", "로", "예요"},       {"5", "는", "로", "예요"},           {"6", "은", "으로", "이에요"},
      {"7", "은", "로", "이에요"},     {"8", "은", "로", "이에요"},         {"9", "는", "로", "예요"},
      {"10", "은", "으로", "이에요"},  {"200", "은", "으로", "이에요"},     {"3000", "은", "으로", "이에요"},
      {"48+57", "은", "로", "이에요"}, {"(3+4)*(5-2)", "는", "로", "예요"}, {"5cm", "는", "로", "예요"},
      {"3kg", "은", "으로", "이에요"}, {"2m", "는", "로", "예요"},          {"7g", "은", "으로", "이에요"},
      {"Tom", "은", "으로", "이에요"}, {"Anna", "는", "로", "예요"},        {"Paul", "은", "로", "이에요"},
      {"20%", "는", "로", "예요"},     {"'바나나'", "는", "로", "예요"},    {"", "는", "로", "예요"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(particle(c.word, "은/는"), c.topic) << c.word;
    EXPECT_EQ(particle(c.word, "으로/로"), c.direction) << c.word;
    EXPECT_EQ(particle(c.word, "이에요/예요"), c.copula) << c.word;
  }
  EXPECT_EQ(with_particle("연필", "을/를"), "연필을");
  EXPECT_EQ(with_particle("배", "과/와"), "배와");
}

TEST(Frames, SlotsAndParticles) {
  EXPECT_EQ(fill("{a}에서 {b:을/를} 빼면 {a:은/는}?", {{"a", "12"}, {"b", "7"}}), "12에서 7을 빼면 12는?");
  EXPECT_EQ(fill("'{w}'{~w:은/는} 몇 글자?", {{"w", "수박"}}), "'수박'은 몇 글자?");
}

TEST(Split, ATenthIsHeldOutAndListsAreCutInTwo) {
  int held = 0;
  for (int i = 0; i < 10000; ++i) held += held_out("item " + std::to_string(i)) ? 1 : 0;
  EXPECT_NEAR(held, 1000, 120);
  const std::string_view frames[] = {"a {x}", "b {x}", "c {x}", "d {x}"};
  const auto train = frames_of(frames, Split::train), unseen = frames_of(frames, Split::unseen);
  EXPECT_EQ(train.size() + unseen.size(), 4u);
  EXPECT_FALSE(train.empty());
  EXPECT_FALSE(unseen.empty());
}

}  // namespace
}  // namespace jamsu::tasks
