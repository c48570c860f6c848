#pragma once
// Ranges from which unicode.cpp builds its tables; the values are written by tools/make_unicode_tables.py.
#include <cstdint>
#include <span>

namespace jamsu::unicode {

struct CategoryRange {
  uint32_t first, last;
  uint8_t category;  // Category in unicode.h
};
struct CodePointRange {
  uint32_t first, last;
};

extern const std::span<const CategoryRange> kCategoryRanges;    // sorted; what is missing is Cn
// White_Space (PropList.txt; unchanged since Unicode 6.3).
inline constexpr CodePointRange kSpaceRanges[] = {{9, 13},          {0x20, 0x20},     {0x85, 0x85},     {0xA0, 0xA0},
                                                  {0x1680, 0x1680}, {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F},
                                                  {0x205F, 0x205F}, {0x3000, 0x3000}};
extern const std::span<const CodePointRange> kHanRanges;        // Script=Han
extern const std::span<const CodePointRange> kNfcActiveRanges;  // what NFC of Unicode 9 may change, compose or reorder
extern const std::span<const CodePointRange> kNewerThan9Ranges;  // letters and marks that Unicode 9 does not have
extern const std::span<const CodePointRange> kNewerThan8Ranges;  // whatever Unicode 8 does not have

}  // namespace jamsu::unicode
