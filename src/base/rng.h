#pragma once
// Counter-based randomness: Philox4x32-10 (Salmon et al. 2011). numerics.md section 7. A value is a pure function of
// (seed, index, draw, purpose); nothing is carried from one call to the next.
#include <array>
#include <cstdint>

namespace jamsu {

// What the numbers are used for; part of the counter, so that two uses of one seed never share words.
enum class Purpose : uint32_t {
  init = 1,
  data_order = 2,
  task = 3,
  sampler = 4,
  dropout = 5,
  test = 6,
  eval = 7,
  mutation = 8
};

// Key = seed (low word, high word); counter = (index low, index high, draw, purpose).
std::array<uint32_t, 4> philox4x32(uint64_t seed, uint64_t index, uint32_t draw, Purpose purpose);

// The words of one (seed, index, purpose) in order: draw 0 gives words 0-3, draw 1 words 4-7, ...
class RandomStream {
 public:
  RandomStream(uint64_t seed, uint64_t index, Purpose purpose) : seed_(seed), index_(index), purpose_(purpose) {}
  uint32_t word();
  // Uniform in [0, bound), by multiply-shift with rejection (Lemire 2019). REQUIRES: bound > 0.
  uint32_t below(uint32_t bound);
  // Uniform in [low, high], both included. REQUIRES: low <= high, high - low < 2^32 - 1.
  int64_t between(int64_t low, int64_t high);
  // True with probability numerator / denominator.
  bool chance(uint32_t numerator, uint32_t denominator) { return below(denominator) < numerator; }
  // Uniform in [0, 1): the top 53 bits of two words (first word high).
  double uniform();
  // One of the elements of an indexable container. REQUIRES: not empty.
  template <class Container>
  const auto& pick(const Container& items) {
    return items[below(static_cast<uint32_t>(items.size()))];
  }

 private:
  uint64_t seed_, index_;
  Purpose purpose_;
  uint32_t draw_ = 0;
  int used_ = 4;
  std::array<uint32_t, 4> block_{};
};

// Two standard normal f32 values by Box-Muller from two words each: r = sqrt(-2 log u0), (r cos 2 pi u1, r sin 2 pi
// u1), u0 = (w0 + 1) / 2^32 in (0, 1], u1 = w1 / 2^32; computed in f64 with base/math.h and rounded once.
std::array<float, 2> box_muller(uint32_t w0, uint32_t w1);

}  // namespace jamsu
