#include "train/file_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <filesystem>
#include <iterator>
#include <optional>

#include "base/files.h"
#include "formats/json_records.h"
#include "text/conversation.h"
#include "text/prompt.h"
#include "tokenizer/json_fields.h"
#include "tokenizer/special_tokens.h"
#include "unicode/text_file.h"

namespace jamsu::train {
namespace {

namespace json = boost::json;

constexpr int64_t kMaxFileBytes = int64_t{4} << 30;

// Makes documents of what a file says.
class Builder {
 public:
  Builder(const tokenizer::Tokenizer& tokenizer, const FileSourceOptions& options)
      : tokenizer_(tokenizer),
        prompts_(options.format ? text::PromptBuilder::create(tokenizer, *options.format)
                                : text::PromptBuilder::create(tokenizer)),
        options_(options),
        built_in_(!options.format) {
    const auto id_of = [&](const char* name, std::string_view own) {
      const std::string_view token = options.format ? options.format->token(name) : own;
      return token.empty() ? std::nullopt : tokenizer.token_id(token);
    };
    begin_ = id_of("bos_token", tokenizer::kBeginOfText);
    end_ = id_of("eos_token", tokenizer::kEndOfText);
  }

  // Text needs an end, a conversation the chat format.
  Status can_end_text() const {
    if (end_) return {};
    return Error{built_in_ ? fmt::format("tokenizer.json: the special token \"{}\" is missing", tokenizer::kEndOfText)
                           : std::string("tokenizer_config.json: \"eos_token\" is missing: a text would have no end")};
  }
  Status can_chat() const { return prompts_ ? Status() : prompts_.error(); }

  Document running_text(std::string_view text) {
    start();
    add_text(text, true);
    add(*end_, true);
    document_.may_cut = true;
    return take();
  }

  Document completion(std::string_view prompt, std::string_view reply) {
    start();
    add_text(prompt, false);
    add_text(reply, true);
    add(*end_, true);
    return take();
  }

  // Built by text::PromptBuilder, as everywhere. REQUIRES: can_chat().
  Result<Document> chat(const text::Conversation& c, const std::string& where, DataForms& forms) {
    auto prompt = prompts_->build(c.messages, {.add_generation_prompt = false,
                                               .enable_thinking = {},
                                               .find_learned = true,
                                               .now = data_day(),
                                               .tools = c.tools,
                                               .variables = c.variables,
                                               .adapt = options_.adapt_messages});
    if (!prompt) return Error{where + ": " + prompt.error().message};
    for (const text::Message& m : c.messages)  // names and numbers of calls that the template has no place for
      for (const auto& [name, value] : m.fields)
        if (!prompts_->reads(name)) ++forms.passed_over[fmt::format("{} of a message", std::string_view(name))];
    if (prompt->ids.empty()) return Error{where + ": the chat template writes nothing of it."};
    Document d{std::move(prompt->ids), std::move(prompt->learned)};
    if (options_.learn_all) std::fill(d.learned.begin() + 1, d.learned.end(), uint8_t{1});
    return d;
  }

  bool built_in() const { return built_in_; }
  bool learns_all() const { return options_.learn_all; }

 private:
  void start() {
    document_ = {};
    if (begin_) add(*begin_, false);
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
  Result<text::PromptBuilder> prompts_;
  const FileSourceOptions& options_;
  bool built_in_;
  std::optional<int32_t> begin_, end_;
  Document document_;
};

// A string member that is not empty; `where` is file:line.
Result<std::string_view> text_member(const json::object& o, const char* key, const std::string& where) {
  const json::value& v = o.at(key);
  if (!v.is_string()) return Error{fmt::format("{}: \"{}\" is no string.", where, key)};
  if (v.get_string().empty()) return Error{fmt::format("{}: \"{}\" is empty.", where, key)};
  return std::string_view(v.get_string());
}

// Who may speak after whom, where a reply is to be learned.
Status check_order(const std::vector<text::Message>& messages, const std::string& where, bool built_in) {
  std::string_view before;
  for (size_t i = 0; i < messages.size(); ++i) {
    const text::Message& m = messages[i];
    const auto error = [&](std::string_view what) { return Error{fmt::format("{}: messages[{}]{}", where, i, what)}; };
    const bool system = m.role == "system" || m.role == "developer";
    if (built_in && !system && m.role != "user" && m.role != "assistant")
      return error(fmt::format(": role {} is none of system, user, assistant.", tokenizer::in_quotes(m.role)));
    if (m.content.empty() && !system && !m.no_content && !text::has_calls(m) && !m.reasoning_content)
      return error(": \"content\" is empty.");
    if (system && i != 0) return error(": a system message stands only at the beginning.");
    if (m.role == "assistant" && before != "user" && before != "tool")
      return error(": an assistant's message follows a user's.");
    if (m.role == "user" && before == "user") return error(": two messages of the user follow each other.");
    before = m.role;
  }
  if (before != "assistant")
    return Error{fmt::format("{}: the last message is not the assistant's: there is nothing to learn.", where)};
  return {};
}

Result<Document> read_conversation(const json::object& o, const std::string& where, Builder& builder,
                                   DataForms& forms) {
  if (auto s = builder.can_chat(); !s) return s.error();
  const auto c = text::read_conversation(o, where);
  if (!c) return c.error();
  if (!c->cut.empty())
    return Error{fmt::format(
        "{}: \"finish_reason\" is \"{}\": the answer was cut, and would be learned as a whole one.", where, c->cut)};
  if (auto s = check_order(c->messages, where, builder.built_in()); !s) return s.error();
  bool learns = false;
  for (const text::Message& m : c->messages) {
    learns |= m.role == "assistant" && m.learn.value_or(true);
    if (builder.learns_all() && c->asked == c->messages.size() && m.role == "assistant" && !m.learn.value_or(true))
      return Error{where + ": a reply is not to be learned, and pre-training learns every token: teach it by sft."};
  }
  if (!learns) return Error{where + ": no reply is to be learned."};
  ++forms.documents[std::string(c->form)];
  for (const std::string& name : c->passed_over) ++forms.passed_over[name];
  return builder.chat(*c, where, forms);
}

Result<Document> read_record(const json::object& o, const std::string& where, Builder& builder, DataForms& forms) {
  const bool conversation = text::is_conversation(o);
  // "text" beside an instruction is the same once more, as a prompt (the first Alpaca).
  const bool instruction =
      conversation && !o.contains("messages") && !o.contains("prompt") && o.contains("instruction");
  const bool text = o.contains("text") && !instruction,
             pair = !conversation && (o.contains("prompt") || o.contains("completion"));
  if (text + pair + conversation != 1)
    return Error{
        fmt::format("{}: holds {} of \"text\", \"prompt\" + \"completion\" and \"messages\", where exactly one "
                    "belongs. (Conversations in the forms of ShareGPT and Alpaca are read too.)",
                    where, text + pair + conversation == 0 ? "none" : "more than one")};
  if (conversation) return read_conversation(o, where, builder, forms);
  if (auto s = builder.can_end_text(); !s) return s.error();
  if (auto s = text::check_beside(o, where, text ? "text" : "prompt and completion"); !s) return s.error();
  for (const auto& [name, value] : o)
    if (name != "text" && name != "prompt" && name != "completion" && !value.is_null())
      ++forms.passed_over[std::string(name)];
  if (text) {
    const auto content = text_member(o, "text", where);
    if (!content) return content.error();
    ++forms.documents["text"];
    return builder.running_text(*content);
  }
  for (const char* key : {"prompt", "completion"})
    if (!o.contains(key)) return Error{fmt::format("{}: \"{}\" is missing.", where, key)};
  const auto prompt = text_member(o, "prompt", where), completion = text_member(o, "completion", where);
  if (!prompt) return prompt.error();
  if (!completion) return completion.error();
  ++forms.documents["prompt and completion"];
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

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n\f\v") == std::string_view::npos;
}

struct Reading {
  Builder builder;
  const FileSourceOptions& options;
  DataForms forms;
  std::vector<Document> documents;
};

Status read_records(std::string_view text, const std::string& name, Reading& r) {
  const auto count =
      formats::for_each_record(text, name, [&](const json::object& o, const std::string& where) -> Status {
        auto d = read_record(o, where, r.builder, r.forms);
        if (!d) return d.error();
        if (!d->may_cut && static_cast<int64_t>(d->ids.size()) > r.options.context)
          return Error{fmt::format("{}: {} tokens, more than the context of {}; a sample is never cut.", where,
                                   d->ids.size(), r.options.context)};
        r.documents.push_back(std::move(*d));
        return {};
      });
  return count ? Status() : count.error();
}

Status read_plain(std::string_view text, const std::string&, Reading& r) {
  if (auto s = r.builder.can_end_text(); !s) return s;
  const auto add = [&](std::string_view part) {
    ++r.forms.documents["text"];
    r.documents.push_back(r.builder.running_text(part));
  };
  if (!r.options.split_at_blank_lines) {
    if (!is_blank(text)) add(text);
    return {};
  }
  std::string part;
  const auto flush = [&] {
    if (!part.empty()) add(part);
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

// What a file is, by its name's end.
struct FileKind {
  std::string_view ending;
  DataKind kind;
  Status (*read)(std::string_view text, const std::string& name, Reading& r);
};
constexpr std::array kKinds = {
    FileKind{".txt", DataKind::text, read_plain},       FileKind{".md", DataKind::text, read_plain},
    FileKind{".text", DataKind::text, read_plain},      FileKind{".jsonl", DataKind::records, read_records},
    FileKind{".json", DataKind::records, read_records}, FileKind{".ndjson", DataKind::records, read_records}};

const FileKind* kind_of(std::string_view name) {
  const auto kind =
      std::find_if(kKinds.begin(), kKinds.end(), [&](const FileKind& k) { return name.ends_with(k.ending); });
  return kind == kKinds.end() ? nullptr : &*kind;
}

}  // namespace

std::optional<DataKind> data_kind(std::string_view name) {
  const FileKind* kind = kind_of(name);
  return kind ? std::optional(kind->kind) : std::nullopt;
}

std::string DataForms::summary() const {
  const auto listed = [](const std::map<std::string, int64_t>& counts, const char* format) {
    std::string out;
    for (const auto& [name, count] : counts)
      out +=
          (out.empty() ? "" : ", ") + fmt::format(fmt::runtime(format), fmt::arg("n", count), fmt::arg("name", name));
    return out;
  };
  std::string out = listed(documents, "{n} {name}");
  if (!passed_over.empty()) out += "; passed over beside them: " + listed(passed_over, "{name} ({n})");
  return out;
}

Result<std::vector<Document>> parse_data_file(std::string_view bytes, const std::string& name,
                                              const tokenizer::Tokenizer& tokenizer, const FileSourceOptions& options) {
  const auto text = unicode::user_text(bytes, name);
  if (!text) return text.error();
  const FileKind* kind = kind_of(name);
  if (!kind) return Error{fmt::format("{}: is none of .txt, .md, .jsonl and .json files.", name)};
  Reading r{Builder(tokenizer, options), options, {}, {}};
  if (auto s = kind->read(*text, name, r); !s) return s.error();
  if (r.documents.empty()) return Error{fmt::format("{}: holds no document.", name)};
  if (options.forms) {
    for (const auto& [form, count] : r.forms.documents) options.forms->documents[form] += count;
    for (const auto& [member, count] : r.forms.passed_over) options.forms->passed_over[member] += count;
  }
  return std::move(r.documents);
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
