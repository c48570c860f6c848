#include "models/open.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <set>
#include <span>
#include <system_error>
#include <thread>

#include "base/files.h"
#include "formats/safetensors.h"
#include "formats/strict_json.h"
#include "models/config/architecture.h"
#include "models/deepseek_v3.h"
#include "models/left_out.h"
#include "models/llama.h"
#include "models/minimax.h"

namespace jamsu::models {
namespace {

namespace json = boost::json;

struct Folder {
  formats::Safetensors files;
  NamedTensors tensors;
  OpenedModel opened;
};

Result<Folder> read_folder(const std::string& folder, ops::Numerics numerics) {
  const std::string path = folder + "/config.json";
  const auto config = read_config(folder);
  if (!config) return config.error();
  auto files = formats::Safetensors::open_folder(folder);
  if (!files) return files.error();
  NamedTensors tensors = named_tensors(*files);
  auto model = create_model(*config, tensors, numerics, path);
  if (!model) return model.error();
  const auto named = by_parameter_names(**model, tensors, files_of(*files));
  if (!named) return named.error();
  OpenedModel opened{.model = *model,
                     .file_bytes = 0,
                     .files = files->files().size(),
                     .stored_dtype = {},
                     .left_out = left_out(**model, named->tensors)};
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
  return Folder{std::move(*files), std::move(tensors), std::move(opened)};
}

// Files with values that are used where they lie, whatever their names there.
std::vector<std::shared_ptr<const MappedFile>> files_still_read(const Model& model, const formats::Safetensors& files) {
  std::vector<std::shared_ptr<const MappedFile>> read;
  const auto uses = [&](const std::span<const std::byte> file) {
    const auto within = [&](const std::byte* at) { return at >= file.data() && at < file.data() + file.size(); };
    const auto& all = model.parameters().all();
    return std::any_of(all.begin(), all.end(), [&](const autograd::Parameter& p) {
      return within(p.weight.format ? p.weight.rows.raw() : p.values.raw()) || within(p.weight.scales.raw());
    });
  };
  for (const auto& map : files.maps())
    if (uses(map->bytes())) read.push_back(map);
  return read;
}

// Several threads will read rows here and there; a disk wants one stream.
void read_ahead(const std::vector<std::shared_ptr<const MappedFile>>& files, int64_t memory_free_bytes) {
  size_t bytes = 0;
  for (const auto& file : files) bytes += file->bytes().size();
  if (memory_free_bytes > 0 && bytes > static_cast<size_t>(memory_free_bytes)) return;
  try {
    std::thread([files] {
      for (const auto& file : files) file->read_ahead();
    }).detach();
  } catch (const std::system_error&) {  // no thread to spare: the pages come when they are read
  }
}

// `tensors`: those of the checkpoint, or null where there is none.
Result<std::shared_ptr<Model>> create(const json::object& config, const NamedTensors* tensors, ops::Numerics numerics,
                                      std::string_view file) {
  const auto architecture = architecture_of(config, file);
  if (!architecture) return architecture.error();
  const std::string_view name = *architecture;
  const auto settle_head = [&](auto& parsed) {
    if (tensors && parsed.tie_word_embeddings && holds_another_head(*tensors)) parsed.tie_word_embeddings = false;
  };
  if (name == "DeepseekV3ForCausalLM" || name == "DeepseekV2ForCausalLM") {
    auto parsed = name == "DeepseekV3ForCausalLM" ? parse_deepseek_v3(config, file) : parse_deepseek_v2(config, file);
    if (!parsed) return parsed.error();
    if (tensors && !holds_mtp_module(*tensors, parsed->num_hidden_layers)) parsed->num_nextn_predict_layers = 0;
    settle_head(*parsed);
    return std::shared_ptr<Model>(std::make_shared<DeepseekV3>(*parsed, numerics));
  }
  if (const auto kind = llama_kind(name)) {
    auto parsed = parse_llama(*kind, config, file);
    if (!parsed) return parsed.error();
    settle_head(*parsed);
    return std::shared_ptr<Model>(std::make_shared<Llama>(*parsed, numerics));
  }
  if (name == "MiniMaxForCausalLM" || name == "MiniMaxM2ForCausalLM") {
    const auto kind = name == "MiniMaxForCausalLM" ? MiniMaxKind::text01 : MiniMaxKind::m2;
    auto parsed = parse_minimax(kind, config, file);
    if (!parsed) return parsed.error();
    settle_head(*parsed);
    return std::shared_ptr<Model>(std::make_shared<MiniMax>(*parsed, numerics));
  }
  if (name == "MiniMaxText01ForCausalLM" || name == "MiniMaxM1ForCausalLM")
    return config_error(file, fmt::format("\"architectures\" = \"{}\" is the layout of MiniMax's own code, which this "
                                          "program does not read. Take the -hf folder of that model "
                                          "(MiniMaxForCausalLM).",
                                          name));
  return config_error(
      file, fmt::format(
                "\"architectures\" = \"{}\" is not one that this version knows "
                "(DeepseekV3ForCausalLM, DeepseekV2ForCausalLM, LlamaForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM, "
                "Qwen3MoeForCausalLM, HyperCLOVAXForCausalLM, MiniMaxForCausalLM, MiniMaxM2ForCausalLM).",
                name));
}

}  // namespace

Result<json::object> read_config(const std::string& folder) {
  const std::string path = folder + "/config.json";
  const auto text = read_file(path, int64_t{1} << 20);
  if (!text) return text.error();
  auto config = formats::parse_strict_json(*text, path);
  if (!config) return config.error();
  if (!config->is_object()) return Error{path + ": not a JSON object."};
  return std::move(config->as_object());
}

Result<std::shared_ptr<Model>> create_model(const json::object& config, const NamedTensors& tensors,
                                            ops::Numerics numerics, std::string_view file) {
  return create(config, &tensors, numerics, file);
}

Result<std::shared_ptr<Model>> create_model(const json::object& config, ops::Numerics numerics, std::string_view file) {
  return create(config, nullptr, numerics, file);
}

Result<OpenedModel> describe_model(const std::string& folder, ops::Numerics numerics) {
  auto read = read_folder(folder, numerics);
  if (!read) return read.error();
  if (auto s = read->files.intact(); !s) return s.error();
  return std::move(read->opened);
}

Result<OpenedModel> open_model(const std::string& folder, ops::Packs packs, ops::Context& context,
                               int64_t memory_free_bytes) {
  auto read = read_folder(folder, context.numerics);
  if (!read) return read.error();
  const formats::Safetensors& files = read->files;
  const Status set = set_weights(*read->opened.model, read->tensors, packs, context, files_of(files));
  if (auto s = files.intact(); !s) return s.error();
  if (!set) return set.error();
  auto used = files_still_read(*read->opened.model, files);
  read_ahead(used, memory_free_bytes);
  read->opened.model->reads_on_from(std::move(used));
  return std::move(read->opened);
}

}  // namespace jamsu::models
