// Attention of one head on one core. Work counted: the visible (query, key) pairs only; 2 (D + V) FLOP a pair forward,
// 2 (3 D + 2 V) backward.
#include "base/rng.h"
#include "base/thread_pool.h"
#include "bench/bench.h"
#include "bench/measure.h"

namespace jamsu::bench {
namespace {

using kernels::Element;

struct Shape {
  const char* name;
  int64_t rows, first_position, d, v;
};

// One head with random operands.
struct Head {
  Head(const Shape& shape, const kernels::Kernels& k, Element e) : s(shape), element(e) {
    const int64_t keys = s.first_position + s.rows, blocks = (keys + 31) / 32;
    const auto fill = [&](std::vector<float>& x, int64_t count, uint64_t index) {
      RandomStream random(1, index, Purpose::test);
      for (int64_t i = 0; i < count; ++i) x.push_back(static_cast<float>(random.uniform() * 2 - 1));
    };
    fill(q, s.rows * s.d, 0);
    fill(dout, s.rows * s.v, 1);
    std::vector<float> key, value;
    fill(key, keys * s.d, 2);
    fill(value, keys * s.v, 3);
    key_bytes = kernels::key_block_elements(s.d) * kernels::element_bytes(e);
    value_bytes = kernels::value_block_elements(s.v) * kernels::element_bytes(e);
    cache.assign(static_cast<size_t>(blocks * (key_bytes + value_bytes) + 64), std::byte{0});
    auto* base = reinterpret_cast<std::byte*>((reinterpret_cast<uintptr_t>(cache.data()) + 63) / 64 * 64);
    for (int64_t b = 0; b < blocks; ++b) {
      key_blocks.push_back(base + b * (key_bytes + value_bytes));
      value_blocks.push_back(base + b * (key_bytes + value_bytes) + key_bytes);
    }
    for (int64_t i = 0; i < keys; ++i)
      k.store_kv({.first = key.data() + i * s.d,
                  .second = nullptr,
                  .value = value.data() + i * s.v,
                  .first_width = s.d,
                  .second_width = 0,
                  .v_width = s.v,
                  .key_block = const_cast<void*>(key_blocks[static_cast<size_t>(i / 32)]),
                  .value_block = const_cast<void*>(value_blocks[static_cast<size_t>(i / 32)]),
                  .slot = i % 32,
                  .element = e});
    out.resize(static_cast<size_t>(s.rows * s.v));
    lse.resize(static_cast<size_t>(s.rows));
    dq.resize(static_cast<size_t>(s.rows * s.d));
    dk = dq;
    dv = out;
    scratch.resize(static_cast<size_t>(kernels::attention_backward_scratch(s.rows, s.d, s.v) + 16));
  }
  void forward(const kernels::Kernels& k) {
    k.attention({.q = q.data(),
                 .q_stride = s.d,
                 .key_blocks = key_blocks.data(),
                 .value_blocks = value_blocks.data(),
                 .out = out.data(),
                 .out_stride = s.v,
                 .lse = lse.data(),
                 .lse_stride = 1,
                 .rows = s.rows,
                 .first_position = s.first_position,
                 .d = s.d,
                 .v = s.v,
                 .scale = 0.1f,
                 .element = element});
  }
  void backward(const kernels::Kernels& k) {
    k.attention_backward(
        {.q = q.data(),
         .q_stride = s.d,
         .key_blocks = key_blocks.data(),
         .value_blocks = value_blocks.data(),
         .out = out.data(),
         .lse = lse.data(),
         .dout = dout.data(),
         .out_stride = s.v,
         .lse_stride = 1,
         .dq = dq.data(),
         .dk = dk.data(),
         .dv = dv.data(),
         .dq_stride = s.d,
         .dk_stride = s.d,
         .dv_stride = s.v,
         .rows = s.rows,
         .d = s.d,
         .v = s.v,
         .scale = 0.1f,
         .element = element,
         .scratch = reinterpret_cast<float*>((reinterpret_cast<uintptr_t>(scratch.data()) + 63) / 64 * 64)});
  }
  double pairs() const {
    return static_cast<double>(s.rows) * (static_cast<double>(s.first_position) + static_cast<double>(s.rows + 1) / 2);
  }

  Shape s;
  Element element;
  int64_t key_bytes = 0, value_bytes = 0;
  std::vector<float> q, dout, out, lse, dq, dk, dv, scratch;
  std::vector<std::byte> cache;
  std::vector<const void*> key_blocks, value_blocks;
};

}  // namespace

void attention(const Setup& setup, const OnLine& on_line) {
  const Shape whole[] = {{"nano 512", 512, 0, 48, 32},
                         {"nano 128", 128, 0, 48, 32},
                         {"nano 40", 40, 0, 48, 32},
                         {"tiny 512", 512, 0, 96, 64}};
  const Shape decoding[] = {{"nano decode at 1,000", 1, 999, 48, 32}, {"nano prefill 64 at 960", 64, 960, 48, 32}};
  const kernels::Kernels& k = kernels::kernels_for(setup.isa);
  ThreadPool one(1);
  const auto measure = [&](Head& head, const char* what, double flops_a_pair, const std::function<void()>& once) {
    on_line(against_peak(std::string(head.element == Element::bf16 ? "bf16 " : "f32 ") + head.s.name + " " + what,
                         head.pairs() * flops_a_pair, once, machine::peak_isa(setup.isa, head.element == Element::f32),
                         one, setup.rounds));
  };
  const auto forward = [&](Head& head) {
    measure(head, "forward", 2 * static_cast<double>(head.s.d + head.s.v), [&] { head.forward(k); });
  };
  for (const Element e : {Element::bf16, Element::f32}) {
    for (const Shape& shape : whole) {
      Head head(shape, k, e);
      forward(head);
      measure(head, "backward", 2 * static_cast<double>(3 * shape.d + 2 * shape.v), [&] { head.backward(k); });
    }
    for (const Shape& shape : decoding) {
      Head head(shape, k, e);
      forward(head);
    }
  }
}

}  // namespace jamsu::bench
