#pragma once
// Which names, objects and sentence patterns belong to Split::unseen. A pure function of the item's own bytes, so that
// a list may grow without moving its other items.
#include <cstdint>
#include <string_view>

#include "tasks/tasks.h"

namespace jamsu::tasks {

// True for about 10 % of items: they never occur in Split::train. FNV-1a (64 bits), its top half mod 10.
constexpr bool held_out(std::string_view item) {
  uint64_t hash = 14695981039346656037ull;
  for (char c : item) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  hash ^= hash >> 32;
  hash *= 0x9E3779B97F4A7C15ull;
  return (hash >> 32) % 10 == 0;
}

// Whether a sample of `split` may use the item: in train those not held out, in unseen only those held out.
constexpr bool allowed(Split split, std::string_view item) {
  return held_out(item) == (split == Split::unseen);
}

}  // namespace jamsu::tasks
