#pragma once
// What a model says of itself: for people, the planner and the ledger.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace jamsu::models {

// Parameters of the main model, of the MTP module apart (without its copies of embedding and head), and those one token
// uses (the embedding's lookup not counted; a tied head counts once).
struct ParameterCount {
  int64_t total = 0, active = 0, mtp = 0;
};

struct ModelInfo {
  std::string architecture;  // "DeepseekV3ForCausalLM"
  int64_t vocab = 0, hidden = 0, layers = 0, context = 0;
  int64_t experts = 0, experts_per_token = 0;  // 0: no MoE layers
  bool has_mtp = false;
  bool tied_head = false;  // the head multiplies with the embedding
  bool trainable = true;   // every layer has a backward
  int64_t bos = -1;        // -1: none
  std::vector<int64_t> eos;
  std::string shape = {};  // for people: "6 layers, hidden 128, 4 heads"
  ParameterCount parameters = {};
  double flops_per_token = 0, flops_per_key = 0;  // of a forward: products with weights; attention, a visible key

  // The same of layers with a window, a visible key; mean contexts beyond `window` count as that.
  double flops_per_window_key = 0;
  int64_t window = 0;

  double window_flops(double mean_context) const {
    return flops_per_window_key * std::min(mean_context, static_cast<double>(window));
  }
  double forward_flops(double mean_context) const {
    return flops_per_token + flops_per_key * mean_context + window_flops(mean_context);
  }
};

}  // namespace jamsu::models
