#pragma once
// The tree of a template, as jinja2/nodes.py has it.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "jinja/jinja.h"

namespace jamsu::jinja {

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

struct CallArguments {
  std::vector<ExprPtr> positional;
  std::vector<std::pair<std::string, ExprPtr>> named;
  ExprPtr star, star_star;  // *args, **kwargs
};

enum class ExprKind : uint8_t {
  constant,
  name,
  tuple,
  list,
  dict,       // dict: kids are key, value, key, value ...
  attribute,  // kids[0].text
  item,       // kids[0][kids[1]]
  slice,      // kids: start, stop, step, any of them null; only inside item
  call,       // kids[0](arguments)
  filter,
  test,  // kids[0] | text(arguments); kids[0] null for the head of a block's filter
  negate,
  plus,
  invert,  // invert: `not`
  binary,  // text: + - * / // % **
  concat,
  compare,  // compare: operators[i] between kids[i] and kids[i + 1]
  both,
  either,          // and, or
  conditional,     // kids: test, then, else (null: undefined)
  namespace_item,  // target only: text.attribute
};

struct Expr {
  ExprKind kind = ExprKind::constant;
  int line = 0;
  int depth = 1;
  std::string text, attribute;
  Value constant;
  std::vector<ExprPtr> kids;
  std::vector<std::string> operators;
  CallArguments arguments;
};

struct Stmt;
using Body = std::vector<std::unique_ptr<Stmt>>;

enum class StmtKind : uint8_t {
  data,
  print,
  condition,
  loop,
  set,
  set_block,
  with,
  macro,
  call_block,
  filter_block,
  block,
  scope,
  autoescape,
  break_loop,
  continue_loop,
};

struct MacroParts {
  std::string name;
  std::vector<std::string> parameters;
  std::vector<ExprPtr> defaults;  // of the last parameters
  bool uses_varargs = false, uses_kwargs = false, uses_caller = false;
};

struct Stmt {
  StmtKind kind = StmtKind::data;
  int line = 0;
  std::string text;              // data; block: its name
  std::vector<ExprPtr> values;   // print; with; loop: iterable; set: value; autoescape; call_block: the call
  std::vector<ExprPtr> targets;  // set, with, loop
  ExprPtr test;                  // loop: its `if`
  ExprPtr filter;                // filter_block, set_block
  bool recursive = false;        // loop
  bool scoped = false;           // block: sees the names around it
  std::vector<std::pair<ExprPtr, Body>> branches;  // condition; a null test is `else`
  Body body, otherwise;                            // otherwise: loop's else
  MacroParts macro;                                // macro, call_block
};

struct TemplateBody {
  std::string name;
  Dialect dialect = Dialect::wide;
  bool changes_lists = false;  // names a method that changes lists
  Body body;
  std::vector<std::pair<std::string, const Stmt*>> blocks;
};

// Errors (Failure).
std::unique_ptr<TemplateBody> parse_template(std::string_view source, std::string name, const ParseOptions& options);

}  // namespace jamsu::jinja
