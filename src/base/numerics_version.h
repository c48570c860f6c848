#pragma once
// The version of docs/numerics.md's contract: raised when tests/numerics/bits.txt changes.
// Checkpoints and model cards record it.
namespace jamsu {
inline constexpr int kNumericsVersion = 1;
}  // namespace jamsu
