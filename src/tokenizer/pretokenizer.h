#pragma once
// The pre_tokenizer of a tokenizer.json: cuts a text into the pieces inside which the model works.
// Each stage works on the pieces of the stage before; what a stage sees as the end of the text is the end of its piece.
// The kinds stand in the table of pretokenizer_field.cpp.
#include <boost/json/value.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/function_ref.h"
#include "base/result.h"
#include "tokenizer/pattern/pattern_scanner.h"

namespace jamsu::tokenizer {

class PreTokenizer {
 public:
  // null: none, the text is one piece. Errors name file and field by `where`.
  static Result<PreTokenizer> from_json(const boost::json::value& json, const std::string& where);

  using Sink = FunctionRef<void(std::string_view piece)>;
  // Pieces from left to right, never empty. A piece may lie outside `text` (an added prefix space) and lives until the
  // sink returns. `at_start`: the text is where the whole input begins. REQUIRES: valid UTF-8. Thread-safe.
  void run(std::string_view text, bool at_start, Sink sink) const;

  // A Split by a pattern this file's scanners do not know goes through Oniguruma; false where that never happens.
  bool uses_regex() const { return uses_regex_; }
  // ByteLevel is among them: pieces are bytes.
  bool byte_level() const { return byte_level_; }
  // The last one's type as the file writes it; empty: none.
  std::string_view last_type() const { return last_type_; }

 private:
  friend class PreTokenizerReader;
  enum class Behavior : uint8_t { removed, isolated, merged_with_previous, merged_with_next, contiguous };
  struct Metaspace {
    std::string mark;
    enum class Scheme : uint8_t { always, first, never } scheme;
    bool split;
  };
  struct Stage {
    std::shared_ptr<const PatternScanner> scanner = nullptr;  // null: nothing is cut
    Behavior behavior = Behavior::isolated;
    bool invert = false;
    bool add_prefix_space = false;
    bool to_alphabet = false;  // what follows sees the characters of GPT-2's byte alphabet
    std::optional<Metaspace> metaspace = {};
  };
  // `front`: where the whole input begins; null where that is elsewhere.
  void run_stage(size_t stage, std::string_view text, const char* front, Sink sink) const;
  void run_merged(size_t stage, std::string_view text, const char* front, Sink sink) const;
  void run_metaspace(size_t stage, std::string_view text, const char* front, Sink sink) const;

  std::vector<Stage> stages_;
  bool uses_regex_ = false, byte_level_ = false, in_alphabet_ = false;
  std::string last_type_;
};

}  // namespace jamsu::tokenizer
