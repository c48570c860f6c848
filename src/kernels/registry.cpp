#include "kernels/registry.h"

#include "base/thread_pool.h"
#include "kernels/cpu_features.h"
#include "kernels/registry_parts.h"

namespace jamsu::kernels {
namespace {

Kernels ref_table() {
  Kernels table{};
  table.isa = Isa::ref;
  register_ref_gemm(table);
  register_ref_rows(table);
  register_ref_attention(table);
  return table;
}
Kernels avx2_table() {
  Kernels table = ref_table();
  table.isa = Isa::avx2;
  register_avx2_gemm(table);
  register_avx2_rows(table);
  register_avx2_attention(table);
  return table;
}
Kernels avx512_table() {
  Kernels table = avx2_table();
  table.isa = Isa::avx512;
  register_avx512_gemm(table);
  register_avx512_rows(table);
  register_avx512_attention(table);
  return table;
}
Kernels avx512bf16_table() {
  Kernels table = avx512_table();
  table.isa = Isa::avx512bf16;
  register_avx512bf16_gemm(table);
  register_avx512bf16_rows(table);
  register_avx512bf16_attention(table);
  return table;
}
Kernels amx_table() {
  Kernels table = avx512bf16_table();
  table.isa = Isa::amx;
  register_amx_gemm(table);
  register_amx_stored(table);
  register_amx_attention(table);
  return table;
}

}  // namespace

std::string_view isa_name(Isa isa) {
  switch (isa) {
    case Isa::ref:
      return "ref";
    case Isa::avx2:
      return "avx2";
    case Isa::avx512:
      return "avx512";
    case Isa::avx512bf16:
      return "avx512bf16";
    case Isa::amx:
      return "amx";
  }
  return "?";
}

std::optional<Isa> isa_from_name(std::string_view name) {
  for (const Isa isa : {Isa::ref, Isa::avx2, Isa::avx512, Isa::avx512bf16, Isa::amx})
    if (name == isa_name(isa)) return isa;
  return std::nullopt;
}

// A table is filled by code compiled for its ISA, which may use it for that (under sanitizers it does): only the table
// that is asked for is made.
const Kernels& kernels_for(Isa isa) {
  switch (isa) {
    case Isa::ref:
      break;
    case Isa::avx2: {
      static const Kernels avx2 = avx2_table();
      return avx2;
    }
    case Isa::avx512: {
      static const Kernels avx512 = avx512_table();
      return avx512;
    }
    case Isa::avx512bf16: {
      static const Kernels avx512bf16 = avx512bf16_table();
      return avx512bf16;
    }
    case Isa::amx: {
      static const Kernels amx = amx_table();
      return amx;
    }
  }
  static const Kernels ref = ref_table();
  return ref;
}

// A CPU that adds products in another order would give other bits: its VDPBF16PS is not used.
// (Some microseconds, once.)
bool can_avx512bf16() {
  static const bool can = [] {
    const FlushScope flush;
    return has_avx512bf16() && avx512bf16_adds_products_in_order(300);
  }();
  return can;
}

std::vector<Isa> available_isas() {
  std::vector<Isa> isas{Isa::ref};
  if (has_avx2()) isas.push_back(Isa::avx2);
  if (has_avx512()) isas.push_back(Isa::avx512);
  if (!can_avx512bf16()) return isas;
  isas.push_back(Isa::avx512bf16);
  if (request_amx() == Amx::usable) isas.push_back(Isa::amx);
  return isas;
}
Isa best_isa() {
  return available_isas().back();
}

}  // namespace jamsu::kernels
