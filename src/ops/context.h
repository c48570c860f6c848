#pragma once
// What an op needs besides its operands. No globals: a context is passed down.
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/registry.h"
#include "tensor/tensor.h"

namespace jamsu::ops {

// bf16: matmul operands and parameters are rounded with to_bf16.
// f32: to_bf16 is the identity (docs/numerics.md section 1).
enum class Numerics : uint8_t { bf16, f32 };
inline kernels::Element matmul_element(Numerics n) {
  return n == Numerics::bf16 ? kernels::Element::bf16 : kernels::Element::f32;
}

// Grow-only scratch memory, one set of slots per worker of the pool; contents do not survive an op.
class Scratch {
 public:
  explicit Scratch(int workers) : buffers_(static_cast<size_t>(workers)) {}
  enum Slot { slot_a = 0, slot_b = 1, slot_c = 2, kSlots = 3 };
  template <class T>
  T* get(int worker, Slot slot, int64_t count) {
    return reinterpret_cast<T*>(bytes(worker, slot, count * static_cast<int64_t>(sizeof(T))));
  }

 private:
  struct Buffer {
    std::unique_ptr<std::byte, void (*)(std::byte*)> data{nullptr, nullptr};
    int64_t size = 0;
  };
  std::byte* bytes(int worker, Slot slot, int64_t size);
  std::vector<std::array<Buffer, kSlots>> buffers_;
};

struct Context {
  ThreadPool& pool;
  Allocator& memory;
  const kernels::Kernels& kernels;
  Numerics numerics;
  Scratch& scratch;

  Tensor empty(Shape shape, DType dtype = DType::f32) { return Tensor::empty(shape, dtype, memory); }
  Tensor zeros(Shape shape, DType dtype = DType::f32) { return Tensor::zeros(shape, dtype, memory); }
  // Calls body(begin, end, worker) over [0, count) in ranges of about `grain` items:
  // for work where items are independent.
  template <class Body>
  void parallel(int64_t count, int64_t grain, const Body& body) {
    const int64_t tasks = (count + grain - 1) / grain;
    pool.run(tasks, [&](int64_t task, int worker) {
      const int64_t begin = task * grain;
      body(begin, begin + grain < count ? begin + grain : count, worker);
    });
  }
};

// Owns what a Context refers to; what apps, the engine and the trainer create. Memory and scratch are its own, the pool of
// threads may be shared with other runtimes (several models, a trainer). A step computes within a turn(): then nothing of
// another step comes between its operations, neither on the pool nor, where two use one runtime, in the scratch memory.
class Runtime {
 public:
  Runtime(int threads, kernels::Isa isa, Numerics numerics) : Runtime(threads, kernels::kernels_for(isa), numerics) {}
  // A table of the caller's own, which outlives this (tests note which kernels ran).
  Runtime(int threads, const kernels::Kernels& kernels, Numerics numerics)
      : Runtime(std::make_shared<ThreadPool>(threads), kernels, numerics) {}
  // A pool that others use too. REQUIRES: not null.
  Runtime(std::shared_ptr<ThreadPool> pool, kernels::Isa isa, Numerics numerics)
      : Runtime(std::move(pool), kernels::kernels_for(isa), numerics) {}
  Runtime(std::shared_ptr<ThreadPool> pool, const kernels::Kernels& kernels, Numerics numerics)
      : pool_(std::move(pool)), scratch_(pool_->threads()), context_{*pool_, memory_, kernels, numerics, scratch_} {}
  Context& context() { return context_; }
  Allocator& memory() { return memory_; }
  const std::shared_ptr<ThreadPool>& pool() const { return pool_; }
  // A turn on the pool, for one step.
  ThreadPool::Turn turn() { return ThreadPool::Turn(*pool_); }

 private:
  std::shared_ptr<ThreadPool> pool_;
  Allocator memory_;
  Scratch scratch_;
  Context context_;
};

}  // namespace jamsu::ops
