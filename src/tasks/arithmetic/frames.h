#pragma once
// How people type a calculation.
// Slots: {e} the expression in symbols or words; {a}, {b} the operands of a single operation.
#include <span>
#include <string_view>

#include "tasks/tasks.h"

namespace jamsu::tasks {

std::span<const std::string_view> bare_frames();  // no language: `48+57=`
std::span<const std::string_view> question_frames(Language language);
// Frames of one operation, op in "+-*/"; for '-' the subtrahend is {b}, for '/' the divisor is {b}.
std::span<const std::string_view> operation_frames(Language language, char op);

}  // namespace jamsu::tasks
