#pragma once
// The pre_tokenizer of a tokenizer.json: cuts a text into the pieces inside which the model works.
// Each stage works on the pieces of the stage before; what a stage sees as the end of the text is the end of its piece.
#include <boost/json/value.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/function_ref.h"
#include "base/result.h"
#include "tokenizer/pattern_scanner.h"

namespace jamsu::tokenizer {

// What tokens are made of: bytes (GPT-2's alphabet, pre-tokenizer and decoder ByteLevel), or characters with a mark for
// spaces (SentencePiece; Metaspace or normalizers put the mark).
enum class Alphabet : uint8_t { bytes, characters };

class PreTokenizer {
 public:
  // `where` names file and field in errors. Of bytes: a chain of Split and Digits that ends in ByteLevel. Of
  // characters: null or Metaspace. Others are an error.
  static Result<PreTokenizer> from_json(const boost::json::value& json, const std::string& where, Alphabet alphabet);

  using Sink = FunctionRef<void(std::string_view piece)>;
  // Pieces from left to right, never empty. A piece may lie outside `text` (an added prefix space) and lives until the
  // sink returns. `at_start`: the text is where the whole input begins. REQUIRES: valid UTF-8. Thread-safe.
  void run(std::string_view text, bool at_start, Sink sink) const {
    if (metaspace_) return run_metaspace(text, at_start, sink);
    run_stage(0, text, sink);
  }

  // A Split by a pattern this file's scanners do not know goes through Oniguruma; false where that never happens.
  bool uses_regex() const { return uses_regex_; }

 private:
  enum class Behavior { removed, isolated, merged_with_previous, merged_with_next, contiguous };
  struct Stage {
    std::shared_ptr<const PatternScanner> scanner;  // null: nothing is cut
    Behavior behavior = Behavior::isolated;
    bool invert = false;
    bool add_prefix_space = false;
  };
  void run_stage(size_t stage, std::string_view text, Sink sink) const;
  void run_merged(size_t stage, std::string_view text, Sink sink) const;

  Status add(const boost::json::value& json, const std::string& where, bool is_last);
  Status add_split(const boost::json::object& json, const std::string& where);
  Status add_byte_level(const boost::json::object& json, const std::string& where);

  struct Metaspace {
    std::string mark;
    enum class Scheme : uint8_t { always, first, never } scheme;
    bool split;
  };
  void run_metaspace(std::string_view text, bool at_start, Sink sink) const;
  Status add_metaspace(const boost::json::value& json, const std::string& where);

  std::vector<Stage> stages_;
  std::optional<Metaspace> metaspace_;
  bool uses_regex_ = false;
};

}  // namespace jamsu::tokenizer
