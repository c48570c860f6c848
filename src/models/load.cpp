#include "models/load.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <set>
#include <vector>

#include "models/fused_experts.h"
#include "models/left_out.h"
#include "tensor/format.h"

namespace jamsu::models {
namespace {

constexpr std::string_view kModel = "model.";
constexpr const char *kHead = "lm_head.weight", *kTable = "model.embed_tokens.weight";

// "F32, BF16 or F16": what a tensor of any kind may be.
std::string formats_without_scales() {
  std::vector<std::string_view> names;
  for (const Format* format : all_formats())
    if (format->scales == Scales::none) names.push_back(format->name);
  const std::string_view last = names.back();
  names.pop_back();
  return fmt::format("{} or {}", fmt::join(names, ", "), last);
}

// Scales as published (Qwen3's are BF16, DeepSeek-V3's F32, newer ones powers of two in a byte each) in f32, exactly.
// Nothing where the dtype is none of theirs.
std::optional<Tensor> in_f32(const Tensor& scales, ops::Context& context) {
  if (scales.dtype() == DType::f32) return scales;
  Tensor to = context.empty(scales.shape());
  const int64_t n = scales.elements();
  if (scales.dtype() == DType::f8_e8m0) {
    const auto* exponents = reinterpret_cast<const uint8_t*>(scales.raw());
    for (int64_t i = 0; i < n; ++i)
      to.f32()[i] =
          exponents[i] == 0xFF ? std::numeric_limits<float>::quiet_NaN() : std::ldexp(1.0f, exponents[i] - 127);
    return to;
  }
  const Format* format = format_of(scales.dtype());
  if (!format || format->scales != Scales::none) return std::nullopt;
  format->decode(scales.raw(), format->blocks(n), 1.0f, to.f32());
  return to;
}

// The scales beside a matrix: a positive number for each block, in f32.
Result<Tensor> scales_of(const autograd::Parameter& p, const Format& format, const NamedTensors& tensors,
                         const FileOf& file_of, ops::Context& context) {
  const std::string name = p.name + std::string(kFp8Scales);
  const auto it = tensors.find(name);
  if (it == tensors.end())
    return Error{fmt::format("{}: tensor \"{}\" is {}, and its scales \"{}\" are missing", file_of(p.name), p.name,
                             format.name, name)};
  const Tensor stored = it->second.aligned_copy(context.memory);
  const Shape shape = format.scale_shape(p.shape[0], p.shape[1]);
  const std::string file = file_of(name);
  if (!(stored.shape() == shape))
    return Error{fmt::format("{}: tensor \"{}\": shape {} where blocks of {} x {} of {} have {}", file, name,
                             stored.shape().text(), format.scale_block, format.scale_block, p.shape.text(),
                             shape.text())};
  const auto wide = in_f32(stored, context);
  if (!wide)
    return Error{fmt::format("{}: tensor \"{}\": dtype {} is not F32, BF16, F16 or F8_E8M0", file, name,
                             dtype_name(stored.dtype()))};
  const Tensor& scales = *wide;
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

// Why a parameter may not be there.
std::string hint_of_missing(const std::string& name, const NamedTensors& tensors) {
  if (name == kHead)
    return ", and config.json does not say that the embedding is the head (\"tie_word_embeddings\": true)";
  return what_they_belong_to(tensors);
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

bool holds_another_head(const NamedTensors& tensors) {
  const auto head = tensors.find(kHead), table = tensors.find(kTable);
  if (head == tensors.end() || table == tensors.end() || head->second.elements() == 0) return false;
  const Tensor &a = head->second, &b = table->second;
  return !(a.shape() == b.shape()) || a.dtype() != b.dtype() ||
         std::memcmp(a.raw(), b.raw(), static_cast<size_t>(a.bytes())) != 0;
}

NamedTensors named_tensors(const formats::Safetensors& files) {
  NamedTensors tensors = files.views();
  const auto at = tensors.lower_bound(std::string(kModel));
  const bool prefixed = at != tensors.end() && at->first.starts_with(kModel);
  if (prefixed || !tensors.contains("embed_tokens.weight")) return tensors;
  NamedTensors named;
  for (auto& [name, tensor] : tensors)
    named.emplace(name.starts_with("lm_head.") ? name : std::string(kModel) + name, std::move(tensor));
  return named;
}

FileOf files_of(const formats::Safetensors& files) {
  return [&files](std::string_view name) {
    const bool without = !files.find(name) && name.starts_with(kModel);
    return files.file_of(without ? name.substr(kModel.size()) : name);
  };
}

Result<ParameterTensors> by_parameter_names(const Model& model, const NamedTensors& tensors, const FileOf& file_of) {
  ParameterTensors named{tensors, file_of};
  std::map<std::string, std::string> origin;  // the name in the file
  if (holds_fused_experts(model.parameters(), tensors)) {
    auto split = split_fused_experts(model.parameters(), tensors, file_of, origin);
    if (!split) return split.error();
    named.tensors = std::move(*split);
  }
  if (model.info().tied_head && !named.tensors.contains(kTable))
    if (auto head = named.tensors.extract(kHead); !head.empty()) {
      head.key() = kTable;
      named.tensors.insert(std::move(head));
      origin[kTable] = kHead;
    }
  if (!origin.empty())
    named.file_of = [origin = std::move(origin), file_of](std::string_view name) {
      const auto it = origin.find(std::string(name));
      return file_of(it == origin.end() ? name : it->second);
    };
  return named;
}

Status set_weights(Model& model, const NamedTensors& stored, ops::Packs packs, ops::Context& context,
                   const FileOf& file_of_stored) {
  const auto named = by_parameter_names(model, stored, file_of_stored);
  if (!named) return named.error();
  const auto& [tensors, file_of] = *named;
  const auto bad = [&of = file_of](const std::string& name, const std::string& what) {
    return Error{fmt::format("{}: tensor \"{}\"{}", of(name), name, what)};
  };
  if (packs != ops::Packs::forward)
    if (auto s = check_has_backward(model, file_of); !s) return s;
  std::set<std::string> scales_read;
  for (autograd::Parameter& p : model.parameters().all()) {
    const auto it = tensors.find(p.name);
    if (it == tensors.end()) return bad(p.name, " is missing" + hint_of_missing(p.name, tensors));
    if (!(it->second.shape() == p.shape))
      return bad(p.name,
                 fmt::format(": shape {} where config.json implies {}{}", it->second.shape().text(), p.shape.text(),
                             it->second.elements() == 0 ? " (saved before its parts were gathered?)" : ""));
    const Tensor t = it->second.aligned_copy(context.memory);
    const Format* format = format_of(t.dtype());
    if (format && format->scales == Scales::beside && p.role == autograd::Role::matrix) {
      if (packs != ops::Packs::forward) return not_trained_on(p, *format, file_of);
      const auto scales = scales_of(p, *format, tensors, file_of, context);
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
      autograd::set_values(matrix, tensors.at(table->name).aligned_copy(context.memory), packs, context);
  }
  for (const auto& [name, tensor] : tensors)
    if (!model.parameters().find(name) && !scales_read.contains(name) &&
        reason_to_leave_out(name, tensor, model.info()).empty())
      return bad(name,
                 fmt::format(" belongs to no parameter of {}{}", model.info().architecture, what_it_belongs_to(name)));
  return {};
}

}  // namespace jamsu::models
