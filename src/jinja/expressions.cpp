// Token streams, operators by their precedence, and what an expression begins with; the rest is in postfix.cpp.
#include <algorithm>
#include <charconv>

#include "jinja/objects.h"
#include "jinja/parser.h"

namespace jamsu::jinja {

Token ExpressionParser::next() {
  Token token = current();
  if (at_ + 1 < tokens_.size()) ++at_;
  return token;
}
bool ExpressionParser::skip_op(std::string_view op) {
  if (!is_op(op)) return false;
  next();
  return true;
}
bool ExpressionParser::skip_name(std::string_view name) {
  if (!is_name(name)) return false;
  next();
  return true;
}
void ExpressionParser::error(std::string message, int line) {
  throw Failure{"TemplateSyntaxError", std::move(message), line};
}
void ExpressionParser::unexpected() const {
  error("unexpected '" + describe(current()) + "'");
}
void ExpressionParser::expect_op(std::string_view op) {
  if (!skip_op(op)) error("expected token '" + std::string(op) + "', got '" + describe(current()) + "'");
}
void ExpressionParser::expect_name(std::string_view name) {
  if (!skip_name(name)) error("expected token '" + std::string(name) + "', got '" + describe(current()) + "'");
}
std::string ExpressionParser::expect_any_name() {
  if (current().kind != TokenKind::name) error("expected token 'name', got '" + describe(current()) + "'");
  return next().text;
}
void ExpressionParser::expect(TokenKind kind) {
  if (current().kind != kind)
    error("expected token '" + describe({kind, "", 0}) + "', got '" + describe(current()) + "'");
  next();
}

ExprPtr ExpressionParser::make(ExprKind kind, int line) const {
  auto expr = std::make_unique<Expr>();
  expr->kind = kind;
  expr->line = line;
  return expr;
}

ExprPtr ExpressionParser::deepened(ExprPtr expr) const {
  const auto see = [&](const ExprPtr& kid) {
    if (kid) expr->depth = std::max(expr->depth, kid->depth + 1);
  };
  for (const ExprPtr& kid : expr->kids) see(kid);
  for (const ExprPtr& kid : expr->arguments.positional) see(kid);
  for (const auto& [name, kid] : expr->arguments.named) see(kid);
  see(expr->arguments.star);
  see(expr->arguments.star_star);
  if (expr->depth > limits_.syntax_depth) error("the expression is nested too deeply", expr->line);
  return expr;
}

void ExpressionParser::use_name(const std::string& name) {
  for (MacroParts* macro : macros_) {
    if (name == "varargs") macro->uses_varargs = true;
    if (name == "kwargs") macro->uses_kwargs = true;
    if (name == "caller") macro->uses_caller = true;
  }
}

ExprPtr ExpressionParser::expression(bool with_condition) {
  const Level level(*this);
  if (!with_condition) return either();
  const std::optional<Failure> before = unknown_;
  ExprPtr value = either();
  while (is_name("if")) {
    const int line = next().line;
    unknown_ = before;  // what stands before `if` is part of the condition too
    ExprPtr expr = make(ExprKind::conditional, line);
    ++soft_;
    expr->kids.push_back(either());
    expr->kids.push_back(std::move(value));
    expr->kids.push_back(skip_name("else") ? expression() : nullptr);
    --soft_;
    value = deepened(std::move(expr));
  }
  return value;
}

ExprPtr ExpressionParser::either() {
  ExprPtr left = both();
  while (is_name("or")) {
    ExprPtr expr = make(ExprKind::either, next().line);
    expr->kids.push_back(std::move(left));
    expr->kids.push_back(both());
    left = deepened(std::move(expr));
  }
  return left;
}

ExprPtr ExpressionParser::both() {
  ExprPtr left = inverted();
  while (is_name("and")) {
    ExprPtr expr = make(ExprKind::both, next().line);
    expr->kids.push_back(std::move(left));
    expr->kids.push_back(inverted());
    left = deepened(std::move(expr));
  }
  return left;
}

ExprPtr ExpressionParser::inverted() {
  if (!is_name("not")) return comparison();
  const Level level(*this);
  ExprPtr expr = make(ExprKind::invert, next().line);
  expr->kids.push_back(inverted());
  return deepened(std::move(expr));
}

ExprPtr ExpressionParser::comparison() {
  ExprPtr first = sum();
  ExprPtr chain;
  const auto add = [&](std::string op) {
    if (!chain) {
      chain = make(ExprKind::compare, first->line);
      chain->kids.push_back(std::move(first));
    }
    chain->operators.push_back(std::move(op));
    chain->kids.push_back(sum());
  };
  while (true) {
    const bool comparing = current().kind == TokenKind::op &&
                           (is_op("==") || is_op("!=") || is_op("<") || is_op("<=") || is_op(">") || is_op(">="));
    if (comparing) {
      add(next().text);
    } else if (skip_name("in")) {
      add("in");
    } else if (is_name("not") && ahead().kind == TokenKind::name && ahead().text == "in") {
      next();
      next();
      add("not in");
    } else {
      return chain ? deepened(std::move(chain)) : std::move(first);
    }
  }
}

ExprPtr ExpressionParser::binary_chain(ExprPtr (ExpressionParser::*part)(),
                                       std::initializer_list<std::string_view> ops) {
  ExprPtr left = (this->*part)();
  while (std::any_of(ops.begin(), ops.end(), [&](std::string_view op) { return is_op(op); })) {
    ExprPtr expr = make(ExprKind::binary, current().line);
    expr->text = next().text;
    expr->kids.push_back(std::move(left));
    expr->kids.push_back((this->*part)());
    left = deepened(std::move(expr));
  }
  return left;
}

ExprPtr ExpressionParser::sum() {
  return binary_chain(&ExpressionParser::concatenation, {"+", "-"});
}
ExprPtr ExpressionParser::product() {
  return binary_chain(&ExpressionParser::power, {"*", "/", "//", "%"});
}

ExprPtr ExpressionParser::concatenation() {
  ExprPtr first = product();
  if (!is_op("~")) return first;
  ExprPtr expr = make(ExprKind::concat, current().line);
  expr->kids.push_back(std::move(first));
  while (skip_op("~")) expr->kids.push_back(product());
  return deepened(std::move(expr));
}

ExprPtr ExpressionParser::power() {
  ExprPtr left = unary();
  while (is_op("**")) {
    ExprPtr expr = make(ExprKind::binary, next().line);
    expr->text = "**";
    expr->kids.push_back(std::move(left));
    expr->kids.push_back(unary());
    left = deepened(std::move(expr));
  }
  return left;
}

ExprPtr ExpressionParser::unary(bool with_filter) {
  const Level level(*this);
  ExprPtr value;
  if (is_op("-") || is_op("+")) {
    const Token sign = next();
    value = make(sign.text == "-" ? ExprKind::negate : ExprKind::plus, sign.line);
    value->kids.push_back(unary(false));
    value = deepened(std::move(value));
  } else {
    value = primary();
  }
  value = postfix(std::move(value));
  return with_filter ? filters_and_tests(std::move(value)) : std::move(value);
}

ExprPtr ExpressionParser::primary(bool with_namespace) {
  const Token& token = current();
  if (token.kind == TokenKind::name) {
    const Token name = next();
    ExprPtr expr = make(ExprKind::constant, name.line);
    if (name.text == "true" || name.text == "True" || name.text == "false" || name.text == "False") {
      expr->constant = Value::boolean(name.text[0] == 't' || name.text[0] == 'T');
    } else if (name.text == "none" || name.text == "None") {
      expr->constant = Value::none();
    } else if (with_namespace && is_op(".")) {
      next();
      expr->kind = ExprKind::namespace_item;
      expr->text = name.text;
      expr->attribute = expect_any_name();
    } else {
      expr->kind = ExprKind::name;
      expr->text = name.text;
      use_name(name.text);
    }
    return expr;
  }
  if (token.kind == TokenKind::string || token.kind == TokenKind::integer || token.kind == TokenKind::real)
    return literal();
  if (is_op("(")) {
    next();
    ExprPtr expr = tuple({.explicit_parentheses = true});
    expect_op(")");
    return expr;
  }
  if (is_op("[")) return list();
  if (is_op("{")) return dict();
  unexpected();
}

ExprPtr ExpressionParser::literal() {
  const Token token = next();
  ExprPtr expr = make(ExprKind::constant, token.line);
  if (token.kind == TokenKind::string) {
    std::string text = token.text;
    while (current().kind == TokenKind::string) text += next().text;
    expr->constant = Value::string(std::move(text));
  } else if (token.kind == TokenKind::real) {
    double value = 0;
    const auto read = std::from_chars(token.text.data(), token.text.data() + token.text.size(), value);
    if (read.ec == std::errc::result_out_of_range) value = out_of_range_real(token.text);
    expr->constant = Value::real(value);
  } else {
    const bool prefixed = token.text.size() > 2 && token.text[0] == '0' && token.text[1] > '9';
    const int base = !prefixed ? 10 : (token.text[1] | 0x20) == 'x' ? 16 : (token.text[1] | 0x20) == 'o' ? 8 : 2;
    const Integer value = Integer::parse(std::string_view(token.text).substr(prefixed ? 2 : 0), base);
    if (value.fits()) {
      expr->constant = Value::integer(value.small());
    } else {
      expr->constant = Value::of(Kind::integer, std::make_shared<IntegerObject>(nullptr, value));
    }
  }
  return expr;
}

ExprPtr ExpressionParser::tuple(const TupleOptions& options) {
  const Level level(*this);
  const int line = current().line;
  std::vector<ExprPtr> items;
  bool is_tuple = false;
  while (true) {
    if (!items.empty()) expect_op(",");
    const bool at_end = current().kind == TokenKind::variable_end || current().kind == TokenKind::block_end ||
                        is_op(")") || (!options.ends.empty() && is_name(options.ends));
    if (at_end) break;
    items.push_back(options.simplified ? primary(options.with_namespace) : expression(options.with_condition));
    if (!is_op(",")) break;
    is_tuple = true;
  }
  if (!is_tuple) {
    if (!items.empty()) return std::move(items.front());
    if (!options.explicit_parentheses) error("Expected an expression, got '" + describe(current()) + "'");
  }
  ExprPtr expr = make(ExprKind::tuple, line);
  expr->kids = std::move(items);
  return deepened(std::move(expr));
}

ExprPtr ExpressionParser::target(bool with_tuple, bool with_namespace, std::string_view ends) {
  ExprPtr expr = with_tuple ? tuple({.simplified = true, .with_namespace = with_namespace, .ends = ends})
                            : primary(with_namespace);
  std::vector<const Expr*> open = {expr.get()};
  while (!open.empty()) {
    const Expr* e = open.back();
    open.pop_back();
    if (e->kind == ExprKind::tuple || e->kind == ExprKind::list) {
      for (const ExprPtr& kid : e->kids) open.push_back(kid.get());
    } else if (e->kind != ExprKind::name && e->kind != ExprKind::namespace_item) {
      error(e->kind == ExprKind::constant ? "can't assign to 'const'" : "can't assign to this expression", e->line);
    }
  }
  return expr;
}

ExprPtr ExpressionParser::list() {
  const Level level(*this);
  ExprPtr expr = make(ExprKind::list, next().line);
  while (!is_op("]")) {
    if (!expr->kids.empty()) expect_op(",");
    if (is_op("]")) break;
    expr->kids.push_back(expression());
  }
  expect_op("]");
  return deepened(std::move(expr));
}

ExprPtr ExpressionParser::dict() {
  const Level level(*this);
  ExprPtr expr = make(ExprKind::dict, next().line);
  while (!is_op("}")) {
    if (!expr->kids.empty()) expect_op(",");
    if (is_op("}")) break;
    expr->kids.push_back(expression());
    expect_op(":");
    expr->kids.push_back(expression());
  }
  expect_op("}");
  return deepened(std::move(expr));
}

}  // namespace jamsu::jinja
