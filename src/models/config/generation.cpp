#include "models/config/generation.h"

#include <algorithm>
#include <string_view>

#include "base/files.h"
#include "base/input_file.h"
#include "formats/strict_json.h"
#include "models/config/reader.h"

namespace jamsu::models {
namespace {

namespace json = boost::json;

// Fields of transformers' GenerationConfig (5.24, generation/configuration_utils.py) that change what is drawn, and the
// value by which they do nothing, beside null and an empty list.
struct Absent {
  std::string_view name;
  double neutral;
};
constexpr Absent kAbsent[] = {{"num_beams", 1},
                              {"num_beam_groups", 1},
                              {"num_return_sequences", 1},
                              {"penalty_alpha", 0},
                              {"typical_p", 1},
                              {"top_h", 1},
                              {"epsilon_cutoff", 0},
                              {"eta_cutoff", 0},
                              {"diversity_penalty", 0},
                              {"encoder_repetition_penalty", 1},
                              {"no_repeat_ngram_size", 0},
                              {"encoder_no_repeat_ngram_size", 0},
                              {"min_length", 0},
                              {"min_new_tokens", 0},
                              {"guidance_scale", 1},
                              {"bad_words_ids", 0},
                              {"force_words_ids", 0},
                              {"constraints", 0},
                              {"suppress_tokens", 0},
                              {"begin_suppress_tokens", 0},
                              {"forced_decoder_ids", 0},
                              {"forced_bos_token_id", -1},
                              {"forced_eos_token_id", -1},
                              {"sequence_bias", 0},
                              {"exponential_decay_length_penalty", 0},
                              {"stop_strings", 0},
                              {"dola_layers", 0},
                              {"watermarking_config", 0}};

// Read elsewhere, or about how the same tokens are computed, how many there are at most, and what is handed back.
constexpr std::string_view kNoMatter[] = {"do_sample",
                                          "temperature",
                                          "top_k",
                                          "top_p",
                                          "min_p",
                                          "repetition_penalty",
                                          "eos_token_id",
                                          "bos_token_id",
                                          "pad_token_id",
                                          "decoder_start_token_id",
                                          "transformers_version",
                                          "_from_model_config",
                                          "_commit_hash",
                                          "max_length",
                                          "max_new_tokens",
                                          "max_time",
                                          "max_matching_ngram_size",
                                          "max_window_size",
                                          "chat_format",
                                          "trust_remote_code",
                                          "early_stopping",
                                          "length_penalty",
                                          "renormalize_logits",
                                          "remove_invalid_values",
                                          "token_healing",
                                          "low_memory",
                                          "use_cache",
                                          "cache_implementation",
                                          "cache_config",
                                          "return_legacy_cache",
                                          "prefill_chunk_size",
                                          "compile_config",
                                          "disable_compile",
                                          "continuous_batching_config",
                                          "return_dict_in_generate",
                                          "output_scores",
                                          "output_logits",
                                          "output_attentions",
                                          "output_hidden_states",
                                          "is_assistant",
                                          "num_assistant_tokens",
                                          "num_assistant_tokens_schedule",
                                          "assistant_confidence_threshold",
                                          "assistant_early_exit",
                                          "assistant_lookbehind",
                                          "target_lookbehind",
                                          "prompt_lookup_num_tokens",
                                          "use_mtp",
                                          "generation_kwargs"};

class Reader {
 public:
  Reader(const json::object& object, std::string file, GenerationConfig& to)
      : object_(object), file_(std::move(file)), to_(to) {}

  void sampling() {
    const json::value* sample = given("do_sample");
    if (!sample) return;
    if (!sample->is_bool()) return unused("do_sample", *sample, "true or false");
    if (!sample->get_bool()) return;
    constexpr double kLeast = 1e-9;  // of top_p: the most probable token alone, what transformers makes of 0
    to_.temperature = number("temperature", 0, 100, 1);
    to_.top_k = static_cast<int64_t>(std::max(0.0, number("top_k", -1e9, 1e9, 50)));
    to_.top_p = std::max(kLeast, number("top_p", 0, 1, 1));
    to_.min_p = number("min_p", 0, 1, 0);
    to_.repetition_penalty = number("repetition_penalty", 1e-3, 1e3, 1);
  }

  void ends(int64_t vocab) {
    const json::value* eos = given("eos_token_id");
    if (!eos) return;
    const json::array one = eos->is_array() ? eos->get_array() : json::array{*eos};
    for (const json::value& v : one) {
      const auto id = as_integer(v);
      if (!id || *id < 0 || *id >= vocab)
        unused("eos_token_id", v, fmt::format("an id of the vocabulary of {}", vocab));
      else if (std::find(to_.eos.begin(), to_.eos.end(), *id) == to_.eos.end())
        to_.eos.push_back(*id);
    }
  }

  void others() {
    for (const auto& [key, value] : object_) {
      const std::string_view name(key);
      if (std::find(std::begin(kNoMatter), std::end(kNoMatter), name) != std::end(kNoMatter)) continue;
      const auto* known =
          std::find_if(std::begin(kAbsent), std::end(kAbsent), [name](const Absent& a) { return a.name == name; });
      if (known == std::end(kAbsent))
        say(fmt::format("{} is not used: no field that this program knows", shown(json::string(name))));
      else if (!is_neutral(value, known->neutral))
        say(fmt::format("\"{}\" = {} is not used: this program does not decode that way", name, shown(value)));
    }
  }

 private:
  static bool is_neutral(const json::value& value, double neutral) {
    if (value.is_null() || value == false) return true;
    if (value.is_array()) return value.get_array().empty();
    return as_number(value) == neutral;
  }
  // Null: missing, or null.
  const json::value* given(std::string_view name) const {
    const json::value* v = object_.if_contains(name);
    return v && !v->is_null() ? v : nullptr;
  }
  double number(std::string_view name, double low, double high, double otherwise) {
    const json::value* v = given(name);
    if (!v) return otherwise;
    const auto n = as_number(*v);
    if (n && *n >= low && *n <= high) return *n;
    unused(name, *v, fmt::format("a number from {} to {}", low, high));
    return otherwise;
  }
  void unused(std::string_view name, const json::value& value, std::string_view expected) {
    say(fmt::format("\"{}\" = {} is not used: it is not {}", name, shown(value), expected));
  }
  void say(const std::string& what) { to_.unused.push_back(fmt::format("{}: {}", file_, what)); }

  const json::object& object_;
  std::string file_;
  GenerationConfig& to_;
};

}  // namespace

GenerationConfig load_generation_config(const std::string& folder, int64_t vocab) {
  const std::string file = folder + "/generation_config.json";
  GenerationConfig config;
  if (!is_there(file)) return config;
  const auto text = read_file(file, int64_t{1} << 24);
  const auto value = text ? formats::parse_strict_json(*text, file) : Result<json::value>(text.error());
  if (!value || !value->is_object()) {
    config.unused.push_back((value ? file + ": is no JSON object." : value.error().message) + " The file is not used.");
    return config;
  }
  Reader reader(value->get_object(), file, config);
  reader.sampling();
  reader.ends(vocab);
  reader.others();
  return config;
}

}  // namespace jamsu::models
