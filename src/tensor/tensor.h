#pragma once
// Tensor: shared storage, an offset and a shape; always contiguous, row-major. Storage returns to a size-class cache.
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/check.h"

namespace jamsu {

// All that safetensors knows (safetensors 0.8, tensor.rs). This program computes with the first five; the others may lie
// in a file.
enum class DType : uint8_t {
  f32,
  f16,
  bf16,
  f8_e4m3,
  f8_e8m0,
  i8,
  u8,
  i32,
  u32,
  i64,
  boolean,
  f64,
  f8_e5m2,
  f8_e4m3fnuz,
  f8_e5m2fnuz,
  i16,
  u16,
  u64,
  c64,
  f4,
  f6_e2m3,
  f6_e3m2
};
inline constexpr int kDTypes = 22;
int64_t dtype_bits(DType dtype);           // of one value
int64_t dtype_bytes(DType dtype);          // the same; 1 where it is less than a byte. Values are aligned to it.
std::string_view dtype_name(DType dtype);  // safetensors' names: "F32", "BF16", ...

class Shape {
 public:
  static constexpr int kMaxRank = 8;
  Shape() = default;
  Shape(std::initializer_list<int64_t> dims) : Shape(std::span<const int64_t>(dims.begin(), dims.size())) {}
  explicit Shape(std::span<const int64_t> dims);
  int rank() const { return rank_; }
  int64_t operator[](int axis) const {
    JAMSU_CHECK(axis >= 0 && axis < rank_);
    return dims_[static_cast<size_t>(axis)];
  }
  int64_t elements() const;
  bool operator==(const Shape& other) const;
  std::string text() const;  // "[3, 4]"

 private:
  std::array<int64_t, kMaxRank> dims_{};
  int rank_ = 0;
};

// Memory for tensors: blocks aligned to 64 bytes, kept in size classes for reuse. Thread-safe. Outlives its blocks by
// shared ownership. Throws std::bad_alloc (also when over its limit) as what ends one request or step.
class Allocator {
 public:
  explicit Allocator(int64_t limit_bytes = INT64_MAX);
  ~Allocator();
  std::shared_ptr<std::byte> allocate(int64_t bytes);
  int64_t bytes_in_use() const;
  int64_t peak_bytes() const;
  void release_cached();

 private:
  struct Pool;
  std::shared_ptr<Pool> pool_;
};

class Tensor {
 public:
  Tensor() = default;
  // Uninitialised, or zeroed.
  static Tensor empty(Shape shape, DType dtype, Allocator& allocator);
  static Tensor zeros(Shape shape, DType dtype, Allocator& allocator);
  // Memory owned by somebody else (a mapped file), kept alive by `owner`.
  static Tensor view_of(std::shared_ptr<std::byte> owner, std::byte* data, Shape shape, DType dtype);

  bool defined() const { return data_ != nullptr || shape_.rank() > 0; }
  const Shape& shape() const { return shape_; }
  int64_t dim(int axis) const { return shape_[axis]; }
  int64_t elements() const { return shape_.elements(); }
  DType dtype() const { return dtype_; }
  int64_t bytes() const {
    const int64_t bits = dtype_bits(dtype_), n = elements();
    return bits % 8 == 0 ? n * (bits / 8) : (n * bits + 7) / 8;
  }

  std::byte* raw() const { return data_; }
  float* f32() const { return typed<float>(DType::f32); }
  uint16_t* bf16() const { return typed<uint16_t>(DType::bf16); }
  int32_t* i32() const { return typed<int32_t>(DType::i32); }
  int64_t* i64() const { return typed<int64_t>(DType::i64); }

  // Whether values may be read where they lie: a file's tensors begin at any byte.
  bool aligned() const { return reinterpret_cast<uintptr_t>(data_) % static_cast<uintptr_t>(dtype_bytes(dtype_)) == 0; }
  // Itself where it is aligned, else a copy.
  Tensor aligned_copy(Allocator& allocator) const;

  // Same storage. REQUIRES: equal number of elements / a valid range of axis 0.
  Tensor reshape(Shape shape) const;
  Tensor rows(int64_t begin, int64_t end) const;

 private:
  template <class T>
  T* typed(DType dtype) const {
    JAMSU_CHECK(dtype_ == dtype);
    return reinterpret_cast<T*>(data_);
  }
  std::shared_ptr<std::byte> storage_;
  std::byte* data_ = nullptr;
  Shape shape_;
  DType dtype_ = DType::f32;
};

}  // namespace jamsu
