#include "plan/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <filesystem>
#include <map>

#include "base/files.h"
#include "base/thread_pool.h"
#include "formats/safetensors.h"
#include "formats/strict_json.h"
#include "machine/cpu.h"
#include "models/open.h"

namespace jamsu::plan {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using autograd::Parameter;
using autograd::Role;

constexpr int64_t kProgramBytes = int64_t{24} << 20;  // code, libraries, thread stacks, tokenizer: measured, about

bool has_weights(const fs::path& folder) {
  std::error_code error;
  return fs::exists(folder / "model.safetensors", error) || fs::exists(folder / "model.safetensors.index.json", error);
}

// Of a folder with weights: what the headers say.
Result<Source> read_folder(const std::string& folder, ops::Numerics numerics) {
  auto opened = models::describe_model(folder, numerics);
  if (!opened) return opened.error();
  const auto files = formats::Safetensors::open_folder(folder);
  if (!files) return files.error();
  auto formats = std::make_shared<std::map<std::string, const Format*>>();
  const auto named =
      models::by_parameter_names(*opened->model, models::named_tensors(*files), models::files_of(*files));
  if (!named) return named.error();
  for (const auto& [name, tensor] : named->tensors) (*formats)[name] = format_of(tensor.dtype());
  return Source{opened->model,
                [formats](const std::string& name) -> const Format& {
                  const auto it = formats->find(name);
                  return it == formats->end() || !it->second ? kBf16Format : *it->second;
                },
                opened->file_bytes, opened->stored_dtype};
}

Result<Source> read_config(const std::string& path, ops::Numerics numerics) {
  const auto text = read_file(path, int64_t{1} << 20);
  if (!text) return text.error();
  const auto config = formats::parse_strict_json(*text, path);
  if (!config) return config.error();
  if (!config->is_object()) return Error{path + ": not a JSON object."};
  const auto model = models::create_model(config->as_object(), {}, numerics, path);
  if (!model) return model.error();
  const json::value* quantized = config->as_object().if_contains("quantization_config");
  const bool fp8 = quantized && !quantized->is_null();
  // As DeepSeek and MiniMax published them: the layers' matrices are FP8; embedding, head and routers are not.
  return Source{*model,
                [fp8](const std::string& name) -> const Format& {
                  return fp8 && name.starts_with("model.layers.") ? kE4m3Format : kBf16Format;
                },
                0, std::string((fp8 ? kE4m3Format : kBf16Format).name)};
}

int64_t matrix_bytes(int64_t out, int64_t in, bool bf16) {
  return kernels::panel_elements(out, in) * (bf16 ? 2 : 4);
}

int64_t bytes_of(const Parameter& p, const Source& source, ops::Numerics numerics) {
  const bool bf16 = numerics == ops::Numerics::bf16;
  const int64_t n = p.shape.elements();
  switch (p.role) {
    case Role::matrix: {
      if (!bf16) return matrix_bytes(p.shape[0], p.shape[1], false);
      const Format& format = format_in_bf16_mode(source.format(p.name));
      return format.bytes(p.shape[0], p.shape[1]) + format.scale_bytes(p.shape[0], p.shape[1]);
    }
    case Role::router_matrix:
      return matrix_bytes(p.shape[0], p.shape[1], false);
    case Role::table:
      return (bf16 ? kBf16Format : kF32Format).bytes(p.shape[0], p.shape[1]);
    case Role::vector:
    case Role::constant:
      return 4 * n;
  }
  return 0;
}

const Parameter& embedding(const Source& source) {
  const auto& all = source.model->parameters().all();
  return *std::find_if(all.begin(), all.end(), [](const Parameter& p) { return p.role == Role::table; });
}
// What a head reads that multiplies with the embedding: itself, or in f32 mode panels beside it.
int64_t tied_head_bytes(const Source& source, ops::Numerics numerics) {
  const models::ModelInfo& info = source.model->info();
  return numerics == ops::Numerics::bf16 ? bytes_of(embedding(source), source, numerics)
                                         : matrix_bytes(info.vocab, info.hidden, false);
}

// Of `experts` equally likely ones, how many `tokens` tokens of `each` choices are expected to touch.
double touched(double experts, double each, double tokens) {
  return experts * (1 - std::pow(1 - each / experts, tokens));
}

// Weights one step of `tokens` tokens reads.
double weights_read(const Source& source, double tokens, ops::Numerics numerics) {
  const models::ModelInfo& info = source.model->info();
  double dense = 0, experts = 0;
  for (const Parameter& p : source.model->parameters().all()) {
    if (is_mtp(p.part)) continue;
    const auto bytes = static_cast<double>(bytes_of(p, source, numerics));
    if (p.role == Role::table)
      dense += bytes / static_cast<double>(info.vocab) * tokens;
    else
      (is_expert(p.part) ? experts : dense) += bytes;
  }
  if (info.tied_head) dense += static_cast<double>(tied_head_bytes(source, numerics));
  if (info.experts > 0)
    experts *= touched(static_cast<double>(info.experts), static_cast<double>(info.experts_per_token), tokens) /
               static_cast<double>(info.experts);
  return dense + experts;
}

// Of one sequence, in f64: a config may ask for more than an integer holds.
double state_bytes(const Source& source, models::CachePolicy policy, int64_t context) {
  const models::StateLayout& layout = source.model->state_layout(policy);
  const int64_t fixed = layout.bytes_for(0), blocks = (context + kernels::kKeyBlock - 1) / kernels::kKeyBlock;
  return static_cast<double>(fixed) +
         static_cast<double>(layout.bytes_for(kernels::kKeyBlock) - fixed) * static_cast<double>(blocks);
}

// What `rows` rows of one sequence read of it.
double state_read(const Source& source, models::CachePolicy policy, int64_t context, int64_t rows) {
  const models::StateLayout& layout = source.model->state_layout(policy);
  double bytes = 0;
  for (size_t i = 0; i < layout.layers.size(); ++i) {
    const auto* kv = std::get_if<models::PagedKv>(&layout.layers[i]);
    const int64_t seen = kv ? std::min(context, kv->window + rows - 1) : context;
    const int64_t blocks = (seen + kernels::kKeyBlock - 1) / kernels::kKeyBlock;
    if (const auto* fixed = std::get_if<models::FixedState>(&layout.layers[i]))
      bytes += static_cast<double>(fixed->bytes);
    else
      bytes += static_cast<double>(layout.block_bytes(i)) * static_cast<double>(blocks);
  }
  return bytes;
}

// At most 2^60, so that four of them add up.
int64_t as_bytes(double bytes) {
  return static_cast<int64_t>(std::min(bytes, 0x1p60));
}

Speed speed_of(const Step& step, double tokens, double bytes_per_second, double flops_per_second) {
  // One after the other: what is fetched while products run slows them about as much (bench/results).
  const double by_memory = step.bytes / bytes_per_second, by_arithmetic = step.flops / flops_per_second;
  return {tokens / (by_memory + by_arithmetic), by_memory > by_arithmetic};
}

bool mostly_fp8(const Source& source) {
  return source.stored == kE4m3Format.name;
}

}  // namespace

Result<Source> read_source(const std::string& path, ops::Numerics numerics) {
  std::error_code error;
  if (fs::is_regular_file(path, error)) return read_config(path, numerics);
  return has_weights(path) ? read_folder(path, numerics) : read_config(path + "/config.json", numerics);
}

WeightBytes weight_bytes(const Source& source, ops::Numerics numerics) {
  const models::ModelInfo& info = source.model->info();
  WeightBytes bytes;
  for (const Parameter& p : source.model->parameters().all())
    (is_mtp(p.part) ? bytes.mtp : bytes.main) += bytes_of(p, source, numerics);
  if (info.tied_head && numerics == ops::Numerics::f32) bytes.main += tied_head_bytes(source, numerics);
  return bytes;
}

Memory memory(const Source& source, const Load& load, ops::Numerics numerics, int threads) {
  const models::ModelInfo& info = source.model->info();
  // The widest things alive at once in a step: the residual stream and a sub-layer's inputs and outputs (of a matrix
  // as wide as the widest), f32, and packed operands of each thread; the logits of one row a sequence.
  int64_t widest = info.hidden;
  for (const Parameter& p : source.model->parameters().all())
    if (p.role == Role::matrix && p.shape[0] != info.vocab) widest = std::max(widest, p.shape[0]);
  const int64_t rows = std::max(load.step_rows, load.parallel);
  const int64_t kept = info.experts > 0 ? info.experts_per_token + 2 : 3;  // copies of a row: one a chosen expert
  Memory m;
  m.weights = as_bytes(static_cast<double>(weight_bytes(source, numerics).total()));
  m.state = as_bytes(state_bytes(source, load.policy, load.context) * static_cast<double>(load.parallel));
  m.activations = as_bytes(4.0 * static_cast<double>(rows) * static_cast<double>(kept * info.hidden + 3 * widest) +
                           4.0 * static_cast<double>(load.parallel) * static_cast<double>(info.vocab) +
                           static_cast<double>(threads) * (1 << 20));
  m.program = kProgramBytes;
  return m;
}

namespace {

// One forward of `rows` rows with `context` tokens behind each of `sequences`.
double step_flops(const Source& source, const Load& load, double rows, double sequences, double context) {
  const models::ModelInfo& info = source.model->info();
  const models::StateLayout& layout = source.model->state_layout(load.policy);
  const double per_key = layout.flops_per_key > 0 ? layout.flops_per_key : info.flops_per_key;
  return rows * (info.flops_per_token + per_key * context + info.window_flops(context)) +
         sequences * layout.flops_per_cached * context;
}

}  // namespace

Step decode_step(const Source& source, const Load& load, ops::Numerics numerics) {
  const auto tokens = static_cast<double>(load.parallel);
  const auto state = state_read(source, load.policy, load.context, 1);
  return {weights_read(source, tokens, numerics) + tokens * state,
          step_flops(source, load, tokens, tokens, static_cast<double>(load.context))};
}

Step prefill_step(const Source& source, const Load& load, ops::Numerics numerics) {
  const int64_t step_rows = std::min(load.step_rows, load.context);
  const auto rows = static_cast<double>(step_rows);
  const auto state = state_read(source, load.policy, load.context / 2, step_rows);
  const models::ModelInfo& info = source.model->info();
  const double head = 2 * static_cast<double>(info.vocab) * static_cast<double>(info.hidden);  // of the last row alone
  return {weights_read(source, rows, numerics) + state,
          step_flops(source, load, rows, 1, static_cast<double>(load.context) / 2) - (rows - 1) * head};
}

Machine measure(int threads, kernels::Isa isa, ops::Numerics numerics, int slices) {
  ThreadPool pool(threads);
  const machine::Cpu cpu = machine::this_cpu();
  const kernels::Isa peak_isa = machine::peak_isa(isa, numerics == ops::Numerics::f32);
  return {isa, pool.threads(), machine::measure_peak(peak_isa, pool, slices).median,
          machine::measure_read_bandwidth(pool, slices).median, cpu.memory_free_bytes};
}

Shares shares_of(kernels::Isa isa, bool fp8) {
  switch (isa) {
    case kernels::Isa::amx:  // training: of small models, whose matrices leave tiles idle
      return fp8 ? Shares{0.68, 0.26, 0.10, 0.04} : Shares{0.83, 0.32, 0.10, 0.04};
    case kernels::Isa::avx512bf16:
      return fp8 ? Shares{0.90, 0.66, 0.48, 0.40} : Shares{0.90, 0.79, 0.48, 0.40};
    case kernels::Isa::avx512:  // of a Cascade Lake that shares its cores with other machines
      return fp8 ? Shares{0.90, 0.42, 0.24, 0.25} : Shares{0.90, 0.48, 0.60, 0.25};
    default:
      return fp8 ? Shares{0.90, 0.69, 0.32, 0.45} : Shares{0.90, 0.79, 0.73, 0.45};
  }
}

Speed decode_speed(const Source& source, const Load& load, const Machine& machine, ops::Numerics numerics) {
  const Shares shares = shares_of(machine.isa, mostly_fp8(source));
  return speed_of(decode_step(source, load, numerics), static_cast<double>(load.parallel),
                  machine.bandwidth * shares.bandwidth, machine.peak * shares.decode);
}

Speed prefill_speed(const Source& source, const Load& load, const Machine& machine, ops::Numerics numerics) {
  const Shares shares = shares_of(machine.isa, mostly_fp8(source));
  return speed_of(prefill_step(source, load, numerics), static_cast<double>(std::min(load.step_rows, load.context)),
                  machine.bandwidth * shares.bandwidth, machine.peak * shares.prefill);
}

Training training(const Source& source, double tokens, int64_t context, const Machine& machine) {
  const models::ModelInfo& info = source.model->info();
  Training t;
  t.flops = 3 * tokens * info.forward_flops(static_cast<double>(context) / 2);
  t.seconds = t.flops / (machine.peak * shares_of(machine.isa, false).training);
  for (const Parameter& p : source.model->parameters().all()) {
    const bool matrix = p.role == Role::matrix || p.role == Role::router_matrix;
    t.bytes += p.shape.elements() * 16;
    if (matrix) t.bytes += matrix_bytes(p.shape[0], p.shape[1], true) + matrix_bytes(p.shape[1], p.shape[0], true);
  }
  return t;
}

bool is_deepseek_v3_671b(const models::ModelInfo& info) {
  return info.architecture == "DeepseekV3ForCausalLM" && info.layers == 61 && info.hidden == 7168 &&
         info.experts == 256 && info.experts_per_token == 8;
}

}  // namespace jamsu::plan
