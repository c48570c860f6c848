#include "models/count.h"

#include "models/layers/mlp.h"

namespace jamsu::models {

using autograd::Parameter;
using autograd::Role;

namespace {

struct Sums {
  int64_t matrices = 0, experts = 0, vectors = 0, tables = 0;
  int64_t total() const { return matrices + experts + vectors + tables; }
};

void add(const Parameter& p, Sums& sums) {
  const int64_t n = p.shape.elements();
  if (p.role == Role::table)
    sums.tables += n;
  else if (p.role == Role::vector)
    sums.vectors += n;
  else
    (is_expert(p.part) ? sums.experts : sums.matrices) += n;
}

}  // namespace

void count_parameters(const ParameterSet& set, std::span<MoE* const> moe_layers, ModelInfo& info) {
  Sums main, mtp;
  for (const Parameter& p : set.all())
    if (p.role != Role::constant) add(p, is_mtp(p.part) ? mtp : main);
  const auto used = [&](int64_t experts) {
    if (experts == 0) return experts;
    const ops::RouterConfig& router = moe_layers.front()->router();
    return experts / router.experts * router.top_k;
  };
  const int64_t head = info.vocab * info.hidden;
  const int64_t products = main.matrices + used(main.experts) + (info.tied_head ? head : 0);
  info.parameters = {.total = main.total(), .active = products + main.vectors, .mtp = mtp.total()};
  info.flops_per_token = 2.0 * static_cast<double>(products);
  if (mtp.total() > 0) info.mtp_flops_per_token = 2.0 * static_cast<double>(mtp.matrices + used(mtp.experts) + head);
}

}  // namespace jamsu::models
