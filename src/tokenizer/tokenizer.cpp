#include "tokenizer/tokenizer.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <set>
#include <utility>

#include "base/check.h"
#include "tokenizer/tokenizer_data.h"
#include "unicode/utf8.h"

namespace jamsu::tokenizer {

uint64_t hash_bytes(std::string_view s) {
  uint64_t h = 0x9E3779B97F4A7C15ULL ^ s.size();
  const auto mix = [&h](uint64_t word) {
    h = (h ^ word) * 0xBF58476D1CE4E5B9ULL;
    h ^= h >> 32;
  };
  size_t i = 0;
  for (; i + 8 <= s.size(); i += 8) {
    uint64_t word = 0;
    std::memcpy(&word, s.data() + i, 8);
    mix(word);
  }
  uint64_t rest = 0;
  std::memcpy(&rest, s.data() + i, s.size() - i);
  mix(rest);
  return h;
}

namespace {

// Collects ids in a small buffer, so that the vector is asked for room rarely.
class Output {
 public:
  explicit Output(std::vector<int32_t>& ids) : ids_(ids) {}
  void add(int32_t id) {
    if (count_ == kRoom) flush();
    buffer_[count_++] = id;
  }
  void add(const std::vector<int32_t>& more) {
    if (count_ + more.size() > kRoom) flush();
    if (more.size() > kRoom) {
      ids_.insert(ids_.end(), more.begin(), more.end());
    } else {
      std::copy(more.begin(), more.end(), next());
      count_ += more.size();
    }
  }
  // The first `count` of them; all are copied.
  template <size_t N>
  void add(const std::array<int32_t, N>& more, size_t count) {
    if (count_ + N > kRoom) flush();
    std::copy(more.begin(), more.end(), next());
    count_ += count;
  }
  // The ids so far, to which more may be appended.
  std::vector<int32_t>& flushed() {
    flush();
    return ids_;
  }
  void flush() {
    ids_.insert(ids_.end(), buffer_.data(), next());
    count_ = 0;
  }

 private:
  static constexpr size_t kRoom = 512;
  int32_t* next() { return buffer_.data() + count_; }
  std::vector<int32_t>& ids_;
  std::array<int32_t, kRoom> buffer_;
  size_t count_ = 0;
};

// One call of encode: what it may recognise, and where the ids go.
class Encoder {
 public:
  Encoder(const TokenizerData& data, bool plain, std::vector<int32_t>& ids)
      : data_(data), plain_(plain), cached_(!plain || !data.plain_differs), out_(ids), cache_(data.borrow_cache()) {}
  ~Encoder() { data_.return_cache(std::move(cache_)); }
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;

  void text(std::string_view raw, bool at_start) {
    if (plain_)
      normalized(raw, at_start);
    else
      data_.raw_matcher.split(
          raw, [&](std::string_view part) { normalized(part, part.data() == raw.data()); },
          [this](int32_t id) { add(id); });
    finish();
  }

  // Of an encoder of plain text.
  void template_text(std::string_view raw, bool at_start, Tokenizer::Show show) {
    const auto found = [this](int32_t id) { add(id); };
    const auto unnormalized = [&](std::string_view part) {
      bool first = at_start && part.data() == raw.data();
      if (data_.normalized_matcher.empty()) return normalized(keep(show(part, false)), first);
      std::string owner;
      const std::string_view normal = data_.normalizer.run(part, owner, &first);
      const auto plain = [&](std::string_view stretch) {
        cut_added(keep(show(stretch, true)), first && stretch.data() == normal.data());
      };
      data_.normalized_matcher.split(normal, plain, found);
    };
    data_.raw_matcher.split(raw, unnormalized, found);
    finish();
  }

 private:
  void finish() {
    resolve_waiting();
    out_.flush();
  }
  std::string_view keep(std::string text) {
    shown_ = std::move(text);
    return shown_;
  }
  void normalized(std::string_view part, bool at_start) {
    std::string owner;
    part = data_.normalizer.run(part, owner, &at_start);
    cut_added(part, at_start);
  }

  // A text that is normalized already.
  void cut_added(std::string_view part, bool at_start) {
    text_ = part;
    const auto cut = [&](std::string_view stretch) {
      data_.pre_tokenizer.run(stretch, at_start && stretch.data() == part.data(),
                              [this](std::string_view p) { piece(p); });
    };
    if (plain_ || data_.normalized_matcher.empty()) return cut(part);
    data_.normalized_matcher.split(part, cut, [this](int32_t id) { add(id); });
  }

  void piece(std::string_view p) {
    if (p.size() == 1) {
      if (const int32_t id = data_.byte_piece[static_cast<unsigned char>(p[0])]; id >= 0) return add(id);
    }
    if (cached_ && p.size() <= ShortPieces::kMaxBytes) {
      const auto key = ShortPieces::key_of(p, readable(p));
      return wait({key, &cache_->short_pieces.line_of(key), -1});
    }
    resolve_waiting();
    if (cached_ && p.size() <= LongPieces::kMaxBytes) return long_piece(p);
    merge(p, out_.flushed());
  }

  // Short pieces, and the ids between them, wait for a few more: the lines of the cache arrive meanwhile.
  struct Waiting {
    ShortPieces::Key key;
    ShortPieces::Line* line;  // null: an id stands here
    int32_t id;
  };
  void add(int32_t id) { wait({{}, nullptr, id}); }
  void wait(const Waiting& next) {
    waiting_[waiting_count_++] = next;
    if (waiting_count_ == waiting_.size()) resolve_waiting();
  }
  void resolve_waiting() {
    for (size_t i = 0; i < waiting_count_; ++i) {
      const Waiting& w = waiting_[i];
      if (!w.line)
        out_.add(w.id);
      else if (const auto* known = ShortPieces::find(*w.line, w.key))
        out_.add(known->ids, known->count());
      else
        unknown_piece(w);
    }
    waiting_count_ = 0;
  }
  void unknown_piece(const Waiting& w) {
    const std::string_view p = w.key.piece();
    auto& entry = cache_->long_pieces.entry(p);  // where it has many ids
    if (entry.is(p)) return out_.add(entry.ids, entry.count);
    const auto& made = merge_apart(p);
    out_.add(made);
    if (made.size() <= ShortPieces::kMaxIds)
      ShortPieces::insert(*w.line, w.key, made);
    else if (made.size() <= LongPieces::kMaxIds)
      LongPieces::put(entry, p, made);
  }
  void long_piece(std::string_view p) {
    auto& entry = cache_->long_pieces.entry(p);
    if (entry.is(p)) return out_.add(entry.ids, entry.count);
    const auto& made = merge_apart(p);
    out_.add(made);
    if (made.size() <= LongPieces::kMaxIds) LongPieces::put(entry, p, made);
  }
  // How many bytes may be read from a piece's first one on. It may lie outside the text.
  size_t readable(std::string_view p) const {
    const auto offset = reinterpret_cast<uintptr_t>(p.data()) - reinterpret_cast<uintptr_t>(text_.data());
    return offset < text_.size() ? text_.size() - offset : p.size();
  }

  const std::vector<int32_t>& merge_apart(std::string_view p) {
    cache_->ids.clear();
    merge(p, cache_->ids);
    return cache_->ids;
  }
  // Appends the ids of a piece.
  void merge(std::string_view p, std::vector<int32_t>& out) {
    const size_t first = out.size();
    made_ = &out;
    if (data_.unigram) return cut_unigram(p);
    if (data_.words) return cut_word(as_written(p));
    if (data_.ignore_merges && p.size() <= data_.vocabulary.longest())
      if (const int32_t whole = usable(as_written(p)); whole >= 0) return out.push_back(whole);
    const auto symbols = [&] {
      out.resize(first);
      first_symbols(p);
      return std::span(out).subspan(first);
    };
    auto count = merge_stretches(data_.merge_table, symbols(), blocked(), cache_->scratch);
    if (!count) count = merge_tokens(data_.merge_table, symbols(), blocked(), cache_->scratch);
    out.resize(first + *count);
  }

  std::span<const bool> blocked() const {
    const auto all = static_cast<size_t>(data_.vocabulary.size());
    return plain_ && data_.plain_differs ? std::span<const bool>(data_.is_added.get(), all) : std::span<const bool>();
  }

  // The piece as the vocabulary writes it.
  std::string_view as_written(std::string_view p) {
    if (data_.alphabet == Alphabet::characters) return p;
    written_ = bytes_to_token(p);
    return written_;
  }
  // The model's own token of this name, where it may come out; else -1.
  int32_t usable(std::string_view token) const {
    const int32_t id = of_model(token);
    return id >= 0 && plain_ && data_.is_added[static_cast<size_t>(id)] ? -1 : id;
  }
  int32_t of_character(std::string_view c) const {
    const char32_t at = unicode::decode_valid(c.data()).c;
    return at < data_.character_token.size() ? data_.character_token[at] : of_model(c);
  }
  int32_t of_model(std::string_view token) const {
    const auto id = data_.vocabulary.find(token);
    return id && !data_.is_outside[static_cast<size_t>(*id)] ? *id : -1;
  }

  // What merging begins with: the tokens of single bytes, or of single characters; where there is none, the bytes of
  // <0xNN>, or the unknown one. That waits until a known one follows: `tokenizers` lets bytes pass it.
  void first_symbols(std::string_view p) {
    unknown_waits_ = false;
    if (!data_.affixes.empty())
      of_affixed(as_written(p));
    else if (data_.alphabet == Alphabet::bytes)
      for (const char byte : p) symbol(data_.byte_token[static_cast<unsigned char>(byte)], {});
    else
      each_character(p, [this](std::string_view c, bool, bool) { symbol(of_character(c), c); });
    if (unknown_waits_) made_->push_back(data_.unk);
  }
  template <class F>
  static void each_character(std::string_view p, const F& on_character) {
    for (size_t i = 0; i < p.size();) {
      const size_t begin = i;
      i += unicode::decode_valid(p.data() + i).bytes;
      on_character(p.substr(begin, i - begin), begin == 0, i == p.size());
    }
  }
  void of_affixed(std::string_view p) {
    std::string name;
    each_character(p, [&](std::string_view c, bool first, bool last) {
      name.assign(first ? "" : data_.affixes.prefix).append(c).append(last ? data_.affixes.suffix : "");
      symbol(usable(name), name);
    });
  }
  void symbol(int32_t id, std::string_view text) {
    if (id >= 0) {
      if (std::exchange(unknown_waits_, false)) made_->push_back(data_.unk);
      made_->push_back(id);
    } else if (!fall_back(text) && data_.unk >= 0) {
      if (unknown_waits_ && !data_.fuse_unk) made_->push_back(data_.unk);
      unknown_waits_ = true;
    }
  }
  // Appends the tokens of the bytes; false (and nothing) where one is missing.
  bool fall_back(std::string_view text) {
    if (!data_.byte_fallback) return false;
    const auto token = [&](char byte) { return data_.byte_token[static_cast<unsigned char>(byte)]; };
    if (std::any_of(text.begin(), text.end(), [&](char byte) { return token(byte) < 0; })) return false;
    for (const char byte : text) made_->push_back(token(byte));
    return true;
  }

  // WordPiece: the longest token at each place, or the unknown one for the whole word. WordLevel: the word.
  void cut_word(std::string_view word) {
    const WordModel& model = *data_.words;
    const size_t first = made_->size();
    const auto unknown = [&] {
      made_->resize(first);
      made_->push_back(data_.unk);
    };
    if (model.whole_only) {
      const int32_t id = usable(word);
      return id >= 0 ? made_->push_back(id) : unknown();
    }
    const auto characters = static_cast<size_t>(
        std::count_if(word.begin(), word.end(), [](char c) { return !unicode::is_utf8_continuation(c); }));
    if (characters > model.most_characters) return unknown();
    std::string name;
    for (size_t begin = 0; begin < word.size();) {
      name.assign(begin ? model.prefix : "");
      const size_t front = name.size();
      name.append(word.substr(begin, data_.vocabulary.longest()));
      int32_t id = -1;
      while (name.size() > front && (id = usable(name)) < 0) name.pop_back();  // half a character is no token
      if (id < 0) return unknown();
      made_->push_back(id);
      begin += name.size() - front;
    }
  }
  void cut_unigram(std::string_view p) {
    data_.unigram->cut(p, blocked(), cache_->unigram, [this](Unigram::Part part) {
      if (part.id >= 0)
        made_->push_back(part.id);
      else if (!fall_back(part.text) && data_.unk >= 0)
        made_->push_back(data_.unk);
    });
  }

  const TokenizerData& data_;
  const bool plain_, cached_;
  std::string_view text_;  // the normalized part that is being cut
  std::array<Waiting, 16> waiting_;
  size_t waiting_count_ = 0;
  Output out_;
  std::vector<int32_t>* made_ = nullptr;  // where the ids of the piece that is being merged go
  bool unknown_waits_ = false;
  std::string shown_;  // of a template's stretch
  std::string written_;
  std::unique_ptr<EncodeCache> cache_;
};

void encode_text(const TokenizerData& data, std::string_view text, bool plain, bool at_start,
                 std::vector<int32_t>& ids) {
  Encoder encoder(data, plain, ids);
  if (unicode::is_valid_utf8(text)) return encoder.text(text, at_start);
  encoder.text(unicode::to_valid_utf8(text), at_start);
}

}  // namespace

Vocabulary::Vocabulary(std::vector<std::string> tokens, std::vector<std::string> bytes, std::vector<bool> holes)
    : tokens_(std::move(tokens)), bytes_(std::move(bytes)), holes_(std::move(holes)) {
  JAMSU_CHECK(tokens_.size() == bytes_.size() && (holes_.empty() || holes_.size() == tokens_.size()));
  slots_.assign(std::bit_ceil(2 * tokens_.size() + 1), -1);
  mask_ = slots_.size() - 1;
  for (int32_t id = 0; id < size(); ++id) {
    if (!has(id)) continue;
    longest_ = std::max(longest_, token(id).size());
    size_t i = hash_bytes(token(id)) & mask_;
    while (slots_[i] >= 0) i = (i + 1) & mask_;
    slots_[i] = id;
  }
}

std::optional<int32_t> Vocabulary::find(std::string_view t) const {
  if (slots_.empty()) return {};
  for (size_t i = hash_bytes(t) & mask_; slots_[i] >= 0; i = (i + 1) & mask_)
    if (token(slots_[i]) == t) return slots_[i];
  return {};
}

std::unique_ptr<EncodeCache> TokenizerData::borrow_cache() const {
  {
    const std::lock_guard lock(mutex_);
    if (!caches_.empty()) {
      auto cache = std::move(caches_.back());
      caches_.pop_back();
      return cache;
    }
  }
  return std::make_unique<EncodeCache>();
}

void TokenizerData::return_cache(std::unique_ptr<EncodeCache> cache) const {
  constexpr size_t kKept = 64;  // more threads than that make theirs anew
  const std::lock_guard lock(mutex_);
  if (caches_.size() < kKept) caches_.push_back(std::move(cache));
}

void Tokenizer::encode_to(std::string_view text, EncodeOptions options, std::vector<int32_t>& ids) const {
  if (options.add_special) ids.insert(ids.end(), data_->prefix.begin(), data_->prefix.end());
  encode_text(*data_, text, false, true, ids);
  if (options.add_special) ids.insert(ids.end(), data_->suffix.begin(), data_->suffix.end());
}

void Tokenizer::encode_plain_to(std::string_view text, std::vector<int32_t>& ids, bool at_start) const {
  encode_text(*data_, text, true, at_start, ids);
}

std::vector<int32_t> Tokenizer::added_tokens_in(std::string_view text) const {
  const std::string valid = unicode::to_valid_utf8(text);
  std::set<int32_t> found;
  const auto add = [&](int32_t id) { found.insert(id); };
  data_->raw_matcher.split(
      valid,
      [&](std::string_view part) {
        if (data_->normalized_matcher.empty()) return;
        std::string owner;
        data_->normalized_matcher.split(
            data_->normalizer.run(part, owner), [](std::string_view) {}, add);
      },
      add);
  return {found.begin(), found.end()};
}

void Tokenizer::encode_template_to(std::string_view text, bool at_start, Show show, std::vector<int32_t>& ids) const {
  Encoder encoder(*data_, true, ids);
  if (unicode::is_valid_utf8(text)) return encoder.template_text(text, at_start, show);
  encoder.template_text(unicode::to_valid_utf8(text), at_start, show);
}

namespace {

// Room for the usual text. A long one gets what it may need, a normalizer's work included: pages that are never touched
// cost nothing, and moving costs as much as encoding.
size_t room_for(std::string_view text) {
  constexpr size_t kLong = size_t{1} << 16;
  return text.size() < kLong ? text.size() / 3 + 8 : text.size() + text.size() / 8;
}

}  // namespace

std::vector<int32_t> Tokenizer::encode(std::string_view text, EncodeOptions options) const {
  std::vector<int32_t> ids;
  ids.reserve(room_for(text));
  encode_to(text, options, ids);
  return ids;
}

std::vector<int32_t> Tokenizer::encode_plain(std::string_view text) const {
  std::vector<int32_t> ids;
  ids.reserve(room_for(text));
  encode_plain_to(text, ids);
  return ids;
}

std::optional<int32_t> Tokenizer::token_id(std::string_view token) const {
  return data_->vocabulary.find(token);
}

}  // namespace jamsu::tokenizer
