#pragma once
// What both ways of formatting ask for, and values written as asked: the format specifications of Python.
#include <cstdint>
#include <string>
#include <string_view>

#include "jinja/eval.h"

namespace jamsu::jinja {

constexpr int64_t kMostWidth = 1'000'000;  // a larger one is a LimitError

// [[fill]align][sign][#][0][width][,][.precision][type], shared by both ways.
struct FormatSpec {
  std::string fill = " ";
  char align = 0;  // < > ^ =, 0: the type's own
  char sign = '-';
  bool alternate = false, grouped = false;
  int64_t width = 0, precision = -1;
  char type = 0;
};

// The digits from `at` on, which moves behind them; 0 where there are none.
int64_t read_number(std::string_view text, size_t& at);
// What stands behind the colon of {:...}.
FormatSpec read_spec(std::string_view text);

// Types that write a number as a real one: e, f, g and %.
bool is_real_type(char type);
// `whole`: as an integer. REQUIRES: value.is_number(), and that it is finite where whole.
std::string format_number(Interpreter& in, const Value& value, const FormatSpec& spec, bool whole);
// `otherwise`: the alignment where `spec` has none.
std::string format_text(Interpreter& in, std::string text, const FormatSpec& spec, char otherwise);

}  // namespace jamsu::jinja
