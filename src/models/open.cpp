#include "models/open.h"

#include <fmt/format.h>

#include <map>

#include "base/files.h"
#include "formats/safetensors.h"
#include "formats/strict_json.h"
#include "models/load.h"

namespace jamsu::models {

Result<DeepseekV3Config> read_config(const std::string& folder) {
  const std::string path = folder + "/config.json";
  const auto text = read_file(path, int64_t{1} << 20);
  if (!text) return text.error();
  const auto json = formats::parse_strict_json(*text, path);
  if (!json) return json.error();
  if (!json->is_object()) return Error{path + ": not a JSON object."};
  const auto& object = json->as_object();
  const auto* architectures = object.if_contains("architectures");
  if (!architectures || !architectures->is_array() || architectures->as_array().size() != 1 ||
      !architectures->as_array()[0].is_string())
    return Error{path + ": \"architectures\" is not a list of one name."};
  const auto& name = architectures->as_array()[0].as_string();
  if (name != "DeepseekV3ForCausalLM")
    return Error{fmt::format("{}: \"architectures\" = \"{}\": this version knows DeepseekV3ForCausalLM alone.", path,
                             std::string_view(name))};
  return parse_deepseek_v3(object, path);
}

Result<OpenedModel> open_model(const std::string& folder, ops::Packs packs, ops::Context& context) {
  auto config = read_config(folder);
  if (!config) return config.error();
  const auto files = formats::Safetensors::open_folder(folder);
  if (!files) return files.error();
  const NamedTensors tensors = files->views();
  OpenedModel opened;
  if (!holds_mtp_module(tensors, config->num_hidden_layers)) config->num_nextn_predict_layers = 0;
  opened.config = *config;
  opened.model = std::make_shared<DeepseekV3>(*config, context.numerics);
  if (auto s = set_weights(*opened.model, tensors, packs, context, files->files().front()); !s) return s.error();
  std::map<DType, int64_t> bytes;
  for (const auto& t : files->tensors()) bytes[t.dtype] += t.bytes;
  int64_t most = -1;
  for (const auto& [dtype, count] : bytes) {
    opened.file_bytes += count;
    if (count > most) {
      most = count;
      opened.stored_dtype = dtype_name(dtype);
    }
  }
  return opened;
}

}  // namespace jamsu::models
