#include "models/model.h"

#include <algorithm>

#include "models/layers/mlp.h"

namespace jamsu::models {

std::vector<std::pair<int64_t, autograd::Parameter*>> Model::correction_biases() {
  std::vector<std::pair<int64_t, autograd::Parameter*>> biases;
  for (MoE* moe : moe_layers())
    if (moe->correction_bias()) biases.emplace_back(moe->layer(), moe->correction_bias());
  return biases;
}

std::vector<CachePolicy> cache_policies(const Model& model) {
  std::vector<CachePolicy> different;
  for (const CachePolicy policy : kCachePolicies)
    if (std::none_of(different.begin(), different.end(),
                     [&](CachePolicy other) { return &model.state_layout(policy) == &model.state_layout(other); }))
      different.push_back(policy);
  return different;
}

CachePolicy default_cache_policy(const Model& model) {
  // Expanded. With 16 heads (V2-Lite, Moonlight: 276 KiB) expanded keys and values are read as fast as latents are
  // computed on (2,048 tokens) or faster (8,192);
  // with 128 (V2, V3, Kimi K2: 5 MiB) they outgrow memory (bench/results).
  constexpr int64_t kMostBytesPerToken = 512 * 1024;
  const int64_t bytes = model.state_layout(CachePolicy::expanded).bytes_for(kernels::kKeyBlock) / kernels::kKeyBlock;
  return bytes > kMostBytesPerToken && cache_policies(model).size() > 1 ? CachePolicy::absorbed : CachePolicy::expanded;
}

}  // namespace jamsu::models
