#pragma once
// Boost.JSON 1.81 reads a number to within one ulp. Sums of Unigram scores are compared, so theirs are read exactly.
#include <string_view>
#include <vector>

namespace jamsu::tokenizer {

// The numbers of `model.vocab` in a tokenizer.json whose text is JSON, in order.
std::vector<double> exact_scores(std::string_view text);

}  // namespace jamsu::tokenizer
