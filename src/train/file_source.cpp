#include "train/file_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <iterator>
#include <optional>

#include "base/files.h"
#include "formats/strict_json.h"
#include "text/prompt.h"
#include "tokenizer/special_tokens.h"
#include "unicode/utf8.h"

namespace jamsu::train {
namespace {

namespace json = boost::json;

constexpr int64_t kMaxFileBytes = int64_t{4} << 30;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// The first byte that is no UTF-8, or nothing.
std::optional<size_t> invalid_utf8(std::string_view s) {
  for (size_t i = 0; i < s.size();) {
    const unicode::Utf8Step step = unicode::utf8_step(s.substr(i));
    if (step.kind != unicode::Utf8Step::valid) return i;
    i += step.bytes;
  }
  return std::nullopt;
}

// Makes documents of what a file says.
class Builder {
 public:
  static Result<Builder> create(const tokenizer::Tokenizer& tokenizer, const FileSourceOptions& options) {
    auto prompts = options.format ? text::PromptBuilder::create(tokenizer, *options.format)
                                  : text::PromptBuilder::create(tokenizer);
    if (!prompts) return prompts.error();
    if (!tokenizer.token_id(tokenizer::kBeginOfText))
      return Error{fmt::format("tokenizer.json: the special token \"{}\" is missing", tokenizer::kBeginOfText)};
    return Builder(tokenizer, std::move(*prompts), options);
  }

  Document running_text(std::string_view text) {
    start();
    add_text(text, true);
    add(prompts_.end_of_text(), true);
    document_.may_cut = true;
    return take();
  }

  Document completion(std::string_view prompt, std::string_view reply) {
    start();
    add_text(prompt, false);
    add_text(reply, true);
    add(prompts_.end_of_text(), true);
    return take();
  }

  // Built by text::PromptBuilder, as everywhere.
  Result<Document> chat(const std::vector<text::Message>& messages, const std::string& where) {
    auto prompt = prompts_.build(
        messages, {.add_generation_prompt = false, .enable_thinking = {}, .find_learned = true, .now = {}});
    if (!prompt) return Error{where + ": " + prompt.error().message};
    Document d{std::move(prompt->ids), std::move(prompt->learned)};
    if (options_.learn_all) std::fill(d.learned.begin() + 1, d.learned.end(), uint8_t{1});
    return d;
  }

 private:
  Builder(const tokenizer::Tokenizer& tokenizer, text::PromptBuilder prompts, const FileSourceOptions& options)
      : tokenizer_(tokenizer),
        prompts_(std::move(prompts)),
        options_(options),
        begin_(*tokenizer.token_id(tokenizer::kBeginOfText)) {}
  void start() {
    document_ = {};
    add(begin_, false);
  }
  void add(int32_t id, bool learned) {
    document_.ids.push_back(id);
    document_.learned.push_back(learned || (options_.learn_all && document_.ids.size() > 1));
  }
  void add_text(std::string_view text, bool learned) {
    for (const int32_t id : tokenizer_.encode_plain(text)) add(id, learned);
  }
  Document take() { return std::move(document_); }

  const tokenizer::Tokenizer& tokenizer_;
  text::PromptBuilder prompts_;
  const FileSourceOptions& options_;
  int32_t begin_;
  Document document_;
};

// A string member that is not empty; `where` is file:line.
Result<std::string_view> text_member(const json::object& o, const char* key, const std::string& where) {
  const json::value& v = o.at(key);
  if (!v.is_string()) return Error{fmt::format("{}: \"{}\" is no string.", where, key)};
  if (v.get_string().empty()) return Error{fmt::format("{}: \"{}\" is empty.", where, key)};
  return std::string_view(v.get_string());
}

Result<Document> read_messages(const json::value& value, const std::string& where, Builder& builder) {
  if (!value.is_array() || value.get_array().empty())
    return Error{fmt::format("{}: \"messages\" is no list of messages.", where)};
  std::vector<text::Message> messages;
  std::string before;
  for (const json::value& v : value.get_array()) {
    const std::string at = fmt::format("{}: messages[{}]", where, messages.size());
    if (!v.is_object()) return Error{at + " is no object."};
    const json::object& o = v.get_object();
    for (const char* key : {"role", "content"})
      if (!o.contains(key)) return Error{fmt::format("{}: \"{}\" is missing.", at, key)};
    const auto role = text_member(o, "role", at), content = text_member(o, "content", at);
    if (!role) return role.error();
    if (!content) return content.error();
    text::Message m{std::string(*role), std::string(*content), {}};
    if (m.role != "system" && m.role != "user" && m.role != "assistant")
      return Error{fmt::format("{}: role \"{}\" is none of system, user, assistant.", at, m.role)};
    if (m.role == "system" && !messages.empty()) return Error{at + ": a system message stands only at the beginning."};
    if (m.role == "assistant" && before != "user") return Error{at + ": an assistant's message follows a user's."};
    if (m.role == "user" && before == "user") return Error{at + ": two messages of the user follow each other."};
    if (const json::value* reasoning = o.if_contains("reasoning_content"); reasoning && !reasoning->is_null()) {
      if (m.role != "assistant" || !reasoning->is_string())
        return Error{at + ": \"reasoning_content\" is a string, in the assistant's messages only."};
      m.reasoning_content = reasoning->get_string();
    }
    messages.push_back(std::move(m));
    before = messages.back().role;
  }
  if (before != "assistant")
    return Error{fmt::format("{}: the last message is not the assistant's: there is nothing to learn.", where)};
  return builder.chat(messages, where);
}

Result<Document> read_line(std::string_view line, const std::string& where, Builder& builder) {
  auto value = formats::parse_strict_json(line, where);
  if (!value) return value.error();
  if (!value->is_object()) return Error{fmt::format("{}: is no JSON object.", where)};
  const json::object& o = value->get_object();
  const bool text = o.contains("text"), pair = o.contains("prompt") || o.contains("completion"),
             messages = o.contains("messages");
  if (text + pair + messages != 1)
    return Error{fmt::format(
        "{}: holds {} of \"text\", \"prompt\" + \"completion\" and \"messages\", where exactly one belongs.", where,
        text + pair + messages == 0 ? "none" : "more than one")};
  if (messages) return read_messages(o.at("messages"), where, builder);
  if (text) {
    const auto content = text_member(o, "text", where);
    if (!content) return content.error();
    return builder.running_text(*content);
  }
  for (const char* key : {"prompt", "completion"})
    if (!o.contains(key)) return Error{fmt::format("{}: \"{}\" is missing.", where, key)};
  const auto prompt = text_member(o, "prompt", where), completion = text_member(o, "completion", where);
  if (!prompt) return prompt.error();
  if (!completion) return completion.error();
  return builder.completion(*prompt, *completion);
}

// Calls `use(line, number)` for each line, without its end (LF or CR LF); stops at the first error.
template <class F>
Status for_lines(std::string_view text, F&& use) {
  int64_t number = 0;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = text.find('\n', begin);
    if (end == std::string_view::npos) end = text.size();
    std::string_view line = text.substr(begin, end - begin);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (auto s = use(line, ++number); !s) return s;
    begin = end + 1;
  }
  return {};
}

// `*` is any number of characters.
bool fits(std::string_view name, std::string_view pattern) {
  const size_t star = pattern.find('*');
  if (star == std::string_view::npos) return name == pattern;
  if (!name.starts_with(pattern.substr(0, star))) return false;
  for (size_t at = star; at <= name.size(); ++at) {
    if (fits(name.substr(at), pattern.substr(star + 1))) return true;
  }
  return false;
}

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\f\v") == std::string_view::npos;
}

Status read_jsonl(std::string_view text, const std::string& name, Builder& builder, const FileSourceOptions& options,
                  std::vector<Document>& documents) {
  return for_lines(text, [&](std::string_view line, int64_t number) -> Status {
    if (is_blank(line)) return {};
    const std::string where = fmt::format("{}:{}", name, number);
    auto d = read_line(line, where, builder);
    if (!d) return d.error();
    if (!d->may_cut && static_cast<int64_t>(d->ids.size()) > options.context)
      return Error{fmt::format("{}: {} tokens, more than the context of {}; a sample is never cut.", where,
                               d->ids.size(), options.context)};
    documents.push_back(std::move(*d));
    return {};
  });
}

Status read_txt(std::string_view text, const std::string& name, Builder& builder, const FileSourceOptions& options,
                std::vector<Document>& documents) {
  if (const auto at = invalid_utf8(text)) return Error{fmt::format("{}: byte {} is not UTF-8.", name, *at)};
  if (!options.split_at_blank_lines) {
    if (text.find_first_not_of(" \t\r\n\f\v") != std::string_view::npos)
      documents.push_back(builder.running_text(text));
    return {};
  }
  std::string part;
  const auto flush = [&] {
    if (!part.empty()) documents.push_back(builder.running_text(part));
    part.clear();
  };
  auto s = for_lines(text, [&](std::string_view line, int64_t) -> Status {
    if (is_blank(line)) {
      flush();
      return {};
    }
    part += (part.empty() ? "" : "\n") + std::string(line);
    return {};
  });
  flush();
  return s;
}

}  // namespace

Result<std::vector<Document>> parse_data_file(std::string_view text, const std::string& name,
                                              const tokenizer::Tokenizer& tokenizer, const FileSourceOptions& options) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  auto builder = Builder::create(tokenizer, options);
  if (!builder) return builder.error();
  std::vector<Document> documents;
  if (!name.ends_with(".txt") && !name.ends_with(".jsonl"))
    return Error{fmt::format("{}: is neither a .txt nor a .jsonl file.", name)};
  auto s = name.ends_with(".txt") ? read_txt(text, name, *builder, options, documents)
                                  : read_jsonl(text, name, *builder, options, documents);
  if (!s) return s.error();
  if (documents.empty()) return Error{fmt::format("{}: holds no document.", name)};
  return documents;
}

Result<std::vector<std::string>> shards_of(const std::string& path) {
  const std::filesystem::path whole(path);
  const std::string pattern = whole.filename().string();
  if (pattern.find('*') == std::string::npos) return std::vector<std::string>{path};
  const std::filesystem::path folder = whole.has_parent_path() ? whole.parent_path() : ".";
  std::error_code problem;
  std::vector<std::string> shards;
  for (std::filesystem::directory_iterator it(folder, problem), end; !problem && it != end; it.increment(problem)) {
    if (fits(it->path().filename().string(), pattern)) shards.push_back((folder / it->path().filename()).string());
  }
  if (problem) return Error{fmt::format("{}: cannot be read: {}.", folder.string(), problem.message())};
  if (shards.empty()) return Error{fmt::format("{}: no file has such a name.", path)};
  std::sort(shards.begin(), shards.end());
  return shards;
}

Result<std::shared_ptr<const ListSource>> open_data_file(const std::string& path, const tokenizer::Tokenizer& tokenizer,
                                                         const FileSourceOptions& options) {
  auto shards = shards_of(path);
  if (!shards) return shards.error();
  std::vector<Document> all;
  for (const std::string& shard : *shards) {
    auto text = read_file(shard, kMaxFileBytes);
    if (!text) return text.error();
    auto documents = parse_data_file(*text, shard, tokenizer, options);
    if (!documents) return documents.error();
    std::move(documents->begin(), documents->end(), std::back_inserter(all));
  }
  return std::shared_ptr<const ListSource>(std::make_shared<ListSource>(std::move(all), options.context));
}

}  // namespace jamsu::train
