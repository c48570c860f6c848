#pragma once
// A statement of SQLite: bound by position, stepped, read by column; errors name the file.
#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace jamsu::ledger {

class Statement {
 public:
  // `path` is for messages. A failed prepare shows at the first step.
  Statement(sqlite3* db, std::string_view path, const char* sql);

  Statement& bind(int64_t value);
  Statement& bind(double value);
  Statement& bind(std::string_view value);
  Statement& bind_null();

  // True: a row stands to be read. False: done.
  Result<bool> step();
  // Steps to the end, rows or not.
  Status run();

  int64_t integer(int column) const { return sqlite3_column_int64(statement_.get(), column); }
  double real(int column) const { return sqlite3_column_double(statement_.get(), column); }
  bool is_number(int column) const {
    const int type = sqlite3_column_type(statement_.get(), column);
    return type == SQLITE_INTEGER || type == SQLITE_FLOAT;
  }
  std::string text(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); }
  };
  sqlite3* db_;
  std::string path_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int next_ = 1;
};

// "PATH: what SQLite says".
Error sqlite_error(sqlite3* db, std::string_view path);

}  // namespace jamsu::ledger
