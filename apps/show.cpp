// jamsu show MODEL: architecture, parameters, memory of weights and of KV by context.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <iostream>

#include "apps/verbs.h"
#include "formats/safetensors.h"
#include "models/open.h"

namespace jamsu::apps {
namespace {

struct Options {
  std::string model;
  bool json = false;
};

std::string thousands(int64_t n) {
  std::string s = std::to_string(n);
  for (int64_t i = static_cast<int64_t>(s.size()) - 3; i > 0; i -= 3) s.insert(static_cast<size_t>(i), ",");
  return s;
}

int run(const Options& o, const Globals& globals) {
  const auto folder = find_model(o.model, globals);
  if (!folder) return fail(folder.error());
  auto config = models::read_config(*folder);
  if (!config) return fail(config.error());
  const auto files = formats::Safetensors::open_folder(*folder);
  if (!files) return fail(files.error());
  int64_t file_bytes = 0;
  bool mtp = false;
  for (const auto& t : files->tensors()) {
    file_bytes += t.bytes;
    mtp |= t.name.rfind(fmt::format("model.layers.{}.", config->num_hidden_layers), 0) == 0;
  }
  if (!mtp) config->num_nextn_predict_layers = 0;
  const models::ParameterCount count = models::count_parameters(*config);
  const models::DeepseekV3 model(*config, globals.numerics());
  boost::json::object kv;
  std::string kv_text;
  for (int64_t context = 1024; context <= std::max<int64_t>(config->max_position_embeddings, 1024); context *= 4) {
    const int64_t expanded = model.state_layout(models::CachePolicy::expanded).bytes_for(context);
    const int64_t latent = model.state_layout(models::CachePolicy::latent).bytes_for(context);
    kv[std::to_string(context)] = boost::json::object{{"expanded", expanded}, {"latent", latent}};
    kv_text += fmt::format("  {:>9} tokens   {:>10.2f} MiB expanded   {:>10.2f} MiB latent\n", thousands(context),
                           static_cast<double>(expanded) / 1048576.0, static_cast<double>(latent) / 1048576.0);
  }
  if (o.json) {
    std::cout << boost::json::object{{"folder", *folder},
                                     {"architecture", "DeepseekV3ForCausalLM"},
                                     {"parameters", count.total},
                                     {"active_parameters", count.active},
                                     {"mtp_parameters", count.mtp},
                                     {"weight_bytes", file_bytes},
                                     {"layers", config->num_hidden_layers},
                                     {"experts", config->n_routed_experts},
                                     {"experts_per_token", config->num_experts_per_tok},
                                     {"vocabulary", config->vocab_size},
                                     {"context", config->max_position_embeddings},
                                     {"kv_bytes", kv}}
              << "\n";
    return 0;
  }
  fmt::print("{}\n", *folder);
  fmt::print(
      "architecture  DeepseekV3ForCausalLM: {} layers ({} dense), hidden {}, {} heads (MLA, latent {} + rope {}), {} "
      "experts of {} top-{}, {} shared\n",
      config->num_hidden_layers, config->first_k_dense_replace, config->hidden_size, config->num_attention_heads,
      config->kv_lora_rank, config->qk_rope_head_dim, config->n_routed_experts, config->moe_intermediate_size,
      config->num_experts_per_tok, config->n_shared_experts);
  fmt::print("parameters    {} total, {} active per token; MTP module {}\n", thousands(count.total),
             thousands(count.active), count.mtp ? thousands(count.mtp) : "not in the file");
  fmt::print("vocabulary    {}   context {}\n", thousands(config->vocab_size),
             thousands(config->max_position_embeddings));
  fmt::print("weights       {:.2f} MiB in {} file(s)\n", static_cast<double>(file_bytes) / 1048576.0,
             files->files().size());
  fmt::print("forward       {:.2f} MFLOP a token (attention over 512 tokens)\n",
             models::forward_flops_per_token(*config, 512) / 1e6);
  fmt::print("memory of a sequence's state\n{}", kv_text);
  return 0;
}

}  // namespace

void add_show(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<Options>();
  auto* verb = app.add_subcommand("show", "architecture, parameters, memory of weights and of the cache by context");
  verb->add_option("model", options->model, "folder, or a name under $JAMSU_HOME/models (default: pretrained/nano)");
  verb->add_flag("--json", options->json, "one JSON object");
  verb->footer("Example: jamsu show pretrained/nano");
  verb->callback([options, &globals] { globals.exit_code = run(*options, globals); });
}

}  // namespace jamsu::apps
