#include "kernels/peak.h"

namespace jamsu::kernels {

PeakLoop peak_loop(Isa isa) {
  switch (isa) {
    case Isa::ref:
      return {};
    case Isa::avx2:
      return avx2_peak_loop();
    case Isa::avx512:
      return avx512_peak_loop();
    case Isa::avx512bf16:
      return avx512bf16_peak_loop();
    case Isa::amx:
      return amx_peak_loop();
  }
  return {};
}

}  // namespace jamsu::kernels
