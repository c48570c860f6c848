#pragma once
// What one forward takes: packed rows of several sequences, no padding.
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "autograd/tape.h"

namespace jamsu::models {

class SequenceState;

// One sequence's new tokens. In training a document (or, without a document mask, a data row); in serving a request.
struct Segment {
  int64_t first_row = 0, rows = 0;
  int64_t position = 0;            // of its first row in its sequence; equals state->length()
  SequenceState* state = nullptr;  // never null
  // Tokens that belong together from the start: a request's prompt, whatever pieces it is read in. 0: this segment ends
  // them. Models whose rotation goes by the length (ModelInfo::same_up_to) read it; the row at position t is then one
  // of max(whole, t + 1) tokens.
  int64_t whole = 0;
};

struct Batch {
  std::span<const int32_t> tokens;       // [N]
  std::span<const Segment> segments;     // cover all rows, in order
  std::span<const int32_t> wanted_rows;  // rows whose logits are asked
  // [R + 1]: where the data rows of a training batch begin, and where the last ends. Empty: no balance loss.
  std::span<const int64_t> row_begin = {};
};

// Sees what passes by; for tests, evaluation and logs. Called from the thread that runs the forward.
class Observer {
 public:
  virtual ~Observer() = default;
  // Input of layer `layer`; layer == number of layers: the output of the last, before the final norm. [N, hidden]
  virtual void hidden(int64_t /*layer*/, const Tensor& /*x*/) {}
  // Router of a layer: logits [N, E], indices i32 [N, K] ascending, weights [N, K].
  virtual void routing(int64_t /*layer*/, const Tensor& /*logits*/, const Tensor& /*indices*/,
                       const Tensor& /*weights*/) {}
};

// The balance loss of a training step (numerics.md section 3), over the data rows that each batch names.
struct BalanceTerm {
  bool count_chosen = false;  // f counts the experts really used (DeepSeek-V2's code) instead of the unbiased top-k
  float seed = 0;             // f32(alpha / rows)
};
// What MoE layers report in training; indexed by layer, the MTP module last.
struct MoeReport {
  struct Layer {
    int64_t layer = 0;
    std::vector<int64_t> load;  // tokens per expert
    float balance = 0;          // sum over data rows of sum_i f_i P_i
  };
  std::vector<Layer> layers;
};

struct ForwardContext : autograd::Context {
  ForwardContext(ops::Context& ops_context, autograd::Tape* recorder = nullptr, Observer* watcher = nullptr)
      : autograd::Context{ops_context, recorder}, observer(watcher) {}
  Observer* observer;
  const BalanceTerm* balance = nullptr;  // null: none
  MoeReport* moe_report = nullptr;       // null: not asked
};

}  // namespace jamsu::models
