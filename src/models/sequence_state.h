#pragma once
// What a sequence leaves behind for its next tokens. Prefix cache, preemption, speculation and disk use only this
// interface, so latent KV, sliding windows and recurrent layers fit the same door.
#include <memory>
#include <string_view>
#include <variant>
#include <vector>

#include "ops/attention.h"

namespace jamsu::models {

// MLA cache policies, numerics.md section 4. Models without latents have one kind of state, whatever the policy.
enum class CachePolicy : uint8_t {
  expanded,  // keys and values per head; the bits of training
  latent,  // to_bf16 of the normed latent and the rotated k_rope, re-expanded at each step; the same bits, less memory
  absorbed,  // attention on the latents themselves, kv_b moved into the query and behind the sum; bits of its own
};
inline constexpr CachePolicy kCachePolicies[] = {CachePolicy::expanded, CachePolicy::latent, CachePolicy::absorbed};
std::string_view policy_name(CachePolicy policy);

// How one layer's state lies in memory.
struct PagedKv {  // blocks of 32 positions of keys and values
  ops::KvGeometry geometry;
  int64_t window = kernels::kNoWindow;  // how many positions a row reads; all of them are kept
};
struct PagedRows {  // blocks of 32 positions of plain rows
  int64_t row_bytes = 0;
};
struct FixedState {  // as much whatever the length (recurrent layers); zero at position 0
  int64_t bytes = 0;
};
using LayerLayout = std::variant<PagedKv, PagedRows, FixedState>;

struct StateLayout {
  std::vector<LayerLayout> layers;
  CachePolicy policy = CachePolicy::expanded;
  double flops_per_key = 0;                 // of a row: one visible key in all layers; 0: as ModelInfo says
  double flops_per_cached = 0;              // of a forward, whatever its rows: one position of the past, computed again
  int64_t block_bytes(size_t layer) const;  // of 32 positions; 0 for a fixed state
  int64_t bytes_for(int64_t positions) const;
};

class SequenceState {
 public:
  // The layout is kept by reference and must outlive the state.
  SequenceState(const StateLayout& layout, Allocator& memory);

  int64_t length() const { return length_; }
  // Room for `rows` more positions in every layer. New blocks are zeroed. Throws std::bad_alloc.
  void reserve(int64_t rows);
  // After a forward has written them.
  void advance(int64_t rows) { length_ += rows; }

  // Forgets positions >= position; value rows there are zeroed. Refused (false) by a layer with a fixed state unless
  // nothing is forgotten or everything is.
  [[nodiscard]] bool truncate(int64_t position);
  // A second state with the same past: whole blocks are shared and never written again, the rest is copied.
  // Refused (null) when `position` is not the present length and a layer has a fixed state.
  std::unique_ptr<SequenceState> fork(int64_t position) const;

  std::vector<std::byte*> blocks(size_t layer) const;  // paged layers
  std::byte* fixed(size_t layer) const;                // fixed layers
  const StateLayout& layout() const { return *layout_; }
  int64_t bytes() const;

 private:
  struct Layer {
    std::vector<std::shared_ptr<std::byte>> blocks;  // a fixed state is one block
  };
  std::shared_ptr<std::byte> new_block(int64_t bytes);
  void zero_values(size_t layer, int64_t from_position);

  const StateLayout* layout_;
  Allocator* memory_;
  std::vector<Layer> layers_;
  int64_t length_ = 0;
};

}  // namespace jamsu::models
