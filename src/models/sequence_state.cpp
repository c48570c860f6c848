#include "models/sequence_state.h"

#include <cstring>

namespace jamsu::models {

using kernels::kKeyBlock;

namespace {
int64_t blocks_for(int64_t positions) {
  return (positions + kKeyBlock - 1) / kKeyBlock;
}
}  // namespace

std::string_view policy_name(CachePolicy policy) {
  constexpr std::string_view kNames[] = {"expanded", "latent", "absorbed"};
  return kNames[static_cast<size_t>(policy)];
}

int64_t StateLayout::block_bytes(size_t layer) const {
  if (const auto* kv = std::get_if<PagedKv>(&layers[layer])) return kv->geometry.block_bytes();
  if (const auto* rows = std::get_if<PagedRows>(&layers[layer])) return rows->row_bytes * kKeyBlock;
  return 0;
}

int64_t StateLayout::bytes_for(int64_t positions) const {
  int64_t total = 0;
  for (size_t i = 0; i < layers.size(); ++i) {
    if (const auto* fixed = std::get_if<FixedState>(&layers[i]))
      total += fixed->bytes;
    else
      total += block_bytes(i) * blocks_for(positions);
  }
  return total;
}

SequenceState::SequenceState(const StateLayout& layout, Allocator& memory)
    : layout_(&layout), memory_(&memory), layers_(layout.layers.size()) {
  for (size_t i = 0; i < layers_.size(); ++i)
    if (const auto* fixed = std::get_if<FixedState>(&layout.layers[i]))
      layers_[i].blocks.push_back(new_block(fixed->bytes));
}

std::shared_ptr<std::byte> SequenceState::new_block(int64_t bytes) {
  auto block = memory_->allocate(bytes);
  std::memset(block.get(), 0, static_cast<size_t>(bytes));
  return block;
}

void SequenceState::reserve(int64_t rows) {
  const int64_t wanted = blocks_for(length_ + rows);
  for (size_t i = 0; i < layers_.size(); ++i) {
    const int64_t bytes = layout_->block_bytes(i);
    if (bytes == 0) continue;
    while (static_cast<int64_t>(layers_[i].blocks.size()) < wanted) layers_[i].blocks.push_back(new_block(bytes));
  }
}

void SequenceState::zero_values(size_t layer, int64_t from) {
  const auto* kv = std::get_if<PagedKv>(&layout_->layers[layer]);
  if (!kv || from % kKeyBlock == 0) return;
  const ops::KvGeometry& g = kv->geometry;
  std::byte* block = layers_[layer].blocks[static_cast<size_t>(from / kKeyBlock)].get();
  // Value panels [ceil(V / 16)][16 pairs of keys][...]: a key is half of a pair (kernels/params.h).
  const int64_t panels = kernels::round_up(g.v, kernels::kLanes) / kernels::kLanes;
  for (int64_t h = 0; h < g.heads; ++h)
    for (int64_t p = 0; p < panels; ++p)
      for (int64_t slot = from % kKeyBlock; slot < kKeyBlock; ++slot) {
        std::byte* values = block + h * g.head_bytes() + g.key_bytes();
        const int64_t pair = p * (kKeyBlock / 2) + slot / 2;
        for (int64_t lane = 0; lane < kernels::kLanes; ++lane) {
          if (g.element == kernels::Element::bf16)
            reinterpret_cast<uint16_t*>(values)[pair * 32 + lane * 2 + slot % 2] = 0;
          else
            reinterpret_cast<float*>(values)[pair * 32 + (slot % 2) * 16 + lane] = 0.0f;
        }
      }
}

bool SequenceState::truncate(int64_t position) {
  JAMSU_CHECK(position >= 0 && position <= length_);
  if (position == length_) return true;
  for (const LayerLayout& layer : layout_->layers)
    if (std::holds_alternative<FixedState>(layer) && position != 0) return false;
  for (size_t i = 0; i < layers_.size(); ++i) {
    if (const auto* fixed = std::get_if<FixedState>(&layout_->layers[i])) {
      std::memset(layers_[i].blocks[0].get(), 0, static_cast<size_t>(fixed->bytes));
      continue;
    }
    layers_[i].blocks.resize(static_cast<size_t>(blocks_for(position)));
    // The last block may be shared with a fork: it gets its own copy before it is written.
    if (position % kKeyBlock != 0 && layers_[i].blocks.back().use_count() > 1) {
      auto copy = memory_->allocate(layout_->block_bytes(i));
      std::memcpy(copy.get(), layers_[i].blocks.back().get(), static_cast<size_t>(layout_->block_bytes(i)));
      layers_[i].blocks.back() = std::move(copy);
    }
    zero_values(i, position);
  }
  length_ = position;
  return true;
}

std::unique_ptr<SequenceState> SequenceState::fork(int64_t position) const {
  JAMSU_CHECK(position >= 0 && position <= length_);
  auto other = std::make_unique<SequenceState>(*layout_, *memory_);
  other->length_ = position;
  for (size_t i = 0; i < layers_.size(); ++i) {
    if (const auto* fixed = std::get_if<FixedState>(&layout_->layers[i])) {
      if (position != length_) return nullptr;
      std::memcpy(other->layers_[i].blocks[0].get(), layers_[i].blocks[0].get(), static_cast<size_t>(fixed->bytes));
      continue;
    }
    const int64_t whole = position / kKeyBlock;
    auto& blocks = other->layers_[i].blocks;
    blocks.assign(layers_[i].blocks.begin(), layers_[i].blocks.begin() + whole);
    if (position % kKeyBlock != 0) {
      auto copy = memory_->allocate(layout_->block_bytes(i));
      std::memcpy(copy.get(), layers_[i].blocks[static_cast<size_t>(whole)].get(),
                  static_cast<size_t>(layout_->block_bytes(i)));
      blocks.push_back(std::move(copy));
      other->zero_values(i, position);
    }
  }
  return other;
}

std::vector<std::byte*> SequenceState::blocks(size_t layer) const {
  std::vector<std::byte*> pointers;
  pointers.reserve(layers_[layer].blocks.size());
  for (const auto& block : layers_[layer].blocks) pointers.push_back(block.get());
  return pointers;
}
std::byte* SequenceState::fixed(size_t layer) const {
  return layers_[layer].blocks[0].get();
}

int64_t SequenceState::bytes() const {
  int64_t total = 0;
  for (size_t i = 0; i < layers_.size(); ++i) {
    const auto* fixed = std::get_if<FixedState>(&layout_->layers[i]);
    total += fixed ? fixed->bytes : layout_->block_bytes(i) * static_cast<int64_t>(layers_[i].blocks.size());
  }
  return total;
}

}  // namespace jamsu::models
