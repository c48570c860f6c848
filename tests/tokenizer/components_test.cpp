// golden/text/components: every component of `tokenizers`, alone and combined as in published files. What the library
// gives was written by tests/interop/tokenizer_components.py.
#include <gtest/gtest.h>
#include <sodium.h>

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/files.h"
#include "parity/golden_files.h"
#include "tokenizer/decoder.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/pretokenizer.h"
#include "tokenizer/tokenizer.h"
#include "unicode/utf8.h"

namespace jamsu::tokenizer {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

using golden::read_json;

fs::path folder() {
  return golden::root() / "text/components";
}
const std::vector<std::string>& texts() {
  static const auto all = json::value_to<std::vector<std::string>>(read_json(folder() / "texts.json"));
  return all;
}

// Code points between others, 64 a text; of_pieces: a part of them, since the script takes long for pieces.
std::vector<std::string> code_points(bool of_pieces) {
  const auto taken = [of_pieces](char32_t c) {
    if ((c >= 0xD800 && c <= 0xDFFF) || (c >= 0x32400 && c < 0xE0000)) return false;
    return !of_pieces || c < 0x3100 || (c >= 0xA000 && c < 0xAC00) || (c >= 0xF900 && c < 0x10000) ||
           (c >= 0x10000 && c < 0x20000 && c % 5 == 0) || c % 29 == 0;
  };
  std::vector<std::string> rows;
  int count = 0;
  for (char32_t c = 0; c < 0xE0200; ++c) {
    if (!taken(c)) continue;
    if (count++ % 64 == 0) rows.emplace_back();
    std::string one;
    unicode::append_utf8(one, c);
    rows.back() += " " + one + "a" + one + "1" + one + one + "\n";
  }
  return rows;
}

class Sum {
 public:
  Sum() { crypto_hash_sha256_init(&state_); }
  void add(std::string_view s) {
    crypto_hash_sha256_update(&state_, reinterpret_cast<const unsigned char*>(s.data()), s.size());
  }
  std::string hex() {
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_final(&state_, hash);
    std::string out(sizeof(hash) * 2 + 1, '\0');
    sodium_bin2hex(out.data(), out.size(), hash, sizeof(hash));
    out.pop_back();
    return out;
  }

 private:
  crypto_hash_sha256_state state_;
};

// The sum of what `make` gives of all texts. JAMSU_DUMP names a folder for what it is of (dumps of the script's --dump
// beside it show a difference).
std::string sum_of(const std::string& name, bool of_pieces,
                   const std::function<std::string(const std::string&)>& make) {
  static const std::vector<std::string> rows[] = {code_points(false), code_points(true)};
  Sum sum;
  std::string all;
  const char* dump = std::getenv("JAMSU_DUMP");
  for (const auto* list : {&texts(), &rows[of_pieces]})
    for (const std::string& text : *list) {
      const std::string made = make(text);
      sum.add(made);
      if (dump) all += made + "\n";
    }
  if (dump) {
    EXPECT_TRUE(write_file((fs::path(dump) / name).string(), all));
  }
  return sum.hex();
}

std::string pieces_of(const PreTokenizer& p, const std::string& text) {
  std::string out;
  p.run(text, true, [&](std::string_view piece) { out.append(piece).push_back('\0'); });
  return out + std::string(2, '\0');
}

TEST(Components, NormalizersGiveTheTextsOfTokenizers) {
  int index = 0;
  const json::value rows = read_json(folder() / "normalizers.json");
  for (const json::value& row : rows.as_array()) {
    const auto n = Normalizer::from_json(row.at("normalizer"), "n");
    ASSERT_TRUE(n) << n.error().message;
    const auto sum = sum_of("n" + std::to_string(index++), false, [&](const std::string& text) {
      std::string owner;
      return std::string(n->run(text, owner)) + '\0';
    });
    EXPECT_EQ(sum, row.at("sha256").as_string())
        << index - 1 << " " << json::serialize(row.at("normalizer")).substr(0, 200);
  }
  EXPECT_GT(index, 20);
}

TEST(Components, PreTokenizersGiveThePiecesOfTokenizers) {
  int index = 0;
  const json::value rows = read_json(folder() / "pre_tokenizers.json");
  for (const json::value& row : rows.as_array()) {
    const auto p = PreTokenizer::from_json(row.at("pre_tokenizer"), "p");
    ASSERT_TRUE(p) << p.error().message;
    const auto sum =
        sum_of("p" + std::to_string(index++), true, [&](const std::string& text) { return pieces_of(*p, text); });
    EXPECT_EQ(sum, row.at("sha256").as_string()) << index - 1 << " " << json::serialize(row.at("pre_tokenizer"));
  }
  EXPECT_GT(index, 50);
}

TEST(Components, PublishedPatternsGiveThePiecesOfTokenizers) {
  int index = 0, scanned = 0;
  const json::value rows = read_json(folder() / "patterns.json");
  for (const json::value& row : rows.as_array()) {
    const json::value split{
        {"type", "Split"}, {"pattern", {{"Regex", row.at("pattern")}}}, {"behavior", "Isolated"}, {"invert", false}};
    const auto p = PreTokenizer::from_json(split, "p");
    ASSERT_TRUE(p) << p.error().message;
    scanned += !p->uses_regex();
    const auto sum =
        sum_of("r" + std::to_string(index++), true, [&](const std::string& text) { return pieces_of(*p, text); });
    EXPECT_EQ(sum, row.at("sha256").as_string()) << index - 1 << " " << row.at("name") << " " << row.at("pattern");
    std::printf("%-24s %s\n", row.at("name").as_string().c_str(), p->uses_regex() ? "general regex" : "scanner");
  }
  EXPECT_GT(index, 41);
  std::printf("%d patterns, %d by scanners of our own\n", index, scanned);
}

TEST(Components, DecodersGiveTheTextsOfTokenizers) {
  int count = 0;
  const json::value rows = read_json(folder() / "decoders.json");
  for (const json::value& row : rows.as_array()) {
    const auto d = Decoder::from_json(row.at("decoder"), "d");
    ASSERT_TRUE(d) << d.error().message;
    std::string whole, streamed;
    Decoder::Text exact(true), stream;
    for (const json::value& token : row.at("tokens").as_array()) {
      exact.push(*d, std::string_view(token.as_string()), whole);
      stream.push(*d, std::string_view(token.as_string()), streamed);
    }
    exact.finish(*d, whole);
    stream.finish(*d, streamed);
    EXPECT_EQ(whole, row.at("decoded").as_string()) << json::serialize(row);
    const bool invalid_bytes = whole.find("\xEF\xBF\xBD") != std::string::npos;
    if (!invalid_bytes) {
      EXPECT_EQ(streamed, whole) << json::serialize(row);
    }
    ++count;
  }
  EXPECT_GT(count, 200);
}

// null: as the other one.
template <class T>
T value_or(const json::value& v, T otherwise) {
  return v.is_null() ? otherwise : json::value_to<T>(v);
}

void check_file(const fs::path& file) {
  using Ids = std::vector<int32_t>;
  const json::value golden = read_json(file);
  const auto t = Tokenizer::from_json(json::serialize(golden.at("tokenizer")), file.string());
  ASSERT_TRUE(t) << t.error().message;
  const auto saved = Tokenizer::from_json(t->to_json(), "saved");
  ASSERT_TRUE(saved) << saved.error().message;
  EXPECT_EQ(saved->to_json(), t->to_json()) << file;
  int failed = 0;
  for (size_t i = 0; i < texts().size(); ++i) {
    const std::string& text = texts()[i];
    const auto row = [&](const char* key) { return golden.at(key).as_array()[i]; };
    const auto ids = json::value_to<Ids>(row("ids"));
    const auto special = value_or(row("with_special"), ids);
    const auto decoded = value_or(row("decoded"), text), skipped = value_or(row("skip_special"), decoded);
    for (const auto* one : {&*t, &*saved}) {
      const bool same = one->encode(text) == ids && one->encode(text, {.add_special = true}) == special &&
                        one->decode(special) == decoded && one->decode(special, true) == skipped;
      failed += !same;
      if (same || failed > 3) continue;
      ADD_FAILURE() << file << " on " << json::serialize(json::string(text)) << "\n  ids     "
                    << testing::PrintToString(one->encode(text)) << "\n  wanted  " << testing::PrintToString(ids)
                    << "\n  decoded " << json::serialize(json::string(one->decode(special))) << "\n  wanted  "
                    << json::serialize(json::string(decoded)) << "\n  without special "
                    << json::serialize(json::string(one->decode(special, true)));
    }
    // What is streamed is the same text, but for runs of bytes that are no UTF-8.
    StreamDecoder stream(*t);
    std::string streamed;
    for (const int32_t id : special) streamed += stream.push(id);
    streamed += stream.flush();
    if (streamed != decoded && decoded.find("\xEF\xBF\xBD") == std::string::npos && ++failed <= 3)
      ADD_FAILURE() << file << " streams " << json::serialize(json::string(streamed)) << " of "
                    << json::serialize(json::string(decoded));
  }
  std::printf("%-22s %zu texts, %d failed\n", file.filename().c_str(), texts().size(), failed);
  EXPECT_EQ(failed, 0) << file;
}

TEST(Components, CombinationsGiveTheIdsOfTokenizers) {
  int files = 0;
  for (const auto& entry : fs::directory_iterator(folder())) {
    const std::string name = entry.path().stem().string();
    if (std::ranges::count(std::vector<std::string>{"texts", "normalizers", "pre_tokenizers", "patterns", "decoders"},
                           name))
      continue;
    check_file(entry.path());
    ++files;
  }
  EXPECT_GT(files, 15);
}

}  // namespace
}  // namespace jamsu::tokenizer
