#include "models/left_out.h"

#include <fmt/format.h>

#include <algorithm>

namespace jamsu::models {
namespace {

// By the end of a name. Only what transformers, or the code a model was published with, computes from config.json.
struct Constant {
  std::string_view end, reason;
  int rank = 0;  // at least
};
constexpr std::string_view kRotary = "rotary tables, which are computed", kMask = "masks and positions of attention",
                           kDecay = "decays of lightning attention, which are computed",
                           kCacheScale = "scales of an FP8 cache of keys and values, which this program does not have";
constexpr Constant kConstants[] = {
    {"rotary_emb.inv_freq", kRotary},           // Llama before transformers 4.32, and older Qwen
    {"rotary_emb.original_inv_freq", kRotary},  // transformers 4.43 and later, where the buffer is kept
    {"rotary_emb.cos_cached", kRotary},
    {"rotary_emb.sin_cached", kRotary},
    {"rope.freqs", kRotary},
    {"attn.masked_bias", kMask},  // GPT-2's causal mask and what conversions copied of it
    {"attn.bias", kMask, 3},
    {"position_ids", kMask},
    {"slope_rate", kDecay},  // MiniMaxLightningAttention's buffers
    {"query_decay", kDecay},
    {"key_decay", kDecay},
    {"diagonal_decay", kDecay},
    {".k_scale", kCacheScale},  // vLLM and llm-compressor
    {".v_scale", kCacheScale},
    {".q_scale", kCacheScale},
    {".prob_output_scale", kCacheScale}};

// By a part of the name.
struct Foreign {
  std::string_view part, what;
};
constexpr std::string_view
    kAdapter =
        "a part of an adapter that was not merged; merge it with peft: merge_and_unload().save_pretrained(FOLDER)",
    kHead = "a head that scores or classifies, which no reply comes from: a model for another task",
    kSees = "a part of a model that sees or hears; this program reads text alone",
    kGptq = "weights quantized by GPTQ or AWQ, which this program does not read; take the model in BF16 or FP8",
    kBits = "weights quantized by bitsandbytes, which this program does not read; take the model in BF16 or FP8",
    kPacked =
        "weights quantized by compressed-tensors or ModelOpt, which this program does not read; take the model in "
        "BF16 or in FP8 with blocks of 128 x 128",
    kWrapped = "a name that torch.compile or a parallel wrapper has put a word before; save the model it wraps";
constexpr Foreign kForeign[] = {{".lora_", kAdapter},
                                {".base_layer.", kAdapter},
                                {"modules_to_save", kAdapter},
                                {"score.weight", kHead},
                                {"score.bias", kHead},
                                {"classifier.", kHead},
                                {"v_head.", kHead},
                                {"value_head", kHead},
                                {"reward_head", kHead},
                                {"regression_head", kHead},
                                {"visual.", kSees},
                                {"vision_", kSees},
                                {"language_model.",
                                 "the part of a model that sees or hears which writes text; this "
                                 "program reads folders of text models alone"},
                                {"multi_modal_projector", kSees},
                                {"mm_projector", kSees},
                                {"image_", kSees},
                                {"audio_", kSees},
                                {".qweight", kGptq},
                                {".qzeros", kGptq},
                                {".g_idx", kGptq},
                                {".absmax", kBits},
                                {".quant_map", kBits},
                                {".quant_state", kBits},
                                {".SCB", kBits},
                                {".weight_packed", kPacked},
                                {".weight_global_scale", kPacked},
                                {".weight_shape", kPacked},
                                {".input_scale", kPacked},
                                {".weight_scale_2", kPacked},
                                {"_blocks", "weights in MXFP4, which this program does not read"},
                                {"_orig_mod.", kWrapped},
                                {"module.", kWrapped},
                                {"mtp.", "a module for multi-token prediction that this program does not know here"}};

bool is_scale(const Model& model, std::string_view name) {
  return name.ends_with(kFp8Scales) && model.parameters().find(name.substr(0, name.size() - kFp8Scales.size()));
}

}  // namespace

std::string_view reason_to_leave_out(std::string_view name, const Tensor& tensor, const ModelInfo& info) {
  if (tensor.elements() == 0) return "tensors without values";
  for (const Constant& c : kConstants)
    if (name.ends_with(c.end) && tensor.shape().rank() >= c.rank) return c.reason;
  if (name == "lm_head.weight" && info.tied_head) return "a head equal to the embedding (tie_word_embeddings)";
  // What V3 publishes twice: the MTP module's embedding and head.
  const std::string mtp = mtp_prefix(info.layers);
  if (name == mtp + "embed_tokens.weight" || name == mtp + "shared_head.head.weight")
    return "the module for multi-token prediction's copies of embedding and head";
  if (!info.has_mtp && name.starts_with(mtp))
    return "a module for multi-token prediction that config.json does not use";
  return {};
}

std::string what_it_belongs_to(std::string_view name) {
  for (const Foreign& f : kForeign)
    if (name.find(f.part) != std::string_view::npos) return fmt::format(" ({})", f.what);
  return {};
}

std::string what_they_belong_to(const NamedTensors& tensors) {
  for (const auto& [name, tensor] : tensors)
    if (const std::string what = what_it_belongs_to(name); !what.empty())
      return fmt::format("; there is \"{}\"{}", name, what);
  return {};
}

std::vector<std::string> left_out(const Model& model, const NamedTensors& tensors) {
  struct Group {
    std::string_view reason, first;
    int64_t count = 0;
  };
  std::vector<Group> groups;
  for (const auto& [name, tensor] : tensors) {
    if (model.parameters().find(name) || is_scale(model, name)) continue;
    const std::string_view reason = reason_to_leave_out(name, tensor, model.info());
    auto at = std::find_if(groups.begin(), groups.end(), [&](const Group& g) { return g.reason == reason; });
    if (at == groups.end()) at = groups.insert(at, {reason, name});
    ++at->count;
  }
  std::vector<std::string> sentences;
  for (const Group& g : groups)
    sentences.push_back(
        g.count == 1 ? fmt::format("tensor \"{}\" is left out: {}", g.first, g.reason)
                     : fmt::format("{} tensors (\"{}\" is the first) are left out: {}", g.count, g.first, g.reason));
  return sentences;
}

}  // namespace jamsu::models
