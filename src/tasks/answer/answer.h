#pragma once
// What a reply's answer is, and whether it is the one that was expected. Compared are values: `$18.00` is 18, `1/2` is
// 0.5, 스물다섯 is 25. The judgements are those of tests/tasks/answers.jsonl.
#include <optional>
#include <string>
#include <string_view>

#include "tasks/answer/quantity.h"

namespace jamsu::tasks {

struct Answer {
  std::string text;  // plain (plain_text.h): where the answer was looked for, or the number as it stands there
  std::optional<Quantity> quantity;
};

// The answer of a reply is, in this order: the last `\boxed{}`, whose content is then all there is; what follows the last
// `####` (GSM8K); what follows the last cue ("answer is", "Answer:", 정답은, 답:) up to the end of its sentence; the
// whole reply, where that is one number; the last number; the last number in words.
Answer read_answer(std::string_view reply);

// Of answers that are no single number: the text they are read from, plain. The content of the last box; else what
// follows the last `####` in its line; else the sentence that the last cue announces, of those that hold a digit; else
// the last line that is not empty.
std::string answer_place(std::string_view reply);

// Of two replies, for votes: the same value, or where one has none the same text but for case and spaces.
bool same_answer(const Answer& a, const Answer& b);

// `expected` is a value (a number in any spelling) or a text (금요일, 12:30, B, a list) that must stand in the reply, or
// in its box.
bool answer_is(std::string_view reply, std::string_view expected);

// `expected` as it is written there, not as a part of a longer number or Latin word: for answers whose form counts (a
// fraction in lowest terms).
bool answer_holds(std::string_view reply, std::string_view expected);

}  // namespace jamsu::tasks
