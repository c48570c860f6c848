#pragma once
// The parameters of a model in the order of its forward, by their names in the checkpoint.
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "autograd/parameter.h"

namespace jamsu::models {

class ParameterSet {
 public:
  // Addresses are stable. Ids count up from 0 over everything but constants. REQUIRES: a new name.
  autograd::Parameter& add(std::string name, Shape shape, autograd::Role role,
                           autograd::Part part = autograd::Part::main);
  // A matrix that multiplies with a table's values (tie_word_embeddings): no tensor of a checkpoint, no parameter of
  // its own; its gradient is the table's. Whoever sets values of parameters sets those of tied() after them.
  autograd::Parameter& tie(const autograd::Parameter& table);
  struct Tied {
    const autograd::Parameter* table;
    autograd::Parameter matrix;
  };
  std::deque<Tied>& tied() { return tied_; }
  const autograd::Parameter* find(std::string_view name) const;
  std::deque<autograd::Parameter>& all() { return parameters_; }
  const std::deque<autograd::Parameter>& all() const { return parameters_; }
  // From now on these get no gradient: the optimizer passes over them, no checkpoint holds them, and in bf16 mode their
  // values stay where they lie in the file they are read from. A table's tied matrix goes with it. Ids of the others
  // stay. REQUIRES: no trainer has taken the model yet.
  void freeze(const std::function<bool(const autograd::Parameter&)>& which);
  // Ids lie below it.
  int32_t trained() const { return trained_; }

 private:
  std::deque<autograd::Parameter> parameters_;
  std::deque<Tied> tied_;
  std::unordered_map<std::string, const autograd::Parameter*> by_name_;
  int32_t trained_ = 0;
};

// Maps structure to names: (scope / "self_attn" / "q_a_proj").matrix(...) is
// "model.layers.3.self_attn.q_a_proj.weight".
class NameScope {
 public:
  explicit NameScope(ParameterSet& set) : set_(set) {}
  NameScope operator/(std::string_view name) const {
    return {set_, prefix_.empty() ? std::string(name) : prefix_ + "." + std::string(name), part_};
  }
  NameScope operator/(int64_t index) const { return *this / std::string_view(std::to_string(index)); }
  // The same names, of that part; experts within the MTP module are both.
  NameScope part(autograd::Part part) const {
    return {set_, prefix_, static_cast<autograd::Part>(static_cast<int>(part_) | static_cast<int>(part))};
  }
  autograd::Parameter& matrix(int64_t out, int64_t in) const {
    return add("weight", {out, in}, autograd::Role::matrix);
  }
  autograd::Parameter& router(int64_t out, int64_t in) const {
    return add("weight", {out, in}, autograd::Role::router_matrix);
  }
  autograd::Parameter& vector(int64_t d) const { return add("weight", {d}, autograd::Role::vector); }
  autograd::Parameter& bias(int64_t d) const { return add("bias", {d}, autograd::Role::vector); }
  autograd::Parameter& table(int64_t rows, int64_t d) const { return add("weight", {rows, d}, autograd::Role::table); }
  autograd::Parameter& constant(std::string_view name, int64_t d) const {
    return add(name, {d}, autograd::Role::constant);
  }

 private:
  NameScope(ParameterSet& set, std::string prefix, autograd::Part part)
      : set_(set), prefix_(std::move(prefix)), part_(part) {}
  autograd::Parameter& add(std::string_view name, Shape shape, autograd::Role role) const {
    return set_.add(prefix_ + "." + std::string(name), shape, role, part_);
  }

  ParameterSet& set_;
  std::string prefix_;
  autograd::Part part_ = autograd::Part::main;
};

}  // namespace jamsu::models
