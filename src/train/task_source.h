#pragma once
// Generated tasks (src/tasks) as documents in a chat format; in the built-in one (text/chat_template.h):
//   <|begin_of_text|><|user|>PROMPT<|assistant|><think>THINKING</think>ANSWER<|end_of_text|>
// without the think part where a sample has no thinking. With `turns` above 1 earlier questions and answers come before
// it, as chats send them: without their thinking.
#include <optional>
#include <span>

#include "tasks/tasks.h"
#include "text/prompt.h"
#include "tokenizer/tokenizer.h"
#include "train/data.h"

namespace jamsu::train {

struct TaskSourceOptions {
  tasks::Mix mix;
  tasks::GeneratorOptions generator;
  std::optional<text::ChatFormat> format = {};  // empty: the built-in one
  bool learn_prompt = true;                     // pre-training learns every token; SFT only what the assistant says
  // At most so many questions in a document, mostly few; of an SFT document the last reply is learned.
  int64_t turns = 1;
  int64_t context = 0;  // tokens of a document with several: the earliest turns are left out until it fits; 0: no limit
};

class TaskSource final : public DocumentSource {
 public:
  // Errors: a special token the tokenizer lacks.
  static Result<std::shared_ptr<const TaskSource>> create(tokenizer::Tokenizer tokenizer,
                                                          const TaskSourceOptions& options);
  uint64_t size() const override { return 0; }  // without end
  Result<Document> at(uint64_t index) const override;

 private:
  TaskSource(text::PromptBuilder prompts, const TaskSourceOptions& options)
      : prompts_(std::move(prompts)), options_(options) {}
  Result<Document> document(std::span<const text::Message> messages) const;
  text::PromptBuilder prompts_;
  TaskSourceOptions options_;
};

}  // namespace jamsu::train
