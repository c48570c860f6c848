#pragma once
// Masters, moments, AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101) and Muon (Jordan 2024; scaled as in Moonlight,
// arXiv:2502.16982) in the order of numerics.md section 3.
#include <vector>

#include "autograd/parameter.h"
#include "models/model.h"

namespace jamsu::train {

struct OptimizerOptions {
  double beta1 = 0.9, beta2 = 0.95, eps = 1e-8, weight_decay = 0.1, max_norm = 1.0;
  bool muon = false;  // for the matrices of layers; embedding, head, norms and biases stay with AdamW
  double momentum = 0.95;
};

// f32 masters and moments by parameter id (Muon's momentum is m, its v stays zero); correction biases are the model's
// own. Of frozen parameters there is none: their ids are gone.
struct TrainState {
  std::vector<Tensor> master, m, v;  // [parameters().trained()]
  int64_t step = 0;                  // optimizer steps taken
};

// All masters from a seed: matrices normal with deviation scale / sqrt(in), embedding and head rows `embedding_std`,
// norms 1; each parameter's numbers depend on (seed, its id) alone. Moments zero, biases zero. Fills the model; frozen
// parameters keep the values they have, or wait for those of a checkpoint.
struct InitOptions {
  uint64_t seed = 1;
  double scale = 0.5, embedding_std = 0.02;
};
TrainState initial_state(models::Model& model, const InitOptions& options, ops::Context& context);
// The model's values from the masters (after a step, or a loaded checkpoint).
void refresh_model(models::Model& model, const TrainState& state, ops::Context& context);

// sqrt of the sum of squares: each tensor apart (long sum), then the tree over tensors by name, bytewise.
float gradient_norm(const models::Model& model, autograd::GradStore& gradients, ops::Context& context);
// One step: clip, decay (every 2-D tensor but embed_tokens), moments, update; parameters without gradient take g = 0.
// Then refreshes the model. Returns the norm before clipping; one that is not finite has changed nothing.
float optimizer_step(models::Model& model, TrainState& state, autograd::GradStore& gradients,
                     const OptimizerOptions& options, double learning_rate, ops::Context& context);
// Muon's part of it for one matrix p [rows, columns], with its momentum and its clipped gradient, which ends as the
// orthogonalized direction. Runs on the calling thread, which is the pool's `worker`.
struct MuonMatrix {
  float *p, *momentum, *g;
  int64_t rows, columns;
};
void muon_update(const MuonMatrix& matrix, const OptimizerOptions& options, double clip, double learning_rate,
                 int worker, ops::Context& context);

// bias += gamma * sign(mean load - load), compared in integers (arXiv:2408.15664).
void update_bias(float* bias, const std::vector<int64_t>& load, double gamma);

// slots[0] = the binary tree over the slots (numerics.md section 3, processes).
void reduce_slots(std::vector<autograd::GradStore>& slots, ops::Context& context);

}  // namespace jamsu::train
