#include "tokenizer/tiktoken.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <map>
#include <unordered_map>

#include "base/base64.h"
#include "tokenizer/json_fields.h"
#include "tokenizer/tokenizer_data.h"

namespace jamsu::tokenizer {
namespace {

namespace json = boost::json;

constexpr std::string_view kTokenizerClass = "TikTokenTokenizer";
// tokenization_kimi.py: pat_str; 256 ids behind the vocabulary are special or reserved.
constexpr std::string_view kPattern =
    R"([\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr int32_t kReserved = 256;
constexpr size_t kMaxTokens = size_t{1} << 22;

// Bytes of each token by id.
Result<std::vector<std::string>> read_ranks(std::string_view model, const std::string& name) {
  std::map<int64_t, std::string> by_rank;
  int64_t number = 0;
  while (!model.empty()) {
    const size_t end = std::min(model.find('\n'), model.size());
    std::string_view line = model.substr(0, end);
    model.remove_prefix(std::min(end + 1, model.size()));
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    const size_t space = line.find(' ');
    const auto bytes = decode_base64(line.substr(0, space));
    if (space == std::string_view::npos || !bytes)
      return Error{fmt::format("{}:{}: {} is not a token in base64 and its rank.", name, number, in_quotes(line))};
    int64_t rank = -1;
    const std::string_view digits = line.substr(space + 1);
    const auto [last, error] = std::from_chars(digits.data(), digits.data() + digits.size(), rank);
    if (error != std::errc() || last != digits.data() + digits.size() || rank < 0 ||
        rank >= static_cast<int64_t>(kMaxTokens))
      return Error{
          fmt::format("{}:{}: rank {} is no number from 0 to {}.", name, number, in_quotes(digits), kMaxTokens - 1)};
    if (!by_rank.emplace(rank, *bytes).second)
      return Error{fmt::format("{}:{}: rank {} stands twice.", name, number, rank)};
  }
  std::vector<std::string> tokens;
  for (auto& [rank, bytes] : by_rank) {
    if (rank != static_cast<int64_t>(tokens.size()))
      return Error{fmt::format("{}: rank {} is missing; {} is there.", name, tokens.size(), rank)};
    tokens.push_back(std::move(bytes));
  }
  if (tokens.empty()) return Error{name + ": no tokens."};
  return tokens;
}

// added_tokens of a tokenizer.json: those of the config, the other ids up to the last reserved one by number.
Result<json::array> added_tokens(const json::object& config, const std::string& where, int32_t base) {
  std::map<int64_t, json::object> named;
  if (const auto* decoder = config.if_contains("added_tokens_decoder"); decoder && !decoder->is_null()) {
    if (!decoder->is_object()) return wrong_kind(where, "added_tokens_decoder", "an object", *decoder);
    for (const auto& [key, value] : decoder->get_object()) {
      int64_t id = -1;
      const auto [last, error] = std::from_chars(key.data(), key.data() + key.size(), id);
      const std::string field = fmt::format("{}: added_tokens_decoder.{}", where, std::string_view(key));
      if (error != std::errc() || last != key.data() + key.size() || id < base || id >= base + int64_t{2} * kReserved)
        return Error{fmt::format("{}: not an id from {} on.", field, base)};
      if (!value.is_object()) return Error{fmt::format("{} is {}; expected an object.", field, json_kind_name(value))};
      named[id] = value.get_object();
    }
  }
  const int64_t end = std::max<int64_t>(base + kReserved, named.empty() ? 0 : named.rbegin()->first + 1);
  json::array tokens;
  for (int64_t id = base; id < end; ++id) {
    json::object token{{"id", id}, {"content", fmt::format("<|reserved_token_{}|>", id)}, {"special", true}};
    if (const auto found = named.find(id); found != named.end())
      for (const auto& [key, value] : found->second) token[key] = value;
    tokens.push_back(std::move(token));
  }
  return tokens;
}

// Every way to put a token together of two others.
std::vector<Merge> merges_of(const std::vector<std::string>& tokens) {
  std::unordered_map<std::string_view, int32_t> ids;
  for (size_t id = 0; id < tokens.size(); ++id) ids.emplace(tokens[id], static_cast<int32_t>(id));
  std::vector<Merge> merges;
  for (size_t id = 0; id < tokens.size(); ++id) {
    const std::string_view bytes = tokens[id];
    for (size_t cut = 1; cut < bytes.size(); ++cut) {
      const auto left = ids.find(bytes.substr(0, cut));
      if (left == ids.end()) continue;
      const auto right = ids.find(bytes.substr(cut));
      if (right != ids.end()) merges.push_back({left->second, right->second, static_cast<int32_t>(id)});
    }
  }
  return merges;
}

}  // namespace

Result<Tokenizer> read_tiktoken(std::string_view model, const std::string& name, std::string_view config,
                                const std::string& config_name) {
  boost::system::error_code error;
  const json::value parsed = json::parse(config, error);
  if (error) return Error{fmt::format("{}: no JSON: {}.", config_name, error.message())};
  if (!parsed.is_object())
    return Error{fmt::format("{}: {}; expected an object.", config_name, json_kind_name(parsed))};
  const json::object& object = parsed.get_object();
  const auto kind = string_field(object, "tokenizer_class", config_name);
  if (!kind) return kind.error();
  if (*kind != kTokenizerClass)
    return Error{fmt::format("{}: \"tokenizer_class\" {} beside a {} is not one that this program knows ({}, Kimi's).",
                             config_name, in_quotes(*kind), name, kTokenizerClass)};
  const auto tokens = read_ranks(model, name);
  if (!tokens) return tokens.error();
  auto added = added_tokens(object, config_name, static_cast<int32_t>(tokens->size()));
  if (!added) return added.error();

  json::object vocabulary;
  for (size_t id = 0; id < tokens->size(); ++id)
    if (!vocabulary.emplace(bytes_to_token((*tokens)[id]), static_cast<int64_t>(id)).second)
      return Error{fmt::format("{}: the token of rank {} stands twice.", name, id)};
  for (int b = 0; b < 256; ++b) {
    const char byte = static_cast<char>(static_cast<unsigned char>(b));
    if (!vocabulary.contains(bytes_to_token({&byte, 1})))
      return Error{fmt::format("{}: byte {} is no token.", name, b)};
  }
  const json::object byte_level{
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", false}};
  const json::object split{
      {"type", "Split"}, {"pattern", json::object{{"Regex", kPattern}}}, {"behavior", "Isolated"}, {"invert", false}};
  const json::object file{
      {"version", "1.0"},
      {"added_tokens", std::move(*added)},
      {"normalizer", nullptr},
      {"pre_tokenizer", json::object{{"type", "Sequence"}, {"pretokenizers", json::array{split, byte_level}}}},
      {"post_processor", nullptr},
      {"decoder", byte_level},
      // A piece that is a token is taken whole, as tiktoken does.
      {"model",
       json::object{
           {"type", "BPE"}, {"ignore_merges", true}, {"vocab", std::move(vocabulary)}, {"merges", json::array{}}}}};
  auto data = build_tokenizer(file, name);
  if (!data) return data.error();
  (*data)->merges = merges_of(*tokens);
  (*data)->merge_table = MergeTable((*data)->merges, MergeTable::Rank::result);
  return Tokenizer(std::move(*data));
}

}  // namespace jamsu::tokenizer
