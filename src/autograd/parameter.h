#pragma once
// A parameter as the forward sees it, and where its gradient goes. The f32 master and the moments belong to train.
#include <string>
#include <vector>

#include "ops/weight.h"

namespace jamsu::autograd {

enum class Role : uint8_t {
  matrix,         // a linear layer's [out, in]
  router_matrix,  // [out, in], multiplied by the f32 dot in either mode
  vector,         // a norm's or bias' [d]
  table,          // embedding rows [vocab, d]
  constant,       // f32, no gradient (e_score_correction_bias)
};

// What of a model a parameter belongs to: routed experts, of which a token uses some, and the multi-token prediction
// module, which predicting the next token does without; what is neither is `main`.
enum class Part : uint8_t { main = 0, expert = 1, mtp = 2, mtp_expert = expert | mtp };
constexpr bool is_expert(Part part) {
  return part == Part::expert || part == Part::mtp_expert;
}
constexpr bool is_mtp(Part part) {
  return part == Part::mtp || part == Part::mtp_expert;
}

struct Parameter {
  std::string name;  // as in the checkpoint
  Shape shape;
  Role role = Role::matrix;
  Part part = Part::main;
  int32_t id = -1;     // index into GradStore; -1: no gradient (a constant, or frozen)
  ops::Weight weight;  // matrix and router_matrix
  Tensor values;       // vector and constant: f32; table: f32 or bf16 rows
  bool trained() const { return id >= 0; }
  bool frozen() const { return id < 0 && role != Role::constant; }
};

// For inference in bf16 mode matrices and tables are rows of bf16: used where they lie, which somebody keeps alive. So
// are those of frozen parameters in training.
bool keeps_rows(const Parameter& parameter, ops::Packs packs, const ops::Context& context);
// REQUIRES: keeps_rows(...); rows are bf16.
void keep_rows(Parameter& parameter, const Tensor& rows);
// f32 or f16 values rounded with to_bf16, piece by piece: pages of a mapped file are given back behind it.
// bf16: as it is.
Tensor bf16_rows(const Tensor& values, ops::Context& context);

// Takes values (f32, bf16 or f16; any storage) as the forward computes with them: rounded with to_bf16 in bf16 mode
// (numerics.md section 1), packed where it is a matrix. Constants are never rounded.
void set_values(Parameter& parameter, const Tensor& values, ops::Packs packs, ops::Context& context);

// FP8 with a scale per block of 128 x 128 (ops/weight.h), kept as published; for inference. REQUIRES: a matrix.
void set_fp8_values(Parameter& parameter, const Tensor& values, const Tensor& scales, ops::Context& context);

// Gradients of one step, f32, by parameter id; absent until first touched.
class GradStore {
 public:
  explicit GradStore(size_t parameters) : gradients_(parameters) {}
  // Zeroed at first touch.
  Tensor& at(const Parameter& parameter, ops::Context& context);
  // Undefined where nothing flowed.
  const Tensor& peek(int32_t id) const { return gradients_[static_cast<size_t>(id)]; }
  Tensor& slot(int32_t id) { return gradients_[static_cast<size_t>(id)]; }
  size_t size() const { return gradients_.size(); }
  void clear() { gradients_.assign(gradients_.size(), Tensor()); }

 private:
  std::vector<Tensor> gradients_;
};

}  // namespace jamsu::autograd
