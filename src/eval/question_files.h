#pragma once
// Files of questions: JSON objects (formats/json_records.h), UTF-8. Errors name file, line and field.
#include <string>
#include <vector>

#include "eval/likelihood.h"
#include "tasks/tasks.h"

namespace jamsu::eval {

// {"prompt" or "question": text, "answer": text} a line, or a conversation of one question (text/conversation.h) whose
// answer is "answer" or the assistant's message. Of an answer in GSM8K's form ("... #### 1,005") what follows
// the mark counts. A reply is judged as tasks/answer/answer.h says: numbers by value, another text when it stands in it.
// Instead of an answer "any": a list of texts, one of which has to stand in the reply, capitals aside.
Result<std::vector<tasks::Sample>> read_questions(const std::string& path);

// {"prompt" or "question": text, "choices": [text, ...], "answer": an index from 0,
// a letter from A, or a choice itself}
Result<std::vector<ChoiceProblem>> read_choices(const std::string& path);

}  // namespace jamsu::eval
