// Statements.
#include "jinja/parser.h"

#include <algorithm>
#include <array>

namespace jamsu::jinja {
namespace {

class Parser : public ExpressionParser {
 public:
  using ExpressionParser::ExpressionParser;

  std::unique_ptr<TemplateBody> run(std::string name) {
    template_ = std::make_unique<TemplateBody>();
    template_->name = std::move(name);
    template_->body = body({});
    if (unknown_) throw Failure(*unknown_);
    template_->dialect = dialect();
    template_->changes_lists = changes_lists_ && dialect() == Dialect::wide;
    return std::move(template_);
  }

 private:
  struct Awaited {
    std::string tag;
    std::vector<std::string> ends;
  };

  std::unique_ptr<Stmt> make_stmt(StmtKind kind, int line) const {
    auto stmt = std::make_unique<Stmt>();
    stmt->kind = kind;
    stmt->line = line;
    return stmt;
  }

  // Statements up to a tag whose name is one of `ends` (left for the caller), or the end of the template when empty.
  Body body(const std::vector<std::string>& ends, std::string tag = {}) {
    const Level level(*this);
    if (!ends.empty()) awaited_.push_back({std::move(tag), ends});
    Body out;
    while (true) {
      switch (current().kind) {
        case TokenKind::data: {
          const Token data = next();
          auto stmt = make_stmt(StmtKind::data, data.line);
          stmt->text = data.text;
          out.push_back(std::move(stmt));
          break;
        }
        case TokenKind::variable_begin: {
          auto stmt = make_stmt(StmtKind::print, next().line);
          stmt->values.push_back(tuple({.with_condition = true, .explicit_parentheses = false}));
          expect(TokenKind::variable_end);
          out.push_back(std::move(stmt));
          break;
        }
        case TokenKind::block_begin: {
          next();
          if (current().kind == TokenKind::name && std::find(ends.begin(), ends.end(), current().text) != ends.end()) {
            awaited_.pop_back();
            return out;
          }
          if (auto stmt = statement()) out.push_back(std::move(stmt));
          expect(TokenKind::block_end);
          break;
        }
        default:
          if (!ends.empty()) end_of_template();
          return out;
      }
    }
  }

  // The body of a tag whose head ends here, up to and with its last tag's name. But for `if` it is a frame of its own,
  // in which unknown filters are errors again.
  Body body_until(const std::vector<std::string>& ends, std::string tag) {
    skip_op(":");
    expect(TokenKind::block_end);
    const int soft = std::exchange(soft_, tag == "if" ? soft_ : 0);
    Body out = body(ends, std::move(tag));
    soft_ = soft;
    last_tag_ = next().text;
    return out;
  }

  std::string wanted() const {
    std::string out;
    for (const std::string& end : awaited_.back().ends) out += (out.empty() ? "'" : " or '") + end + "'";
    return out;
  }

  [[noreturn]] void end_of_template() {
    error("Unexpected end of template. Jinja was looking for the following tags: " + wanted() +
          ". The innermost block that needs to be closed is '" + awaited_.back().tag + "'.");
  }

  [[noreturn]] void unknown_tag(const std::string& name) {
    std::string message = "Encountered unknown tag '" + name + "'.";
    if (!awaited_.empty()) {
      message += " Jinja was looking for the following tags: " + wanted() +
                 ". The innermost block that needs to be closed is '" + awaited_.back().tag + "'.";
    }
    error(std::move(message));
  }

  std::unique_ptr<Stmt> statement() {
    if (current().kind != TokenKind::name) error("tag name expected");
    const Token tag = current();
    using Reader = std::unique_ptr<Stmt> (Parser::*)(int);
    static constexpr std::pair<std::string_view, Reader> kReaders[] = {
        {"if", &Parser::condition},
        {"for", &Parser::loop},
        {"set", &Parser::set},
        {"with", &Parser::with},
        {"macro", &Parser::macro},
        {"call", &Parser::call_block},
        {"filter", &Parser::filter},
        {"block", &Parser::block},
        {"print", &Parser::print},
        {"autoescape", &Parser::escape},
        {"generation", &Parser::generation},
        {"break", &Parser::break_loop},
        {"continue", &Parser::continue_loop},
        {"include", &Parser::no_loader},
        {"import", &Parser::no_loader},
        {"from", &Parser::no_loader},
        {"extends", &Parser::no_loader},
    };
    for (const auto& [name, reader] : kReaders) {
      if (tag.text != name) continue;
      next();
      return (this->*reader)(tag.line);
    }
    unknown_tag(tag.text);
  }

  std::unique_ptr<Stmt> condition(int line) {
    auto stmt = make_stmt(StmtKind::condition, line);
    ++soft_;
    std::string tag = "if";
    while (true) {
      ExprPtr test = tag == "else" ? nullptr : tuple({.with_condition = false});
      const bool last = tag == "else";
      Body branch = last ? body_until({"endif"}, "if") : body_until({"elif", "else", "endif"}, "if");
      stmt->branches.emplace_back(std::move(test), std::move(branch));
      tag = last_tag_;
      if (tag == "endif") break;
    }
    --soft_;
    return stmt;
  }

  std::unique_ptr<Stmt> loop(int line) {
    auto stmt = make_stmt(StmtKind::loop, line);
    stmt->targets.push_back(target(true, false, "in"));
    expect_name("in");
    stmt->values.push_back(tuple({.with_condition = false, .ends = "recursive"}));
    if (skip_name("if")) stmt->test = expression();
    stmt->recursive = skip_name("recursive");
    ++loops_;
    stmt->body = body_until({"endfor", "else"}, "for");
    --loops_;
    if (last_tag_ == "else") stmt->otherwise = body_until({"endfor"}, "for");
    return stmt;
  }

  std::unique_ptr<Stmt> break_loop(int line) {
    if (!loops_) throw Failure{"SyntaxError", "'break' outside loop", line};
    return make_stmt(StmtKind::break_loop, line);
  }
  std::unique_ptr<Stmt> continue_loop(int line) {
    if (!loops_) throw Failure{"SyntaxError", "'continue' not properly in loop", line};
    return make_stmt(StmtKind::continue_loop, line);
  }

  std::unique_ptr<Stmt> set(int line) {
    auto stmt = make_stmt(StmtKind::set, line);
    stmt->targets.push_back(target(true, true));
    if (skip_op("=")) {
      stmt->values.push_back(tuple({}));
      return stmt;
    }
    stmt->kind = StmtKind::set_block;
    stmt->filter = filter_chain(nullptr, false);
    stmt->body = body_until({"endset"}, "set");
    return stmt;
  }

  std::unique_ptr<Stmt> with(int line) {
    auto stmt = make_stmt(StmtKind::with, line);
    while (current().kind != TokenKind::block_end) {
      if (!stmt->targets.empty()) expect_op(",");
      stmt->targets.push_back(target(false, false));
      expect_op("=");
      stmt->values.push_back(expression());
    }
    stmt->body = body_until({"endwith"}, "with");
    return stmt;
  }

  void signature(MacroParts& macro) {
    expect_op("(");
    while (!is_op(")")) {
      if (!macro.parameters.empty()) expect_op(",");
      ExprPtr name = target(false, false);
      if (name->kind != ExprKind::name) error("expected token 'name'");
      if (skip_op("=")) {
        macro.defaults.push_back(expression());
      } else if (!macro.defaults.empty()) {
        error("non-default argument follows default argument");
      }
      macro.parameters.push_back(name->text);
    }
    expect_op(")");
  }

  // Loops outside a macro are none of its own.
  Body macro_body(MacroParts& macro, const std::string& end, const std::string& tag) {
    const int outer = std::exchange(loops_, 0);
    macros_.push_back(&macro);
    Body out = body_until({end}, tag);
    macros_.pop_back();
    loops_ = outer;
    return out;
  }

  std::unique_ptr<Stmt> macro(int line) {
    auto stmt = make_stmt(StmtKind::macro, line);
    stmt->macro.name = expect_any_name();
    macros_.push_back(&stmt->macro);
    signature(stmt->macro);
    macros_.pop_back();
    stmt->body = macro_body(stmt->macro, "endmacro", "macro");
    return stmt;
  }

  std::unique_ptr<Stmt> call_block(int line) {
    auto stmt = make_stmt(StmtKind::call_block, line);
    stmt->macro.name = "caller";
    if (is_op("(")) signature(stmt->macro);
    stmt->values.push_back(expression());
    if (stmt->values[0]->kind != ExprKind::call) error("expected call", line);
    stmt->body = macro_body(stmt->macro, "endcall", "call");
    return stmt;
  }

  std::unique_ptr<Stmt> filter(int line) {
    auto stmt = make_stmt(StmtKind::filter_block, line);
    stmt->filter = filter_chain(nullptr, true);
    stmt->body = body_until({"endfilter"}, "filter");
    return stmt;
  }

  std::unique_ptr<Stmt> block(int line) {
    auto stmt = make_stmt(StmtKind::block, line);
    stmt->text = expect_any_name();
    stmt->scoped = skip_name("scoped");
    skip_name("required");
    for (const auto& [name, other] : template_->blocks)
      if (name == stmt->text) error("block '" + name + "' defined twice");
    template_->blocks.emplace_back(stmt->text, stmt.get());
    const int outer = std::exchange(loops_, 0);
    stmt->body = body_until({"endblock"}, "block");
    loops_ = outer;
    skip_name(stmt->text);
    return stmt;
  }

  std::unique_ptr<Stmt> print(int line) {
    auto stmt = make_stmt(StmtKind::print, line);
    while (current().kind != TokenKind::block_end) {
      if (!stmt->values.empty()) expect_op(",");
      stmt->values.push_back(expression());
    }
    return stmt;
  }

  std::unique_ptr<Stmt> escape(int line) {
    auto stmt = make_stmt(StmtKind::autoescape, line);
    stmt->values.push_back(expression());
    stmt->body = body_until({"endautoescape"}, "autoescape");
    return stmt;
  }

  // transformers' mark around what the assistant says: here a scope and nothing more.
  std::unique_ptr<Stmt> generation(int line) {
    auto stmt = make_stmt(StmtKind::scope, line);
    stmt->body = body_until({"endgeneration"}, "generation");
    return stmt;
  }

  std::unique_ptr<Stmt> no_loader(int line) {
    throw Failure{"TypeError", "no loader for this environment specified", line};
  }

  std::vector<Awaited> awaited_;
  std::string last_tag_;
  int loops_ = 0;
  std::unique_ptr<TemplateBody> template_;
};

}  // namespace

std::unique_ptr<TemplateBody> parse_template(std::string_view source, std::string name, const ParseOptions& options) {
  return Parser(tokenize(source, options.limits.tokens), options).run(std::move(name));
}

}  // namespace jamsu::jinja
