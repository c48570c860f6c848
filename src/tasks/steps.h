#pragma once
// How a computation is written down, step by step, in the thinking of every kind of task. One style for all kinds, so
// that what the small model learns from `48+57` serves it in a word problem.
//
// The rule: no line asks for more than a small model can do at a glance (single-digit facts, one carry, copying).
// Digits are single tokens. A one-glance operation is one line, `7+5=12`. Any other is a block: a header, one line per
// column (after the arrow the digits of the result so far), and `=result`.
//
//   48+57          412-158                348*70                2436/7                12-48=-(48-12)
//   8+7=15→5       2-8<0,12-8=4→4         8*7=56→60             24-7*3=24-21=3→3|36   8-2=6→6
//   4+5+1=10       1-5-1<0,11-5-1=5→54    4*7+5=28+5=33→360     33-7*4=33-28=5→34|6   4-1=3
//   =105           4-1-1=2                3*7+3=21+3=24         56-7*8=56-56=0        =-36
//                  =254                   =24360                =348
// A product of two longer numbers goes digit by digit of the second, `=1288+2760` continues it and is added like a
// header. In a division the digits to come stand after the bar; a long divisor has a line for that, `187|4`, and is
// tried from above: `23*9`, ..., `=207>187`, `23*8`, ..., `=184`.
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/rng.h"

namespace jamsu::tasks {

// Collects the lines of a thinking text. `mistakes`: may first write one line wrong, then kRetryMark and the right
// line. The random stream must outlive the writer. Numbers of any sign; |results| below 10^12.
class StepWriter {
 public:
  // With probability retry_percent / 100 exactly one (uniformly drawn) line of the whole text is first written wrong.
  StepWriter(RandomStream& random, int retry_percent);

  void text(const std::string& line);  // a line without computation
  // What stands before the next operation on its first line: label("남은 구슬: ");
  // subtract(23, 8) begins "남은 구슬: 23-8".
  void label(std::string prefix);
  // The next operation computes a quantity that has a name: its first line is `NAME: RECALLED28+41`, its last
  // `NAME=69`, and a one-glance operation has these two lines as well, so that a value is always found after its name.
  void named(std::string name, std::string recalled);
  // A line of the caller's own; `wrong` (empty: never) is how it might be written wrong.
  void line(std::string right, std::string wrong = {});

  int64_t add(int64_t a, int64_t b);  // each appends its lines and returns the result
  int64_t subtract(int64_t a, int64_t b);
  int64_t multiply(int64_t a, int64_t b);
  int64_t divide(int64_t a, int64_t b);  // REQUIRES: b != 0 and exact
  // Quotient and remainder, a >= 0, b > 0. The last line is `a=b*q+r` (just `a/b=q` when r is 0).
  std::pair<int64_t, int64_t> divide_with_remainder(int64_t a, int64_t b);

  std::string finish();  // the whole thinking, mistakes inserted

 private:
  struct Line {
    std::string right, wrong;  // wrong empty: a line that is never written wrong
  };
  // The first line of an operation: label + head, and `=value` at once when the operation is one glance (of a named
  // one: on a line of its own). Returns its name, which is what stands before the last line's `=`.
  std::string open(std::string head, bool glance, int64_t value);
  void close(const std::string& name, const std::string& sign, int64_t value);
  static std::string column(const std::string& left, int64_t value, const std::string& done, bool last);
  // Of magnitudes; they write the lines between header and close.
  void add_columns(int64_t p, int64_t q);
  void subtract_columns(int64_t p, int64_t q);               // p >= q
  void multiply_lines(int64_t p, int64_t q, bool negative);  // REQUIRES: not one glance
  int64_t divide_lines(int64_t p, int64_t q);                // returns the remainder
  void long_digit(int64_t part, int64_t divisor);
  int64_t wrong_near(int64_t value);
  std::string wrong_number(int64_t value);

  RandomStream& random_;
  int retry_percent_;
  std::string label_, name_, recalled_;
  std::vector<Line> lines_;
};

// Whether the operation is one line.
bool glance_add(int64_t a, int64_t b);
bool glance_subtract(int64_t a, int64_t b);
bool glance_multiply(int64_t a, int64_t b);
bool glance_divide(int64_t a, int64_t b);

// A number as an operand: negative ones in parentheses unless they come first.
std::string operand(int64_t value, bool first = false);

}  // namespace jamsu::tasks
