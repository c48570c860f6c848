#include "apps/request.h"

#include <ctime>

namespace jamsu::apps {

void add_sampling_options(Verb& verb, SamplingOptions& o) {
  verb.add_option("--temperature", o.temperature,
                  "0: always the most probable token. This and the next four: as generation_config.json of the model "
                  "says (chat and "
                  "--chat), else 0, off, 1, 0, 1")
      ->range(0.0, 100.0);
  verb.add_option("--top-k", o.top_k, "draw among the k most probable; 0: off")->non_negative();
  verb.add_option("--top-p", o.top_p, "draw among the most probable that sum up to p")->range(1e-9, 1.0);
  verb.add_option("--min-p", o.min_p, "drop tokens below this share of the most probable")->range(0.0, 1.0);
  verb.add_option("--repetition-penalty", o.repetition_penalty, "above 1 discourages tokens seen before")
      ->range(1e-3, 1e3);
  verb.add_option("--presence-penalty", o.presence_penalty, "subtracted from tokens of the reply so far");
  verb.add_option("--frequency-penalty", o.frequency_penalty, "the same, times how often");
  verb.add_option("--seed", o.seed, "of the draws; the same seed gives the same reply");
  verb.add_option("--max-tokens", o.max_tokens, "longest reply")->range(int64_t{1}, int64_t{1} << 30);
  verb.add_option("--think", o.think, "on, off, or auto (default): the model decides")->one_of({"on", "off", "auto"});
  verb.add_option("--stop", o.stop, "a text that ends the reply and is not part of it; may be given again");
}

session::ChatRequest make_request(const SamplingOptions& o, const models::GenerationConfig& defaults) {
  session::ChatRequest r;
  r.thinking = o.think == "on"    ? session::Thinking::on
               : o.think == "off" ? session::Thinking::off
                                  : session::Thinking::automatic;
  r.sampling = {.temperature = o.temperature.value_or(defaults.temperature),
                .top_k = o.top_k.value_or(defaults.top_k),
                .top_p = o.top_p.value_or(defaults.top_p),
                .min_p = o.min_p.value_or(defaults.min_p),
                .repetition_penalty = o.repetition_penalty.value_or(defaults.repetition_penalty),
                .presence_penalty = o.presence_penalty,
                .frequency_penalty = o.frequency_penalty,
                .logit_bias = {},
                .allowed_ids = {},
                .seed = o.seed};
  r.max_tokens = o.max_tokens;
  r.stop = o.stop;
  const std::time_t seconds = std::time(nullptr);
  if (std::tm now{}; localtime_r(&seconds, &now)) r.now = now;
  return r;
}

boost::json::object to_json(const session::Reply& r) {
  static constexpr const char* kReasons[] = {"stop", "length", "cancelled", "error"};
  boost::json::object o{{"content", r.content},
                        {"reasoning", r.reasoning},
                        {"finish_reason", kReasons[static_cast<size_t>(r.done.reason)]},
                        {"prompt_tokens", r.done.prompt_tokens},
                        {"tokens", r.done.output_tokens},
                        {"reasoning_tokens", r.done.reasoning_tokens},
                        {"seconds", r.done.seconds}};
  if (!r.calls.empty()) {
    boost::json::array calls;
    for (const auto& call : r.calls)
      calls.push_back({{"name", call.name},
                       {"arguments", call.arguments},
                       {"id", call.id},
                       {"complete", call.complete},
                       {"valid", call.valid}});
    o["tool_calls"] = std::move(calls);
  }
  if (!r.done.warnings.empty()) o["warnings"] = boost::json::array(r.done.warnings.begin(), r.done.warnings.end());
  if (!r.done.error.empty()) o["error"] = r.done.error;
  return o;
}

}  // namespace jamsu::apps
