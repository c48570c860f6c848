#pragma once
// JAMSU_CHECK: a programmer's mistake, unreachable from any input. Prints where and what, then aborts.
// Untrusted input is answered with Result (result.h), never with this.
namespace jamsu {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}  // namespace jamsu

#define JAMSU_CHECK(condition) \
  (static_cast<bool>(condition) ? static_cast<void>(0) : ::jamsu::check_failed(#condition, __FILE__, __LINE__))
