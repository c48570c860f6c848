#pragma once
// Learning rates. Steps count from 1; a rate is a pure function of (schedule, step), in f64 with base/math.h.
#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace jamsu::train {

enum class ScheduleKind {
  constant,    // warm-up, then the peak
  linear,      // warm-up, then a line to the floor
  cosine,      // warm-up, then half a cosine to the floor (Loshchilov & Hutter, arXiv:1608.03983)
  wsd_linear,  // warm-up, stable, a line to the floor over the last `decay` steps (MiniCPM, arXiv:2404.06395)
  wsd_sqrt,    // the same with 1 - sqrt (Hägele et al., arXiv:2405.18392)
  v3,  // DeepSeek-V3, arXiv:2412.19437 section 4.2: warm-up, constant, cosine to `mid`, constant `mid`, constant `last`
};
std::string_view schedule_name(ScheduleKind kind);
Result<ScheduleKind> schedule_from_name(std::string_view name);

// Warm-up: peak * step / warmup. A decay reaches its floor at the last step; later steps keep the last rate.
struct Schedule {
  ScheduleKind kind = ScheduleKind::constant;
  double peak = 1e-3, floor = 0;
  int64_t warmup = 0, total = 0;
  int64_t decay = 0;  // wsd: steps of the decay
  // v3: last step at the peak; steps of the cosine to `mid`; steps at `mid`; then `last`.
  int64_t constant_until = 0, cosine_steps = 0, mid_steps = 0;
  double mid = 0, last = 0;

  double rate(int64_t step) const;  // REQUIRES: step >= 1
  // What must hold: rates finite and not negative, floor <= peak, warm-up and decay fit into total.
  Status check() const;
};

}  // namespace jamsu::train
