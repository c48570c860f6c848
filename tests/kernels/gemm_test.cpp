// pack_a, pack_b and gemm of every ISA against ref, bit for bit. AMX runs through the emulator on CPUs without tiles.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <set>

#include "base/e4m3.h"
#include "base/math.h"
#include "base/rng.h"
#include "kernels/amx_emulator.h"
#include "kernels/cpu_features.h"
#include "kernels/kernel_test_support.h"

namespace jamsu::kernels::test {
namespace {

struct Free {
  void operator()(void* p) const { std::free(p); }
};
using Buffer = std::unique_ptr<void, Free>;
// Of NaN, as f32 and as bf16: whoever reads what nobody wrote shows it.
Buffer buffer(int64_t bytes) {
  const auto size = static_cast<size_t>(round_up(bytes, 64));
  Buffer made(std::aligned_alloc(64, size + 64));
  std::memset(made.get(), 0xFF, size + 64);
  return made;
}

struct Case {
  int64_t m, n, k;
  Element element = Element::bf16;
  bool accumulate = false, bias = false, columns = false, gather = false, hostile = false;
  std::string text() const {
    return std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k) +
           (element == Element::bf16 ? " bf16" : " f32") + (accumulate ? " accumulate" : "") + (bias ? " bias" : "") +
           (columns ? " columns" : "") + (gather ? " gather" : "") + (hostile ? " hostile" : "");
  }
};

std::vector<float> product(const Kernels& kernels, const Case& c) {
  const FlushScope flush;
  const auto values = [&](int64_t count, uint64_t index) {
    return c.hostile ? hostile_values(count, index) : random_values(count, index);
  };
  const std::vector<float> a = values(c.m * c.k, 1), b = values(c.n * c.k, 2), bias = values(c.n, 3);
  std::vector<float> result = values(c.m * (c.n + 3), 4);  // ldc = n + 3: the columns between must stay
  std::vector<int32_t> rows;
  for (int64_t i = 0; i < c.m; ++i) rows.push_back(static_cast<int32_t>((i * 7 + 3) % c.m));
  const GemmKernel& gemm = choose_gemm(kernels, c.m, c.element);
  const Buffer packed = buffer(gemm.a_bytes(c.m, c.k));
  gemm.pack_a({.source = a.data(),
               .rows = c.gather ? rows.data() : nullptr,
               .row_stride = c.columns ? 1 : c.k,
               .k_stride = c.columns ? c.m : 1,
               .m = c.m,
               .k = c.k,
               .element = c.element,
               .packed = packed.get()});
  const Buffer panels = buffer(panel_elements(c.n, c.k) * element_bytes(c.element));
  const int64_t count = round_up(c.n, kLanes) / kLanes;
  for (int64_t panel = 0; panel < count; ++panel)
    kernels.pack_b({.source = b.data(),
                    .source_type = Source::f32,
                    .column_stride = c.columns ? 1 : c.k,
                    .k_stride = c.columns ? c.n : 1,
                    .n = c.n,
                    .k = c.k,
                    .element = c.element,
                    .panels = panels.get(),
                    .panel_begin = panel,
                    .panel_end = panel + 1});
  gemm.run({.a = packed.get(),
            .b = panels.get(),
            .c = result.data(),
            .ldc = c.n + 3,
            .m = c.m,
            .n = c.n,
            .k = c.k,
            .element = c.element,
            .accumulate = c.accumulate,
            .bias = c.bias ? bias.data() : nullptr});
  return result;
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const Element e : {Element::bf16, Element::f32}) {
    for (const int64_t size : {1, 2, 3, 5, 6, 7, 15, 16, 17, 31, 32, 33, 100}) {
      all.push_back({size, 33, 40, e});
      all.push_back({17, size, 40, e, true});
      all.push_back({13, 20, size, e, false, true});
      all.push_back({size, 18, 35, e, true, false, true});
    }
    for (const int64_t size : {1023, 1025, 4097}) {
      all.push_back({size, 17, 33, e});
      all.push_back({5, size, 33, e});
      all.push_back({18, 17, size, e, true});
      all.push_back({18, 17, size, e, true, false, true});
    }
    // Few rows: four panels at once, three of them and two, whole and cut.
    for (const int64_t n : {33, 49, 64, 65, 70, 129}) {
      all.push_back({1, n, 33, e});
      all.push_back({2, n, 70, e, true, true});
    }
    // The gradient of a weight from few tokens: words of four k that are not all there.
    for (int64_t k = 1; k <= 9; ++k) all.push_back({19, 35, k, e, true, false, true});
    all.push_back({40, 50, 96, e, false, true, false, true});
    for (uint64_t i = 0; i < 6; ++i)
      all.push_back({19 + static_cast<int64_t>(i), 37, 70, e, i % 2 == 0, i % 3 == 0, i % 2 == 1, false, true});
  }
  return all;
}

// Which product each shape runs, written out: a change of the choice, or an ISA that falls back to another, fails here.
std::string expected_kernel(Isa isa, const Case& c) {
  if (isa == Isa::ref) return "ref_gemm";
  const bool tiles = c.m > 2 && c.element == Element::bf16;
  const Isa own = isa == Isa::amx && !tiles ? Isa::avx512bf16 : isa;
  return std::string(isa_name(own)) + (c.m <= 2 ? "_gemm_few_rows" : tiles ? "_gemm_bf16" : "_gemm_f32");
}

TEST(Gemm, EveryIsaEqualsRef) {
  const bool emulated = test_isas().empty() ? false : test_isas().back() > best_isa();
  for (const Case& c : cases()) {
    ASSERT_STREQ(choose_gemm(kernels_for(Isa::ref), c.m, c.element).name, "ref_gemm");
    const std::vector<float> want = product(kernels_for(Isa::ref), c);
    for (const Isa isa : fast_isas()) {
      const std::string name = choose_gemm(kernels_for(isa), c.m, c.element).name;
      ASSERT_EQ(name, expected_kernel(isa, c)) << c.text();
      const int64_t tiles = emulated_tile_products();
      expect_same(product(kernels_for(isa), c), want, name + " " + c.text());
      if (emulated) {
        EXPECT_EQ(emulated_tile_products() > tiles, name == "amx_gemm_bf16") << isa_name(isa) << " " << c.text();
      }
    }
  }
}

// Names say what runs: a function has one name, a name one function.
TEST(Registry, NamesAndKernelsBelongTogether) {
  std::map<std::string, std::set<const void*>> functions;
  std::map<const void*, std::set<std::string>> names;
  // Tables beyond AVX2's are filled by code compiled for AVX-512, of which filling needs no more than F.
  const bool avx512 = has_avx512();
  for (const Isa isa : {Isa::ref, Isa::avx2, Isa::avx512, Isa::avx512bf16, Isa::amx}) {
    if (!avx512 && isa > Isa::avx2) {
      std::printf("%s: not looked at, this CPU has no AVX-512\n", std::string(isa_name(isa)).c_str());
      continue;
    }
    const Kernels& table = kernels_for(isa);
    EXPECT_EQ(table.isa, isa);
    for_each_kernel([&]<auto... kEntry> {
      const auto note = [&](const auto& kernel) {
        const auto* function = reinterpret_cast<const void*>(kernel.run);
        functions[kernel.name].insert(function);
        names[function].insert(kernel.name);
      };
      (note(table.*kEntry), ...);
    });
  }
  for (const auto& [name, all] : functions) EXPECT_EQ(all.size(), 1u) << name;
  for (const auto& [function, all] : names) EXPECT_EQ(all.size(), 1u) << *all.begin();
  // ref 20 (one product), AVX2 and both kinds of AVX-512 all 20 but gated ones, AMX its five bf16 products and attention.
  EXPECT_EQ(functions.size(), 20u + 20u + (avx512 ? 2 * 20u + 6u : 0u));
}

// Weights come as bf16 rows too.
TEST(Gemm, PackingOfBf16SourcesEqualsRef) {
  std::vector<uint16_t> source;
  for (const float x : hostile_values(37 * 70, 9)) source.push_back(f32_to_bf16(x));
  for (const Isa isa : fast_isas())
    for (const Element e : {Element::bf16, Element::f32})
      for (const bool columns : {false, true}) {
        const FlushScope flush;
        const int64_t bytes = panel_elements(37, 70) * element_bytes(e);
        const Buffer got = buffer(bytes), want = buffer(bytes);
        PackBParams p{.source = source.data(),
                      .source_type = Source::bf16,
                      .column_stride = columns ? 1 : 70,
                      .k_stride = columns ? 37 : 1,
                      .n = 37,
                      .k = 70,
                      .element = e,
                      .panels = got.get(),
                      .panel_begin = 0,
                      .panel_end = 3};
        own_kernel(isa, &Kernels::pack_b)(p);
        p.panels = want.get();
        kernels_for(Isa::ref).pack_b(p);
        EXPECT_EQ(std::memcmp(got.get(), want.get(), static_cast<size_t>(bytes)), 0) << isa_name(isa);
      }
}

struct StoredCase {
  int64_t m, n, k;
  Source stored;
  bool bias;
  std::string text() const {
    return std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k) +
           (stored == Source::bf16 ? " bf16" : " e4m3") + (bias ? " bias" : "");
  }
};

// A matrix as a file may hold it: any bits of e4m3; of bf16 also subnormals, infinities and NaN. At the end of its
// buffer, so that a read beyond it is seen by the address sanitizer.
std::vector<std::byte> stored_values(const StoredCase& c) {
  RandomStream random(5, static_cast<uint64_t>(c.k), Purpose::mutation);
  std::vector<std::byte> bytes(static_cast<size_t>(c.n * c.k * (c.stored == Source::bf16 ? 2 : 1)));
  if (c.stored == Source::e4m3) {
    // Every other k without NaN (127 and 255), with both signs.
    for (std::byte& b : bytes) b = static_cast<std::byte>(random.below(256));
    if (c.k % 2)
      for (std::byte& b : bytes)
        if ((b & std::byte{127}) == std::byte{127}) b ^= std::byte{1};
    return bytes;
  }
  const std::vector<float> values = hostile_values(c.n * c.k, 8);
  for (size_t i = 0; i < values.size(); ++i) {
    const auto bits = static_cast<uint16_t>(i % 7 == 3 ? random.below(128) : f32_to_bf16(values[i]));
    std::memcpy(bytes.data() + 2 * i, &bits, 2);
  }
  return bytes;
}

std::vector<float> stored_product(const Kernels& kernels, const StoredCase& c) {
  const FlushScope flush;
  const std::vector<std::byte> b = stored_values(c);
  constexpr int64_t kFirstRow = 112;  // of the 128 that share a scale: the 17th row has another
  const int64_t scale_stride = (c.k + kScaleBlock - 1) / kScaleBlock;
  const std::vector<float> a = random_values(c.m * c.k, 1), bias = random_values(c.n, 3),
                           scales = random_values(scale_stride * (1 + (kFirstRow + c.n) / kScaleBlock), 6);
  std::vector<float> result = random_values(c.m * (c.n + 3), 4);
  std::vector<int32_t> rows;
  for (int64_t i = 0; i < c.m; ++i) rows.push_back(static_cast<int32_t>((i * 7 + 3) % c.m));
  const StoredKernel& kernel = kernels.stored(c.stored);
  const Buffer packed = buffer(kernels.stored_x.bytes(c.m, c.k)), scratch = buffer(kernel.scratch_bytes(c.m, c.n));
  for (int64_t panel = 0; panel * kLanes < c.m; ++panel)
    kernels.stored_x.pack({.source = a.data(),
                           .rows = c.m % 3 == 2 ? rows.data() : nullptr,
                           .row_stride = c.k,
                           .m = c.m,
                           .k = c.k,
                           .packed = packed.get(),
                           .panel_begin = panel,
                           .panel_end = panel + 1});
  kernel.run({.x = packed.get(),
              .w = b.data(),
              .scales = c.stored == Source::e4m3 ? scales.data() : nullptr,
              .scale_stride = scale_stride,
              .first_row = kFirstRow,
              .c = result.data(),
              .ldc = c.n + 3,
              .m = c.m,
              .n = c.n,
              .k = c.k,
              .bias = c.bias ? bias.data() : nullptr,
              .scratch = scratch.get()});
  return result;
}

void check_stored(int64_t m, int64_t n, int64_t k) {
  const bool emulated = test_isas().empty() ? false : test_isas().back() > best_isa();
  for (const Source stored : {Source::bf16, Source::e4m3}) {
    const StoredCase c{m, n, k, stored, k % 3 == 1};
    const std::vector<float> want = stored_product(kernels_for(Isa::ref), c);
    for (const Isa isa : fast_isas()) {
      const StoredKernel& kernel = kernels_for(isa).stored(stored);
      if (m > kernel.max_rows) continue;  // ops never asks for them
      const int64_t tiles = emulated_tile_products();
      expect_same(stored_product(kernels_for(isa), c), want, std::string(kernel.name) + " " + c.text());
      if (emulated) {
        EXPECT_EQ(emulated_tile_products() > tiles, isa == Isa::amx) << c.text();
      }
    }
  }
}

TEST(Gemm, StoredRowsEqualRef) {
  for (int64_t m = 1; m <= 5; ++m)
    for (const int64_t n : {1, 15, 16, 17, 33, 128})
      for (const int64_t k : {1, 2, 31, 32, 33, 70, 127, 128, 129, 300, 511, 512, 513, 1030}) check_stored(m, n, k);
}

// More rows than AVX's kernels take: tiles of 16 rows and what is left, pairs of panels and a single one.
TEST(Gemm, ManyStoredRowsEqualRef) {
  EXPECT_EQ(kernels_for(Isa::avx2).gemm_stored_bf16.max_rows, 4);
  if (has_avx512()) {
    EXPECT_EQ(kernels_for(Isa::amx).gemm_stored_bf16.max_rows, 512);
  }
  for (const int64_t m : {15, 16, 17, 31, 32, 33, 48, 49, 64, 65, 79, 80, 97, 150, 272, 512})
    for (const int64_t n : {1, 17, 31, 33, 65})
      for (const int64_t k : {1, 33, 128, 200, 256, 257, 300, 700}) {
        if (m * n * k > 200'000 && n != 33) continue;  // ref is slow
        check_stored(m, n, k);
      }
  check_stored(20, 300, 64);
  check_stored(100, 290, 130);
}

// gemm_gated's result is x of a product: seen through one.
std::vector<float> gated_product(const Kernels& kernels, const StoredCase& c) {
  const FlushScope flush;
  const StoredCase up_case{c.m, c.n, c.k + 1, c.stored, false};  // other values
  const std::vector<std::byte> gate = stored_values(c), up = stored_values(up_case);
  const int64_t scale_stride = (c.k + kScaleBlock - 1) / kScaleBlock, h_width = kDotBlock + c.n, outputs = 33;
  const std::vector<float> x = random_values(c.m * c.k, 1),
                           scales = random_values(scale_stride * (1 + c.n / kScaleBlock), 6);
  const StoredKernel& kernel = kernels.stored(c.stored);
  const Buffer packed = buffer(kernels.stored_x.bytes(c.m, c.k)), scratch = buffer(kernel.scratch_bytes(c.m, 2 * c.n)),
               h = buffer(kernels.stored_x.bytes(c.m, h_width));
  const std::vector<float> first = random_values(c.m * h_width, 9);  // the columns before these stay
  const auto pack = [&](const float* from, int64_t k, void* to) {
    kernels.stored_x.pack({.source = from,
                           .rows = nullptr,
                           .row_stride = k,
                           .m = c.m,
                           .k = k,
                           .packed = to,
                           .panel_begin = 0,
                           .panel_end = (c.m + kLanes - 1) / kLanes});
  };
  pack(x.data(), c.k, packed.get());
  pack(first.data(), h_width, h.get());
  GemmStoredParams p{.x = packed.get(),
                     .w = gate.data(),
                     .scales = scales.data(),
                     .scale_stride = scale_stride,
                     .first_row = 0,
                     .c = nullptr,
                     .ldc = 0,
                     .m = c.m,
                     .n = c.n,
                     .k = c.k,
                     .bias = nullptr,
                     .scratch = scratch.get()};
  GemmGatedParams gated{.gate = p, .up = p, .h = h.get(), .column = kDotBlock, .width = h_width};
  gated.up.w = up.data();
  kernels.gated(c.stored)(gated);
  std::vector<uint16_t> down;
  for (const float w : random_values(outputs * h_width, 11)) down.push_back(f32_to_bf16(w));
  std::vector<float> result(static_cast<size_t>(c.m * outputs));
  const StoredKernel& next = kernels.gemm_stored_bf16;  // it reads what gate and up of either format wrote
  const Buffer more = buffer(next.scratch_bytes(c.m, outputs));
  p.x = h.get();
  p.w = down.data();
  p.c = result.data();
  p.ldc = p.n = outputs;
  p.k = h_width;
  p.scratch = more.get();
  next.run(p);
  return result;
}

TEST(Gemm, GatedProductsEqualRef) {
  for (const Source stored : {Source::bf16, Source::e4m3})
    for (const int64_t m : {129, 150, 512})
      for (const int64_t n : {1, 17, 32, 65, 140}) {
        if (m == 512 && n > 17) continue;  // ref is slow
        const StoredCase c{m, n, 260, stored, false};
        const std::vector<float> want = gated_product(kernels_for(Isa::ref), c);
        for (const Isa isa : fast_isas())
          if (kernels_for(isa).stored(stored).many_rows)
            expect_same(gated_product(kernels_for(isa), c), want,
                        std::string(kernels_for(isa).gated(stored).name) + " " + c.text());
      }
}

TEST(Gemm, PackingOfE4m3EqualsRef) {
  std::vector<uint8_t> source(37 * 70);
  for (size_t i = 0; i < source.size(); ++i) source[i] = static_cast<uint8_t>(i * 7);
  for (const Isa isa : fast_isas())
    for (const int64_t k : {1, 32, 70}) {
      const int64_t bytes = panel_elements(37, k) * 2;
      const Buffer got = buffer(bytes), want = buffer(bytes);
      PackBParams p{.source = source.data(),
                    .source_type = Source::e4m3,
                    .column_stride = 70,
                    .k_stride = 1,
                    .n = 37,
                    .k = k,
                    .element = Element::bf16,
                    .panels = got.get(),
                    .panel_begin = 0,
                    .panel_end = 3};
      kernels_for(isa).pack_b(p);
      p.panels = want.get();
      kernels_for(Isa::ref).pack_b(p);
      EXPECT_EQ(std::memcmp(got.get(), want.get(), static_cast<size_t>(bytes)), 0) << isa_name(isa) << " " << k;
    }
}

// For dX: columns of the product are columns of the matrix. At the end of its buffer, so that a read beyond it is seen
// by the address sanitizer; panels from the second on too.
TEST(Gemm, PackingOfColumnsOfStoredRowsEqualsRef) {
  for (const Source type : {Source::bf16, Source::e4m3})
    for (const int64_t n : {1, 15, 16, 17, 31, 32, 33, 47, 64, 70})
      for (const int64_t k : {1, 2, 31, 32, 33, 128}) {
        std::vector<std::byte> source(static_cast<size_t>(n * k * (type == Source::bf16 ? 2 : 1)));
        const std::vector<float> values = hostile_values(n * k, 9);
        for (size_t i = 0; i < values.size(); ++i) {
          const uint16_t bits = f32_to_bf16(values[i]);
          if (type == Source::bf16)
            std::memcpy(source.data() + 2 * i, &bits, 2);
          else
            source[i] = static_cast<std::byte>(i * 7 + i / 251);
        }
        const int64_t panels = (n + kLanes - 1) / kLanes, bytes = panel_elements(n, k) * 2;
        for (const Isa isa : fast_isas())
          for (int64_t first = 0; first < panels && first < 2; ++first) {
            const FlushScope flush;
            const Buffer got = buffer(bytes), want = buffer(bytes);
            std::memset(got.get(), 0, static_cast<size_t>(bytes));
            std::memset(want.get(), 0, static_cast<size_t>(bytes));
            PackBParams p{.source = source.data(),
                          .source_type = type,
                          .column_stride = 1,
                          .k_stride = n,
                          .n = n,
                          .k = k,
                          .element = Element::bf16,
                          .panels = got.get(),
                          .panel_begin = first,
                          .panel_end = panels};
            kernels_for(isa).pack_b(p);
            p.panels = want.get();
            kernels_for(Isa::ref).pack_b(p);
            EXPECT_EQ(std::memcmp(got.get(), want.get(), static_cast<size_t>(bytes)), 0)
                << isa_name(isa) << " " << n << " x " << k << (type == Source::bf16 ? " bf16" : " e4m3");
          }
      }
}

}  // namespace
}  // namespace jamsu::kernels::test
