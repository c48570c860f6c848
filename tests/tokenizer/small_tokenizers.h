#pragma once
// Small files of tokenizers, of each kind one, and the tokenizers made of them.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "tokenizer/bpe.h"
#include "tokenizer/tokenizer.h"

namespace jamsu::tokenizer::test {

namespace json = boost::json;

// The 256 bytes by value, "he" 256, "ll" 257, "hell" 258, " hell" 259;
// then the added tokens "<s>" 260, "<|user|>" 261, "name" 262.
inline json::object small_file() {
  json::object vocab;
  for (int b = 0; b < 256; ++b) {
    const char byte = static_cast<char>(static_cast<unsigned char>(b));
    vocab.emplace(bytes_to_token({&byte, 1}), b);
  }
  for (const char* t : {"he", "ll", "hell", "\u0120hell"}) vocab.emplace(t, static_cast<int64_t>(vocab.size()));
  const json::object byte_level = {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}};
  return {{"version", "1.0"},
          {"added_tokens",
           {{{"id", 260}, {"content", "<s>"}, {"special", true}, {"normalized", false}},
            {{"id", 261}, {"content", "<|user|>"}, {"special", true}, {"normalized", false}},
            {{"id", 262}, {"content", "name"}, {"special", false}, {"normalized", true}, {"single_word", true}}}},
          {"normalizer", nullptr},
          {"pre_tokenizer", byte_level},
          {"post_processor",
           {{"type", "TemplateProcessing"},
            {"single",
             {{{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}}, {{"Sequence", {{"id", "A"}, {"type_id", 0}}}}}},
            {"pair", json::array{}},
            {"special_tokens", {{"<s>", {{"id", "<s>"}, {"ids", {260}}, {"tokens", {"<s>"}}}}}}}},
          {"decoder", byte_level},
          {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", {"h e", "l l", "he ll", "\u0120 hell"}}}}};
}
inline Tokenizer small() {
  auto t = Tokenizer::from_json(json::serialize(small_file()), "small");
  if (!t) ADD_FAILURE() << t.error().message;
  return *t;
}
// SentencePiece: `<unk>`, `<s>`, the 256 byte tokens from 2 on, then `▁` 258, `a` 259, `b` 260, `▁a` 261, `ab` 262.
inline json::object small_sentencepiece() {
  json::object vocab{{"<unk>", 0}, {"<s>", 1}};
  for (int b = 0; b < 256; ++b) {
    char name[8];
    std::snprintf(name, sizeof(name), "<0x%02X>", b);
    vocab.emplace(name, b + 2);
  }
  for (const char* t : {"▁", "a", "b", "▁a", "ab"}) vocab.emplace(t, static_cast<int64_t>(vocab.size()));
  return {
      {"added_tokens", {{{"id", 1}, {"content", "<s>"}, {"special", true}, {"normalized", false}}}},
      {"normalizer", nullptr},
      {"pre_tokenizer", {{"type", "Metaspace"}, {"replacement", "▁"}, {"prepend_scheme", "first"}, {"split", false}}},
      {"post_processor", nullptr},
      {"decoder",
       {{"type", "Sequence"},
        {"decoders",
         {{{"type", "Replace"}, {"pattern", {{"String", "▁"}}}, {"content", " "}},
          {{"type", "ByteFallback"}},
          {{"type", "Fuse"}},
          {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}}}}}},
      {"model",
       {{"type", "BPE"},
        {"unk_token", "<unk>"},
        {"fuse_unk", true},
        {"byte_fallback", true},
        {"vocab", vocab},
        {"merges", {"▁ a", "a b"}}}}};
}
inline json::object small_unigram() {
  json::object file = small_sentencepiece();
  json::array vocab{{"<unk>", 0.0}, {"<s>", 0.0}};
  for (int b = 0; b < 256; ++b) {
    char name[8];
    std::snprintf(name, sizeof(name), "<0x%02X>", b);
    vocab.push_back({name, 0.0});
  }
  // `ab` costs more than `a` and `b` together, `▁a` less than `▁` and `a`.
  const std::vector<std::pair<const char*, double>> tokens = {
      {"▁", -2}, {"a", -1.25}, {"b", -1.25}, {"▁a", -3}, {"ab", -3.5}};
  for (const auto& [token, score] : tokens) vocab.push_back({token, score});
  file["model"] = {{"type", "Unigram"}, {"unk_id", 0}, {"byte_fallback", true}, {"vocab", vocab}};
  return file;
}
inline Tokenizer tokenizer_of(const json::object& file) {
  auto t = Tokenizer::from_json(json::serialize(file), "f");
  if (!t) ADD_FAILURE() << t.error().message;
  return *t;
}

}  // namespace jamsu::tokenizer::test
