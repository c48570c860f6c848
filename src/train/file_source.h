#pragma once
// A user's own files as documents.
//   .txt    running text, UTF-8: the file, or parts between blank lines. Longer than the context: cut into pieces.
//   .jsonl  a document a line, by its keys (others are left alone):
//           {"text": "..."}                              running text
//           {"prompt": "...", "completion": "..."}       learned: the completion
//           {"messages": [{"role": "user", "content": "..."},
//                         {"role": "assistant", "content": "...", "reasoning_content": "..."}]}
//                                                        learned: what the assistant says, its thinking and end mark
// The chat format is that of task_source.h; only the last reply keeps its thinking, as a chat template renders a
// conversation. Text of a file is text: marks like "<|user|>" in it never become special tokens.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/chat_format.h"
#include "tokenizer/tokenizer.h"
#include "train/data.h"

namespace jamsu::train {

struct FileSourceOptions {
  int64_t context = 1024;
  bool split_at_blank_lines = false;            // .txt
  std::optional<text::ChatFormat> format = {};  // of messages; empty: the built-in one
  bool learn_all = false;  // every token but the first is a target (pre-training), whatever the kind
};

// The files of a path: itself, or, where `*` stands in its last part, every file whose name fits, in the order of the
// names' bytes (`corpus-*.jsonl`: a corpus in shards). Errors: no file fits, the folder cannot be read.
Result<std::vector<std::string>> shards_of(const std::string& path);

// Reads, checks and tokenises the whole file, or all shards as if they were one. Errors name file and line (or byte):
// bad JSON or UTF-8, keys missing or mixed up, a wrong role, an empty text,
// a sample longer than the context (a sample is never cut).
Result<std::shared_ptr<const ListSource>> open_data_file(const std::string& path, const tokenizer::Tokenizer& tokenizer,
                                                         const FileSourceOptions& options);
// The same from memory; `name` ends in .txt or .jsonl and stands in errors.
Result<std::vector<Document>> parse_data_file(std::string_view text, const std::string& name,
                                              const tokenizer::Tokenizer& tokenizer, const FileSourceOptions& options);

}  // namespace jamsu::train
