#include "models/config/activation.h"

#include <algorithm>
#include <array>

namespace jamsu::models {
namespace {

using ops::Activation;

struct Name {
  const char* name;
  Activation f;
};
// Of each the one that is written first. The formulas by tanh differ by roundings alone.
constexpr std::array<Name, 10> kNames = {{{"silu", Activation::silu},
                                          {"swish", Activation::silu},
                                          {"gelu", Activation::gelu},
                                          {"gelu_python", Activation::gelu},
                                          {"gelu_pytorch_tanh", Activation::gelu_tanh},
                                          {"gelu_new", Activation::gelu_tanh},
                                          {"gelu_fast", Activation::gelu_tanh},
                                          {"gelu_accurate", Activation::gelu_tanh},
                                          {"gelu_python_tanh", Activation::gelu_tanh},
                                          {"relu", Activation::relu}}};

}  // namespace

Result<Activation> read_activation(ConfigReader& reader) {
  const boost::json::value* v = reader.given("hidden_act");
  if (!v) return Activation::silu;
  std::string known;
  for (const Name& n : kNames) {
    if (v->is_string() && v->as_string() == n.name) return n.f;
    known += fmt::format("{}\"{}\"", known.empty() ? "" : ", ", n.name);
  }
  return wrong_value(reader.file(), "hidden_act", *v, "one of the functions this program knows: " + known);
}

const char* activation_name(Activation f) {
  return std::find_if(kNames.begin(), kNames.end(), [&](const Name& n) { return n.f == f; })->name;
}

}  // namespace jamsu::models
