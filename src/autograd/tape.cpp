#include "autograd/tape.h"

#include "ops/rows.h"

namespace jamsu::autograd {

Tensor Gradients::take(const Value& v) {
  JAMSU_CHECK(has(v));
  Slot slot = std::move(slots_[static_cast<size_t>(v.node)]);
  slots_[static_cast<size_t>(v.node)] = {};
  return slot.tensor;
}

void Gradients::add(const Value& v, const Tensor& g, bool owned) {
  if (v.node < 0) return;
  Slot& slot = slots_[static_cast<size_t>(v.node)];
  if (!slot.tensor.defined()) {
    slot = {g, owned};
  } else if (slot.owned) {
    ops::add_to(slot.tensor, g, ops);
  } else {
    slot = {ops::add(slot.tensor, g, ops), true};
  }
}

Tensor& Gradients::accumulator(const Value& v) {
  JAMSU_CHECK(v.node >= 0);
  Slot& slot = slots_[static_cast<size_t>(v.node)];
  if (!slot.tensor.defined()) {
    slot = {ops.zeros(shapes_[static_cast<size_t>(v.node)]), true};
  } else if (!slot.owned) {
    slot = {ops::copy(slot.tensor, ops), true};
  }
  return slot.tensor;
}

Value Tape::record(Tensor y, Backward backward) {
  const auto node = static_cast<int32_t>(shapes_.size());
  shapes_.push_back(y.shape());
  steps_.push_back({node, std::move(backward), nullptr});
  return {std::move(y), node};
}

void Tape::record_root(std::function<void(Gradients&)> backward) {
  steps_.push_back({-1, nullptr, std::move(backward)});
}

void Tape::backward(GradStore& store, ops::Context& context) {
  Gradients g(shapes_.size(), store, context);
  g.shapes_ = shapes_;
  while (!steps_.empty()) {
    {
      Step& step = steps_.back();
      if (step.root) {
        step.root(g);
      } else {
        const Value v{{}, step.node};
        if (g.has(v)) step.backward(g.take(v), g);
      }
    }
    steps_.pop_back();
  }
}

}  // namespace jamsu::autograd
