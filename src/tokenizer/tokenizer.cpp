#include "tokenizer/tokenizer.h"

#include <algorithm>
#include <bit>
#include <cstring>

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
    resolve_waiting();
    out_.flush();
  }

 private:
  void normalized(std::string_view part, bool at_start) {
    std::string owner;
    part = data_.normalizer.run(part, owner);
    text_ = part;
    const auto cut = [&](std::string_view stretch) {
      data_.pre_tokenizer.run(stretch, at_start && stretch.data() == part.data(),
                              [this](std::string_view p) { piece(p); });
    };
    if (plain_ || data_.normalized_matcher.empty()) return cut(part);
    data_.normalized_matcher.split(part, cut, [this](int32_t id) { add(id); });
  }

  void piece(std::string_view p) {
    if (p.size() == 1 && data_.alphabet == Alphabet::bytes) {
      if (const int32_t id = data_.byte_token[static_cast<unsigned char>(p[0])]; id >= 0) return add(id);
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
    const bool bytes = data_.alphabet == Alphabet::bytes;
    if (data_.ignore_merges && p.size() <= data_.vocabulary.longest()) {
      const auto whole = data_.vocabulary.find(bytes ? bytes_to_token(p) : std::string(p));
      if (whole && *whole < data_.model_size && !(plain_ && data_.is_added[static_cast<size_t>(*whole)]))
        return out.push_back(*whole);
    }
    const auto symbols = [&] {
      out.resize(first);
      bytes ? of_bytes(p) : of_characters(p);
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

  // What merging begins with: the tokens of single bytes,
  void of_bytes(std::string_view p) {
    bool after_unk = false;
    for (const char byte : p) {
      const int32_t id = data_.byte_token[static_cast<unsigned char>(byte)];
      if (id >= 0)
        made_->push_back(id);
      else
        unknown(after_unk);
      after_unk = id < 0;
    }
  }
  // or of single characters, the bytes of those that have none.
  void of_characters(std::string_view p) {
    bool after_unk = false;
    for (size_t i = 0; i < p.size();) {
      const std::string_view character = p.substr(i, unicode::decode_valid(p.data() + i).bytes);
      i += character.size();
      const auto id = data_.vocabulary.find(character);
      const bool known = id && *id < data_.model_size;
      if (known) made_->push_back(*id);
      const bool fell_back = !known && fall_back(character);
      if (!known && !fell_back) unknown(after_unk);
      after_unk = !known && !fell_back;
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
  void unknown(bool after_unk) {
    if (data_.unk >= 0 && !(data_.fuse_unk && after_unk)) made_->push_back(data_.unk);
  }
  void cut_unigram(std::string_view p) {
    data_.unigram->cut(p, blocked(), cache_->unigram, [this](Unigram::Part part) {
      if (part.id >= 0)
        made_->push_back(part.id);
      else if (!fall_back(part.text))
        unknown(false);
    });
  }

  const TokenizerData& data_;
  const bool plain_, cached_;
  std::string_view text_;  // the normalized part that is being cut
  std::array<Waiting, 16> waiting_;
  size_t waiting_count_ = 0;
  Output out_;
  std::vector<int32_t>* made_ = nullptr;  // where the ids of the piece that is being merged go
  std::unique_ptr<EncodeCache> cache_;
};

void encode_text(const TokenizerData& data, std::string_view text, bool plain, bool at_start,
                 std::vector<int32_t>& ids) {
  Encoder encoder(data, plain, ids);
  if (unicode::is_valid_utf8(text)) return encoder.text(text, at_start);
  encoder.text(unicode::to_valid_utf8(text), at_start);
}

}  // namespace

Vocabulary::Vocabulary(std::vector<std::string> tokens, std::vector<std::string> bytes)
    : tokens_(std::move(tokens)), bytes_(std::move(bytes)) {
  JAMSU_CHECK(tokens_.size() == bytes_.size());
  slots_.assign(std::bit_ceil(2 * tokens_.size() + 1), -1);
  mask_ = slots_.size() - 1;
  for (int32_t id = 0; id < size(); ++id) {
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
