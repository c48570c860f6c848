#include "eval/sample_texts.h"

#include <array>

namespace jamsu::eval {
namespace {

constexpr std::string_view kKorean =
    "유구한 역사와 전통에 빛나는 우리 대한국민은 3·1운동으로 건립된 대한민국임시정부의 법통과 불의에 항거한 "
    "4·19민주이념을 계승하고, 조국의 민주개혁과 평화적 통일의 사명에 입각하여 정의·인도와 동포애로써 민족의 단결을 "
    "공고히 하고, 모든 사회적 폐습과 불의를 타파하며, 자율과 조화를 바탕으로 자유민주적 기본질서를 더욱 확고히 하여 "
    "정치·경제·사회·문화의 모든 영역에 있어서 각인의 기회를 균등히 하고, 능력을 최고도로 발휘하게 하며, 자유와 "
    "권리에 따르는 책임과 의무를 완수하게 하여, 안으로는 국민생활의 균등한 향상을 기하고 밖으로는 항구적인 "
    "세계평화와 인류공영에 이바지함으로써 우리들과 우리들의 자손의 안전과 자유와 행복을 영원히 확보할 것을 다짐하면서 "
    "1948년 7월 12일에 제정되고 8차에 걸쳐 개정된 헌법을 이제 국회의 의결을 거쳐 국민투표에 의하여 개정한다.\n"
    "제1조 ① 대한민국은 민주공화국이다. ② 대한민국의 주권은 국민에게 있고, 모든 권력은 국민으로부터 나온다.\n"
    "제2조 ① 대한민국의 국민이 되는 요건은 법률로 정한다. ② 국가는 법률이 정하는 바에 의하여 재외국민을 보호할 "
    "의무를 진다.\n"
    "제3조 대한민국의 영토는 한반도와 그 부속도서로 한다.\n"
    "제4조 대한민국은 통일을 지향하며, 자유민주적 기본질서에 입각한 평화적 통일정책을 수립하고 이를 추진한다.\n"
    "제5조 ① 대한민국은 국제평화의 유지에 노력하고 침략적 전쟁을 부인한다. ② 국군은 국가의 안전보장과 국토방위의 "
    "신성한 의무를 수행함을 사명으로 하며, 그 정치적 중립성은 준수된다.\n"
    "제6조 ① 헌법에 의하여 체결·공포된 조약과 일반적으로 승인된 국제법규는 국내법과 같은 효력을 가진다. ② 외국인은 "
    "국제법과 조약이 정하는 바에 의하여 그 지위가 보장된다.\n"
    "제7조 ① 공무원은 국민전체에 대한 봉사자이며, 국민에 대하여 책임을 진다. ② 공무원의 신분과 정치적 중립성은 "
    "법률이 정하는 바에 의하여 보장된다.\n"
    "제8조 ① 정당의 설립은 자유이며, 복수정당제는 보장된다. ② 정당은 그 목적·조직과 활동이 민주적이어야 하며, "
    "국민의 정치적 의사형성에 참여하는데 필요한 조직을 가져야 한다.\n"
    "제9조 국가는 전통문화의 계승·발전과 민족문화의 창달에 노력하여야 한다.\n"
    "제10조 모든 국민은 인간으로서의 존엄과 가치를 가지며, 행복을 추구할 권리를 가진다. 국가는 개인이 가지는 불가침의 "
    "기본적 인권을 확인하고 이를 보장할 의무를 진다.\n"
    "제11조 ① 모든 국민은 법 앞에 평등하다. 누구든지 성별·종교 또는 사회적 신분에 의하여 "
    "정치적·경제적·사회적·문화적 생활의 모든 영역에 있어서 차별을 받지 아니한다. ② 사회적 특수계급의 제도는 인정되지 "
    "아니하며, 어떠한 형태로도 이를 창설할 수 없다.\n"
    "제14조 모든 국민은 거주·이전의 자유를 가진다.\n"
    "제15조 모든 국민은 직업선택의 자유를 가진다.\n"
    "제17조 모든 국민은 사생활의 비밀과 자유를 침해받지 아니한다.\n"
    "제18조 모든 국민은 통신의 비밀을 침해받지 아니한다.\n"
    "제19조 모든 국민은 양심의 자유를 가진다.\n"
    "제20조 ① 모든 국민은 종교의 자유를 가진다. ② 국교는 인정되지 아니하며, 종교와 정치는 분리된다.\n"
    "제21조 ① 모든 국민은 언론·출판의 자유와 집회·결사의 자유를 가진다. ② 언론·출판에 대한 허가나 검열과 "
    "집회·결사에 대한 허가는 인정되지 아니한다.\n"
    "제22조 ① 모든 국민은 학문과 예술의 자유를 가진다. ② 저작자·발명가·과학기술자와 예술가의 권리는 법률로써 "
    "보호한다.\n"
    "제23조 ① 모든 국민의 재산권은 보장된다. 그 내용과 한계는 법률로 정한다. ② 재산권의 행사는 공공복리에 적합하도록 "
    "하여야 한다.\n";

constexpr std::string_view kEnglish =
    "When in the Course of human events, it becomes necessary for one people to dissolve the political bands which "
    "have connected them with another, and to assume among the powers of the earth, the separate and equal station to "
    "which the Laws of Nature and of Nature's God entitle them, a decent respect to the opinions of mankind requires "
    "that they should declare the causes which impel them to the separation.\n"
    "We hold these truths to be self-evident, that all men are created equal, that they are endowed by their Creator "
    "with certain unalienable Rights, that among these are Life, Liberty and the pursuit of Happiness.--That to secure "
    "these rights, Governments are instituted among Men, deriving their just powers from the consent of the "
    "governed, --That whenever any Form of Government becomes destructive of these ends, it is the Right of the People "
    "to alter or to abolish it, and to institute new Government, laying its foundation on such principles and "
    "organizing its powers in such form, as to them shall seem most likely to effect their Safety and Happiness. "
    "Prudence, indeed, will dictate that Governments long established should not be changed for light and transient "
    "causes; and accordingly all experience hath shewn, that mankind are more disposed to suffer, while evils are "
    "sufferable, than to right themselves by abolishing the forms to which they are accustomed. But when a long train "
    "of abuses and usurpations, pursuing invariably the same Object evinces a design to reduce them under absolute "
    "Despotism, it is their right, it is their duty, to throw off such Government, and to provide new Guards for their "
    "future security.--Such has been the patient sufferance of these Colonies; and such is now the necessity which "
    "constrains them to alter their former Systems of Government. The history of the present King of Great Britain is "
    "a history of repeated injuries and usurpations, all having in direct object the establishment of an absolute "
    "Tyranny over these States. To prove this, let Facts be submitted to a candid world.\n"
    "He has refused his Assent to Laws, the most wholesome and necessary for the public good.\n"
    "He has forbidden his Governors to pass Laws of immediate and pressing importance, unless suspended in their "
    "operation till his Assent should be obtained; and when so suspended, he has utterly neglected to attend to "
    "them.\n"
    "He has refused to pass other Laws for the accommodation of large districts of people, unless those people would "
    "relinquish the right of Representation in the Legislature, a right inestimable to them and formidable to tyrants "
    "only.\n"
    "He has called together legislative bodies at places unusual, uncomfortable, and distant from the depository of "
    "their public Records, for the sole purpose of fatiguing them into compliance with his measures.\n"
    "He has dissolved Representative Houses repeatedly, for opposing with manly firmness his invasions on the rights "
    "of the people.\n"
    "He has refused for a long time, after such dissolutions, to cause others to be elected; whereby the Legislative "
    "powers, incapable of Annihilation, have returned to the People at large for their exercise; the State remaining "
    "in the mean time exposed to all the dangers of invasion from without, and convulsions within.\n"
    "He has endeavoured to prevent the population of these States; for that purpose obstructing the Laws for "
    "Naturalization of Foreigners; refusing to pass others to encourage their migrations hither, and raising the "
    "conditions of new Appropriations of Lands.\n"
    "He has obstructed the Administration of Justice, by refusing his Assent to Laws for establishing Judiciary "
    "powers.\n"
    "He has made Judges dependent on his Will alone, for the tenure of their offices, and the amount and payment of "
    "their salaries.\n"
    "He has erected a multitude of New Offices, and sent hither swarms of Officers to harrass our people, and eat out "
    "their substance.\n"
    "He has kept among us, in times of peace, Standing Armies without the Consent of our legislatures.\n"
    "He has affected to render the Military independent of and superior to the Civil power.\n"
    "He has combined with others to subject us to a jurisdiction foreign to our constitution, and unacknowledged by "
    "our laws; giving his Assent to their Acts of pretended Legislation.\n";

constexpr std::array<SampleText, 2> kTexts = {{
    {"Korean", "대한민국헌법 (1987), preamble and articles 1-23 in part", kKorean},
    {"English", "the United States Declaration of Independence (1776), its first half", kEnglish},
}};
static_assert(kKorean.size() >= 4096 && kEnglish.size() >= 4096);

}  // namespace

std::span<const SampleText> sample_texts() {
  return kTexts;
}

}  // namespace jamsu::eval
