#pragma once
// Values as models write them inside calls -> JSON text. Three spellings: JSON's, Python's, Gemma's.
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace jamsu::text {

enum class Literals : uint8_t {
  json,    // as sampled, but for control characters in strings, which become escapes
  python,  // 'a', "a", '''a''', True, None, (1, 2); JSON's words too
  gemma,   // <|"|>a<|"|> for a string, names of members bare or so quoted
};

// Reads from the start of a text; white space is passed over before each token. Every function that fails leaves `at()`
// where it stood or further on, and nothing after it is to be trusted.
class LiteralReader {
 public:
  LiteralReader(std::string_view text, Literals spelling) : text_(text), spelling_(spelling) {}

  // Appends the next value as JSON. False: there is none, it is cut off, or it is deeper than kMostJsonDepth.
  bool value(std::string& out);
  // A string's text, without quotes and escapes.
  std::optional<std::string> string();
  // The members of an object, in order: the name's text, the value as JSON.
  using Members = std::vector<std::pair<std::string, std::string>>;
  bool members(Members& out);
  // Letters, digits, '_', '.', '-' from here; empty: none.
  std::string_view word();

  bool take(std::string_view mark);  // if it stands here
  bool over();                       // nothing but white space is left
  size_t at() const { return at_; }
  void skip_space();

 private:
  bool list(std::string& out, char close);
  bool object(std::string& out);
  bool bare(std::string& out);
  std::optional<std::string> quoted(std::string_view quote);
  bool json_string(std::string& out);
  bool closes(std::string_view quote) const;
  std::optional<std::string> member_name();

  std::string_view text_;
  Literals spelling_;
  size_t at_ = 0;
  unsigned depth_ = 0;
};

// The whole of `text` as one value.
std::optional<std::string> literal_to_json(std::string_view text, Literals spelling);
bool is_json(std::string_view text);

}  // namespace jamsu::text
