#pragma once
// Reverse-mode differentiation by a tape: functions record a closure when a tape is given; backward runs the closures
// in reverse order. Several gradients reaching one value add in that order (numerics.md section 3).
#include <functional>
#include <vector>

#include "autograd/parameter.h"

namespace jamsu::autograd {

struct Value {
  Tensor tensor;
  int32_t node = -1;  // its gradient's slot; -1 when nothing is recorded
};

class Tape;

class Gradients {
 public:
  Gradients(size_t nodes, GradStore& store, ops::Context& context) : slots_(nodes), store_(store), ops(context) {}
  bool has(const Value& v) const { return v.node >= 0 && slots_[static_cast<size_t>(v.node)].tensor.defined(); }
  // The gradient of v, removed. REQUIRES: has(v).
  Tensor take(const Value& v);
  // gradient(v) += g. A moved tensor becomes the gradient itself; a shared one is never written to.
  void add(const Value& v, Tensor&& g) { add(v, g, true); }
  void add_shared(const Value& v, const Tensor& g) { add(v, g, false); }
  // gradient(v), zeroed if nothing has reached v yet; may be written to.
  Tensor& accumulator(const Value& v);
  Tensor& of(const Parameter& p) { return store_.at(p, ops); }

 private:
  struct Slot {
    Tensor tensor;
    bool owned = false;
  };
  void add(const Value& v, const Tensor& g, bool owned);
  std::vector<Slot> slots_;
  std::vector<Shape> shapes_;
  GradStore& store_;
  friend class Tape;

 public:
  ops::Context& ops;
};

class Tape {
 public:
  using Backward = std::function<void(const Tensor& dy, Gradients& g)>;
  // A new value computed from others: `backward` gets its gradient, and runs only if one arrived.
  Value record(Tensor y, Backward backward);
  // A loss: always runs.
  void record_root(std::function<void(Gradients& g)> backward);
  // Runs everything in reverse, freeing what each step kept. Parameter gradients add into `store`.
  void backward(GradStore& store, ops::Context& context);

 private:
  struct Step {
    int32_t node;
    Backward backward;
    std::function<void(Gradients&)> root;
  };
  std::vector<Step> steps_;
  std::vector<Shape> shapes_;
};

// What a function needs: ops, and a tape or none.
struct Context {
  ops::Context& ops;
  Tape* tape = nullptr;
};

}  // namespace jamsu::autograd
