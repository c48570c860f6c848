#include "models/load.h"

#include <fmt/format.h>

#include <cmath>
#include <set>
#include <vector>

#include "models/fused_experts.h"
#include "tensor/format.h"

namespace jamsu::models {
namespace {

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

// Constants that old checkpoints carry, and what V3 publishes twice: the MTP module's embedding and head.
bool may_be_ignored(const std::string& name, const ModelInfo& info) {
  if (ends_with(name, "rotary_emb.inv_freq")) return true;
  const std::string mtp = mtp_prefix(info.layers);
  if (name == "lm_head.weight" && info.tied_head) return true;  // some tied checkpoints carry the copy
  if (name == mtp + "embed_tokens.weight" || name == mtp + "shared_head.head.weight") return true;
  return !info.has_mtp && name.rfind(mtp, 0) == 0;  // a module that the config says is not used
}

// "F32, BF16 or F16": what a tensor of any kind may be.
std::string formats_without_scales() {
  std::vector<std::string_view> names;
  for (const Format* format : all_formats())
    if (format->scales == Scales::none) names.push_back(format->name);
  const std::string_view last = names.back();
  names.pop_back();
  return fmt::format("{} or {}", fmt::join(names, ", "), last);
}

// The scales beside a matrix: a positive number for each block.
Result<Tensor> scales_of(const autograd::Parameter& p, const Format& format, const NamedTensors& tensors,
                         const FileOf& file_of) {
  const std::string name = p.name + std::string(kFp8Scales);
  const auto it = tensors.find(name);
  if (it == tensors.end())
    return Error{fmt::format("{}: tensor \"{}\" is {}, and its scales \"{}\" are missing", file_of(p.name), p.name,
                             format.name, name)};
  const Tensor& scales = it->second;
  const Shape shape = format.scale_shape(p.shape[0], p.shape[1]);
  const std::string file = file_of(name);
  if (scales.dtype() != DType::f32)
    return Error{fmt::format("{}: tensor \"{}\": dtype {} is not F32", file, name, dtype_name(scales.dtype()))};
  if (!(scales.shape() == shape))
    return Error{fmt::format("{}: tensor \"{}\": shape {} where blocks of {} x {} of {} have {}", file, name,
                             scales.shape().text(), format.scale_block, format.scale_block, p.shape.text(),
                             shape.text())};
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

Error not_trained_on(const autograd::Parameter& p, const Format& format, const FileOf& file_of) {
  return Error{fmt::format("{}: tensor \"{}\": {} weights are not trained on", file_of(p.name), p.name, format.name)};
}

}  // namespace

std::string mtp_prefix(int64_t num_hidden_layers) {
  return fmt::format("model.layers.{}.", num_hidden_layers);
}

Status check_trainable(const Model& model, const NamedTensors& tensors, const FileOf& file_of) {
  if (auto s = check_has_backward(model, file_of); !s) return s;
  for (const autograd::Parameter& p : model.parameters().all())
    if (const auto it = tensors.find(p.name); it != tensors.end())
      if (const Format* format = format_of(it->second.dtype()); format && format->scales == Scales::beside)
        return not_trained_on(p, *format, file_of);
  return {};
}

bool holds_mtp_module(const NamedTensors& tensors, int64_t num_hidden_layers) {
  const std::string prefix = mtp_prefix(num_hidden_layers);
  const auto it = tensors.lower_bound(prefix);
  return it != tensors.end() && it->first.rfind(prefix, 0) == 0;
}

Status set_weights(Model& model, const NamedTensors& tensors, ops::Packs packs, ops::Context& context,
                   std::string_view file) {
  return set_weights(model, tensors, packs, context, [file](std::string_view) { return std::string(file); });
}

Status set_weights(Model& model, const NamedTensors& tensors, ops::Packs packs, ops::Context& context,
                   const FileOf& file_of) {
  if (holds_fused_experts(model.parameters(), tensors)) {
    std::map<std::string, std::string> origin;  // the name in the file
    const auto split = split_fused_experts(model.parameters(), tensors, file_of, origin);
    if (!split) return split.error();
    return set_weights(model, *split, packs, context, [&](std::string_view name) {
      const auto it = origin.find(std::string(name));
      return file_of(it == origin.end() ? name : it->second);
    });
  }
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
    const Format* format = format_of(t.dtype());
    if (format && format->scales == Scales::beside && p.role == autograd::Role::matrix) {
      if (packs != ops::Packs::forward) return not_trained_on(p, *format, file_of);
      const auto scales = scales_of(p, *format, tensors, file_of);
      if (!scales) return scales.error();
      autograd::set_fp8_values(p, t, *scales, context);
      scales_read.insert(p.name + std::string(kFp8Scales));
      continue;
    }
    if (!format || format->scales != Scales::none)
      return bad(p.name, fmt::format(": dtype {} is not {}", dtype_name(t.dtype()), formats_without_scales()));
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
