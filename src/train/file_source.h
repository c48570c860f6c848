#pragma once
// A user's own files as documents. UTF-8, as unicode/text_file.h reads it.
//   .txt, .md       running text: the file, or parts between blank lines. Longer than the context: cut into pieces.
//   .jsonl, .json   JSON objects (formats/json_records.h), a document each, by its members:
//           {"text": "..."}                              running text
//           {"prompt": "...", "completion": "..."}       learned: the completion
//           a conversation in any form that text/conversation.h reads ({"messages": [...]}, ShareGPT, Alpaca ...)
//                                                        learned: what the assistant says, its thinking and end mark,
//                                                        but for messages with "weight": 0
// Only the last reply keeps its thinking, where the chat template renders a conversation so. Text of a file is text: marks
// like "<|user|>" in it never become special tokens, but for the model's own marks in what the assistant says.
#include <cstdint>
#include <map>
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

// What the lines of files were, for a person to read.
struct DataForms {
  std::map<std::string, int64_t> documents;    // by form: "messages", "text" ...
  std::map<std::string, int64_t> passed_over;  // members beside them that change nothing, by the lines that have them
  // "120 messages, 20 conversations (ShareGPT); passed over beside them: id (140)"
  std::string summary() const;
};

struct FileSourceOptions {
  int64_t context = 1024;
  bool split_at_blank_lines = false;            // .txt
  bool adapt_messages = false;                  // text::PromptOptions::adapt
  std::optional<text::ChatFormat> format = {};  // of messages; empty: the built-in one
  bool learn_all = false;      // every token but the first is a target (pre-training), whatever the kind
  DataForms* forms = nullptr;  // counts are added here
};

// What a file is, by its name's end; nothing: none that is read as data.
enum class DataKind : uint8_t { text, records };
std::optional<DataKind> data_kind(std::string_view name);

// The files of a path: itself, or, where `*` stands in its last part, every file whose name fits, in the order of the
// names' bytes (`corpus-*.jsonl`: a corpus in shards). Errors: no file fits, the folder cannot be read.
Result<std::vector<std::string>> shards_of(const std::string& path);

// Reads, checks and tokenises the whole file, or all shards as if they were one. Errors name file and line (or byte):
// what is no UTF-8 or no JSON, members missing, mixed up or not understood, messages out of order, an empty text, nothing
// to learn, a sample longer than the context (a sample is never cut).
Result<std::shared_ptr<const ListSource>> open_data_file(const std::string& path, const tokenizer::Tokenizer& tokenizer,
                                                         const FileSourceOptions& options);
// The same from memory; `name` ends in .txt, .md, .jsonl or .json and stands in errors.
Result<std::vector<Document>> parse_data_file(std::string_view text, const std::string& name,
                                              const tokenizer::Tokenizer& tokenizer, const FileSourceOptions& options);

}  // namespace jamsu::train
