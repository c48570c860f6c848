#pragma once
// The pre_tokenizer of a byte-level tokenizer.json: cuts a text into the pieces inside which BPE merges.
// Each stage works on the pieces of the stage before; what a stage sees as the end of the text is the end of its piece.
#include <boost/json/value.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/function_ref.h"
#include "base/result.h"
#include "text/pattern_scanner.h"

namespace jamsu::text {

class PreTokenizer {
 public:
  // `where` names file and field in errors. What is not a chain of Split and Digits that ends in ByteLevel is an error.
  static Result<PreTokenizer> from_json(const boost::json::value& json, const std::string& where);

  using Sink = FunctionRef<void(std::string_view piece)>;
  // Pieces from left to right, never empty. A piece may lie outside `text` (an added prefix space) and lives until the
  // sink returns. REQUIRES: valid UTF-8. Thread-safe.
  void run(std::string_view text, Sink sink) const { run_stage(0, text, sink); }

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

  std::vector<Stage> stages_;
  bool uses_regex_ = false;
};

}  // namespace jamsu::text
