#include "models/fused_experts.h"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <vector>

#include "tensor/format.h"

namespace jamsu::models {
namespace {

using Tensors = std::map<std::string, Tensor>;
constexpr std::string_view kScales = "_scale_inv";

// What a fused tensor holds of each expert, one under the other, by both families' names.
struct Fused {
  std::string_view name;
  std::vector<std::string_view> parts, mixtral_parts;
};
const std::array<Fused, 2>& fused() {
  static const std::array<Fused, 2> all = {
      {{"gate_up_proj", {"gate_proj", "up_proj"}, {"w1", "w3"}}, {"down_proj", {"down_proj"}, {"w2"}}}};
  return all;
}

// "model.layers.0.mlp.experts.gate_up_proj_scale_inv" in its parts.
struct Name {
  std::string prefix;  // "model.layers.0.mlp.experts."
  const Fused* fused;
  bool scales;
};
std::optional<Name> fused_name(std::string_view name) {
  constexpr std::string_view kExperts = ".experts.";
  const size_t at = name.rfind(kExperts);
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view rest = name.substr(at + kExperts.size());
  const bool scales = rest.ends_with(kScales);
  if (scales) rest.remove_suffix(kScales.size());
  for (const Fused& f : fused())
    if (rest == f.name) return Name{std::string(name.substr(0, at + kExperts.size())), &f, scales};
  return std::nullopt;
}

// The model's name of what transformers 5 calls ".mlp."; the same where there is no other.
std::string renamed(const std::string& name) {
  constexpr std::string_view kMlp = ".mlp.", kSparse = ".block_sparse_moe.";
  const size_t at = name.find(kMlp);
  if (at == std::string::npos) return name;
  return name.substr(0, at) + std::string(kSparse) + name.substr(at + kMlp.size());
}

// PREFIX3.gate_proj.weight, as the model has it; null: no such expert.
const autograd::Parameter* expert(const ParameterSet& parameters, const Name& n, int64_t e, size_t part) {
  const std::string plain = fmt::format("{}{}.{}.weight", n.prefix, e, n.fused->parts[part]);
  if (const auto* p = parameters.find(plain)) return p;
  return parameters.find(renamed(fmt::format("{}{}.{}.weight", n.prefix, e, n.fused->mixtral_parts[part])));
}

class Split {
 public:
  Split(const ParameterSet& parameters, const std::function<std::string(std::string_view)>& file_of,
        std::map<std::string, std::string>& origin)
      : parameters_(parameters), file_of_(file_of), origin_(origin) {}

  Status add(const std::string& name, const Tensor& t, const Tensors& tensors) {
    const auto n = fused_name(name);
    if (n && expert(parameters_, *n, 0, 0))
      return n->scales ? add_scales(name, *n, t, tensors) : add_experts(name, *n, t);
    const std::string other = renamed(name);
    const bool known = !parameters_.find(name) && other != name && parameters_.find(without_scales(other));
    return put(name, known ? other : name, t);
  }
  Tensors result;

 private:
  static std::string without_scales(std::string name) {
    if (name.ends_with(kScales)) name.resize(name.size() - kScales.size());
    return name;
  }
  Error bad(const std::string& name, const std::string& what) const {
    return Error{fmt::format("{}: tensor \"{}\"{}", file_of_(name), name, what)};
  }
  Status put(const std::string& from, const std::string& name, const Tensor& t) {
    if (!result.emplace(name, t).second)
      return bad(from, fmt::format(" holds \"{}\", which is there by that name too", name));
    if (from != name) origin_[name] = from;
    return {};
  }

  // Rows of each expert: of each part, the count the model's parameter has.
  Status add_experts(const std::string& name, const Name& n, const Tensor& t) {
    const Shape one = expert(parameters_, n, 0, 0)->shape;
    const auto parts = static_cast<int64_t>(n.fused->parts.size());
    int64_t experts = 0;
    while (expert(parameters_, n, experts, 0)) ++experts;
    const Shape want = {experts, parts * one[0], one[1]};
    if (!(t.shape() == want))
      return bad(name, fmt::format(": shape {} where config.json implies {}", t.shape().text(), want.text()));
    const Tensor rows = t.reshape({experts * parts * one[0], one[1]});
    return cut(name, n, rows, one[0], experts, "");
  }

  // A block of scales must not lie across gate and up.
  Status add_scales(const std::string& name, const Name& n, const Tensor& t, const Tensors& tensors) {
    const auto values = tensors.find(without_scales(name));
    if (values == tensors.end()) return bad(name, " has scales of nothing");
    const Format* format = format_of(values->second.dtype());
    const Shape one = expert(parameters_, n, 0, 0)->shape;
    const auto parts = static_cast<int64_t>(n.fused->parts.size());
    if (!format || format->scales != Scales::beside)
      return bad(name, fmt::format(" has scales of a tensor in {}", dtype_name(values->second.dtype())));
    if (parts > 1 && one[0] % format->scale_block != 0)
      return bad(name,
                 fmt::format(": an expert's gate of {} rows ends within a block of {}", one[0], format->scale_block));
    int64_t experts = 0;
    while (expert(parameters_, n, experts, 0)) ++experts;
    const Shape blocks = format->scale_shape(one[0], one[1]), want = {experts, parts * blocks[0], blocks[1]};
    if (!(t.shape() == want))
      return bad(name, fmt::format(": shape {} where blocks of {} x {} have {}", t.shape().text(), format->scale_block,
                                   format->scale_block, want.text()));
    return cut(name, n, t.reshape({experts * parts * blocks[0], blocks[1]}), blocks[0], experts, kScales);
  }

  Status cut(const std::string& name, const Name& n, const Tensor& rows, int64_t height, int64_t experts,
             std::string_view suffix) {
    int64_t begin = 0;
    for (int64_t e = 0; e < experts; ++e)
      for (size_t part = 0; part < n.fused->parts.size(); ++part, begin += height)
        if (auto s = put(name, expert(parameters_, n, e, part)->name + std::string(suffix),
                         rows.rows(begin, begin + height));
            !s)
          return s;
    return {};
  }

  const ParameterSet& parameters_;
  const std::function<std::string(std::string_view)>& file_of_;
  std::map<std::string, std::string>& origin_;
};

}  // namespace

bool holds_fused_experts(const ParameterSet& parameters, const Tensors& tensors) {
  for (const auto& [name, tensor] : tensors) {
    if (parameters.find(name)) continue;
    if (const auto n = fused_name(name); n && expert(parameters, *n, 0, 0)) return true;
    if (const std::string other = renamed(name); other != name && parameters.find(other)) return true;
  }
  return false;
}

Result<Tensors> split_fused_experts(const ParameterSet& parameters, const Tensors& tensors,
                                    const std::function<std::string(std::string_view tensor)>& file_of,
                                    std::map<std::string, std::string>& origin) {
  Split split(parameters, file_of, origin);
  for (const auto& [name, tensor] : tensors)
    if (auto s = split.add(name, tensor, tensors); !s) return s.error();
  return std::move(split.result);
}

}  // namespace jamsu::models
