#pragma once
// hidden_act: the function between the products of MLPs and experts, by the names of transformers 5.24 (activations.py).
#include "base/result.h"
#include "models/config/reader.h"
#include "ops/activation.h"

namespace jamsu::models {

// Missing: silu, as every class has it. Errors name the field and what is known.
Result<ops::Activation> read_activation(ConfigReader& reader);
// As it is written.
const char* activation_name(ops::Activation f);

}  // namespace jamsu::models
