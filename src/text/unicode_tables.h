#pragma once
// Ranges from which unicode.cpp builds its tables; the values are written by tools/make_unicode_tables.py.
#include <cstdint>
#include <span>

namespace jamsu::text {

struct CategoryRange {
  uint32_t first, last;
  uint8_t category;  // Category in unicode.h
};
struct CodePointRange {
  uint32_t first, last;
};

extern const std::span<const CategoryRange> kCategoryRanges;    // sorted; what is missing is Cn
extern const std::span<const CodePointRange> kHanRanges;        // Script=Han
extern const std::span<const CodePointRange> kNfcActiveRanges;  // what NFC of Unicode 9 may change, compose or reorder
extern const std::span<const CodePointRange> kNewerThan9Ranges;  // letters and marks that Unicode 9 does not have

}  // namespace jamsu::text
