#include "ledger/sqlite.h"

#include <fmt/format.h>

namespace jamsu::ledger {

Error sqlite_error(sqlite3* db, std::string_view path) {
  const int code = sqlite3_errcode(db);
  std::string hint;
  if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT) hint = "; move the file away to start a new ledger";
  if (code == SQLITE_BUSY) hint = "; another process holds it";
  return Error{fmt::format("{}: {}{}", path, sqlite3_errmsg(db), hint)};
}

Statement::Statement(sqlite3* db, std::string_view path, const char* sql) : db_(db), path_(path) {
  sqlite3_stmt* statement = nullptr;
  sqlite3_prepare_v2(db, sql, -1, &statement, nullptr);
  statement_.reset(statement);
}

Statement& Statement::bind(int64_t value) {
  if (statement_) sqlite3_bind_int64(statement_.get(), next_++, value);
  return *this;
}
Statement& Statement::bind(double value) {
  if (statement_) sqlite3_bind_double(statement_.get(), next_++, value);
  return *this;
}
Statement& Statement::bind(std::string_view value) {
  if (statement_)
    sqlite3_bind_text(statement_.get(), next_++, value.data(), static_cast<int>(value.size()), SQLITE_TRANSIENT);
  return *this;
}
Statement& Statement::bind_null() {
  if (statement_) sqlite3_bind_null(statement_.get(), next_++);
  return *this;
}

Result<bool> Statement::step() {
  if (!statement_) return sqlite_error(db_, path_);
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return sqlite_error(db_, path_);
}

Status Statement::run() {
  for (;;) {
    const Result<bool> row = step();
    if (!row) return row.error();
    if (!*row) return {};
  }
}

std::string Statement::text(int column) const {
  const auto* bytes = sqlite3_column_text(statement_.get(), column);
  return bytes ? std::string(reinterpret_cast<const char*>(bytes),
                             static_cast<size_t>(sqlite3_column_bytes(statement_.get(), column)))
               : std::string();
}

}  // namespace jamsu::ledger
