#include "tokenizer/bpe_train.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "tokenizer/added_tokens.h"
#include "tokenizer/bpe.h"
#include "tokenizer/pretokenizer.h"
#include "unicode/unicode.h"
#include "unicode/utf8.h"

namespace jamsu::tokenizer {
namespace {

namespace json = boost::json;

struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view s) const { return std::hash<std::string_view>()(s); }
};
using PieceCounts = std::unordered_map<std::string, int64_t, StringHash, std::equal_to<>>;

// The pipeline around the model, as it will stand in the file.
json::object pipeline(const BpeTrainOptions& options) {
  const json::object byte_level = {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", false}};
  json::array added;
  for (const NewToken& t : options.added_tokens)
    added.push_back({{"id", static_cast<int64_t>(added.size())},
                     {"content", t.text},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", t.special}});
  const json::object split = {
      {"type", "Split"}, {"pattern", {{"Regex", options.pattern}}}, {"behavior", "Isolated"}, {"invert", false}};
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", std::move(added)},
          {"normalizer", {{"type", "NFC"}}},  // text typed on some systems comes decomposed (NFD), Korean above all
          {"pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", json::array{split, byte_level}}}},
          {"post_processor", byte_level},
          {"decoder", byte_level},
          {"model", nullptr}};
}

PieceCounts count_pieces(NextDocument next, const BpeTrainOptions& options, const PreTokenizer& pre_tokenizer) {
  std::vector<AddedToken> tokens;
  std::vector<std::string> patterns;
  for (const NewToken& t : options.added_tokens) {
    tokens.push_back({.content = std::string(t.text)});
    patterns.emplace_back(t.text);
  }
  const AddedTokenMatcher matcher(std::move(tokens), std::move(patterns));
  PieceCounts counts;
  const auto add = [&counts](std::string_view piece) {
    if (const auto it = counts.find(piece); it != counts.end()) {
      ++it->second;
    } else {
      counts.emplace(piece, 1);
    }
  };
  for (std::string document; next(document);) {
    if (!unicode::is_valid_utf8(document)) document = unicode::to_valid_utf8(document);
    matcher.split(
        document, [&](std::string_view text) { pre_tokenizer.run(unicode::to_nfc(text), false, add); }, [](int32_t) {});
  }
  return counts;
}

// A part of one character, or whole characters.
bool keeps_characters_whole(std::string_view bytes) {
  if (unicode::is_valid_utf8(bytes)) return true;
  size_t leads = 0;
  for (const char b : bytes) leads += !unicode::is_utf8_continuation(b);
  return leads == 0 || (leads == 1 && !unicode::is_utf8_continuation(bytes[0]) &&
                        unicode::utf8_step(bytes).kind == unicode::Utf8Step::incomplete);
}

class Trainer {
 public:
  Trainer(const PieceCounts& pieces, const BpeTrainOptions& options) : options_(options) {
    for (int b = 0; b < 256; ++b) tokens_.emplace_back(1, static_cast<char>(static_cast<unsigned char>(b)));
    for (const auto& [piece, count] : pieces) {
      if (piece.size() < 2) continue;
      Word word{.symbols = {}, .count = count};
      for (const char b : piece) word.symbols.push_back(static_cast<unsigned char>(b));
      const auto index = static_cast<uint32_t>(words_.size());
      for (size_t i = 0; i + 1 < word.symbols.size(); ++i) change(word.symbols[i], word.symbols[i + 1], count, index);
      words_.push_back(std::move(word));
    }
    push_changed();
    for (const std::string& t : tokens_) written_.insert(bytes_to_token(t));
    for (const NewToken& t : options.added_tokens) written_.emplace(t.text);
  }

  // Makes one more token; false when no pair is left that may merge.
  bool step() {
    while (!heap_.empty()) {
      const Candidate top = heap_.front();
      std::pop_heap(heap_.begin(), heap_.end(), Later{this});
      heap_.pop_back();
      Pair& pair = pairs_.at(top.key);
      if (pair.count != top.count) {  // out of date: its count fell since
        push(top.key, pair.count);
        continue;
      }
      // "ab" + "c" after "a" + "bc": the token is there already, and a second way to it would not fill the vocabulary.
      if (!written_.insert(bytes_to_token(tokens_[left_of(top.key)] + tokens_[right_of(top.key)])).second) continue;
      merge(top.key, pair);
      return true;
    }
    return false;
  }

  const std::vector<std::string>& tokens() const { return tokens_; }  // bytes; the first 256 are the single ones
  const std::vector<std::pair<uint32_t, uint32_t>>& merges() const { return merges_; }

 private:
  struct Word {
    std::vector<uint32_t> symbols;
    int64_t count;
  };
  struct Pair {
    int64_t count = 0;
    std::vector<uint32_t> words;  // where it stood at some time; with repetitions
    bool allowed = true, changed = false;
  };
  struct Candidate {
    int64_t count;
    uint64_t key;
  };
  static uint32_t left_of(uint64_t key) { return static_cast<uint32_t>(key >> 32); }
  static uint32_t right_of(uint64_t key) { return static_cast<uint32_t>(key); }
  struct Later {
    const Trainer* trainer;
    bool operator()(const Candidate& a, const Candidate& b) const {
      if (a.count != b.count) return a.count < b.count;
      const auto& t = trainer->tokens_;
      if (const int c = t[left_of(a.key)].compare(t[left_of(b.key)]); c != 0) return c > 0;
      return t[right_of(a.key)] > t[right_of(b.key)];
    }
  };

  void change(uint32_t left, uint32_t right, int64_t by, uint32_t word) {
    const uint64_t key = static_cast<uint64_t>(left) << 32 | right;
    auto [it, is_new] = pairs_.try_emplace(key);
    Pair& pair = it->second;
    if (is_new) pair.allowed = allowed(left, right);
    if (!pair.allowed) return;
    pair.count += by;
    if (by <= 0) return;  // the heap finds out by itself
    if (pair.words.empty() || pair.words.back() != word) pair.words.push_back(word);
    if (!pair.changed) changed_.push_back(key);
    pair.changed = true;
  }

  bool allowed(uint32_t left, uint32_t right) const {
    const std::string bytes = tokens_[left] + tokens_[right];
    if (bytes.size() > static_cast<size_t>(options_.max_token_bytes)) return false;
    return !options_.whole_characters || keeps_characters_whole(bytes);
  }

  void push(uint64_t key, int64_t count) {
    if (count < options_.min_count) return;
    heap_.push_back({count, key});
    std::push_heap(heap_.begin(), heap_.end(), Later{this});
  }
  void push_changed() {
    for (const uint64_t key : changed_) {
      Pair& pair = pairs_.at(key);
      pair.changed = false;
      push(key, pair.count);
    }
    changed_.clear();
  }

  void merge(uint64_t key, Pair& pair) {
    const uint32_t left = left_of(key), right = right_of(key), made = static_cast<uint32_t>(tokens_.size());
    tokens_.push_back(tokens_[left] + tokens_[right]);
    merges_.emplace_back(left, right);
    std::vector<uint32_t> where = std::move(pair.words);
    // It never comes up again: later neighbours of this kind are made of other symbols, or of none.
    pair.allowed = false;
    pair.count = 0;
    std::sort(where.begin(), where.end());
    where.erase(std::unique(where.begin(), where.end()), where.end());
    for (const uint32_t index : where) merge_in(index, left, right, made);
    push_changed();
  }

  void merge_in(uint32_t index, uint32_t left, uint32_t right, uint32_t made) {
    auto& symbols = words_[index].symbols;
    const int64_t count = words_[index].count;
    size_t kept = 0;
    for (size_t i = 0; i < symbols.size(); ++kept) {
      if (i + 1 == symbols.size() || symbols[i] != left || symbols[i + 1] != right) {
        symbols[kept] = symbols[i++];
        continue;
      }
      if (kept > 0) {
        change(symbols[kept - 1], left, -count, index);
        change(symbols[kept - 1], made, count, index);
      }
      if (i + 2 < symbols.size()) {
        change(right, symbols[i + 2], -count, index);
        change(made, symbols[i + 2], count, index);
      }
      symbols[kept] = made;
      i += 2;
    }
    symbols.resize(kept);
  }

  const BpeTrainOptions& options_;
  std::vector<std::string> tokens_;
  std::unordered_set<std::string> written_;  // every token as it will stand in the file, added ones too
  std::vector<std::pair<uint32_t, uint32_t>> merges_;
  std::vector<Word> words_;
  std::unordered_map<uint64_t, Pair> pairs_;
  std::vector<Candidate> heap_;
  std::vector<uint64_t> changed_;
};

Status check(const BpeTrainOptions& options) {
  constexpr int32_t kMaxVocab = 1 << 20;
  const auto least = static_cast<int32_t>(256 + options.added_tokens.size());
  if (options.vocab_size < least || options.vocab_size > kMaxVocab)
    return Error{fmt::format("vocab_size = {}: expected {} (the bytes and {} added tokens) to {}.", options.vocab_size,
                             least, options.added_tokens.size(), kMaxVocab)};
  if (options.min_count < 1) return Error{fmt::format("min_count = {}: expected at least 1.", options.min_count)};
  if (options.max_token_bytes < 2)
    return Error{fmt::format("max_token_bytes = {}: expected at least 2.", options.max_token_bytes)};
  for (size_t i = 0; i < options.added_tokens.size(); ++i) {
    const auto text = options.added_tokens[i].text;
    // One character may be a byte's name.
    if (text.empty() || !unicode::is_valid_utf8(text) || unicode::utf8_step(text).bytes == text.size())
      return Error{fmt::format("added token {}: expected valid UTF-8 of at least two characters.", i)};
    for (size_t k = 0; k < i; ++k)
      if (options.added_tokens[k].text == text) return Error{fmt::format("added token \"{}\" is given twice.", text)};
  }
  return {};
}

json::object model_json(const Trainer& trainer, const BpeTrainOptions& options) {
  json::object vocab;
  json::array merges;
  const auto written = [&](uint32_t token) { return bytes_to_token(trainer.tokens()[token]); };
  for (const NewToken& t : options.added_tokens) vocab.emplace(t.text, static_cast<int64_t>(vocab.size()));
  for (uint32_t t = 0; t < trainer.tokens().size(); ++t) vocab.emplace(written(t), static_cast<int64_t>(vocab.size()));
  for (const auto& [left, right] : trainer.merges()) merges.emplace_back(written(left) + " " + written(right));
  return {{"type", "BPE"},
          {"dropout", nullptr},
          {"unk_token", nullptr},
          {"continuing_subword_prefix", nullptr},
          {"end_of_word_suffix", nullptr},
          {"fuse_unk", false},
          {"byte_fallback", false},
          {"ignore_merges", false},
          {"vocab", std::move(vocab)},
          {"merges", std::move(merges)}};
}

}  // namespace

Result<Tokenizer> train_bpe(NextDocument next, const BpeTrainOptions& options) {
  if (Status s = check(options); !s) return s.error();
  json::object file = pipeline(options);
  const auto pre_tokenizer = PreTokenizer::from_json(file.at("pre_tokenizer"), "pre_tokenizer");
  if (!pre_tokenizer) return pre_tokenizer.error();
  Trainer trainer(count_pieces(next, options, *pre_tokenizer), options);
  const auto wanted = static_cast<size_t>(options.vocab_size) - options.added_tokens.size();
  while (trainer.tokens().size() < wanted) {
    if (trainer.step()) continue;
    if (options.may_be_smaller) break;
    return Error{
        fmt::format("vocab_size = {}: the text has pairs for {} tokens only; give more text, or a smaller vocabulary.",
                    options.vocab_size, trainer.tokens().size() + options.added_tokens.size())};
  }
  file["model"] = model_json(trainer, options);
  return Tokenizer::from_json(json::serialize(file), "trained tokenizer");
}

}  // namespace jamsu::tokenizer
