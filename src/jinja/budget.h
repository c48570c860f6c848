#pragma once
// What a render may use. Every value a template makes is charged here and released when it dies; every step counts.
#include <cstddef>
#include <cstdint>
#include <string>

namespace jamsu::jinja {

struct Limits {
  uint64_t steps = 1'000'000;       // expressions, statements and about 64 bytes handled count one each
  size_t memory_bytes = 20u << 20;  // values alive at once, beside the variables
  size_t output_bytes = 10u << 20;
  size_t source_bytes = 4u << 20;
  size_t tokens = 100'000;  // of the source
  int depth = 400;          // calls, blocks and expressions inside one another
  int syntax_depth = 150;   // of the source
  int value_depth = 120;    // lists in lists, also where values are compared or written
};

// An error inside the engine; Template turns it into a Result.
struct Failure {
  std::string type;  // Python's class: "TypeError", "UndefinedError", "TemplateError" ...
  std::string message;
  int line = 0;
};
[[noreturn]] void fail(std::string type, std::string message);

class Budget {
 public:
  explicit Budget(const Limits& limits) : limits_(limits), steps_(limits.steps) {}
  void step(uint64_t count = 1) {
    if (count > steps_) too_many_steps();
    steps_ -= count;
  }
  // For work on n bytes or items.
  void work(size_t n) { step(1 + n / 64); }
  void charge(size_t bytes) {
    work(bytes);
    require(bytes);
    used_ += bytes;
  }
  void release(size_t bytes) noexcept { used_ -= bytes < used_ ? bytes : used_; }
  // Fails when `bytes` more would not fit: asked before something of that size is made.
  void require(size_t bytes) const {
    if (bytes > limits_.memory_bytes || used_ + bytes > limits_.memory_bytes) out_of_memory();
  }
  const Limits& limits() const { return limits_; }

  // A level of a walk through values inside values: lists that templates change may be rings.
  class Nest {
   public:
    explicit Nest(Budget& budget) : budget_(budget) {
      if (budget_.nested_ >= budget_.limits_.value_depth) too_deep();
      ++budget_.nested_;
    }
    ~Nest() { --budget_.nested_; }
    Nest(const Nest&) = delete;
    Nest& operator=(const Nest&) = delete;

   private:
    Budget& budget_;
  };

 private:
  [[noreturn]] static void too_many_steps();
  [[noreturn]] static void out_of_memory();
  [[noreturn]] static void too_deep();
  const Limits limits_;
  uint64_t steps_;
  size_t used_ = 0;
  int nested_ = 0;
};

}  // namespace jamsu::jinja
