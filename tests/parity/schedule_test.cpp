// golden/training/optim: every schedule of case.json, steps counted from 1.
#include "train/schedule.h"

#include <fmt/format.h>

#include "parity/golden.h"

namespace jamsu {
namespace {

using train::Schedule;
using train::ScheduleKind;

double number(const boost::json::object& o, const char* name, double missing = 0) {
  const auto* v = o.if_contains(name);
  return v ? v->to_number<double>() : missing;
}
int64_t steps(const boost::json::object& o, const char* name) {
  return static_cast<int64_t>(number(o, name));
}

Schedule schedule_of(const std::string& name, const boost::json::object& o) {
  // Golden names say the curve: wsd_linear is our "wsd".
  const auto kind = train::schedule_from_name(name == "wsd_linear" ? "wsd" : name);
  EXPECT_TRUE(kind.ok()) << name;
  return {.kind = kind ? *kind : ScheduleKind::constant,
          .peak = number(o, "peak"),
          .floor = number(o, "floor"),
          .warmup = steps(o, "warmup"),
          .total = steps(o, "total"),
          .decay = steps(o, "decay"),
          .constant_until = steps(o, "constant_until"),
          .cosine_steps = steps(o, "cosine_steps"),
          .mid_steps = steps(o, "mid_steps"),
          .mid = number(o, "mid"),
          .last = number(o, "last")};
}

TEST(schedule, equals_every_golden_point) {
  const auto folder = golden::root() / "training/optim";
  ASSERT_TRUE(golden::fs::exists(folder / "case.json")) << folder;
  const auto root = golden::read_json(folder / "case.json");
  const auto& schedules = root.as_object().at("schedules").as_object();
  ASSERT_FALSE(schedules.empty());
  for (const auto& [key, value] : schedules) {
    const std::string name(key);
    const Schedule s = schedule_of(name, value.as_object());
    const auto ok = s.check();
    EXPECT_TRUE(ok.ok()) << name << ": " << ok.error().message;
    const auto& points = value.as_object().at("points").as_array();
    ASSERT_FALSE(points.empty());
    double worst = 0;
    for (const auto& point : points) {
      const auto step = point.as_array()[0].to_number<int64_t>();
      const auto want = point.as_array()[1].to_number<double>();
      const double got = s.rate(step);
      // f64 on both sides: a handful of roundings of the peak (the cosine's 2 ulp included).
      EXPECT_LE(std::abs(got - want), 16 * 2.3e-16 * s.peak)
          << name << " step " << step << ": " << got << " where golden has " << want;
      worst = std::max(worst, std::abs(got - want));
    }
    fmt::print("golden schedule {}: {} points, worst difference {:.1e}\n", name, points.size(), worst);
  }
}

TEST(schedule, contradictions_are_named) {
  const auto message = [](Schedule s) {
    const auto status = s.check();
    return status ? std::string() : status.error().message;
  };
  EXPECT_EQ(message({.kind = ScheduleKind::cosine, .peak = 1e-3, .floor = 2e-3, .total = 10}),
            "floor = 0.002 is above peak = 0.001");
  EXPECT_EQ(message({.kind = ScheduleKind::wsd_linear, .warmup = 6, .total = 10, .decay = 5}),
            "a warm-up of 6 steps and a decay of 5 do not fit into 10");
  EXPECT_EQ(message({.kind = ScheduleKind::cosine, .warmup = 11, .total = 10}),
            "a warm-up of 11 steps does not fit into 10");
  EXPECT_EQ(train::schedule_from_name("wds").ok(), false);
}

TEST(schedule, ends_are_exact_and_later_steps_keep_the_last_rate) {
  for (const ScheduleKind kind :
       {ScheduleKind::linear, ScheduleKind::cosine, ScheduleKind::wsd_linear, ScheduleKind::wsd_sqrt}) {
    const Schedule s{.kind = kind, .peak = 3e-3, .floor = 1e-4, .warmup = 7, .total = 93, .decay = 19};
    EXPECT_EQ(s.rate(7), 3e-3) << train::schedule_name(kind);
    EXPECT_NEAR(s.rate(93), 1e-4, 1e-18) << train::schedule_name(kind);
    EXPECT_EQ(s.rate(94), s.rate(93)) << train::schedule_name(kind);
    for (int64_t t = 8; t <= 93; ++t)
      EXPECT_LE(s.rate(t), s.rate(t - 1)) << train::schedule_name(kind) << " step " << t;
  }
}

}  // namespace
}  // namespace jamsu
