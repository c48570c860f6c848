#include "models/count.h"

namespace jamsu::models {

using autograd::Parameter;
using autograd::Role;

void count_parameters(const ParameterSet& set, ModelInfo& info) {
  int64_t experts = 0, matrices = 0, other = 0, table = 0;
  for (const Parameter& p : set.all()) {
    const int64_t n = p.shape.elements();
    const bool expert = p.name.find(".experts.") != std::string::npos;
    (p.role == Role::table ? table : p.role == Role::vector ? other : expert ? experts : matrices) += n;
  }
  info.parameters.total = experts + matrices + other + table;
  if (experts > 0) experts = experts / info.experts * info.experts_per_token;
  if (info.tied_head) matrices += table;
  info.parameters.active = experts + matrices + other;
  info.flops_per_token = 2.0 * static_cast<double>(experts + matrices);
}

}  // namespace jamsu::models
