#include "train/schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "base/math.h"

namespace jamsu::train {
namespace {

constexpr double kPi = 3.14159265358979323846;

constexpr std::array<std::pair<ScheduleKind, std::string_view>, 6> kNames{{{ScheduleKind::constant, "constant"},
                                                                           {ScheduleKind::linear, "linear"},
                                                                           {ScheduleKind::cosine, "cosine"},
                                                                           {ScheduleKind::wsd_linear, "wsd"},
                                                                           {ScheduleKind::wsd_sqrt, "wsd_sqrt"},
                                                                           {ScheduleKind::v3, "v3"}}};

// From `from` at done = 0 to `to` at done = 1. Both ends exactly.
double half_cosine(double from, double to, double done) {
  if (done <= 0) return from;
  if (done >= 1) return to;
  return to + (from - to) * 0.5 * (1.0 + math::cos(kPi * done));
}

double fraction(int64_t part, int64_t whole) {
  if (whole <= 0) return 1;
  return std::clamp(static_cast<double>(part) / static_cast<double>(whole), 0.0, 1.0);
}

}  // namespace

std::string_view schedule_name(ScheduleKind kind) {
  for (const auto& [k, name] : kNames)
    if (k == kind) return name;
  return "?";
}

Result<ScheduleKind> schedule_from_name(std::string_view name) {
  std::string list;
  for (const auto& [kind, known] : kNames) {
    if (known == name) return kind;
    list += (list.empty() ? "" : ", ") + std::string(known);
  }
  return Error{fmt::format("\"{}\" is none of {}", name, list)};
}

double Schedule::rate(int64_t step) const {
  JAMSU_CHECK(step >= 1);
  if (step < warmup) return peak * static_cast<double>(step) / static_cast<double>(warmup);
  switch (kind) {
    case ScheduleKind::constant:
      return peak;
    case ScheduleKind::linear: {
      const double done = fraction(step - warmup, total - warmup);
      return peak + (floor - peak) * done;
    }
    case ScheduleKind::cosine:
      return half_cosine(peak, floor, fraction(step - warmup, total - warmup));
    case ScheduleKind::wsd_linear:
    case ScheduleKind::wsd_sqrt: {
      if (step <= total - decay) return peak;
      const double done = fraction(step - (total - decay), decay);
      if (done >= 1) return floor;
      // sqrt is IEEE, no libm.
      return peak + (floor - peak) * (kind == ScheduleKind::wsd_sqrt ? std::sqrt(done) : done);
    }
    case ScheduleKind::v3: {
      const int64_t mid_from = constant_until + cosine_steps;
      if (step <= constant_until) return peak;
      if (step <= mid_from) return half_cosine(peak, mid, fraction(step - constant_until, cosine_steps));
      return step <= mid_from + mid_steps ? mid : last;
    }
  }
  return peak;
}

Status Schedule::check() const {
  const std::pair<const char*, double> rates[] = {{"peak", peak}, {"floor", floor}, {"mid", mid}, {"last", last}};
  for (const auto& [name, value] : rates)
    if (!std::isfinite(value) || value < 0) return Error{fmt::format("{} = {} is not a rate", name, value)};
  if (floor > peak) return Error{fmt::format("floor = {} is above peak = {}", floor, peak)};
  if (warmup < 0 || total < 0 || decay < 0) return Error{"steps must not be negative"};
  const bool decays = kind != ScheduleKind::constant && kind != ScheduleKind::v3;
  if (decays && warmup > total) return Error{fmt::format("a warm-up of {} steps does not fit into {}", warmup, total)};
  if ((kind == ScheduleKind::wsd_linear || kind == ScheduleKind::wsd_sqrt) && warmup + decay > total)
    return Error{fmt::format("a warm-up of {} steps and a decay of {} do not fit into {}", warmup, decay, total)};
  if (kind == ScheduleKind::v3) {
    if (mid > peak || last > mid) return Error{"v3 rates must fall: peak, mid, last"};
    if (constant_until < warmup || cosine_steps < 0 || mid_steps < 0 ||
        constant_until + cosine_steps + mid_steps > total)
      return Error{"v3 phases must follow each other and fit into the total"};
  }
  return {};
}

}  // namespace jamsu::train
