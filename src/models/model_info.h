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
  // A state of so many positions is the same whatever text goes on behind it. Beyond, dynamic NTK and LongRoPE turn a
  // prompt by its whole length: states are shared between texts that are no longer than this, and up to here.
  int64_t same_up_to = INT64_MAX;
  int64_t bos = -1;  // -1: none
  std::vector<int64_t> eos;
  std::string shape = {};  // for people: "6 layers, hidden 128, 4 heads"
  // Fields of config.json that no code of this architecture reads, as they stand there: "unsloth_fixed" = true.
  std::vector<std::string> read_over = {};
  ParameterCount parameters = {};
  double flops_per_token = 0, flops_per_key = 0;  // of a forward: products with weights; attention, a visible key

  // The same of layers with a window, a visible key; mean contexts beyond `window` count as that.
  double flops_per_window_key = 0;
  int64_t window = 0;

  // The MTP module's part of the same, the head's second product included.
  double mtp_flops_per_token = 0, mtp_flops_per_key = 0;

  double window_flops(double mean_context) const {
    return flops_per_window_key * std::min(mean_context, static_cast<double>(window));
  }
  double forward_flops(double mean_context) const {
    return flops_per_token + flops_per_key * mean_context + window_flops(mean_context);
  }
  // Of a token that is trained on: a backward costs two forwards. Where whole contexts are trained on, `mean_context`
  // is half of one.
  double training_flops(double mean_context, bool with_mtp) const {
    const double mtp = with_mtp ? mtp_flops_per_token + mtp_flops_per_key * mean_context : 0;
    return 3 * (forward_flops(mean_context) + mtp);
  }
};

}  // namespace jamsu::models
