#include "models/model.h"

#include <algorithm>

namespace jamsu::models {

std::vector<CachePolicy> cache_policies(const Model& model) {
  std::vector<CachePolicy> different;
  for (const CachePolicy policy : kCachePolicies)
    if (std::none_of(different.begin(), different.end(),
                     [&](CachePolicy other) { return &model.state_layout(policy) == &model.state_layout(other); }))
      different.push_back(policy);
  return different;
}

CachePolicy default_cache_policy(const Model& model) {
  constexpr int64_t kMostBytesPerToken = 64 * 1024;  // expanded
  const int64_t bytes = model.state_layout(CachePolicy::expanded).bytes_for(kernels::kKeyBlock) / kernels::kKeyBlock;
  return bytes > kMostBytesPerToken && cache_policies(model).size() > 1 ? CachePolicy::absorbed : CachePolicy::expanded;
}

}  // namespace jamsu::models
