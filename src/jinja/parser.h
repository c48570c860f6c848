#pragma once
// Token streams and expressions (expressions.cpp, postfix.cpp); statements are in parser.cpp.
// The grammar is that of jinja2/parser.py.
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jinja/ast.h"
#include "jinja/lexer.h"

namespace jamsu::jinja {

class ExpressionParser {
 public:
  ExpressionParser(std::vector<Token> tokens, const ParseOptions& options)
      : tokens_(std::move(tokens)), limits_(options.limits), dialect_(options.dialect) {}

 protected:
  const Token& current() const { return tokens_[at_]; }
  const Token& ahead() const { return tokens_[at_ + 1 < tokens_.size() ? at_ + 1 : at_]; }
  Dialect dialect() const { return dialect_; }
  Token next();
  bool is_op(std::string_view op) const { return current().kind == TokenKind::op && current().text == op; }
  bool is_name(std::string_view name) const { return current().kind == TokenKind::name && current().text == name; }
  bool skip_op(std::string_view op);
  bool skip_name(std::string_view name);
  void expect_op(std::string_view op);
  void expect_name(std::string_view name);
  std::string expect_any_name();
  void expect(TokenKind kind);
  [[noreturn]] void error(std::string message) const { error(std::move(message), current().line); }
  [[noreturn]] static void error(std::string message, int line);
  [[noreturn]] void unexpected() const;

  ExprPtr expression(bool with_condition = true);
  // One expression, or a tuple when commas follow. `ends`: a name that ends it beside the usual ends.
  struct TupleOptions {
    bool simplified = false;  // of primary expressions only (targets)
    bool with_condition = true;
    bool explicit_parentheses = false;  // () is the empty tuple
    bool with_namespace = false;        // targets: ns.x
    std::string_view ends = {};
  };
  ExprPtr tuple(const TupleOptions& options);
  ExprPtr target(bool with_tuple, bool with_namespace, std::string_view ends = {});
  ExprPtr filter_chain(ExprPtr value, bool start_inline);
  ExprPtr primary(bool with_namespace = false);

  ExprPtr make(ExprKind kind, int line) const;
  // Depths of children into the parent; too deep is an error.
  ExprPtr deepened(ExprPtr expr) const;

  // Guards a level of nesting.
  class Level {
   public:
    explicit Level(ExpressionParser& parser) : parser_(parser) {
      if (++parser_.depth_ > parser_.limits_.syntax_depth) parser_.error("the template is nested too deeply");
    }
    ~Level() { --parser_.depth_; }

   private:
    ExpressionParser& parser_;
  };

  bool changes_lists_ = false;       // a method that changes lists was named
  int soft_ = 0;                     // inside a condition: unknown filters fail only when reached
  std::optional<Failure> unknown_;   // the first filter or test of no name that is known, outside of conditions
  std::vector<MacroParts*> macros_;  // those around, outermost first

 private:
  ExprPtr either();
  ExprPtr both();
  ExprPtr inverted();
  ExprPtr comparison();
  ExprPtr sum();
  ExprPtr concatenation();
  ExprPtr product();
  ExprPtr power();
  ExprPtr unary(bool with_filter = true);
  ExprPtr postfix(ExprPtr value);
  ExprPtr filters_and_tests(ExprPtr value);
  ExprPtr dot(ExprPtr value);
  ExprPtr subscript(ExprPtr value);
  ExprPtr subscribed();
  ExprPtr call(ExprPtr value);
  ExprPtr test(ExprPtr value);
  ExprPtr literal();
  ExprPtr list();
  ExprPtr dict();
  void call_arguments(CallArguments& out);
  ExprPtr binary_chain(ExprPtr (ExpressionParser::*part)(), std::initializer_list<std::string_view> ops);
  void use_name(const std::string& name);
  void unknown(std::string_view what, const std::string& name, int line);

  std::vector<Token> tokens_;
  size_t at_ = 0;
  const Limits limits_;
  const Dialect dialect_;
  int depth_ = 0;
};

}  // namespace jamsu::jinja
