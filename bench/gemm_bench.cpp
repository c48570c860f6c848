// bf16 product 512 x 2048 x 2048 (M x K x N, weights packed): ours, oneDNN with its weights pre-reordered, and the
// register-only peak, in turn, in slices of at most 100 ms; medians and quartiles of the ratios. Usage: gemm_bench
// [isa] [threads] [rounds] [M K N]
#include <dlfcn.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "bench/gemm.h"
#include "bench/measure.h"

#ifdef JAMSU_ONEDNN
#include <oneapi/dnnl/dnnl.hpp>
#endif

using namespace jamsu;

namespace {

#ifdef JAMSU_ONEDNN
class Peer {
 public:
  Peer(int64_t m, int64_t k, int64_t n, int threads) {
    using namespace dnnl;
    // oneDNN takes every core unless its OpenMP is told otherwise: a "one thread" ratio would be of two.
    if (auto* set_threads = reinterpret_cast<void (*)(int)>(::dlsym(RTLD_DEFAULT, "omp_set_num_threads")))
      set_threads(threads);
    else
      std::printf("peer: not built on OpenMP, its threads are its own choice\n");
    const memory::desc a({m, k}, memory::data_type::bf16, memory::format_tag::ab),
        b({k, n}, memory::data_type::bf16, memory::format_tag::any),
        c({m, n}, memory::data_type::f32, memory::format_tag::ab);
#if DNNL_VERSION_MAJOR >= 3
    const matmul::primitive_desc pd(engine_, a, b, c);
#else
    const matmul::primitive_desc pd(matmul::desc(a, b, c), engine_);
#endif
    source_ = memory(pd.src_desc(), engine_);
    weights_ = memory(pd.weights_desc(), engine_);
    result_ = memory(pd.dst_desc(), engine_);
    for (const memory* m_ : {&source_, &weights_}) {
      auto* p = static_cast<unsigned short*>(m_->get_data_handle());
      std::fill_n(p, m_->get_desc().get_size() / 2, static_cast<unsigned short>(0x3F80));
    }
    product_ = matmul(pd);
    std::printf("peer: oneDNN %d.%d %s\n", dnnl_version()->major, dnnl_version()->minor, pd.impl_info_str());
  }
  void run() {
    product_.execute(stream_, {{DNNL_ARG_SRC, source_}, {DNNL_ARG_WEIGHTS, weights_}, {DNNL_ARG_DST, result_}});
    stream_.wait();
  }

 private:
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  dnnl::memory source_, weights_, result_;
  dnnl::matmul product_;
};
#endif

}  // namespace

int main(int argc, char** argv) {
  const auto isa = argc > 1 ? kernels::isa_from_name(argv[1]).value_or(kernels::best_isa()) : kernels::best_isa();
  const int threads = argc > 2 ? std::atoi(argv[2]) : usable_cores(), rounds = argc > 3 ? std::atoi(argv[3]) : 21;
  const int64_t m = argc > 6 ? std::atol(argv[4]) : 512, k = argc > 6 ? std::atol(argv[5]) : 2048,
                n = argc > 6 ? std::atol(argv[6]) : 2048;
  ops::Runtime runtime(threads, isa, ops::Numerics::bf16);
  const bench::Product product({m, k, n}, runtime.context());
  const auto rate = [&](const std::function<void()>& once) { return product.flops() * bench::runs_per_second(once); };
#ifdef JAMSU_ONEDNN
  Peer peer(m, k, n, threads);
#else
  std::printf("peer: oneDNN was not found when this was built\n");
#endif
  std::vector<double> of_peak, of_peer, absolute;
  for (int round = 0; round < rounds; ++round) {
    const double peak = machine::measure_peak(isa, runtime.context().pool, 1).median;
    const double ours = rate([&] { product.run(); });
#ifdef JAMSU_ONEDNN
    of_peer.push_back(ours / rate([&] { peer.run(); }));
#endif
    of_peak.push_back(ours / peak);
    absolute.push_back(ours / 1e12);
  }
  std::printf("%s, %d thread(s), %ld x %ld x %ld\n", std::string(kernels::isa_name(isa)).c_str(), threads,
              static_cast<long>(m), static_cast<long>(k), static_cast<long>(n));
  const auto print = [](const char* what, const std::vector<double>& values) {
    if (values.empty()) return;
    const machine::Spread s = bench::spread_of(values);
    std::printf("%-18s %.3f (quartiles %.3f - %.3f, %zu rounds)\n", what, s.median, s.lower, s.upper, values.size());
  };
  print("of peak", of_peak);
  print("of oneDNN", of_peer);
  print("TFLOP/s", absolute);
}
