// What follows a value in an expression: .name, [item], [a:b:c], (arguments), | filter, is test.
#include "jinja/filters.h"
#include "jinja/objects.h"
#include "jinja/parser.h"

namespace jamsu::jinja {

ExprPtr ExpressionParser::postfix(ExprPtr value) {
  while (true) {
    if (is_op(".")) {
      value = dot(std::move(value));
    } else if (is_op("[")) {
      value = subscript(std::move(value));
    } else if (is_op("(")) {
      value = call(std::move(value));
    } else {
      return value;
    }
  }
}

ExprPtr ExpressionParser::filters_and_tests(ExprPtr value) {
  while (true) {
    if (is_op("|")) {
      value = filter_chain(std::move(value), false);
    } else if (is_name("is")) {
      value = test(std::move(value));
    } else if (is_op("(")) {
      value = call(std::move(value));
    } else {
      return value;
    }
  }
}

// Whether it stands in a condition is known when the expression ends (`x | f if y`), and syntax errors come first.
void ExpressionParser::unknown(std::string_view what, const std::string& name, int line) {
  if (soft_ == 0 && !unknown_)
    unknown_ = Failure{"TemplateAssertionError", "No " + std::string(what) + " named '" + name + "'.", line};
}

ExprPtr ExpressionParser::dot(ExprPtr value) {
  const int line = next().line;
  ExprPtr expr = make(ExprKind::attribute, line);
  expr->kids.push_back(std::move(value));
  if (current().kind == TokenKind::name) {
    expr->text = next().text;
    changes_lists_ = changes_lists_ || changes_list(expr->text);
  } else if (current().kind == TokenKind::integer) {
    expr->kind = ExprKind::item;
    expr->kids.push_back(literal());
  } else {
    error("expected name or number");
  }
  return deepened(std::move(expr));
}

ExprPtr ExpressionParser::subscript(ExprPtr value) {
  const Level level(*this);
  ExprPtr expr = make(ExprKind::item, next().line);
  expr->kids.push_back(std::move(value));
  std::vector<ExprPtr> items;
  while (!is_op("]")) {
    if (!items.empty()) expect_op(",");
    items.push_back(subscribed());
  }
  expect_op("]");
  if (items.size() == 1) {
    expr->kids.push_back(std::move(items.front()));
  } else {
    ExprPtr many = make(ExprKind::tuple, expr->line);
    many->kids = std::move(items);
    expr->kids.push_back(deepened(std::move(many)));
  }
  return deepened(std::move(expr));
}

ExprPtr ExpressionParser::subscribed() {
  ExprPtr start;
  const int line = current().line;
  if (!is_op(":")) {
    start = expression();
    if (!is_op(":")) return start;
  }
  next();
  ExprPtr expr = make(ExprKind::slice, line);
  expr->kids.push_back(std::move(start));
  const auto at_end = [&] { return is_op("]") || is_op(","); };
  expr->kids.push_back(is_op(":") || at_end() ? nullptr : expression());
  expr->kids.push_back(skip_op(":") && !at_end() ? expression() : nullptr);
  return deepened(std::move(expr));
}

void ExpressionParser::call_arguments(CallArguments& out) {
  const Level level(*this);
  expect_op("(");
  const auto require = [&](bool fine) {
    if (!fine) error("invalid syntax for function call expression");
  };
  bool comma = false;
  while (!is_op(")")) {
    if (comma) {
      expect_op(",");
      if (is_op(")")) break;
    }
    if (skip_op("*")) {
      require(!out.star && !out.star_star);
      out.star = expression();
    } else if (skip_op("**")) {
      require(!out.star_star);
      out.star_star = expression();
    } else if (current().kind == TokenKind::name && ahead().kind == TokenKind::op && ahead().text == "=") {
      require(!out.star_star);
      std::string name = next().text;
      next();
      out.named.emplace_back(std::move(name), expression());
    } else {
      require(!out.star && !out.star_star && out.named.empty());
      out.positional.push_back(expression());
    }
    comma = true;
  }
  expect_op(")");
}

ExprPtr ExpressionParser::call(ExprPtr value) {
  ExprPtr expr = make(ExprKind::call, current().line);
  expr->kids.push_back(std::move(value));
  call_arguments(expr->arguments);
  return deepened(std::move(expr));
}

ExprPtr ExpressionParser::filter_chain(ExprPtr value, bool start_inline) {
  while (is_op("|") || start_inline) {
    if (!start_inline) next();
    start_inline = false;
    ExprPtr expr = make(ExprKind::filter, current().line);
    expr->text = expect_any_name();
    while (skip_op(".")) expr->text += "." + expect_any_name();
    if (!find_filter(expr->text, dialect_)) unknown("filter", expr->text, expr->line);
    expr->kids.push_back(std::move(value));
    if (is_op("(")) call_arguments(expr->arguments);
    value = deepened(std::move(expr));
  }
  return value;
}

ExprPtr ExpressionParser::test(ExprPtr value) {
  const int line = next().line;
  const bool negated = skip_name("not");
  ExprPtr expr = make(ExprKind::test, line);
  expr->text = expect_any_name();
  while (skip_op(".")) expr->text += "." + expect_any_name();
  if (!find_test(expr->text)) unknown("test", expr->text, line);
  expr->kids.push_back(std::move(value));
  const TokenKind kind = current().kind;
  const bool begins = kind == TokenKind::name || kind == TokenKind::string || kind == TokenKind::integer ||
                      kind == TokenKind::real || is_op("[") || is_op("{");
  if (is_op("(")) {
    call_arguments(expr->arguments);
  } else if (begins && !is_name("else") && !is_name("or") && !is_name("and")) {
    if (is_name("is")) error("You cannot chain multiple tests with is");
    expr->arguments.positional.push_back(postfix(primary()));
  }
  expr = deepened(std::move(expr));
  if (!negated) return expr;
  ExprPtr inverse = make(ExprKind::invert, line);
  inverse->kids.push_back(std::move(expr));
  return deepened(std::move(inverse));
}

}  // namespace jamsu::jinja
