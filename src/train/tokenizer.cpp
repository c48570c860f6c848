#include "train/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <deque>

#include "formats/json_records.h"
#include "tasks/tasks.h"
#include "tokenizer/bpe_train.h"
#include "train/file_source.h"
#include "unicode/text_file.h"

namespace jamsu::train {
namespace {

constexpr int64_t kMaxFileBytes = int64_t{4} << 30;
// Members of a line whose text is none that a model reads or writes.
constexpr std::array<std::string_view, 6> kNames = {"role", "from", "type", "id", "name", "tool_call_id"};

void add_strings(const boost::json::value& value, std::vector<std::string>& texts) {
  if (value.is_string() && !value.get_string().empty()) texts.emplace_back(value.get_string());
  if (value.is_array())
    for (const auto& v : value.get_array()) add_strings(v, texts);
  if (value.is_object())
    for (const auto& [key, v] : value.get_object())
      if (std::find(kNames.begin(), kNames.end(), std::string_view(key)) == kNames.end()) add_strings(v, texts);
}

}  // namespace

Result<std::vector<std::string>> texts_of_files(const Recipe& recipe) {
  std::vector<std::string> texts;
  for (const DataFile& data : recipe.data.files) {
    const auto shards = shards_of(data.path.starts_with('/') ? data.path : recipe.folder + "/" + data.path);
    if (!shards) return shards.error();
    for (const std::string& file : *shards) {
      auto text = unicode::read_text_file(file, kMaxFileBytes);
      if (!text) return text.error();
      if (data_kind(file) != DataKind::records) {
        texts.push_back(std::move(*text));
        continue;
      }
      const auto read =
          formats::for_each_record(*text, file, [&](const boost::json::object& record, const std::string&) {
            add_strings(record, texts);
            return Status();
          });
      if (!read) return read.error();
    }
  }
  return texts;
}

Result<tokenizer::Tokenizer> make_tokenizer(const DataRecipe& data, int64_t samples, std::vector<std::string> texts,
                                            int64_t vocab, bool may_be_smaller) {
  const auto part = [](int64_t percent) { return static_cast<int>(percent); };
  const tasks::Mix mix{part(data.arithmetic), part(data.word_korean), part(data.word_english), part(data.misc),
                       part(data.talk),       part(data.follow),      part(data.repeat)};
  int64_t next = 0;
  std::deque<std::string> waiting(texts.begin(), texts.end());
  return tokenizer::train_bpe(
      [&](std::string& document) {
        while (waiting.empty() && next < samples) {
          tasks::Sample s =
              tasks::mixed_sample(static_cast<uint64_t>(next++), mix, {.seed = static_cast<uint64_t>(data.seed)});
          if (s.kind == tasks::Kind::repeat) continue;  // made-up words deserve no tokens
          for (tasks::Turn& turn : s.before) {
            waiting.push_back(std::move(turn.prompt));
            waiting.push_back(std::move(turn.answer));
          }
          for (std::string* text : {&s.prompt, &s.thinking, &s.answer}) waiting.push_back(std::move(*text));
        }
        if (waiting.empty()) return false;
        document = std::move(waiting.front());
        waiting.pop_front();
        return true;
      },
      {.vocab_size = static_cast<int32_t>(vocab), .may_be_smaller = may_be_smaller});
}

}  // namespace jamsu::train
