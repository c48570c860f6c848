#include "models/load.h"

#include <fmt/format.h>

#include <cmath>
#include <set>

namespace jamsu::models {
namespace {

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

// Constants that old checkpoints carry, and what V3 publishes twice: the MTP module's embedding and head.
bool may_be_ignored(const std::string& name, const ModelInfo& info) {
  if (ends_with(name, "rotary_emb.inv_freq")) return true;
  const std::string mtp = fmt::format("model.layers.{}.", info.layers);
  if (name == "lm_head.weight" && info.tied_head) return true;  // some tied checkpoints carry the copy
  if (name == mtp + "embed_tokens.weight" || name == mtp + "shared_head.head.weight") return true;
  return !info.has_mtp && name.rfind(mtp, 0) == 0;  // a module that the config says is not used
}

// The scales of an FP8 matrix: a positive number for each block.
Result<Tensor> scales_of(const autograd::Parameter& p, const NamedTensors& tensors, const FileOf& file_of) {
  const std::string name = p.name + std::string(kFp8Scales);
  const auto it = tensors.find(name);
  if (it == tensors.end())
    return Error{
        fmt::format("{}: tensor \"{}\" is F8_E4M3, and its scales \"{}\" are missing", file_of(p.name), p.name, name)};
  const Tensor& scales = it->second;
  const auto blocks = [](int64_t n) { return (n + ops::kFp8Block - 1) / ops::kFp8Block; };
  const Shape shape{blocks(p.shape[0]), blocks(p.shape[1])};
  const std::string file = file_of(name);
  if (scales.dtype() != DType::f32)
    return Error{fmt::format("{}: tensor \"{}\": dtype {} is not F32", file, name, dtype_name(scales.dtype()))};
  if (!(scales.shape() == shape))
    return Error{fmt::format("{}: tensor \"{}\": shape {} where blocks of 128 x 128 of {} have {}", file, name,
                             scales.shape().text(), p.shape.text(), shape.text())};
  for (int64_t i = 0; i < scales.elements(); ++i)
    if (!std::isfinite(scales.f32()[i]) || scales.f32()[i] <= 0)
      return Error{fmt::format("{}: tensor \"{}\": scale {} is {}, not a positive number", file, name, i,
                               static_cast<double>(scales.f32()[i]))};
  return scales;
}

Status check_has_backward(const Model& model, const FileOf& file_of) {
  if (model.info().trainable) return {};
  return Error{fmt::format("{}: {} cannot be trained: this program has no backward for its layers", file_of({}),
                           model.info().architecture)};
}

Error not_trained_on(const autograd::Parameter& p, const FileOf& file_of) {
  return Error{fmt::format("{}: tensor \"{}\": F8_E4M3 weights are not trained on", file_of(p.name), p.name)};
}

}  // namespace

Status check_trainable(const Model& model, const NamedTensors& tensors, const FileOf& file_of) {
  if (auto s = check_has_backward(model, file_of); !s) return s;
  for (const autograd::Parameter& p : model.parameters().all())
    if (const auto it = tensors.find(p.name); it != tensors.end() && it->second.dtype() == DType::f8_e4m3)
      return not_trained_on(p, file_of);
  return {};
}

bool holds_mtp_module(const NamedTensors& tensors, int64_t num_hidden_layers) {
  const std::string prefix = fmt::format("model.layers.{}.", num_hidden_layers);
  const auto it = tensors.lower_bound(prefix);
  return it != tensors.end() && it->first.rfind(prefix, 0) == 0;
}

Status set_weights(Model& model, const NamedTensors& tensors, ops::Packs packs, ops::Context& context,
                   std::string_view file) {
  return set_weights(model, tensors, packs, context, [file](std::string_view) { return std::string(file); });
}

Status set_weights(Model& model, const NamedTensors& tensors, ops::Packs packs, ops::Context& context,
                   const FileOf& file_of) {
  const auto bad = [&](const std::string& name, const std::string& what) {
    return Error{fmt::format("{}: tensor \"{}\"{}", file_of(name), name, what)};
  };
  if (packs != ops::Packs::forward)
    if (auto s = check_has_backward(model, file_of); !s) return s;
  std::set<std::string> scales_read;
  for (autograd::Parameter& p : model.parameters().all()) {
    const auto it = tensors.find(p.name);
    if (it == tensors.end()) return bad(p.name, " is missing");
    const Tensor& t = it->second;
    if (!(t.shape() == p.shape))
      return bad(p.name, fmt::format(": shape {} where config.json implies {}", t.shape().text(), p.shape.text()));
    if (t.dtype() == DType::f8_e4m3 && p.role == autograd::Role::matrix) {
      if (packs != ops::Packs::forward) return not_trained_on(p, file_of);
      const auto scales = scales_of(p, tensors, file_of);
      if (!scales) return scales.error();
      autograd::set_fp8_values(p, t, *scales, context);
      scales_read.insert(p.name + std::string(kFp8Scales));
      continue;
    }
    if (t.dtype() != DType::f32 && t.dtype() != DType::bf16 && t.dtype() != DType::f16)
      return bad(p.name, fmt::format(": dtype {} is not F32, BF16 or F16", dtype_name(t.dtype())));
    if (autograd::keeps_rows(p, packs, context))
      autograd::keep_rows(p, autograd::bf16_rows(t, context));
    else
      autograd::set_values(p, t, packs, context);
  }
  for (auto& [table, matrix] : model.parameters().tied()) {
    if (autograd::keeps_rows(matrix, packs, context))
      autograd::keep_rows(matrix, table->values);
    else
      autograd::set_values(matrix, tensors.at(table->name), packs, context);
  }
  for (const auto& [name, tensor] : tensors)
    if (!model.parameters().find(name) && !scales_read.contains(name) && !may_be_ignored(name, model.info()))
      return bad(name, fmt::format(" belongs to no parameter of {}", model.info().architecture));
  return {};
}

}  // namespace jamsu::models
