#pragma once
// Texts that `jamsu check` reads to a model, both in the public domain:
// what a healthy model of its language finds easy.
#include <span>
#include <string_view>

namespace jamsu::eval {

struct SampleText {
  std::string_view language, source, text;  // at least 4 KiB each
};
std::span<const SampleText> sample_texts();

}  // namespace jamsu::eval
