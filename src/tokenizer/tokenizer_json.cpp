// tokenizer.json -> TokenizerData. Every message names file and field.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <charconv>
#include <unordered_map>

#include "base/files.h"
#include "base/json_doubles.h"
#include "tokenizer/decoder_field.h"
#include "tokenizer/json_fields.h"
#include "tokenizer/post_processor.h"
#include "tokenizer/tiktoken.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/tokenizer_data.h"
#include "tokenizer/unigram_scores.h"
#include "unicode/utf8.h"

namespace jamsu::tokenizer {
namespace {

namespace json = boost::json;

// Unigram takes 17 bytes of memory for each; 250,000 tokens have 2 MiB.
constexpr size_t kMaxScoredBytes = size_t{1} << 24;
constexpr int64_t kMaxFileBytes = int64_t{256} << 20;
constexpr size_t kMaxDepth = 32;

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
  // `scores`: the numbers of a Unigram's vocabulary, exactly.
  Loader(const json::object& file, std::string name, std::vector<double> scores)
      : file_(file), name_(std::move(name)), scores_(std::move(scores)) {}

  Result<std::shared_ptr<TokenizerData>> load() {
    for (const auto step :
         {&Loader::model, &Loader::decoder, &Loader::pre_tokenizer, &Loader::vocabulary, &Loader::merges,
          &Loader::bytes, &Loader::normalizer, &Loader::matchers, &Loader::post_processor})
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
    if (model_->contains("type") || !model_->contains("merges")) {
      const auto type = string_field(*model_, "type", at("model"));
      if (!type) return type.error();
      unigram_ = *type == "Unigram";
      if (*type != "BPE" && !unigram_)
        return fail("model: \"type\" {} is not supported; BPE and Unigram are.", in_quotes(*type));
    }
    for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
      const auto* v = model_->if_contains(key);
      if (absent(v)) continue;
      if (!v->is_string()) return wrong_kind(at("model"), key, "a string or null", *v);
      if (!v->get_string().empty())
        return fail("model: \"{}\" {} is not supported; only an empty one is.", key, in_quotes(v->get_string()));
    }
    if (const auto* v = model_->if_contains("dropout"); !absent(v)) {
      if (!v->is_number()) return wrong_kind(at("model"), "dropout", "a number or null", *v);
      if (v->to_number<double>() != 0)
        return fail("model: \"dropout\" is not supported; the same text has to give the same ids.");
    }
    const auto byte_fallback = bool_field(*model_, "byte_fallback", false, at("model"));
    if (!byte_fallback) return byte_fallback.error();
    data_->byte_fallback = *byte_fallback;
    const auto fuse = bool_field(*model_, "fuse_unk", false, at("model"));
    if (!fuse) return fuse.error();
    data_->fuse_unk = *fuse;
    const auto ignore = bool_field(*model_, "ignore_merges", false, at("model"));
    if (!ignore) return ignore.error();
    data_->ignore_merges = *ignore;
    return {};
  }

  Status vocabulary() {
    const auto* v = model_->if_contains("vocab");
    if (!v) return fail("model: \"vocab\" is missing.");
    std::vector<std::string> tokens;
    if (Status s = unigram_ ? scored_tokens(*v, tokens) : numbered_tokens(*v, tokens); !s) return s;
    if (tokens.empty()) return fail("model: \"vocab\" is empty.");
    for (size_t id = 0; id < tokens.size(); ++id)
      if (!ids_.emplace(tokens[id], static_cast<int32_t>(id)).second)
        return fail("model.vocab: {} stands twice.", in_quotes(tokens[id]));
    data_->model_size = static_cast<int32_t>(tokens.size());
    if (Status s = added_tokens(); !s) return s;
    if (Status s = number_added_tokens(tokens); !s) return s;
    data_->is_added = std::make_unique<bool[]>(tokens.size());
    data_->is_special = std::make_unique<bool[]>(tokens.size());
    std::vector<std::string> meanings;
    for (const std::string& token : tokens) meanings.push_back(meaning(token));
    data_->vocabulary = Vocabulary(std::move(tokens), std::move(meanings));
    if (unigram_) data_->unigram = Unigram(std::move(scores_), data_->vocabulary);
    for (const AddedToken& t : data_->added) {
      data_->is_added[static_cast<size_t>(t.id)] = true;
      data_->is_special[static_cast<size_t>(t.id)] = t.special;
      data_->plain_differs |= (data_->ignore_merges || unigram_) && !t.outside_model;
    }
    return {};
  }

  // What a token stands for inside a text.
  std::string meaning(const std::string& token) {
    if (data_->alphabet == Alphabet::bytes) return token_to_bytes(token);
    const CharacterDecoder& decoder = data_->decoder;
    int byte = -1;
    if (decoder.byte_fallback && token.size() == 6 && token.starts_with("<0x") && token.ends_with('>')) {
      const auto [end, error] = std::from_chars(token.data() + 3, token.data() + 5, byte, 16);
      if (error != std::errc() || end != token.data() + 5) byte = -1;
    }
    data_->byte_value.push_back(static_cast<int16_t>(byte));
    if (byte >= 0) return std::string(1, static_cast<char>(static_cast<unsigned char>(byte)));
    // A file may have a token of a million marks: each byte is looked at once.
    std::string text;
    size_t at = 0;
    for (size_t mark; (mark = token.find(decoder.mark, at)) != std::string::npos; at = mark + decoder.mark.size())
      text.append(token, at, mark - at) += ' ';
    return text.append(token, at);
  }

  // Unigram: [[token, score], ...] by id.
  Status scored_tokens(const json::value& v, std::vector<std::string>& tokens) {
    if (!v.is_array()) return wrong_kind(at("model"), "vocab", "an array of [token, score]", v);
    if (scores_.size() != v.get_array().size()) return fail("model.vocab: an entry is not [token, score].");
    size_t bytes = 0;
    for (const json::value& pair : v.get_array()) {
      const size_t id = tokens.size();
      if (!pair.is_array() || pair.get_array().size() != 2 || !pair.get_array()[0].is_string() ||
          !pair.get_array()[1].is_number())
        return fail("model.vocab[{}] is not [token, score].", id);
      const std::string_view token = pair.get_array()[0].get_string();
      if (token.empty()) return fail("model.vocab[{}]: the token is empty.", id);
      bytes += token.size();
      if (bytes > kMaxScoredBytes)
        return fail("model.vocab[{}]: the tokens up to here have more than {} bytes.", id, kMaxScoredBytes);
      tokens.emplace_back(token);
    }
    const auto* unk = model_->if_contains("unk_id");
    if (!absent(unk) && !tokens.empty()) {
      const auto id = id_value(*unk, at("model: \"unk_id\""));
      if (!id) return id.error();
      if (*id < 0 || *id >= static_cast<int64_t>(tokens.size()))
        return fail("model: \"unk_id\" {} is outside the vocabulary of {}.", *id, tokens.size());
      data_->unk = static_cast<int32_t>(*id);
    }
    return {};
  }

  // BPE: {token: id, ...}.
  Status numbered_tokens(const json::value& v, std::vector<std::string>& tokens) {
    if (!v.is_object()) return wrong_kind(at("model"), "vocab", "an object (token to id)", v);
    const auto& vocab = v.get_object();
    const auto size = static_cast<int64_t>(vocab.size());
    tokens.resize(vocab.size());
    std::vector<bool> taken(vocab.size());
    for (const auto& [token, value] : vocab) {
      if (!value.is_int64() || value.get_int64() < 0 || value.get_int64() >= size)
        return fail(
            "model.vocab: the id of {} is {}; the ids of {} tokens are the whole numbers 0 to {}, without holes.",
            in_quotes(token), value.is_number() ? json::serialize(value) : std::string(json_kind_name(value)), size,
            size - 1);
      const auto id = static_cast<size_t>(value.get_int64());
      if (taken[id])
        return fail("model.vocab: {} and {} both have id {}.", in_quotes(tokens[id]), in_quotes(token), id);
      tokens[id] = token;
      taken[id] = true;
    }
    return {};
  }

  std::optional<int32_t> id_of(std::string_view token) const {
    const auto found = ids_.find(std::string(token));
    return found == ids_.end() ? std::nullopt : std::optional<int32_t>(found->second);
  }

  // `tokenizers` gives a token that the model has the model's id, and counts the others up from the size of the model's
  // vocabulary in the order of the file, whatever ids the file says. What the file says has to fit that order.
  Status number_added_tokens(std::vector<std::string>& tokens) {
    const auto size = static_cast<int64_t>(tokens.size());
    auto claimed = size, next = size;
    for (size_t i = 0; i < data_->added.size(); ++i) {
      AddedToken& t = data_->added[i];
      const std::string where = at(fmt::format("added_tokens[{}]", i));
      const auto in_vocab = id_of(t.content);
      if (t.id >= size && t.id != claimed++)
        return Error{
            fmt::format("{}: id {} of {}; expected {}: added tokens follow the vocabulary in the order of their ids, "
                        "without holes.",
                        where, t.id, in_quotes(t.content), claimed - 1)};
      if (t.id < size && in_vocab != t.id)
        return Error{fmt::format("{}: id {} of {} belongs to {} in model.vocab.", where, t.id, in_quotes(t.content),
                                 in_quotes(tokens[static_cast<size_t>(t.id)]))};
      t.outside_model = !in_vocab;
      t.id = static_cast<int32_t>(in_vocab ? *in_vocab : next++);
      if (!in_vocab) tokens.push_back(t.content);
    }
    return {};
  }

  Status added_tokens() {
    const auto* list = file_.if_contains("added_tokens");
    if (absent(list)) return {};
    auto added = read_added_tokens(*list, name_);
    if (!added) return added.error();
    data_->added = std::move(*added);
    return {};
  }

  Status merges() {
    if (unigram_) return {};
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
      joined.assign(left).append(right);
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

  // The tokens of single bytes and the one for bytes without.
  Status bytes() {
    for (int b = 0; b < 256; ++b) {
      const char byte = static_cast<char>(static_cast<unsigned char>(b));
      const bool characters = data_->alphabet == Alphabet::characters;
      const auto id = id_of(characters ? fmt::format("<0x{:02X}>", b) : bytes_to_token({&byte, 1}));
      data_->byte_token[static_cast<size_t>(b)] = id.value_or(-1);
    }
    if (unigram_) return {};
    const auto* unk = model_->if_contains("unk_token");
    if (absent(unk)) return {};
    if (!unk->is_string()) return wrong_kind(at("model"), "unk_token", "a string or null", *unk);
    const auto id = id_of(unk->get_string());
    if (!id) return fail("model: \"unk_token\" {} is not in model.vocab.", in_quotes(unk->get_string()));
    data_->unk = *id;
    return {};
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
    auto p = PreTokenizer::from_json(v ? *v : json::value(), at("pre_tokenizer"), data_->alphabet);
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

  Status decoder() {
    const auto* v = file_.if_contains("decoder");
    if (absent(v)) return fail("\"decoder\" is missing.");
    if (!v->is_object()) return wrong_kind(name_, "decoder", "an object", *v);
    auto decoder = read_decoder(v->get_object(), at("decoder"));
    if (!decoder) return decoder.error();
    if (decoder->alphabet == Alphabet::bytes && (unigram_ || data_->byte_fallback))
      return fail("decoder: ByteLevel with {} is not supported.", unigram_ ? "Unigram" : "\"byte_fallback\"");
    data_->alphabet = decoder->alphabet;
    data_->decoder = std::move(decoder->characters);
    return {};
  }

  void shell() {
    for (const auto& [key, value] : file_) {
      if (key != "model") {
        data_->shell.emplace(key, value);
        continue;
      }
      json::object m;
      for (const auto& [k, v] : *model_) m.emplace(k, k == "vocab" || k == "merges" ? json::value() : v);
      data_->shell.emplace(key, std::move(m));
    }
  }

  const json::object& file_;
  std::string name_;
  const json::object* model_ = nullptr;
  bool unigram_ = false;
  std::vector<double> scores_;                    // Unigram
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
  return Loader(file, name, {}).load();
}

Result<Tokenizer> Tokenizer::from_json(std::string_view text, std::string_view name) {
  try {
    json::monotonic_resource memory;
    auto parsed = parse_json(text, std::string(name), &memory);
    if (!parsed) return parsed.error();
    if (!parsed->is_object()) return Error{fmt::format("{}: {}; expected an object.", name, json_kind_name(*parsed))};
    std::vector<double> scores;
    if (is_unigram(parsed->get_object())) scores = exact_scores(text);
    auto data = Loader(parsed->get_object(), std::string(name), std::move(scores)).load();
    if (!data) return data.error();
    return Tokenizer(std::move(*data));
  } catch (const std::length_error&) {  // Boost.JSON: a string or container above its size limit
    return Error{fmt::format("{}: a string or list is too long.", name)};
  }
}

Result<Tokenizer> Tokenizer::load(const std::filesystem::path& file_or_folder) {
  std::error_code ignored;
  const bool folder = std::filesystem::is_directory(file_or_folder, ignored);
  const auto file = folder ? file_or_folder / "tokenizer.json" : file_or_folder;
  const auto tiktoken = file_or_folder / "tiktoken.model", config = file_or_folder / "tokenizer_config.json";
  if (folder && !std::filesystem::exists(file, ignored) && std::filesystem::exists(tiktoken, ignored)) {
    const auto ranks = read_file(tiktoken.string(), kMaxFileBytes);
    if (!ranks) return ranks.error();
    const auto fields = read_file(config.string(), kMaxFileBytes);
    if (!fields) return fields.error();
    return read_tiktoken(*ranks, tiktoken.string(), *fields, config.string());
  }
  auto text = read_file(file.string(), kMaxFileBytes);
  if (!text) return text.error();
  return from_json(*text, file.string());
}

}  // namespace jamsu::tokenizer
