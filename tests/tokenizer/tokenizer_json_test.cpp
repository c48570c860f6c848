// Files of tokenizers that are malformed, broken or mutated.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "tokenizer/small_tokenizers.h"
#include "tokenizer/tokenizer.h"

namespace jamsu::tokenizer {
namespace {

namespace json = boost::json;
using test::small_file;
using test::small_sentencepiece;
using test::small_unigram;

struct Malformed {
  const char* name;
  std::function<void(json::object&)> change;
  const char* message;  // stands in the error, which also names the file
};

json::object& model(json::object& f) {
  return f["model"].as_object();
}
json::object& vocab(json::object& f) {
  return model(f)["vocab"].as_object();
}
json::object& added(json::object& f, size_t i) {
  return f["added_tokens"].as_array()[i].as_object();
}
json::value nested(int depth) {
  json::value v = {{"type", "NFC"}};
  for (int i = 0; i < depth; ++i) v = {{"type", "Sequence"}, {"normalizers", json::array{v}}};
  return v;
}
json::value split_by(const std::string& regex) {
  return {{"type", "Sequence"},
          {"pretokenizers",
           {{{"type", "Split"}, {"pattern", {{"Regex", regex}}}, {"behavior", "Isolated"}, {"invert", false}},
            {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}}}};
}

const std::vector<Malformed>& malformed() {
  static const std::vector<Malformed> all = {
      {"no model", [](auto& f) { f.erase("model"); }, "\"model\" is missing"},
      {"model null", [](auto& f) { f["model"] = nullptr; }, "\"model\" is null; expected an object"},
      {"model array", [](auto& f) { f["model"] = json::array{}; }, "\"model\" is an array"},
      {"kind of model", [](auto& f) { model(f)["type"] = "Lookup"; }, "model: \"type\" \"Lookup\" is not supported"},
      {"word piece without unk", [](auto& f) { model(f)["type"] = "WordPiece"; }, "model: \"unk_token\" is missing"},
      {"word piece prefix",
       [](auto& f) {
         model(f)["type"] = "WordPiece";
         model(f)["continuing_subword_prefix"] = 1;
       },
       "model: \"continuing_subword_prefix\" is a number"},
      {"word piece length",
       [](auto& f) {
         model(f)["type"] = "WordPiece";
         model(f)["max_input_chars_per_word"] = -1;
       },
       "\"max_input_chars_per_word\""},
      {"word piece of a kilobyte",
       [](auto& f) {
         model(f)["type"] = "WordPiece";
         vocab(f)[std::string(1025, 'a')] = 260;
         f["added_tokens"] = nullptr;
       },
       "model.vocab: a token of 1025 bytes"},
      {"unigram of bytes", [](auto& f) { model(f)["type"] = "Unigram"; },
       "decoder: ByteLevel with Unigram is not supported"},
      {"type number", [](auto& f) { model(f)["type"] = 3; }, "model: \"type\" is a number; expected a string"},
      {"byte fallback", [](auto& f) { model(f)["byte_fallback"] = true; }, "byte_fallback"},
      {"byte fallback string", [](auto& f) { model(f)["byte_fallback"] = "no"; }, "expected true or false"},
      {"dropout", [](auto& f) { model(f)["dropout"] = 0.1; }, "\"dropout\" is not supported"},
      {"dropout text", [](auto& f) { model(f)["dropout"] = "x"; }, "\"dropout\" is a string"},
      {"prefix number", [](auto& f) { model(f)["continuing_subword_prefix"] = 1; }, "continuing_subword_prefix"},
      {"prefix without end", [](auto& f) { model(f)["continuing_subword_prefix"] = std::string(2000, '#'); },
       "\"continuing_subword_prefix\" has more than 1024 bytes"},
      {"suffix number", [](auto& f) { model(f)["end_of_word_suffix"] = 1; }, "end_of_word_suffix"},
      {"no vocab", [](auto& f) { model(f).erase("vocab"); }, "\"vocab\" is missing"},
      {"vocab array", [](auto& f) { model(f)["vocab"] = json::array{}; }, "\"vocab\" is an array"},
      {"vocab empty", [](auto& f) { vocab(f).clear(); }, "\"vocab\" is empty"},
      {"id negative", [](auto& f) { vocab(f)["he"] = -1; }, "\"he\" is -1"},
      {"id beyond", [](auto& f) { vocab(f)["he"] = 70'000; }, "\"he\" is 70000; the ids of 260 tokens"},
      {"id huge", [](auto& f) { vocab(f)["he"] = UINT64_MAX; }, "18446744073709551615"},
      {"id fraction", [](auto& f) { vocab(f)["he"] = 1.5; }, "\"he\" is 1.5"},
      {"id string", [](auto& f) { vocab(f)["he"] = "1"; }, "the id of \"he\" is a string"},
      {"id twice", [](auto& f) { vocab(f)["he"] = 257; }, "both have id 257"},
      {"hole where an added token falls", [](auto& f) { vocab(f).erase("ll"); },
       "added_tokens[0]: `tokenizers` gives \"<s>\" the id 259, which belongs to"},
      {"no merges", [](auto& f) { model(f).erase("merges"); }, "\"merges\" is missing"},
      {"merges object", [](auto& f) { model(f)["merges"] = json::object{}; }, "\"merges\" is an object"},
      {"merge number", [](auto& f) { model(f)["merges"].as_array()[1] = 7; }, "model.merges[1] is a number"},
      {"merge one word", [](auto& f) { model(f)["merges"].as_array()[1] = "ll"; },
       "model.merges[1]: \"ll\" is not two tokens"},
      {"merge three words", [](auto& f) { model(f)["merges"].as_array()[1] = "l l l"; }, "model.merges[1]"},
      {"merge triple",
       [](auto& f) {
         model(f)["merges"].as_array()[1] = {"l", "l", "l"};
       },
       "model.merges[1]"},
      {"merge of missing", [](auto& f) { model(f)["merges"].as_array()[1] = "l q_"; },
       "model.merges[1]: \"q_\" is not in model.vocab"},
      {"merge to missing", [](auto& f) { model(f)["merges"].as_array()[1] = "l q"; },
       "model.merges[1]: \"lq\" is not in model.vocab"},
      {"merge of nothing",
       [](auto& f) {
         model(f)["merges"].as_array()[1] = {"", "l"};
       },
       "model.merges[1]: \"\""},
      {"unk missing", [](auto& f) { model(f)["unk_token"] = "<unk>"; },
       "\"unk_token\" \"<unk>\" is not in model.vocab"},
      {"unk number", [](auto& f) { model(f)["unk_token"] = 0; }, "\"unk_token\" is a number"},
      {"added object", [](auto& f) { f["added_tokens"] = json::object{}; }, "\"added_tokens\" is an object"},
      {"added string", [](auto& f) { f["added_tokens"].as_array()[0] = "x"; }, "added_tokens[0] is a string"},
      {"added no content", [](auto& f) { added(f, 0).erase("content"); }, "added_tokens[0]: \"content\" is missing"},
      {"added empty", [](auto& f) { added(f, 0)["content"] = ""; }, "added_tokens[0]: \"content\" is empty"},
      {"added no id", [](auto& f) { added(f, 0).erase("id"); }, "added_tokens[0]: \"id\" is missing"},
      {"added id string", [](auto& f) { added(f, 0)["id"] = "260"; }, "added_tokens[0]: the id is a string"},
      {"added id negative", [](auto& f) { added(f, 0)["id"] = -5; }, "added_tokens[0]: id -5"},
      {"added id huge", [](auto& f) { added(f, 0)["id"] = INT64_MAX; }, "out of range"},
      {"added ids out of order",
       [](auto& f) {
         added(f, 1)["id"] = 300;
         added(f, 2)["id"] = 299;
       },
       "added_tokens[2]: id 299 of \"name\" stands behind id 300"},
      {"added id that tokenizers takes from another",
       [](auto& f) {
         vocab(f)["\u0120hell"] = 262;
         added(f, 0)["id"] = 270, added(f, 1)["id"] = 271, added(f, 2)["id"] = 272;
         f["added_tokens"].as_array().push_back(
             {{"id", 273}, {"content", "x"}, {"special", true}, {"normalized", false}});
       },
       "added_tokens[2]: `tokenizers` gives \"name\" the id 262, which belongs to \"\u0120hell\""},
      {"added id twice", [](auto& f) { added(f, 1)["id"] = 260; }, "added_tokens[1]: id 260"},
      {"added id of another", [](auto& f) { added(f, 0)["id"] = 256; }, "belongs to \"he\""},
      {"added twice", [](auto& f) { added(f, 1)["content"] = "<s>"; }, "stands twice"},
      {"added flag", [](auto& f) { added(f, 1)["lstrip"] = 1; }, "added_tokens[1]: \"lstrip\" is a number"},
      {"normalizer number", [](auto& f) { f["normalizer"] = 1; }, "normalizer is a number"},
      {"normalizer unknown",
       [](auto& f) {
         f["normalizer"] = {{"type", "Uppercase"}};
       },
       "normalizer: \"type\" \"Uppercase\" is not supported"},
      {"charsmap missing",
       [](auto& f) {
         f["normalizer"] = {{"type", "Precompiled"}};
       },
       "normalizer: \"precompiled_charsmap\" is missing"},
      {"charsmap no base64",
       [](auto& f) {
         f["normalizer"] = {{"type", "Precompiled"}, {"precompiled_charsmap", "AB*="}};
       },
       "\"precompiled_charsmap\" is not the base64"},
      {"charsmap short",
       [](auto& f) {
         f["normalizer"] = {{"type", "Precompiled"}, {"precompiled_charsmap", "AAA="}};
       },
       "\"precompiled_charsmap\": 2 bytes have no size"},
      {"charsmap trie",
       [](auto& f) {
         f["normalizer"] = {{"type", "Precompiled"}, {"precompiled_charsmap", "/////wAA"}};
       },
       "\"precompiled_charsmap\": a trie of 4294967295 bytes in the 2 behind its size"},
      {"strip flag",
       [](auto& f) {
         f["normalizer"] = {{"type", "Strip"}, {"strip_left", 1}};
       },
       "normalizer: \"strip_left\" is a number"},
      {"bert flag",
       [](auto& f) {
         f["normalizer"] = {{"type", "BertNormalizer"}, {"strip_accents", "no"}};
       },
       "normalizer: \"strip_accents\" is a string"},
      {"normalizer no list",
       [](auto& f) {
         f["normalizer"] = {{"type", "Sequence"}};
       },
       "\"normalizers\" is missing"},
      {"normalizer list",
       [](auto& f) {
         f["normalizer"] = {{"type", "Sequence"}, {"normalizers", 1}};
       },
       "\"normalizers\" is a number"},
      {"normalizer deep", [](auto& f) { f["normalizer"] = nested(40); }, "too deep"},
      {"no pre_tokenizer", [](auto& f) { f.erase("pre_tokenizer"); }, "pre_tokenizer is null"},
      {"metaspace",
       [](auto& f) {
         f["pre_tokenizer"] = {{"type", "Metaspace"}, {"replacement", "▁"}};
       },
       "pre_tokenizer: \"type\" \"Metaspace\" is not supported"},
      {"no byte level",
       [](auto& f) {
         f["pre_tokenizer"] = {{"type", "Digits"}};
       },
       "\"Digits\" is not supported as the last"},
      {"empty chain",
       [](auto& f) {
         f["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", json::array{}}};
       },
       "is empty"},
      {"byte level first",
       [](auto& f) {
         f["pre_tokenizer"] = {{"type", "Sequence"},
                               {"pretokenizers", {{{"type", "ByteLevel"}}, {{"type", "ByteLevel"}}}}};
       },
       "pretokenizers[0]"},
      {"unicode scripts",
       [](auto& f) {
         f["pre_tokenizer"] = {{"type", "UnicodeScripts"}};
       },
       "pre_tokenizer: \"type\" \"UnicodeScripts\" is not supported"},
      {"delimiter of two",
       [](auto& f) {
         f["pre_tokenizer"] = {{"type", "CharDelimiterSplit"}, {"delimiter", "ab"}};
       },
       "pre_tokenizer: \"delimiter\" \"ab\" is not one character"},
      {"length zero",
       [](auto& f) {
         f["pre_tokenizer"] = {{"type", "FixedLength"}, {"length", 0}};
       },
       "pre_tokenizer: \"length\" is no whole number"},
      {"punctuation behaviour",
       [](auto& f) {
         f["pre_tokenizer"] = {{"type", "Punctuation"}, {"behavior", "Gone"}};
       },
       "\"behavior\" \"Gone\""},
      {"long chain",
       [](auto& f) {
         json::array chain(100, json::value{{"type", "Digits"}, {"individual_digits", true}});
         chain.push_back(json::object{{"type", "ByteLevel"}});
         f["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", chain}};
       },
       "the limit is"},
      {"no pattern",
       [](auto& f) {
         f["pre_tokenizer"] = split_by("a");
         f["pre_tokenizer"].at("pretokenizers").as_array()[0].as_object().erase("pattern");
       },
       "pretokenizers[0]: \"pattern\" is missing"},
      {"pattern string",
       [](auto& f) {
         f["pre_tokenizer"] = split_by("a");
         f["pre_tokenizer"].at("pretokenizers").as_array()[0].as_object()["pattern"] = "a";
       },
       "\"pattern\" is a string"},
      {"pattern empty", [](auto& f) { f["pre_tokenizer"] = split_by(""); }, "is empty"},
      {"pattern open", [](auto& f) { f["pre_tokenizer"] = split_by("(a"); }, "\"(a\": end pattern"},
      {"pattern class", [](auto& f) { f["pre_tokenizer"] = split_by("\\p{Nonsense}"); }, "invalid character property"},
      {"pattern explodes", [](auto& f) { f["pre_tokenizer"] = split_by("(a+)+$"); }, "explodes"},
      {"pattern nested", [](auto& f) { f["pre_tokenizer"] = split_by(std::string(5000, '(')); }, "nested deeper"},
      {"pattern recursion", [](auto& f) { f["pre_tokenizer"] = split_by("\\g<0>"); }, "Regex"},
      {"behavior",
       [](auto& f) {
         f["pre_tokenizer"] = split_by("a");
         f["pre_tokenizer"].at("pretokenizers").as_array()[0].as_object()["behavior"] = "Sideways";
       },
       "\"behavior\" \"Sideways\""},
      {"no decoder", [](auto& f) { f.erase("decoder"); }, "\"decoder\" is missing"},
      {"decoder",
       [](auto& f) {
         f["decoder"] = {{"type", "ByteFallback"}};
       },
       "pre_tokenizer: \"type\" \"ByteLevel\" is not supported before a decoder that is not ByteLevel"},
      {"post processor",
       [](auto& f) {
         f["post_processor"] = {{"type", "Padding"}};
       },
       "post_processor: \"type\" \"Padding\" is not supported"},
      {"cls missing",
       [](auto& f) {
         f["post_processor"] = {{"type", "RobertaProcessing"}, {"sep", {"<s>", 260}}};
       },
       "post_processor: \"cls\" is missing"},
      {"sep alone",
       [](auto& f) {
         f["post_processor"] = {{"type", "BertProcessing"}, {"cls", {"<s>", 260}}, {"sep", "<s>"}};
       },
       "post_processor: \"sep\" is not [token, id]"},
      {"sep out of range",
       [](auto& f) {
         f["post_processor"] = {{"type", "BertProcessing"}, {"cls", {"<s>", 260}}, {"sep", {"<s>", 999}}};
       },
       "post_processor: \"sep\": id 999 is out of range"},
      {"template single", [](auto& f) { f["post_processor"].as_object()["single"] = "A"; }, "\"single\" is a string"},
      {"template item", [](auto& f) { f["post_processor"].at("single").as_array()[0] = 1; }, "single[0]"},
      {"template text twice",
       [](auto& f) {
         auto& s = f["post_processor"].at("single").as_array();
         s.push_back(s[1]);
       },
       "twice"},
      {"template without text", [](auto& f) { f["post_processor"].at("single").as_array().pop_back(); }, "has no text"},
      {"template B",
       [](auto& f) {
         f["post_processor"].at("single").as_array()[1] = {{"Sequence", {{"id", "B"}}}};
       },
       "sequence \"B\""},
      {"template unknown", [](auto& f) { f["post_processor"].as_object()["special_tokens"] = json::object{}; },
       "\"<s>\" is not in \"special_tokens\""},
      {"template id",
       [](auto& f) { f["post_processor"].at("special_tokens").at("<s>").as_object()["ids"] = json::parse("[999]"); },
       "id 999"},
      {"template endless",
       [](auto& f) {
         auto& s = f["post_processor"].at("single").as_array();
         for (int i = 0; i < 2000; ++i) s.insert(s.begin(), s[0]);
       },
       "more than 1024 ids"},
      {"processors",
       [](auto& f) {
         f["post_processor"] = {{"type", "Sequence"}, {"processors", nullptr}};
       },
       "\"processors\" is null"},
  };
  return all;
}

TEST(TokenizerJson, EveryMalformedKindNamesFileAndField) {
  ASSERT_TRUE(Tokenizer::from_json(json::serialize(small_file()), "x/tokenizer.json"));
  for (const Malformed& m : malformed()) {
    json::object file = small_file();
    m.change(file);
    const auto t = Tokenizer::from_json(json::serialize(file), "x/tokenizer.json");
    ASSERT_FALSE(t) << m.name;
    EXPECT_EQ(t.error().message.rfind("x/tokenizer.json: ", 0), 0u) << m.name << ": " << t.error().message;
    EXPECT_NE(t.error().message.find(m.message), std::string::npos) << m.name << ": " << t.error().message;
    EXPECT_LT(t.error().message.size(), 500u) << m.name;
  }
}

const std::vector<Malformed>& malformed_sentencepiece() {
  const auto decoders = [](json::object& f) -> json::array& { return f["decoder"].at("decoders").as_array(); };
  static const std::vector<Malformed> all = {
      {"speech",
       [=](auto& f) {
         decoders(f)[0] = {{"type", "CTC"}};
       },
       "decoder.decoders[0]: \"type\" \"CTC\" is not supported"},
      {"strip from the end", [=](auto& f) { decoders(f)[3].as_object()["start"] = -2; },
       "decoder.decoders[3]: \"start\" is no whole number"},
      {"strip of two", [=](auto& f) { decoders(f)[3].as_object()["content"] = "xx"; },
       "decoder.decoders[3]: \"content\" \"xx\" is not one character"},
      {"replace by nothing said", [=](auto& f) { decoders(f)[0].as_object().erase("content"); },
       "decoder.decoders[0]: \"content\" is missing"},
      {"replacements that explode when decoded",
       [=](auto& f) {
         f["decoder"].as_object()["decoders"] =
             json::array(40, json::value{{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", "aa"}});
       },
       "decoder.decoders[10]: the replacements up to here"},
      {"suffix empty",
       [](auto& f) {
         f["decoder"] = {{"type", "BPEDecoder"}, {"suffix", ""}};
       },
       "decoder: \"suffix\" is empty"},
      {"prefix missing",
       [](auto& f) {
         f["decoder"] = {{"type", "WordPiece"}};
       },
       "decoder: \"prefix\" is missing"},
      {"decoder number", [=](auto& f) { decoders(f)[0] = 1; }, "decoder.decoders[0] is a number"},
      {"decoders missing", [](auto& f) { f["decoder"].as_object().erase("decoders"); }, "\"decoders\" is missing"},
      {"scheme", [](auto& f) { f["pre_tokenizer"].as_object()["prepend_scheme"] = "last"; }, "\"last\" is none of"},
      {"no mark", [](auto& f) { f["pre_tokenizer"].as_object()["replacement"] = ""; }, "\"replacement\" is empty"},
      {"prepend number",
       [](auto& f) {
         f["normalizer"] = {{"type", "Prepend"}, {"prepend", 1}};
       },
       "normalizer: \"prepend\" is a number"},
      {"mark of two characters",
       [](auto& f) {
         f["decoder"] = {{"type", "Metaspace"}, {"replacement", "▁▁"}};
       },
       "decoder: \"replacement\" \"▁▁\" is not one character"},
      {"replacements that explode",
       [](auto& f) {
         const json::value doubling = {{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", "aa"}};
         f["normalizer"] = {{"type", "Sequence"}, {"normalizers", json::array(40, doubling)}};
       },
       "normalizer.normalizers[10]: the replacements up to here"},
      {"replace without",
       [](auto& f) {
         f["normalizer"] = {{"type", "Replace"}, {"content", "x"}};
       },
       "normalizer: \"pattern\" is missing"},
  };
  return all;
}

const std::vector<Malformed>& malformed_unigram() {
  const auto unigram_vocab = [](json::object& f) -> json::array& { return model(f)["vocab"].as_array(); };
  static const std::vector<Malformed> all = {
      {"vocab object", [](auto& f) { model(f)["vocab"] = json::object{}; }, "\"vocab\" is an object"},
      {"no score", [=](auto& f) { unigram_vocab(f)[3] = json::array{"x"}; }, "not [token, score]"},
      {"score text",
       [=](auto& f) {
         unigram_vocab(f)[3] = json::array{"x", "1"};
       },
       "not [token, score]"},
      {"empty token",
       [=](auto& f) {
         unigram_vocab(f)[3] = json::array{"", 1};
       },
       "model.vocab[3]"},
      {"twice",
       [=](auto& f) {
         unigram_vocab(f)[3] = json::array{"a", 1};
       },
       "\"a\" stands twice"},
      {"empty", [=](auto& f) { unigram_vocab(f).clear(); }, "\"vocab\" is empty"},
      {"bytes without end",
       [=](auto& f) {
         unigram_vocab(f).push_back({std::string(size_t{1} << 24, 'a'), 1});
       },
       "model.vocab[263]: the tokens up to here have more than 16777216 bytes"},
      {"unk", [](auto& f) { model(f)["unk_id"] = 263; }, "\"unk_id\" 263 is outside"},
  };
  return all;
}

TEST(SentencePiece, EveryMalformedKindNamesFileAndField) {
  for (const auto& [cases, good] :
       {std::pair{&malformed_sentencepiece(), small_sentencepiece()}, {&malformed_unigram(), small_unigram()}})
    for (const Malformed& m : *cases) {
      json::object file = good;
      m.change(file);
      const auto t = Tokenizer::from_json(json::serialize(file), "x/tokenizer.json");
      ASSERT_FALSE(t) << m.name;
      EXPECT_EQ(t.error().message.rfind("x/tokenizer.json: ", 0), 0u) << m.name << ": " << t.error().message;
      EXPECT_NE(t.error().message.find(m.message), std::string::npos) << m.name << ": " << t.error().message;
    }
}

TEST(TokenizerJson, BrokenTextNamesTheByte) {
  const std::string good = json::serialize(small_file());
  for (const std::string& bad :
       {std::string(), std::string("{"), std::string("{} {}"), std::string("[1,]"), std::string("{\"a\": \xFF}"),
        std::string("{\"a\": \"\xFF\"}"), std::string(1'000'000, '['), "{\"model\":" + std::string(100'000, '{'),
        std::string("{\"a\":\"\\ud800\"}"), std::string("nul"), good + "x"}) {
    const auto t = Tokenizer::from_json(bad, "f");
    ASSERT_FALSE(t) << bad.substr(0, 50);
    EXPECT_EQ(t.error().message.rfind("f: ", 0), 0u) << t.error().message;
    EXPECT_NE(t.error().message.find("byte"), std::string::npos) << t.error().message;
  }
  EXPECT_NE(Tokenizer::from_json("[]", "f").error().message.find("an array; expected an object"), std::string::npos);
  for (size_t cut = 0; cut < good.size(); cut += 7)
    EXPECT_FALSE(Tokenizer::from_json(std::string_view(good).substr(0, cut), "f")) << cut;
}

// Seeded mutations: an error or a tokenizer that works, never a crash (runs under ASan and UBSan too).
TEST(TokenizerJson, MutationsNeverCrash) {
  const std::string kinds[] = {json::serialize(small_file()), json::serialize(small_sentencepiece()),
                               json::serialize(small_unigram())};
  int read = 0;
  for (uint32_t i = 0; i < 10'000; ++i) {
    RandomStream random(1, i, Purpose::mutation);
    std::string bytes = kinds[i % 3];
    for (uint32_t n = random.below(4) + 1; n > 0 && !bytes.empty(); --n) {
      const uint32_t at = random.below(static_cast<uint32_t>(bytes.size()));
      static const std::vector<std::string> parts = {
          "\"",   "{",    "}",   "[",       "]",       ",",    ":",        "0",         "-1",
          "null", "true", "1e9", "\\u0000", "\\ud83d", "\xFF", "\"type\"", "\"Split\"", "\"Sequence\"",
          " "};
      switch (random.below(4)) {
        case 0:
          bytes[at] = static_cast<char>(random.below(256));
          break;
        case 1:
          bytes.erase(at, random.below(12) + 1);
          break;
        case 2:
          bytes.insert(at, random.pick(parts));
          break;
        default:
          bytes.insert(at, bytes.substr(random.below(static_cast<uint32_t>(bytes.size())), random.below(40)));
          break;
      }
    }
    const auto t = Tokenizer::from_json(bytes, "mutated");
    if (!t) continue;
    ++read;
    t->decode(t->encode("<s>hello 가나 name 12\n"));
  }
  EXPECT_GT(read, 100);
}

}  // namespace
}  // namespace jamsu::tokenizer
