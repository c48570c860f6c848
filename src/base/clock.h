#pragma once
// Seconds, by three clocks. None of them may reach a result (docs/numerics.md); they measure and date.
#include <ctime>

namespace jamsu {

inline double clock_seconds(clockid_t clock) {
  timespec t{};
  ::clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}
// Since 1970 (UTC); jumps when the date is set.
inline double wall_seconds() {
  return clock_seconds(CLOCK_REALTIME);
}
// Since some moment; never goes back.
inline double monotonic_seconds() {
  return clock_seconds(CLOCK_MONOTONIC);
}
// Used by all threads of this process.
inline double cpu_seconds() {
  return clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
}

}  // namespace jamsu
