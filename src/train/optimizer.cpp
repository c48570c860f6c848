#include "train/optimizer.h"

#include <algorithm>
#include <cmath>

#include "base/math.h"
#include "base/rng.h"
#include "ops/orthogonalize.h"
#include "ops/rows.h"

namespace jamsu::train {
namespace {

using autograd::Parameter;
using autograd::Role;

void fill_normal(Tensor& t, double deviation, uint64_t seed, int32_t id, ops::Context& context) {
  const int64_t pairs = (t.elements() + 1) / 2;
  context.parallel(pairs, 8192, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const auto words = philox4x32(seed, static_cast<uint64_t>(i) | static_cast<uint64_t>(id) << 40, 0, Purpose::init);
      const auto normals = box_muller(words[0], words[1]);
      t.f32()[2 * i] = static_cast<float>(deviation) * normals[0];
      if (2 * i + 1 < t.elements()) t.f32()[2 * i + 1] = static_cast<float>(deviation) * normals[1];
    }
  });
}

bool decays(const Parameter& p) {
  return p.shape.rank() == 2 && p.role != Role::table;
}

// Muon takes the matrices of the layers, routers included: what has a singular value decomposition to speak of. Rows of
// embedding and head are looked up one by one.
bool by_muon(const Parameter& p, const models::Model& model) {
  return (p.role == Role::matrix || p.role == Role::router_matrix) && p.shape[0] != model.info().vocab;
}

std::vector<const Parameter*> by_name(const models::Model& model) {
  std::vector<const Parameter*> order;
  for (const Parameter& p : model.parameters().all())
    if (p.trained()) order.push_back(&p);
  std::sort(order.begin(), order.end(), [](const Parameter* a, const Parameter* b) { return a->name < b->name; });
  return order;
}

}  // namespace

TrainState initial_state(models::Model& model, const InitOptions& options, ops::Context& context) {
  TrainState state;
  const auto ids = static_cast<size_t>(model.parameters().trained());
  for (auto* tensors : {&state.master, &state.m, &state.v}) tensors->resize(ids);
  for (Parameter& p : model.parameters().all()) {
    if (p.frozen()) continue;
    if (!p.trained()) {
      set_values(p, context.zeros(p.shape), ops::Packs::forward, context);
      continue;
    }
    Tensor master = context.empty(p.shape);
    if (p.role == Role::vector) {
      std::fill_n(master.f32(), master.elements(), 1.0f);
    } else {
      const bool vocabulary = p.shape[0] == model.info().vocab;
      const double deviation =
          vocabulary ? options.embedding_std : options.scale / std::sqrt(static_cast<double>(p.shape[1]));
      fill_normal(master, deviation, options.seed, p.id, context);
    }
    const auto id = static_cast<size_t>(p.id);
    state.master[id] = master;
    state.m[id] = context.zeros(p.shape);
    state.v[id] = context.zeros(p.shape);
  }
  refresh_model(model, state, context);
  return state;
}

void refresh_model(models::Model& model, const TrainState& state, ops::Context& context) {
  for (Parameter& p : model.parameters().all())
    if (p.trained()) set_values(p, state.master[static_cast<size_t>(p.id)], ops::Packs::forward_and_backward, context);
  for (auto& [table, matrix] : model.parameters().tied())
    if (matrix.trained())
      set_values(matrix, state.master[static_cast<size_t>(matrix.id)], ops::Packs::forward_and_backward, context);
}

float gradient_norm(const models::Model& model, autograd::GradStore& gradients, ops::Context& context) {
  const auto order = by_name(model);
  std::vector<float> sums(order.size());
  context.pool.run(static_cast<int64_t>(order.size()), [&](int64_t i, int) {
    const Tensor& g = gradients.peek(order[static_cast<size_t>(i)]->id);
    sums[static_cast<size_t>(i)] = g.defined() ? ops::long_sum_of_squares(g.f32(), g.elements()) : 0.0f;
  });
  return std::sqrt(ops::tree_sum(std::move(sums)));
}

void muon_update(const MuonMatrix& x, const OptimizerOptions& o, double clip, double learning_rate, int worker,
                 ops::Context& context) {
  const int64_t count = x.rows * x.columns;
  const auto c = static_cast<float>(clip), momentum = static_cast<float>(o.momentum);
  for (int64_t i = 0; i < count; ++i) {
    const float g = x.g[i] * c;
    x.momentum[i] = std::fma(momentum, x.momentum[i], g);
    x.g[i] = std::fma(momentum, x.momentum[i], g);  // Nesterov
  }
  ops::orthogonalize(x.g, x.rows, x.columns, worker, context);
  const auto decay = static_cast<float>(1.0 - learning_rate * o.weight_decay),
             step =
                 static_cast<float>(-learning_rate * 0.2 * std::sqrt(static_cast<double>(std::max(x.rows, x.columns))));
  for (int64_t i = 0; i < count; ++i) x.p[i] = std::fma(step, x.g[i], x.p[i] * decay);
}

namespace {

// Pieces of parameters for AdamW, and whole matrices for Muon, as tasks of one run of the pool; the costly ones first.
struct Piece {
  const Parameter* p;
  int64_t begin, end;
  bool muon;
};

std::vector<Piece> pieces_of(const models::Model& model, bool muon) {
  constexpr int64_t kPiece = 16384;
  std::vector<Piece> pieces;
  for (const Parameter& p : model.parameters().all())
    if (p.trained() && muon && by_muon(p, model)) pieces.push_back({&p, 0, p.shape.elements(), true});
  const auto cost = [](const Piece& x) { return x.end * std::min(x.p->shape[0], x.p->shape[1]); };
  std::stable_sort(pieces.begin(), pieces.end(), [&](const Piece& a, const Piece& b) { return cost(a) > cost(b); });
  for (const Parameter& p : model.parameters().all()) {
    if (!p.trained() || (muon && by_muon(p, model))) continue;
    for (int64_t i = 0; i < p.shape.elements(); i += kPiece)
      pieces.push_back({&p, i, std::min(i + kPiece, p.shape.elements()), false});
  }
  return pieces;
}

}  // namespace

float optimizer_step(models::Model& model, TrainState& state, autograd::GradStore& gradients, const OptimizerOptions& o,
                     double learning_rate, ops::Context& context) {
  const FlushScope flush;
  const float norm = gradient_norm(model, gradients, context);
  if (!std::isfinite(norm)) return norm;
  const double clip = std::min(1.0, o.max_norm / (static_cast<double>(norm) + 1e-6));
  ++state.step;
  const double power1 = math::pow(o.beta1, static_cast<double>(state.step)),
               power2 = math::pow(o.beta2, static_cast<double>(state.step));
  for (const Parameter& p : model.parameters().all())
    if (p.trained()) gradients.at(p, context);  // parameters without gradient take g = 0
  const std::vector<Piece> pieces = pieces_of(model, o.muon);
  context.pool.run(static_cast<int64_t>(pieces.size()), [&](int64_t i, int worker) {
    const Piece& piece = pieces[static_cast<size_t>(i)];
    const auto id = static_cast<size_t>(piece.p->id);
    float* g = gradients.at(*piece.p, context).f32();
    if (piece.muon) {
      const Shape& shape = piece.p->shape;
      muon_update({state.master[id].f32(), state.m[id].f32(), g, shape[0], shape[1]}, o, clip, learning_rate, worker,
                  context);
      return;
    }
    context.kernels.adamw({.p = state.master[id].f32() + piece.begin,
                           .m = state.m[id].f32() + piece.begin,
                           .v = state.v[id].f32() + piece.begin,
                           .g = g + piece.begin,
                           .count = piece.end - piece.begin,
                           .clip = static_cast<float>(clip),
                           .decay = static_cast<float>(decays(*piece.p) ? 1.0 - learning_rate * o.weight_decay : 1.0),
                           .one_minus_b1 = static_cast<float>(1.0 - o.beta1),
                           .b2 = static_cast<float>(o.beta2),
                           .one_minus_b2 = static_cast<float>(1.0 - o.beta2),
                           .root_correction = static_cast<float>(std::sqrt(1.0 - power2)),
                           .eps = static_cast<float>(o.eps),
                           .step = static_cast<float>(-learning_rate / (1.0 - power1))});
  });
  refresh_model(model, state, context);
  return norm;
}

void update_bias(float* bias, const std::vector<int64_t>& load, double gamma) {
  int64_t total = 0;
  for (const int64_t l : load) total += l;
  const auto experts = static_cast<int64_t>(load.size());
  for (size_t e = 0; e < load.size(); ++e) {
    const int64_t difference = total - load[e] * experts;  // sign of mean load - load
    if (difference > 0) bias[e] += static_cast<float>(gamma);
    if (difference < 0) bias[e] -= static_cast<float>(gamma);
  }
}

void reduce_slots(std::vector<autograd::GradStore>& slots, ops::Context& context) {
  for (size_t count = slots.size(); count > 1; count = count / 2 + count % 2) {
    for (size_t i = 0; i < count / 2; ++i) {
      for (size_t id = 0; id < slots[0].size(); ++id) {
        Tensor a = slots[2 * i].slot(static_cast<int32_t>(id)), b = slots[2 * i + 1].slot(static_cast<int32_t>(id));
        if (a.defined() && b.defined()) ops::add_to(a, b, context);
        slots[i].slot(static_cast<int32_t>(id)) = a.defined() ? a : b;
      }
    }
    if (count % 2) std::swap(slots[count / 2], slots[count - 1]);
  }
}

}  // namespace jamsu::train
