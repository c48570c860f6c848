#include "tensor/tensor.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <new>

#include "base/memory.h"

namespace jamsu {

namespace {

struct DTypeRow {
  std::string_view name;
  int64_t bits;
};
// In the order of DType.
constexpr std::array<DTypeRow, kDTypes> kRows = {
    {{"F32", 32},    {"F16", 16},        {"BF16", 16},       {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"I8", 8},
     {"U8", 8},      {"I32", 32},        {"U32", 32},        {"I64", 64},    {"BOOL", 8},    {"F64", 64},
     {"F8_E5M2", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"I16", 16},    {"U16", 16},    {"U64", 64},
     {"C64", 64},    {"F4", 4},          {"F6_E2M3", 6},     {"F6_E3M2", 6}}};
static_assert(static_cast<int>(DType::f6_e3m2) + 1 == kDTypes);

const DTypeRow& row_of(DType dtype) {
  return kRows[static_cast<size_t>(dtype)];
}

}  // namespace

int64_t dtype_bits(DType dtype) {
  return row_of(dtype).bits;
}
int64_t dtype_bytes(DType dtype) {
  return std::max<int64_t>(1, row_of(dtype).bits / 8);
}
std::string_view dtype_name(DType dtype) {
  return row_of(dtype).name;
}

Shape::Shape(std::span<const int64_t> dims) : rank_(static_cast<int>(dims.size())) {
  JAMSU_CHECK(dims.size() <= kMaxRank);
  for (size_t i = 0; i < dims.size(); ++i) {
    JAMSU_CHECK(dims[i] >= 0);
    dims_[i] = dims[i];
  }
}
int64_t Shape::elements() const {
  int64_t n = 1;
  for (int i = 0; i < rank_; ++i) n *= dims_[static_cast<size_t>(i)];
  return n;
}
bool Shape::operator==(const Shape& other) const {
  return rank_ == other.rank_ && dims_ == other.dims_;
}
std::string Shape::text() const {
  std::string s = "[";
  for (int i = 0; i < rank_; ++i) s += (i ? ", " : "") + std::to_string(dims_[static_cast<size_t>(i)]);
  return s + "]";
}

namespace {
// Blocks of these sizes (of states, of a step's rows) are cut from slabs of one huge page: thousands of them are read in
// a step, and apart they would need a page table entry for each 4 KiB.
constexpr int64_t kSlab = int64_t{2} << 20, kLeastCut = 4096, kMostCut = int64_t{256} << 10;
// Under AddressSanitizer every block keeps guards of its own.
#if defined(__has_feature)
constexpr bool kGuarded = __has_feature(address_sanitizer);
#elif defined(__SANITIZE_ADDRESS__)
constexpr bool kGuarded = true;
#else
constexpr bool kGuarded = false;
#endif
bool is_cut(int64_t size) {
  return !kGuarded && size >= kLeastCut && size <= kMostCut;
}

// Blocks of one size that are not in use. A block holds the pointer to the next: giving one back needs no memory, which
// may be why it is given back.
class FreeBlocks {
 public:
  void push(std::byte* block) {
    std::memcpy(block, &first_, sizeof first_);
    first_ = block;
  }
  std::byte* pop() {  // null: none
    std::byte* block = first_;
    if (block) std::memcpy(&first_, block, sizeof first_);
    return block;
  }

 private:
  std::byte* first_ = nullptr;
};
}  // namespace

struct Allocator::Pool {
  std::mutex mutex;
  std::unordered_map<int64_t, FreeBlocks> free;
  int64_t limit = 0, in_use = 0, peak = 0;
  std::vector<std::byte*> slabs;
  int64_t slab_left = 0;  // bytes of the last slab that were not cut yet

  // Null where there is no memory. mutex is held.
  std::byte* cut(int64_t size) {
    if (slab_left < size) {
      slabs.reserve(slabs.size() + 1);
      std::byte* slab = allocate_aligned(kSlab);
      if (!slab) return nullptr;
      slabs.push_back(slab);
      slab_left = kSlab;
    }
    slab_left -= size;
    return slabs.back() + slab_left;
  }
  void trim() {
    for (auto& [size, blocks] : free) {
      if (is_cut(size)) continue;
      while (std::byte* block = blocks.pop()) std::free(block);
    }
  }
  ~Pool() {
    trim();
    for (std::byte* slab : slabs) std::free(slab);
  }
};

Allocator::Allocator(int64_t limit_bytes) : pool_(std::make_shared<Pool>()) {
  pool_->limit = limit_bytes;
}
Allocator::~Allocator() = default;

namespace {
// Eight classes per power of two: at most 12.5 % is wasted, and equal shapes meet the same class.
int64_t size_class(int64_t bytes) {
  if (bytes <= 512) return 512;
  const int shift = static_cast<int>(std::bit_width(static_cast<uint64_t>(bytes - 1))) - 4;
  const int64_t unit = int64_t{1} << shift;
  return (bytes + unit - 1) / unit * unit;
}
}  // namespace

std::shared_ptr<std::byte> Allocator::allocate(int64_t bytes) {
  JAMSU_CHECK(bytes >= 0);
  const int64_t size = size_class(bytes);
  std::byte* block = nullptr;
  {
    std::lock_guard lock(pool_->mutex);
    if (pool_->in_use + size > pool_->limit) throw std::bad_alloc();
    block = pool_->free[size].pop();
    if (!block && is_cut(size)) block = pool_->cut(size);
    pool_->in_use += size;
    pool_->peak = std::max(pool_->peak, pool_->in_use);
  }
  if (!block && !is_cut(size)) block = allocate_aligned(size);
  if (!block) {
    std::lock_guard lock(pool_->mutex);
    pool_->in_use -= size;
    throw std::bad_alloc();
  }
  return {block, [pool = pool_, size](std::byte* p) {
            std::lock_guard lock(pool->mutex);
            pool->in_use -= size;
            pool->free.find(size)->second.push(p);  // there since it was allocated
          }};
}

int64_t Allocator::bytes_in_use() const {
  std::lock_guard lock(pool_->mutex);
  return pool_->in_use;
}
int64_t Allocator::peak_bytes() const {
  std::lock_guard lock(pool_->mutex);
  return pool_->peak;
}
void Allocator::release_cached() {
  std::lock_guard lock(pool_->mutex);
  pool_->trim();
}

Tensor Tensor::empty(Shape shape, DType dtype, Allocator& allocator) {
  Tensor t;
  t.shape_ = shape;
  t.dtype_ = dtype;
  t.storage_ = allocator.allocate(t.bytes());
  t.data_ = t.storage_.get();
  return t;
}
Tensor Tensor::zeros(Shape shape, DType dtype, Allocator& allocator) {
  Tensor t = empty(shape, dtype, allocator);
  std::memset(t.data_, 0, static_cast<size_t>(t.bytes()));
  return t;
}
Tensor Tensor::view_of(std::shared_ptr<std::byte> owner, std::byte* data, Shape shape, DType dtype) {
  Tensor t;
  t.storage_ = std::move(owner);
  t.data_ = data;
  t.shape_ = shape;
  t.dtype_ = dtype;
  return t;
}
Tensor Tensor::aligned_copy(Allocator& allocator) const {
  if (aligned()) return *this;
  Tensor t = empty(shape_, dtype_, allocator);
  std::memcpy(t.data_, data_, static_cast<size_t>(bytes()));
  return t;
}
Tensor Tensor::reshape(Shape shape) const {
  JAMSU_CHECK(shape.elements() == elements());
  Tensor t = *this;
  t.shape_ = shape;
  return t;
}
Tensor Tensor::rows(int64_t begin, int64_t end) const {
  JAMSU_CHECK(shape_.rank() >= 1 && 0 <= begin && begin <= end && end <= shape_[0]);
  std::array<int64_t, Shape::kMaxRank> dims{};
  for (int i = 0; i < shape_.rank(); ++i) dims[static_cast<size_t>(i)] = shape_[i];
  const int64_t row = shape_[0] > 0 ? elements() / shape_[0] : 0;
  dims[0] = end - begin;
  Tensor t = *this;
  t.shape_ = Shape(std::span<const int64_t>(dims.data(), static_cast<size_t>(shape_.rank())));
  t.data_ = data_ + begin * row * dtype_bytes(dtype_);
  return t;
}

}  // namespace jamsu
