#pragma once
// One table of named functions per ISA. Choosing a table changes no result, only speed (docs/numerics.md).
#include <optional>
#include <string_view>
#include <vector>

#include "kernels/params.h"

namespace jamsu::kernels {

enum class Isa : uint8_t { ref, avx2, avx512, avx512bf16, amx };
std::string_view isa_name(Isa isa);
std::optional<Isa> isa_from_name(std::string_view name);

// A kernel and what it is called: <isa>_<operation>. The name is there for tests, benchmarks and reports.
template <class Params>
struct Kernel {
  const char* name;
  void (*run)(const Params&);
  void operator()(const Params& p) const { run(p); }
};
// A product with the packing of A that it reads.
struct GemmKernel {
  const char* name;
  int64_t (*a_bytes)(int64_t m, int64_t k);
  void (*pack_a)(const PackAParams&);
  void (*run)(const GemmParams&);
};
// x of a product with a matrix as it lies in a file:
// one layout for every format an ISA reads, so that products of several share it.
struct StoredX {
  int64_t (*bytes)(int64_t m, int64_t k);
  void (*pack)(const PackXParams&);
};
// Such a product, of one format: for up to max_rows rows; more are cut, or blocks of the matrix packed for gemm_bf16,
// by ops (many_rows says which is meant).
struct StoredKernel {
  const char* name;
  int64_t max_rows;
  bool many_rows;  // as fast with many rows as with few: no need of packed blocks
  int64_t (*scratch_bytes)(int64_t m, int64_t n);
  void (*run)(const GemmStoredParams&);
};

struct Kernels {
  Isa isa;
  GemmKernel gemm_few_rows, gemm_bf16, gemm_f32;  // choose_gemm says which one runs
  Kernel<PackBParams> pack_b;
  StoredX stored_x;
  StoredKernel gemm_stored_bf16, gemm_stored_e4m3;           // stored() says which one reads a format
  Kernel<GemmGatedParams> gemm_gated_bf16, gemm_gated_e4m3;  // gated() does
  Kernel<StoreKvParams> store_kv;
  Kernel<AttentionParams> attention;
  Kernel<AttentionBackwardParams> attention_backward;
  Kernel<RmsNormParams> rms_norm;
  Kernel<RmsNormBackwardParams> rms_norm_backward;
  Kernel<NormWeightGradParams> norm_weight_grad;
  Kernel<RopeParams> rope;
  Kernel<SwigluParams> swiglu;
  Kernel<SwigluBackwardParams> swiglu_backward;
  Kernel<LogSoftmaxParams> log_softmax;
  Kernel<CrossEntropyParams> cross_entropy;
  Kernel<RowDotParams> row_dot;
  Kernel<AddScaledParams> add_scaled;
  Kernel<AdamWParams> adamw;

  // REQUIRES: rows are bf16 or e4m3.
  const StoredKernel& stored(Source rows) const { return rows == Source::bf16 ? gemm_stored_bf16 : gemm_stored_e4m3; }
  const Kernel<GemmGatedParams>& gated(Source rows) const {
    return rows == Source::bf16 ? gemm_gated_bf16 : gemm_gated_e4m3;
  }
};

// Which product an ISA runs: a pure function of the shape. Up to kFewRows rows (decoding) leave a tile of rows idle.
inline constexpr int64_t kFewRows = 2;
inline const GemmKernel& choose_gemm(const Kernels& kernels, int64_t m, Element element) {
  if (m <= kFewRows) return kernels.gemm_few_rows;
  return element == Element::bf16 ? kernels.gemm_bf16 : kernels.gemm_f32;
}

// The table of an ISA. REQUIRES: the CPU can run it (available_isas); `ref` always can.
const Kernels& kernels_for(Isa isa);
// In ascending order, those this CPU (and, for AMX, this kernel's permission) can run.
std::vector<Isa> available_isas();
Isa best_isa();

}  // namespace jamsu::kernels
