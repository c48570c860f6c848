#include "tokenizer/folder/sentencepiece.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "tokenizer/json_fields.h"
#include "unicode/utf8.h"

namespace jamsu::tokenizer {
namespace {

namespace json = boost::json;

constexpr size_t kMostPieces = size_t{1} << 20;
constexpr size_t kMostBytesOfPiece = 4096;

// --- protobuf's wire format (protobuf.dev/programming-guides/encoding) --------------------------------------------------

struct Field {
  uint64_t number = 0, value = 0;  // value: of a varint
  std::string_view bytes;          // of a message or text
};

class Wire {
 public:
  Wire(std::string_view bytes, size_t begins_at) : bytes_(bytes), begins_at_(begins_at) {}
  bool more() const { return at_ < bytes_.size(); }
  size_t place() const { return begins_at_ + at_; }
  // Where the bytes of the last field begin in the file.
  size_t bytes_at() const { return begins_at_ + bytes_begin_; }

  // Empty: here stands no field.
  std::optional<Field> next() {
    Field f;
    const auto tag = varint();
    if (!tag || *tag >> 3 == 0) return std::nullopt;
    f.number = *tag >> 3;
    size_t length = 0;
    switch (*tag & 7) {
      case 0: {
        const auto value = varint();
        if (!value) return std::nullopt;
        f.value = *value;
        return f;
      }
      case 1:
        length = 8;
        break;
      case 2: {
        const auto value = varint();
        if (!value || *value > bytes_.size() - at_) return std::nullopt;
        length = static_cast<size_t>(*value);
        break;
      }
      case 5:
        length = 4;
        break;
      default:
        return std::nullopt;
    }
    if (length > bytes_.size() - at_) return std::nullopt;
    bytes_begin_ = at_;
    f.bytes = bytes_.substr(at_, length);
    at_ += length;
    return f;
  }

 private:
  std::optional<uint64_t> varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && more(); shift += 7) {
      const auto byte = static_cast<uint8_t>(bytes_[at_++]);
      value |= uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return value;
    }
    return std::nullopt;
  }
  std::string_view bytes_;
  size_t begins_at_, at_ = 0, bytes_begin_ = 0;
};

// --- sentencepiece_model.proto ------------------------------------------------------------------------------------------

enum class Kind : uint64_t { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };

struct Piece {
  std::string_view text;
  Kind kind = Kind::normal;
};

struct Model {
  std::vector<Piece> pieces;
  uint64_t type = 1;  // of the trainer: 1 Unigram, 2 BPE, 3 words, 4 characters
  std::unordered_map<std::string_view, int64_t> ids;
};

Error no_model(const std::string& name, size_t place) {
  return Error{fmt::format("{}: byte {}: is no SentencePiece model.", name, place)};
}

Result<Piece> read_piece(std::string_view bytes, size_t begins_at, const std::string& name, size_t number) {
  Piece piece;
  Wire wire(bytes, begins_at);
  while (wire.more()) {
    const auto f = wire.next();
    if (!f) return no_model(name, wire.place());
    if (f->number == 1) piece.text = f->bytes;
    if (f->number == 3) piece.kind = static_cast<Kind>(f->value);
  }
  if (piece.text.empty() || piece.text.size() > kMostBytesOfPiece || !unicode::is_valid_utf8(piece.text))
    return Error{fmt::format("{}: piece {} is {}, not a text in UTF-8.", name, number, in_quotes(piece.text))};
  return piece;
}

Result<Model> read_model(std::string_view bytes, const std::string& name) {
  Model model;
  Wire wire(bytes, 0);
  while (wire.more()) {
    const auto f = wire.next();
    if (!f) return no_model(name, wire.place());
    if (f->number == 1) {
      if (model.pieces.size() == kMostPieces) return Error{fmt::format("{}: more than {} pieces.", name, kMostPieces)};
      const auto piece = read_piece(f->bytes, wire.bytes_at(), name, model.pieces.size());
      if (!piece) return piece.error();
      if (!model.ids.emplace(piece->text, static_cast<int64_t>(model.pieces.size())).second)
        return Error{fmt::format("{}: the piece {} stands twice.", name, in_quotes(piece->text))};
      model.pieces.push_back(*piece);
    }
    if (f->number == 2) {
      Wire trainer(f->bytes, wire.bytes_at());
      while (trainer.more()) {
        const auto of = trainer.next();
        if (!of) return no_model(name, trainer.place());
        if (of->number == 3) model.type = of->value;
      }
    }
  }
  if (model.pieces.empty()) return no_model(name, 0);
  return model;
}

// transformers, generate_merges: ordered by the piece, then by the lengths of the left and of the right part.
json::array merges_of(const Model& model) {
  json::array merges;
  for (const Piece& piece : model.pieces) {
    // Left parts grow, so their lengths are in order already; one length has one right part.
    for (size_t cut = 1; cut < piece.text.size(); ++cut) {
      if (unicode::is_utf8_continuation(piece.text[cut])) continue;
      const std::string_view left = piece.text.substr(0, cut), right = piece.text.substr(cut);
      if (model.ids.contains(left) && model.ids.contains(right)) merges.push_back(json::array{left, right});
    }
  }
  return merges;
}

// --- tokenizer_config.json ----------------------------------------------------------------------------------------------

// A token's text, written as it is or in an object; `otherwise` where the member is not there, empty where it is null.
std::string_view token_of(const json::object& config, std::string_view member, std::string_view otherwise) {
  const json::value* value = config.if_contains(member);
  if (!value) return otherwise;
  if (value->is_object()) value = value->get_object().if_contains("content");
  return value && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
}

bool flag_of(const json::object& config, std::string_view token, std::string_view flag) {
  for (const auto& [member, value] : config)
    if (value.is_object() && token_of(config, member, {}) == token)
      if (const json::value* v = value.get_object().if_contains(flag); v && v->is_bool()) return v->get_bool();
  return false;
}

bool in_decoder(const json::object& config, std::string_view token) {
  const json::value* decoder = config.if_contains("added_tokens_decoder");
  if (!decoder || !decoder->is_object()) return false;
  return std::any_of(decoder->get_object().begin(), decoder->get_object().end(), [&](const auto& entry) {
    const json::value* content =
        entry.value().is_object() ? entry.value().get_object().if_contains("content") : nullptr;
    return content && content->is_string() && std::string_view(content->get_string()) == token;
  });
}

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kSpecial = {
    std::pair("unk_token", "<unk>"), std::pair("bos_token", "<s>"), std::pair("eos_token", "</s>"),
    std::pair("pad_token", ""),      std::pair("sep_token", ""),    std::pair("cls_token", ""),
    std::pair("mask_token", "")};

// Pieces that are tokens wherever a text spells them: control symbols, what the user defined, what the config names.
Result<json::array> added_tokens(const Model& model, const json::object& config, const std::string& name,
                                 const std::string& config_name) {
  std::vector<uint8_t> added(model.pieces.size());  // 1: found in texts; 2: and special
  for (size_t i = 0; i < model.pieces.size(); ++i) {
    if (model.pieces[i].kind == Kind::control) added[i] = 2;
    if (model.pieces[i].kind == Kind::user_defined) added[i] = 1;
  }
  for (const auto& [member, otherwise] : kSpecial) {
    const std::string_view token = token_of(config, member, otherwise);
    const auto found = model.ids.find(token);
    if (found != model.ids.end()) added[static_cast<size_t>(found->second)] = 2;
    if (found == model.ids.end() && !token.empty() && !in_decoder(config, token))
      return Error{fmt::format("{}: {} = {} is no piece of {}, and \"added_tokens_decoder\" has no id for it.",
                               config_name, member, in_quotes(token), name)};
  }
  json::array list;
  for (size_t i = 0; i < added.size(); ++i)
    if (added[i] != 0)
      list.push_back({{"id", i},
                      {"content", model.pieces[i].text},
                      {"single_word", flag_of(config, model.pieces[i].text, "single_word")},
                      {"lstrip", flag_of(config, model.pieces[i].text, "lstrip")},
                      {"rstrip", flag_of(config, model.pieces[i].text, "rstrip")},
                      {"normalized", false},
                      {"special", added[i] == 2}});
  return list;
}

// What stands before every text.
json::value post_processor(const Model& model, const json::object& config, bool adds_bos) {
  const std::string_view bos = token_of(config, "bos_token", "<s>");
  const auto found = model.ids.find(bos);
  if (!adds_bos || found == model.ids.end()) return nullptr;
  const json::object first{{"SpecialToken", {{"id", bos}, {"type_id", 0}}}},
      text{{"Sequence", {{"id", "A"}, {"type_id", 0}}}}, second{{"SpecialToken", {{"id", bos}, {"type_id", 1}}}},
      other{{"Sequence", {{"id", "B"}, {"type_id", 1}}}};
  const json::object token{{"id", bos}, {"ids", json::array{found->second}}, {"tokens", json::array{bos}}};
  return json::object{{"type", "TemplateProcessing"},
                      {"single", json::array{first, text}},
                      {"pair", json::array{first, text, second, other}},
                      {"special_tokens", json::object{{bos, token}}}};
}

json::object pre_tokenizer(bool prefix, bool legacy) {
  return {{"type", "Metaspace"},
          {"replacement", "\u2581"},
          {"prepend_scheme", !prefix  ? "never"
                             : legacy ? "always"
                                      : "first"},
          {"split", false}};
}

json::object decoder(bool prefix) {
  json::array steps{json::object{{"type", "Replace"}, {"pattern", {{"String", "\u2581"}}}, {"content", " "}},
                    json::object{{"type", "ByteFallback"}}, json::object{{"type", "Fuse"}}};
  if (prefix) steps.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  return {{"type", "Sequence"}, {"decoders", std::move(steps)}};
}

}  // namespace

std::string how_to_convert(std::string_view folder) {
  return fmt::format(
      "transformers writes a tokenizer.json (pip install transformers sentencepiece protobuf tiktoken): python3 -c "
      "\"from transformers import AutoTokenizer as T; T.from_pretrained('{}').save_pretrained('{}')\"",
      folder, folder);
}

Result<std::string> json_of_sentencepiece(std::string_view model, const std::string& name, std::string_view config,
                                          const std::string& config_name) {
  const std::string folder = std::filesystem::path(name).parent_path().string();
  boost::system::error_code error;
  const json::value parsed = json::parse(config.empty() ? "{}" : config, error, {}, {.max_depth = 32});
  if (error) return Error{fmt::format("{}: no JSON: {}.", config_name, error.message())};
  if (!parsed.is_object())
    return Error{fmt::format("{}: {}; expected an object.", config_name, json_kind_name(parsed))};
  const json::object& o = parsed.get_object();
  const auto read = read_model(model, name);
  if (!read) return Error{read.error().message + " " + how_to_convert(folder)};
  const std::string_view of_class = token_of(o, "tokenizer_class", {});
  if (of_class != "LlamaTokenizer" && of_class != "LlamaTokenizerFast")
    return Error{
        fmt::format("{}: \"tokenizer_class\" is {}: without a tokenizer.json {} is read for LlamaTokenizer "
                    "alone. {}",
                    config_name, of_class.empty() ? "missing" : in_quotes(of_class), name, how_to_convert(folder))};
  if (read->type != 2)
    return Error{fmt::format("{}: is a model of SentencePiece that is not BPE. {}", name, how_to_convert(folder))};
  const auto flag = [&](const char* member, bool otherwise) { return bool_field(o, member, otherwise, config_name); };
  const auto adds_bos = flag("add_bos_token", false), prefix = flag("add_prefix_space", true),
             legacy = flag("legacy", false);
  for (const auto* one : {&adds_bos, &prefix, &legacy})
    if (!*one) return one->error();
  auto added = added_tokens(*read, o, name, config_name);
  if (!added) return added.error();
  json::object vocab;
  for (size_t i = 0; i < read->pieces.size(); ++i) vocab[read->pieces[i].text] = i;
  const json::object file{{"version", "1.0"},
                          {"truncation", nullptr},
                          {"padding", nullptr},
                          {"added_tokens", std::move(*added)},
                          {"normalizer", nullptr},
                          {"pre_tokenizer", pre_tokenizer(*prefix, *legacy)},
                          {"post_processor", post_processor(*read, o, *adds_bos)},
                          {"decoder", decoder(*prefix)},
                          {"model",
                           {{"type", "BPE"},
                            {"dropout", nullptr},
                            {"unk_token", nullptr},
                            {"continuing_subword_prefix", nullptr},
                            {"end_of_word_suffix", nullptr},
                            {"fuse_unk", true},
                            {"byte_fallback", true},
                            {"ignore_merges", false},
                            {"vocab", std::move(vocab)},
                            {"merges", merges_of(*read)}}}};
  return json::serialize(file);
}

}  // namespace jamsu::tokenizer
