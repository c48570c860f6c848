// tokenizer.json -> TokenizerData. Every message names file and field.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <span>
#include <unordered_map>

#include "base/json_doubles.h"
#include "tokenizer/config_tokens.h"
#include "tokenizer/json_fields.h"
#include "tokenizer/post_processor.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/tokenizer_data.h"
#include "tokenizer/unigram_scores.h"
#include "tokenizer/vocabulary_field.h"
#include "unicode/utf8.h"

namespace jamsu::tokenizer {
namespace {

namespace json = boost::json;

constexpr size_t kMaxDepth = 32;
constexpr size_t kMaxAffix = 1024;

Result<json::value> parse_json(std::string_view text, const std::string& name, const json::storage_ptr& memory) {
  json::parse_options options;
  options.max_depth = kMaxDepth;
  json::stream_parser parser(memory, options);
  json::error_code failed;
  const size_t read = parser.write_some(text.data(), text.size(), failed);
  if (!failed) parser.finish(failed);
  if (!failed && read < text.size() && text.find_first_not_of(" \t\r\n", read) != std::string_view::npos)
    failed = json::error::extra_data;
  if (failed) return Error{fmt::format("{}: byte {}: not the JSON of a tokenizer: {}.", name, read, failed.message())};
  json::value value = parser.release();
  if (auto s = refuse_infinite(value, text, name); !s) return s.error();
  return value;
}

class Loader {
 public:
  // `scores`: the numbers of a Unigram's vocabulary, exactly. `more`: tokens that tokenizer_config.json adds.
  Loader(const json::object& file, std::string name, std::vector<double> scores, std::span<const AddedToken> more)
      : file_(file), name_(std::move(name)), scores_(std::move(scores)), more_(more) {}

  Result<std::shared_ptr<TokenizerData>> load() {
    for (const auto step :
         {&Loader::model, &Loader::pre_tokenizer, &Loader::decoder, &Loader::normalizer, &Loader::vocabulary,
          &Loader::merges, &Loader::bytes, &Loader::matchers, &Loader::post_processor})
      if (Status s = (this->*step)(); !s) return s.error();
    shell();
    return data_;
  }

 private:
  template <class... Args>
  Error fail(fmt::format_string<Args...> format, Args&&... args) const {
    return Error{name_ + ": " + fmt::format(format, std::forward<Args>(args)...)};
  }
  std::string at(std::string_view field) const { return fmt::format("{}: {}", name_, field); }

  static bool absent(const json::value* v) { return !v || v->is_null(); }

  Status model() {
    const auto* m = file_.if_contains("model");
    if (!m) return fail("\"model\" is missing.");
    if (!m->is_object()) return wrong_kind(name_, "model", "an object", *m);
    model_ = &m->get_object();
    // Files of before 2020 have no type; `tokenizers` reads one with merges as BPE.
    std::string_view kind = "BPE";
    if (model_->contains("type") || !model_->contains("merges")) {
      const auto type = string_field(*model_, "type", at("model"));
      if (!type) return type.error();
      kind = *type;
    }
    unigram_ = kind == "Unigram";
    if (kind == "WordPiece" || kind == "WordLevel") return word_model(kind == "WordLevel");
    if (kind != "BPE" && !unigram_)
      return fail("model: \"type\" {} is not supported; BPE, Unigram, WordPiece and WordLevel are.", in_quotes(kind));
    for (const auto& [key, affix] : {std::pair{"continuing_subword_prefix", &data_->affixes.prefix},
                                     {"end_of_word_suffix", &data_->affixes.suffix}}) {
      const auto* v = model_->if_contains(key);
      if (absent(v)) continue;
      if (!v->is_string()) return wrong_kind(at("model"), key, "a string or null", *v);
      *affix = v->get_string();
      if (affix->size() > kMaxAffix) return fail("model: \"{}\" has more than {} bytes.", key, kMaxAffix);
    }
    if (const auto* v = model_->if_contains("dropout"); !absent(v)) {
      if (!v->is_number()) return wrong_kind(at("model"), "dropout", "a number or null", *v);
      if (v->to_number<double>() != 0)
        return fail(
            "model: \"dropout\" is not supported; the same text has to give the same ids. Where null stands there, all "
            "merges are made.");
    }
    for (const auto& [key, flag] : {std::pair{"byte_fallback", &data_->byte_fallback},
                                    {"fuse_unk", &data_->fuse_unk},
                                    {"ignore_merges", &data_->ignore_merges}}) {
      const auto set = bool_field(*model_, key, false, at("model"));
      if (!set) return set.error();
      *flag = *set;
    }
    return {};
  }

  Status word_model(bool whole_only) {
    constexpr int64_t kMostCharacters = 100;  // what the tools write
    data_->words = WordModel{.whole_only = whole_only, .prefix = "##", .most_characters = kMostCharacters};
    if (whole_only) return {};
    if (const auto* v = model_->if_contains("continuing_subword_prefix")) {
      if (!v->is_string()) return wrong_kind(at("model"), "continuing_subword_prefix", "a string", *v);
      data_->words->prefix = v->get_string();
    }
    if (const auto* v = model_->if_contains("max_input_chars_per_word")) {
      if (!v->is_int64() || v->get_int64() < 0)
        return fail("model: \"max_input_chars_per_word\" is no whole number from 0 on.");
      data_->words->most_characters = static_cast<size_t>(v->get_int64());
    }
    return {};
  }

  Status vocabulary() {
    const auto* v = model_->if_contains("vocab");
    if (!v) return fail("model: \"vocab\" is missing.");
    auto list = unigram_ ? read_scored_tokens(*v, scores_.size(), at("model")) : read_numbered_tokens(*v, at("model"));
    if (!list) return list.error();
    if (list->tokens.empty()) return fail("model: \"vocab\" is empty.");
    if (Status s = added_tokens(); !s) return s;
    if (Status s = number_added_tokens(data_->added, *list, name_); !s) return s;
    const size_t size = list->tokens.size();
    for (auto* flags : {&data_->is_added, &data_->is_special, &data_->is_outside})
      *flags = std::make_unique<bool[]>(size);
    std::vector<std::string> meanings;
    meanings.reserve(size);
    for (const std::string& token : list->tokens) meanings.push_back(data_->decoder.meaning(token));
    for (const AddedToken& t : data_->added) {
      if (!t.normalized) continue;
      std::string owner;
      const std::string shown(data_->normalizer.run(t.content, owner));
      if (shown == t.content) continue;
      meanings[static_cast<size_t>(t.id)] = data_->decoder.meaning(shown);
      data_->shown.emplace(t.id, shown);
    }
    if (std::none_of(list->holes.begin(), list->holes.end(), [](bool hole) { return hole; })) list->holes.clear();
    for (size_t id = 0; id < list->holes.size(); ++id)
      if (list->holes[id]) meanings[id].clear();
    data_->vocabulary = Vocabulary(std::move(list->tokens), std::move(meanings), std::move(list->holes));
    ids_ = std::move(list->ids);
    if (unigram_) data_->unigram = Unigram(std::move(scores_), data_->vocabulary);
    constexpr size_t kMostOfWord = 1024;  // each place of a word is asked for tokens of every length up to the longest
    if (data_->words && !data_->words->whole_only && data_->vocabulary.longest() > kMostOfWord)
      return fail("model.vocab: a token of {} bytes; those of WordPiece have at most {}.", data_->vocabulary.longest(),
                  kMostOfWord);
    for (const AddedToken& t : data_->added) {
      const auto id = static_cast<size_t>(t.id);
      data_->is_added[id] = true;
      data_->is_special[id] = t.special;
      data_->is_outside[id] = t.outside_model;
      data_->plain_differs |= (data_->ignore_merges || unigram_ || data_->words) && !t.outside_model;
    }
    return {};
  }

  // Those of tokenizer.json; of equal ones the flags of tokenizer_config.json count, its others follow.
  Status added_tokens() {
    if (const auto* list = file_.if_contains("added_tokens"); !absent(list)) {
      auto added = read_added_tokens(*list, name_);
      if (!added) return added.error();
      data_->added = std::move(*added);
    }
    std::unordered_map<std::string, size_t> places;
    for (size_t i = 0; i < data_->added.size(); ++i) places.emplace(data_->added[i].content, i);
    for (const AddedToken& t : more_) {
      const auto [place, is_new] = places.emplace(t.content, data_->added.size());
      if (is_new) data_->added.emplace_back().id = -1;
      AddedToken& same = data_->added[place->second];
      config_tells_ |= is_new || !same.same_flags(t);
      const int32_t id = same.id;
      same = t;
      same.id = id;
    }
    return {};
  }

  Status merges() {
    if (unigram_ || data_->words) return {};
    const auto* v = model_->if_contains("merges");
    if (!v) return fail("model: \"merges\" is missing.");
    if (!v->is_array()) return wrong_kind(at("model"), "merges", "an array", *v);
    std::string joined;
    for (size_t i = 0; i < v->get_array().size(); ++i) {
      std::string_view left, right;
      if (const auto& m = v->get_array()[i]; m.is_string()) {
        const std::string_view text = m.get_string();
        if (text.starts_with("#version")) continue;
        const size_t space = text.find(' ');
        if (space == std::string_view::npos || text.find(' ', space + 1) != std::string_view::npos)
          return fail("model.merges[{}]: {} is not two tokens with one space between.", i, in_quotes(text));
        left = text.substr(0, space), right = text.substr(space + 1);
      } else if (m.is_array() && m.get_array().size() == 2 && m.get_array()[0].is_string() &&
                 m.get_array()[1].is_string()) {
        left = m.get_array()[0].get_string(), right = m.get_array()[1].get_string();
      } else {
        return fail("model.merges[{}] is {}; expected \"left right\" or [\"left\", \"right\"].", i, json_kind_name(m));
      }
      // A token that continues a word loses its prefix behind another.
      joined.assign(left).append(right.substr(std::min(right.size(), data_->affixes.prefix.size())));
      Merge merge{};
      for (const auto& [token, id] :
           {std::pair<std::string_view, int32_t*>{left, &merge.left}, {right, &merge.right}, {joined, &merge.result}}) {
        const auto found = id_of(token);
        if (token.empty() || !found) return fail("model.merges[{}]: {} is not in model.vocab.", i, in_quotes(token));
        *id = *found;
      }
      data_->plain_differs |= data_->is_added[static_cast<size_t>(merge.result)];
      data_->merges.push_back(merge);
    }
    data_->merge_table = MergeTable(data_->merges);
    return {};
  }

  // The tokens of single bytes and the one for what has none.
  Status bytes() {
    const bool characters = data_->alphabet == Alphabet::characters;
    for (int b = 0; b < 256; ++b) {
      const char byte = static_cast<char>(static_cast<unsigned char>(b));
      const auto id = id_of(characters ? fmt::format("<0x{:02X}>", b) : bytes_to_token({&byte, 1}));
      data_->byte_token[static_cast<size_t>(b)] = id.value_or(-1);
    }
    data_->byte_piece.fill(-1);
    if (!characters && !data_->words && data_->affixes.empty()) data_->byte_piece = data_->byte_token;
    constexpr size_t kBasicPlane = 0x10000;
    if (characters) data_->character_token.assign(kBasicPlane, -1);
    for (const auto& [token, id] : ids_) {
      if (!characters || !unicode::is_one_character(token)) continue;
      const char32_t c = unicode::decode_valid(token.data()).c;
      if (c < kBasicPlane) data_->character_token[c] = id;
    }
    if (unigram_) return unknown_id();
    const auto* unk = model_->if_contains("unk_token");
    if (absent(unk) && !data_->words) return {};
    if (absent(unk)) return fail("model: \"unk_token\" is missing.");
    if (!unk->is_string()) return wrong_kind(at("model"), "unk_token", "a string or null", *unk);
    const auto id = id_of(unk->get_string());
    if (!id) return fail("model: \"unk_token\" {} is not in model.vocab.", in_quotes(unk->get_string()));
    data_->unk = *id;
    return {};
  }

  Status unknown_id() {
    const auto* unk = model_->if_contains("unk_id");
    if (absent(unk)) return {};
    const auto id = id_value(*unk, at("model: \"unk_id\""));
    if (!id) return id.error();
    if (*id < 0 || *id >= static_cast<int64_t>(ids_.size()))
      return fail("model: \"unk_id\" {} is outside the vocabulary of {}.", *id, ids_.size());
    data_->unk = static_cast<int32_t>(*id);
    return {};
  }

  std::optional<int32_t> id_of(std::string_view token) const {
    const auto found = ids_.find(std::string(token));
    return found == ids_.end() ? std::nullopt : std::optional<int32_t>(found->second);
  }

  Status normalizer() {
    const auto* v = file_.if_contains("normalizer");
    auto normalizer = Normalizer::from_json(v ? *v : json::value(), at("normalizer"));
    if (!normalizer) return normalizer.error();
    data_->normalizer = std::move(*normalizer);
    return {};
  }

  // Special tokens before others: of equal patterns the first counts.
  Status matchers() {
    for (const bool normalized : {false, true}) {
      std::vector<AddedToken> tokens;
      std::vector<std::string> patterns;
      for (const bool special : {true, false})
        for (const AddedToken& t : data_->added) {
          if (t.special != special || t.normalized != normalized) continue;
          tokens.push_back(t);
          std::string owner;
          patterns.emplace_back(normalized ? data_->normalizer.run(t.content, owner) : t.content);
        }
      (normalized ? data_->normalized_matcher : data_->raw_matcher) =
          AddedTokenMatcher(std::move(tokens), std::move(patterns));
    }
    return {};
  }

  Status pre_tokenizer() {
    const auto* v = file_.if_contains("pre_tokenizer");
    auto p = PreTokenizer::from_json(v ? *v : json::value(), at("pre_tokenizer"));
    if (!p) return p.error();
    data_->pre_tokenizer = std::move(*p);
    return {};
  }

  Status post_processor() {
    const auto* v = file_.if_contains("post_processor");
    auto around = v ? read_post_processor(*v, at("post_processor"), data_->vocabulary.size()) : AroundText{};
    if (!around) return around.error();
    data_->prefix = std::move(around->prefix);
    data_->suffix = std::move(around->suffix);
    return {};
  }

  // ByteLevel cuts into bytes and puts them together again: a file has it in both places or in none.
  Status decoder() {
    const auto* v = file_.if_contains("decoder");
    const PreTokenizer& before = data_->pre_tokenizer;
    if (absent(v) && before.byte_level()) return fail("\"decoder\" is missing.");
    if (!absent(v) && !v->is_object()) return wrong_kind(name_, "decoder", "an object", *v);
    auto decoder = Decoder::from_json(v ? *v : json::value(), at("decoder"));
    if (!decoder) return decoder.error();
    if (before.byte_level() && !decoder->byte_level())
      return fail("pre_tokenizer: \"type\" \"ByteLevel\" is not supported before a decoder that is not ByteLevel.");
    if (decoder->byte_level() && !before.byte_level()) {
      if (const auto* p = file_.if_contains("pre_tokenizer"); absent(p))
        return fail("pre_tokenizer is null; a decoder ByteLevel needs a pre-tokenizer ByteLevel.");
      if (before.last_type().empty())
        return fail("pre_tokenizer: \"pretokenizers\" is empty; a decoder ByteLevel needs a ByteLevel among them.");
      return fail(
          "pre_tokenizer: \"type\" {} is not supported as the last before a decoder ByteLevel where no ByteLevel "
          "is among them.",
          in_quotes(before.last_type()));
    }
    data_->alphabet = before.byte_level() ? Alphabet::bytes : Alphabet::characters;
    if (data_->alphabet == Alphabet::bytes && (unigram_ || data_->byte_fallback))
      return fail("decoder: ByteLevel with {} is not supported.", unigram_ ? "Unigram" : "\"byte_fallback\"");
    data_->decoder = std::move(*decoder);
    return {};
  }

  void shell() {
    for (const auto& [key, value] : file_) {
      if (key != "model") {
        data_->shell.emplace(key, value);
        if (key == "added_tokens" && config_tells_) data_->shell[key] = written_added_tokens(data_->added);
        continue;
      }
      json::object m;
      for (const auto& [k, v] : *model_) m.emplace(k, k == "vocab" || k == "merges" ? json::value() : v);
      data_->shell.emplace(key, std::move(m));
    }
    if (config_tells_ && !data_->shell.contains("added_tokens"))
      data_->shell["added_tokens"] = written_added_tokens(data_->added);
  }

  const json::object& file_;
  std::string name_;
  const json::object* model_ = nullptr;
  bool unigram_ = false;
  std::vector<double> scores_;  // Unigram
  std::span<const AddedToken> more_;
  bool config_tells_ = false;                     // tokenizer_config.json changes the added tokens
  std::unordered_map<std::string, int32_t> ids_;  // of model.vocab
  std::shared_ptr<TokenizerData> data_ = std::make_shared<TokenizerData>();
};

bool is_unigram(const json::object& file) {
  const auto* model = file.if_contains("model");
  const auto* type = model && model->is_object() ? model->get_object().if_contains("type") : nullptr;
  return type && type->is_string() && type->get_string() == "Unigram";
}

}  // namespace

Result<std::shared_ptr<TokenizerData>> build_tokenizer(const json::object& file, const std::string& name) {
  return Loader(file, name, {}, {}).load();
}

Result<Tokenizer> Tokenizer::from_json(std::string_view text, std::string_view name) {
  return from_json(text, name, {}, {});
}

Result<Tokenizer> Tokenizer::from_json(std::string_view text, std::string_view name, std::string_view config,
                                       std::string_view config_name) {
  try {
    json::monotonic_resource memory;
    auto parsed = parse_json(text, std::string(name), &memory);
    if (!parsed) return parsed.error();
    if (!parsed->is_object()) return Error{fmt::format("{}: {}; expected an object.", name, json_kind_name(*parsed))};
    std::vector<AddedToken> more;
    if (!config.empty()) {
      auto read = read_config_tokens(config, std::string(config_name));
      if (!read) return read.error();
      more = std::move(*read);
    }
    std::vector<double> scores;
    if (is_unigram(parsed->get_object())) scores = exact_scores(text);
    auto data = Loader(parsed->get_object(), std::string(name), std::move(scores), more).load();
    if (!data) return data.error();
    return Tokenizer(std::move(*data));
  } catch (const std::length_error&) {  // Boost.JSON: a string or container above its size limit
    return Error{fmt::format("{}: a string or list is too long.", name)};
  }
}

}  // namespace jamsu::tokenizer
