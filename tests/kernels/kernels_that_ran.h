#pragma once
// Tables whose kernels note that they ran: tests of ops and of whole models assert which ones did, so that a silent
// fallback to another path fails.
#include <atomic>
#include <set>
#include <string>

#include "kernels/registry.h"

namespace jamsu::kernels::test {

// Calls f with each entry of a table, as a template argument; a new entry that is missing here does not compile.
template <class F>
void for_each_kernel(const F& f) {
  using K = Kernels;
  f.template
  operator()<&K::gemm_few_rows, &K::gemm_bf16, &K::gemm_f32, &K::pack_b, &K::gemm_stored_bf16, &K::gemm_stored_e4m3,
             &K::gemm_gated_bf16, &K::gemm_gated_e4m3, &K::store_kv, &K::attention, &K::attention_backward,
             &K::rms_norm, &K::rms_norm_backward, &K::norm_weight_grad, &K::rope, &K::swiglu, &K::swiglu_backward,
             &K::log_softmax, &K::cross_entropy, &K::row_dot, &K::add_scaled, &K::adamw>();
  static_assert(sizeof(Kernels) == sizeof(void*) * (1 + 3 * 4 + 2 + 2 * 5 + 17 * 2));
}

template <Isa kIsa, auto kEntry>
struct Noted {
  static inline std::atomic<int64_t> calls{0};
  template <class Params>
  static void run(const Params& p) {
    calls.fetch_add(1, std::memory_order_relaxed);
    (kernels_for(kIsa).*kEntry).run(p);
  }
};

template <Isa kIsa>
const Kernels& noting_table() {
  static const Kernels table = [] {
    Kernels t = kernels_for(kIsa);
    for_each_kernel([&]<auto... kEntry> { ((void)((t.*kEntry).run = Noted<kIsa, kEntry>::run), ...); });
    return t;
  }();
  return table;
}
inline const Kernels& noting_kernels(Isa isa) {
  switch (isa) {
    case Isa::avx2:
      return noting_table<Isa::avx2>();
    case Isa::avx512:
      return noting_table<Isa::avx512>();
    case Isa::avx512bf16:
      return noting_table<Isa::avx512bf16>();
    case Isa::amx:
      return noting_table<Isa::amx>();
    default:
      return noting_table<Isa::ref>();
  }
}

// The names of the kernels that ran through noting_kernels since the last call.
inline std::set<std::string> kernels_that_ran() {
  std::set<std::string> names;
  const auto collect = [&]<Isa kIsa> {
    for_each_kernel([&]<auto... kEntry> {
      ((void)(Noted<kIsa, kEntry>::calls.exchange(0) > 0 && names.insert((kernels_for(kIsa).*kEntry).name).second),
       ...);
    });
  };
  collect.template operator()<Isa::ref>();
  collect.template operator()<Isa::avx2>();
  collect.template operator()<Isa::avx512>();
  collect.template operator()<Isa::avx512bf16>();
  collect.template operator()<Isa::amx>();
  return names;
}

// What a kernel of `isa` for `operation` is called: AMX brings its own products and attention alone.
inline std::string kernel_name(Isa isa, const std::string& operation) {
  const bool stored = operation.rfind("gemm_stored_", 0) == 0, gated = operation.rfind("gemm_gated_", 0) == 0;
  const bool tiles = operation == "gemm_bf16" || stored || gated || operation == "attention";
  const Isa own = isa == Isa::amx && !tiles ? Isa::avx512bf16 : isa;
  if (own == Isa::ref && operation.rfind("gemm", 0) == 0 && !stored && !gated) return "ref_gemm";
  return std::string(isa_name(own)) + "_" + operation;
}

}  // namespace jamsu::kernels::test
