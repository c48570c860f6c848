#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace jamsu {
void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: internal error: %s\n", file, line, condition);
  std::abort();
}
}  // namespace jamsu
