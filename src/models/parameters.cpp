#include "models/parameters.h"

namespace jamsu::models {

autograd::Parameter& ParameterSet::add(std::string name, Shape shape, autograd::Role role, autograd::Part part) {
  autograd::Parameter& p = parameters_.emplace_back();
  p.name = std::move(name);
  p.shape = shape;
  p.role = role;
  p.part = part;
  if (role != autograd::Role::constant) p.id = trained_++;
  JAMSU_CHECK(by_name_.emplace(p.name, &p).second);
  return p;
}

autograd::Parameter& ParameterSet::tie(const autograd::Parameter& table) {
  JAMSU_CHECK(table.role == autograd::Role::table);
  Tied& tied = tied_.emplace_back(Tied{&table, {}});
  tied.matrix.name = table.name;
  tied.matrix.shape = table.shape;
  tied.matrix.role = autograd::Role::matrix;
  tied.matrix.id = table.id;
  return tied.matrix;
}

void ParameterSet::freeze(const std::function<bool(const autograd::Parameter&)>& which) {
  for (autograd::Parameter& p : parameters_)
    if (p.trained() && which(p)) p.id = -1;
  for (Tied& tied : tied_) tied.matrix.id = tied.table->id;
}

const autograd::Parameter* ParameterSet::find(std::string_view name) const {
  const auto it = by_name_.find(std::string(name));
  return it == by_name_.end() ? nullptr : it->second;
}

}  // namespace jamsu::models
