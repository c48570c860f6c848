// store_kv, attention and its backward of every ISA against ref, bit for bit; and, within an ISA, prefill in pieces and
// decode row by row against all rows at once.
#include <array>

#include "kernels/kernel_test_support.h"

namespace jamsu::kernels {
namespace {

using test::expect_same;
using test::hostile_values;
using test::own_kernel;
using test::random_values;

constexpr float kMark = 12345.0f;
constexpr Element kElements[] = {Element::bf16, Element::f32};
const char* element_name(Element e) {
  return e == Element::bf16 ? "bf16" : "f32";
}

struct Shape {
  int64_t rows, first_position, d, v, window = kNoWindow;
  int64_t keys() const { return first_position + rows; }
};

// One head of one sequence: random q, k, v, dout, and its cache blocks, each an allocation of its own (so that ASan
// sees a read beyond a block).
class Head {
 public:
  Head(const Shape& shape, Element e, Isa writer, bool hostile, uint64_t index = 0) : s(shape), element(e) {
    const auto values = [&](int64_t count, uint64_t i, float scale) {
      return hostile ? hostile_values(count, 10 * index + i) : random_values(count, 10 * index + i, scale);
    };
    q = values(s.rows * q_stride(), 1, 2);
    dout = values(s.rows * out_stride(), 2, 1);
    keys = values(s.keys() * s.d, 3, 2);
    value_rows = values(s.keys() * s.v, 4, 1);
    for (int64_t b = 0; b < (s.keys() + 31) / 32; ++b) {
      key_blocks.emplace_back(static_cast<size_t>(key_block_elements(s.d) * element_bytes(e)), std::byte{0});
      value_blocks.emplace_back(static_cast<size_t>(value_block_elements(s.v) * element_bytes(e)), std::byte{0});
    }
    for (int64_t i = 0; i < s.keys(); ++i) store(kernels_for(writer).store_kv, i);
    for (auto& b : key_blocks) key_pointers.push_back(b.data());
    for (auto& b : value_blocks) value_pointers.push_back(b.data());
  }
  // The key in two parts: MLA's [nope | rope] where d allows.
  void store(const Kernel<StoreKvParams>& store_kv, int64_t position) {
    const int64_t second = s.d / 3, first = s.d - second;
    store_kv({.first = keys.data() + position * s.d,
              .second = second ? keys.data() + position * s.d + first : nullptr,
              .value = value_rows.data() + position * s.v,
              .first_width = first,
              .second_width = second,
              .v_width = s.v,
              .key_block = key_blocks[static_cast<size_t>(position / 32)].data(),
              .value_block = value_blocks[static_cast<size_t>(position / 32)].data(),
              .slot = position % 32,
              .element = element});
  }
  int64_t q_stride() const { return s.d + 3; }
  int64_t out_stride() const { return s.v + 2; }
  static constexpr int64_t kLseStride = 2;

  struct Result {
    std::vector<float> out, lse;
  };
  // Rows in pieces of at most `piece` rows (0: all at once).
  Result forward(const Kernel<AttentionParams>& attention, int64_t piece = 0, bool want_lse = true) const {
    Result r{std::vector<float>(static_cast<size_t>(s.rows * out_stride()), kMark),
             std::vector<float>(static_cast<size_t>(s.rows * kLseStride), kMark)};
    if (piece == 0) piece = s.rows;
    for (int64_t row = 0; row < s.rows; row += piece)
      attention({.q = q.data() + row * q_stride(),
                 .q_stride = q_stride(),
                 .key_blocks = key_pointers.data(),
                 .value_blocks = value_pointers.data(),
                 .out = r.out.data() + row * out_stride(),
                 .out_stride = out_stride(),
                 .lse = want_lse ? r.lse.data() + row * kLseStride : nullptr,
                 .lse_stride = kLseStride,
                 .rows = std::min(piece, s.rows - row),
                 .first_position = s.first_position + row,
                 .d = s.d,
                 .v = s.v,
                 .scale = 1.0f / std::sqrt(static_cast<float>(s.d)),
                 .element = element,
                 .window = s.window});
    return r;
  }
  // With continue_kv, dk and dv start from kMark.
  std::array<std::vector<float>, 3> backward(const Kernel<AttentionBackwardParams>& kernel, const Result& f,
                                             bool continue_kv = false) const {
    const auto filled = [&](int64_t stride) { return std::vector<float>(static_cast<size_t>(s.rows * stride), kMark); };
    std::array<std::vector<float>, 3> g = {filled(s.d + 1), filled(s.d + 4), filled(s.v + 3)};
    // Full of what a kernel that forgets to clear it would add.
    std::vector<float> scratch(static_cast<size_t>(attention_backward_scratch(s.rows, s.d, s.v)) + 16, kMark);
    float* aligned = scratch.data();
    while (reinterpret_cast<uintptr_t>(aligned) % 64 != 0) ++aligned;
    kernel({.q = q.data(),
            .q_stride = q_stride(),
            .key_blocks = key_pointers.data(),
            .value_blocks = value_pointers.data(),
            .out = f.out.data(),
            .lse = f.lse.data(),
            .dout = dout.data(),
            .out_stride = out_stride(),
            .lse_stride = kLseStride,
            .dq = g[0].data(),
            .dk = g[1].data(),
            .dv = g[2].data(),
            .dq_stride = s.d + 1,
            .dk_stride = s.d + 4,
            .dv_stride = s.v + 3,
            .rows = s.rows,
            .d = s.d,
            .v = s.v,
            .scale = 1.0f / std::sqrt(static_cast<float>(s.d)),
            .element = element,
            .scratch = aligned,
            .continue_kv = continue_kv,
            .window = s.window});
    for (float* p = aligned + attention_backward_scratch(s.rows, s.d, s.v); p < scratch.data() + scratch.size(); ++p)
      EXPECT_EQ(*p, kMark) << "scratch overrun";
    return g;
  }

  Shape s;
  Element element;
  std::vector<float> q, dout, keys, value_rows;
  std::vector<std::vector<std::byte>> key_blocks, value_blocks;
  std::vector<const void*> key_pointers, value_pointers;
};

// Shapes apart from one another in one axis at a time. Of the sizes of docs/numerics.md section 8 a head's widths
// cannot be 1,025 or 4,097: kMaxHeadWidth is 1,024 (ops refuse more), so that is the largest here.
std::vector<Shape> forward_shapes() {
  std::vector<Shape> shapes;
  for (const int64_t rows : {1, 2, 3, 4, 5, 15, 16, 17, 31, 32, 33, 65, 100}) shapes.push_back({rows, 0, 20, 12});
  for (const int64_t rows : {1023, 1025, 4097}) shapes.push_back({rows, 0, 5, 3});
  for (const int64_t d : {1, 2, 15, 16, 17, 31, 33, 48, 64, 65, 96, 192, 1023, 1024}) shapes.push_back({7, 30, d, 16});
  for (const int64_t v : {1, 2, 15, 17, 31, 32, 33, 47, 64, 65, 128, 1023, 1024}) shapes.push_back({7, 30, 16, v});
  for (const int64_t first : {1, 15, 16, 17, 28, 31, 32, 33, 63, 97}) shapes.push_back({9, first, 24, 20});
  shapes.push_back({40, 1000, 48, 32});  // crosses into the second chunk of 1,024 keys, in the middle of a tile
  shapes.push_back({1, 1022, 20, 12});
  shapes.push_back({1, 1023, 20, 12});
  shapes.push_back({1, 1024, 20, 12});
  shapes.push_back({2, 1025, 20, 12});
  shapes.push_back({2, 4097, 20, 12});
  shapes.push_back({6, 2046, 48, 32});  // crosses into the third
  shapes.push_back({1, 4096, 48, 32});  // five chunks
  for (const int64_t window : {1, 2, 4, 5, 15, 16, 17, 29, 31, 32, 33, 64, 99}) {
    shapes.push_back({100, 0, 20, 12, window});
    shapes.push_back({9, 95, 20, 12, window});
    shapes.push_back({70, 1000, 20, 12, window});  // windows that begin in the first chunk, at its end, in the second
  }
  for (const int64_t window : {1023, 1024, 1025}) shapes.push_back({40, 2040, 20, 12, window});
  return shapes;
}
std::string name_of(const Shape& s) {
  return "rows" + std::to_string(s.rows) + "_at" + std::to_string(s.first_position) + "_d" + std::to_string(s.d) +
         "_v" + std::to_string(s.v) + (s.window == kNoWindow ? "" : "_w" + std::to_string(s.window));
}

// ref takes about a second for the 8 million pairs of 4,097 rows: once, in bf16.
bool runs(const Shape& s, Element e, bool hostile) {
  return s.rows < 4097 || (e == Element::bf16 && !hostile);
}

class Attention : public testing::TestWithParam<Shape> {};

TEST_P(Attention, ForwardEqualsRef) {
  const FlushScope flush;
  for (const Element e : kElements)
    for (const bool hostile : {false, true}) {
      if (!runs(GetParam(), e, hostile)) continue;
      const Head head(GetParam(), e, Isa::ref, hostile);
      const auto want = head.forward(kernels_for(Isa::ref).attention);
      auto want_bare = want;  // without lse: the same rows, and nothing written to it
      std::fill(want_bare.lse.begin(), want_bare.lse.end(), kMark);
      for (const Isa isa : test::fast_isas()) {
        const std::string what = std::string(isa_name(isa)) + " " + element_name(e) + (hostile ? " hostile" : "");
        const auto got = head.forward(own_kernel(isa, &Kernels::attention));
        expect_same(got.out, want.out, what + " out");
        expect_same(got.lse, want.lse, what + " lse");
        const auto bare = head.forward(kernels_for(isa).attention, 0, false);
        expect_same(bare.out, want_bare.out, what + " out without lse");
        expect_same(bare.lse, want_bare.lse, what + " lse untouched");
      }
    }
}
INSTANTIATE_TEST_SUITE_P(Shapes, Attention, testing::ValuesIn(forward_shapes()),
                         [](const auto& c) { return name_of(c.param); });

// What decode, prefill in pieces and training compute is the same: every ISA, ref too.
TEST(AttentionPieces, AnyPiecesGiveEqualBits) {
  const FlushScope flush;
  for (const Shape& s : {Shape{100, 0, 48, 32}, Shape{45, 1000, 48, 32}, Shape{37, 21, 20, 12},
                         Shape{100, 0, 48, 32, 22}, Shape{45, 1000, 48, 32, 33}})
    for (const Element e : kElements)
      for (const Isa isa : available_isas()) {
        const Head head(s, e, isa, false, 7);
        const auto& attention = kernels_for(isa).attention;
        const auto want = head.forward(attention);
        for (const int64_t piece : {1, 2, 3, 5, 7, 32, 33}) {
          const auto got = head.forward(attention, piece);
          const std::string what =
              std::string(isa_name(isa)) + " " + element_name(e) + " pieces of " + std::to_string(piece);
          expect_same(got.out, want.out, what + " out");
          expect_same(got.lse, want.lse, what + " lse");
        }
      }
}

// A row does not feel later keys of its own block: what prefill writes ahead of it is masked.
TEST(AttentionPieces, LaterKeysChangeNothing) {
  const FlushScope flush;
  const Shape s{20, 0, 20, 12};
  for (const Element e : kElements)
    for (const Isa isa : available_isas()) {
      Head head(s, e, isa, false, 8);
      const auto want = head.forward(kernels_for(isa).attention);
      for (int64_t i = 10 * s.d; i < s.keys() * s.d; ++i) head.keys[static_cast<size_t>(i)] *= -3;
      for (int64_t i = 10 * s.v; i < s.keys() * s.v; ++i) head.value_rows[static_cast<size_t>(i)] += 1;
      for (int64_t i = 10; i < s.keys(); ++i) head.store(kernels_for(isa).store_kv, i);
      const auto got = head.forward(kernels_for(isa).attention);
      const auto first_rows = [&](const std::vector<float>& x) {
        return std::vector<float>(x.begin(), x.begin() + 10 * head.out_stride());
      };
      expect_same(first_rows(got.out), first_rows(want.out), std::string(isa_name(isa)));
      EXPECT_FALSE(test::same(got.out[static_cast<size_t>(10 * head.out_stride())],
                              want.out[static_cast<size_t>(10 * head.out_stride())]));
    }
}

// A window of one key gives its value; one of all keys is none.
TEST(AttentionWindow, OfOneKeyAndOfAll) {
  const FlushScope flush;
  for (const Isa isa : available_isas()) {
    const Shape s{70, 0, 20, 12, 1};
    const Head one(s, Element::f32, isa, false, 11);
    const auto got = one.forward(kernels_for(isa).attention);
    for (int64_t row = 0; row < s.rows; ++row)
      for (int64_t i = 0; i < s.v; ++i)
        ASSERT_EQ(got.out[static_cast<size_t>(row * one.out_stride() + i)],
                  one.value_rows[static_cast<size_t>(row * s.v + i)])
            << isa_name(isa) << " row " << row;
    const Head all({70, 0, 20, 12, 70}, Element::bf16, isa, false, 11),
        none({70, 0, 20, 12}, Element::bf16, isa, false, 11);
    expect_same(all.forward(kernels_for(isa).attention).out, none.forward(kernels_for(isa).attention).out,
                std::string(isa_name(isa)));
  }
}

// Blocks that no row's window reaches are not even read: NaN lies there.
// Earlier keys of a block that it does reach are masked.
TEST(AttentionWindow, EarlierKeysChangeNothing) {
  const FlushScope flush;
  const Shape s{20, 1090, 20, 12,
                50};  // the first window begins at key 1,041: nine keys into the second chunk's first block
  for (const Element e : kElements)
    for (const Isa isa : available_isas()) {
      Head head(s, e, isa, false, 12);
      const auto want = head.forward(kernels_for(isa).attention);
      std::fill_n(head.keys.begin(), 1024 * s.d, std::nanf(""));
      std::fill_n(head.value_rows.begin(), 1024 * s.v, std::nanf(""));
      for (int64_t i = 1024 * s.d; i < 1041 * s.d; ++i) head.keys[static_cast<size_t>(i)] *= -3;
      for (int64_t i = 1024 * s.v; i < 1041 * s.v; ++i) head.value_rows[static_cast<size_t>(i)] += 1;
      for (int64_t i = 0; i < 1041; ++i) head.store(kernels_for(isa).store_kv, i);
      const auto got = head.forward(kernels_for(isa).attention);
      expect_same(got.out, want.out, std::string(isa_name(isa)));
      expect_same(got.lse, want.lse, std::string(isa_name(isa)) + " lse");
      head.keys[1041 * static_cast<size_t>(s.d)] += 1;
      head.store(kernels_for(isa).store_kv, 1041);
      EXPECT_FALSE(test::same(head.forward(kernels_for(isa).attention).out[0], want.out[0]));
    }
}

std::vector<Shape> backward_shapes() {
  std::vector<Shape> shapes;
  for (const int64_t rows : {1, 2, 15, 16, 17, 31, 32, 33, 40, 64, 65, 97, 130}) shapes.push_back({rows, 0, 20, 12});
  for (const int64_t rows : {1023, 1025, 4097}) shapes.push_back({rows, 0, 3, 2});
  for (const int64_t d : {1, 2, 15, 16, 17, 31, 33, 48, 65, 96, 192, 1023, 1024}) shapes.push_back({35, 0, d, 16});
  for (const int64_t v : {1, 2, 15, 17, 31, 32, 33, 64, 65, 128, 1023, 1024}) shapes.push_back({35, 0, 16, v});
  shapes.push_back({200, 0, 48, 32});
  for (const int64_t window : {1, 2, 15, 16, 17, 31, 32, 33, 50, 64, 96}) shapes.push_back({97, 0, 20, 12, window});
  return shapes;
}
class AttentionBackward : public testing::TestWithParam<Shape> {};

TEST_P(AttentionBackward, EqualsRef) {
  const FlushScope flush;
  for (const Element e : kElements)
    for (const bool hostile : {false, true}) {
      if (!runs(GetParam(), e, hostile)) continue;
      const Head head(GetParam(), e, Isa::ref, hostile, 3);
      const auto forward = head.forward(kernels_for(GetParam().rows < 4097 ? Isa::ref : best_isa()).attention);
      const auto want = head.backward(kernels_for(Isa::ref).attention_backward, forward);
      for (const Isa isa : test::fast_isas()) {
        const std::string what = std::string(isa_name(isa)) + " " + element_name(e) + (hostile ? " hostile" : "");
        const auto got = head.backward(own_kernel(isa, &Kernels::attention_backward), forward);
        for (size_t i = 0; i < 3; ++i) expect_same(got[i], want[i], what + (i == 0 ? " dq" : i == 1 ? " dk" : " dv"));
      }
    }
}
INSTANTIATE_TEST_SUITE_P(Shapes, AttentionBackward, testing::ValuesIn(backward_shapes()),
                         [](const auto& c) { return name_of(c.param); });

// The heads of a group add into one dk and dv, in the running accumulator of docs/numerics.md section 4.
TEST(AttentionBackwardGroup, ContinuesFromTheEarlierHead) {
  const FlushScope flush;
  for (const Element e : kElements) {
    const Head head({45, 0, 20, 12}, e, Isa::ref, false, 9);
    const auto forward = head.forward(kernels_for(Isa::ref).attention);
    const auto want = head.backward(kernels_for(Isa::ref).attention_backward, forward, true);
    const auto fresh = head.backward(kernels_for(Isa::ref).attention_backward, forward);
    EXPECT_EQ(want[0], fresh[0]);
    EXPECT_NEAR(want[1][0] - fresh[1][0], kMark, 1e-2);
    EXPECT_NEAR(want[2][0] - fresh[2][0], kMark, 1e-2);
    for (const Isa isa : test::fast_isas()) {
      const auto got = head.backward(own_kernel(isa, &Kernels::attention_backward), forward, true);
      for (size_t i = 0; i < 3; ++i) expect_same(got[i], want[i], std::string(isa_name(isa)) + " " + element_name(e));
    }
  }
}

// More than one chunk of keys in training: the backward has no chunks, its lse does.
TEST(AttentionBackwardLong, EqualsRefOver1100Rows) {
  const FlushScope flush;
  const Head head({1100, 0, 6, 4}, Element::bf16, Isa::ref, false, 4);
  const auto forward =
      head.forward(kernels_for(test::fast_isas().empty() ? Isa::ref : test::fast_isas().back()).attention);
  const auto want = head.backward(kernels_for(Isa::ref).attention_backward, forward);
  for (const Isa isa : test::fast_isas()) {
    const auto got = head.backward(own_kernel(isa, &Kernels::attention_backward), forward);
    for (size_t i = 0; i < 3; ++i) expect_same(got[i], want[i], std::string(isa_name(isa)));
  }
}

// The bytes of the blocks, whatever the order of the slots;
// a rewritten slot (after truncate) leaves nothing of the old row.
TEST(StoreKv, BlocksEqualRef) {
  const FlushScope flush;
  for (const int64_t width : {1, 2, 15, 16, 17, 31, 33, 48, 96, 1023, 1024})
    for (const Element e : kElements)
      for (const bool hostile : {false, true}) {
        const Shape s{70, 0, width, width == 1023 ? 33 : width == 1024 ? 1023 : width};
        const Head want(s, e, Isa::ref, hostile, 5);
        for (const Isa isa : test::fast_isas()) {
          Head got(s, e, Isa::ref, false, 6);  // other contents first
          got.keys = want.keys;
          got.value_rows = want.value_rows;
          const auto& store_kv = own_kernel(isa, &Kernels::store_kv);
          for (int64_t i = s.keys() - 1; i >= 0; --i) got.store(store_kv, i);
          const std::string what = std::string(isa_name(isa)) + " " + element_name(e) + " width " +
                                   std::to_string(width) + (hostile ? " hostile" : "");
          for (size_t b = 0; b < want.key_blocks.size(); ++b) {
            // Compared as numbers: NaN payloads may differ.
            const auto floats = [&](const std::vector<std::byte>& bytes) {
              std::vector<float> x;
              for (size_t i = 0; i < bytes.size(); i += static_cast<size_t>(element_bytes(e))) {
                uint32_t u = 0;
                if (e == Element::bf16) {
                  uint16_t h = 0;
                  std::memcpy(&h, &bytes[i], 2);
                  u = static_cast<uint32_t>(h) << 16;
                } else {
                  std::memcpy(&u, &bytes[i], 4);
                }
                x.push_back(std::bit_cast<float>(u));
              }
              return x;
            };
            expect_same(floats(got.key_blocks[b]), floats(want.key_blocks[b]), what + " keys");
            expect_same(floats(got.value_blocks[b]), floats(want.value_blocks[b]), what + " values");
          }
        }
      }
}

}  // namespace
}  // namespace jamsu::kernels
