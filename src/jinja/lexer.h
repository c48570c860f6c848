#pragma once
// Template source -> tokens, with the white-space rules of trim_blocks and lstrip_blocks (jinja2/lexer.py).
#include <string>
#include <string_view>
#include <vector>

namespace jamsu::jinja {

enum class TokenKind : uint8_t {
  data,
  block_begin,
  block_end,
  variable_begin,
  variable_end,
  name,
  string,
  integer,
  real,
  op,
  end
};

struct Token {
  TokenKind kind;
  std::string text;  // string: its value; op: the operator; integer and real: the digits as written
  int line;
};

// The last token is `end`. Errors (Failure): what Jinja's lexer refuses.
std::vector<Token> tokenize(std::string_view source, size_t most_tokens);

// How messages call a token: "end of print statement", "integer", "'b'" without its quotes.
std::string describe(const Token& token);

}  // namespace jamsu::jinja
