#include "apps/request.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>
#include <limits>
#include <type_traits>

namespace jamsu::apps {

namespace {

constexpr double kNone = std::numeric_limits<double>::infinity();  // no bound

const std::vector<Setting>& table() {
  using S = SamplingOptions;
  static const std::vector<Setting> all = {
      {"temperature",
       &S::temperature,
       0,
       100,
       {},
       false,
       "0: always the most probable token. This and the next four: as generation_config.json of the model says (chat "
       "and --chat), else 0, off, 1, 0, 1"},
      {"top_k", &S::top_k, 0, 1e9, {}, false, "draw among the k most probable; 0: off"},
      {"top_p", &S::top_p, 1e-9, 1, {}, false, "draw among the most probable that sum up to p"},
      {"min_p", &S::min_p, 0, 1, {}, false, "drop tokens below this share of the most probable"},
      {"repetition_penalty", &S::repetition_penalty, 1e-3, 1e3, {}, false, "above 1 discourages tokens seen before"},
      {"presence_penalty",
       &S::presence_penalty,
       -kNone,
       kNone,
       {},
       false,
       "subtracted from tokens of the reply so far"},
      {"frequency_penalty", &S::frequency_penalty, -kNone, kNone, {}, false, "the same, times how often"},
      {"seed", &S::seed, 0, kNone, {}, false, "of the draws; the same seed gives the same reply"},
      {"max_tokens", &S::max_tokens, 1, 1 << 30, {}, false, "longest reply"},
      {"think", &S::think, 0, 0, {"on", "off", "auto"}, false, "on, off, or auto (default): the model decides"},
      {"adapt_messages",
       &S::adapt_messages,
       0,
       0,
       {"on", "off"},
       false,
       "on: messages that the chat template leaves out or writes as a list go in a form that it writes (developer as "
       "system, parts as one text); off (default): as they are, as transformers does, with a warning"},
      {"show_thinking",
       &S::show_thinking,
       0,
       0,
       {"no", "yes", "dim"},
       true,
       "no; yes: between <think> and </think>; dim (default): dimmed on a terminal, elsewhere as yes"},
      {"end_loops",
       &S::end_loops,
       0,
       0,
       {"on", "off"},
       true,
       "end a reply that says the same again and again (24 times in 384 tokens or more); default: on in the chat "
       "format"},
  };
  return all;
}

// A number that is all of `value`; nothing else.
template <class T>
std::optional<T> number(const std::string& value) {
  T result{};
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), result);
  if (error != std::errc() || end != value.data() + value.size()) return std::nullopt;
  return result;
}

// Writes a member of the type that the row says; why not, where the value is none.
struct Set {
  SamplingOptions& options;
  const Setting& setting;
  const std::string& value;

  std::string operator()(std::string SamplingOptions::*member) const {
    if (std::find(setting.words.begin(), setting.words.end(), value) == setting.words.end())
      return fmt::format("{} is {}", setting.name, fmt::join(setting.words, ", "));
    options.*member = value;
    return {};
  }
  template <class T>
  std::string operator()(std::optional<T> SamplingOptions::*member) const {
    return take<T>([&](T n) { options.*member = n; });
  }
  template <class T>
  std::string operator()(T SamplingOptions::*member) const {
    return take<T>([&](T n) { options.*member = n; });
  }

 private:
  template <class T>
  std::string take(const std::function<void(T)>& keep) const {
    const std::optional<T> n = number<T>(value);
    const bool finite = n && std::isfinite(static_cast<double>(*n));
    if (!finite || static_cast<double>(*n) < setting.low || static_cast<double>(*n) > setting.high) {
      const char* kind = std::is_floating_point_v<T> ? "a number" : "a whole number";
      return std::isfinite(setting.high)
                 ? fmt::format("{} is {} from {} to {}", setting.name, kind, setting.low, setting.high)
                 : fmt::format("{} is {}", setting.name, kind);
    }
    keep(*n);
    return {};
  }
};

// The range as the option's type is: [1 - 64], not [1.0 - 64.0].
template <class T>
void add_range(Option& option, const T& value, const Setting& setting) {
  if constexpr (requires { value.has_value(); })
    add_range(option, value.value_or(0), setting);
  else if constexpr (std::is_floating_point_v<T>)
    option.range(setting.low, setting.high);
  else if constexpr (std::is_integral_v<T>)
    option.range(static_cast<int64_t>(setting.low), static_cast<int64_t>(setting.high));
}

std::string option_name(const Setting& setting) {
  std::string name = std::string("--") + setting.name;
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

}  // namespace

std::span<const Setting> settings() {
  return table();
}

std::string set(SamplingOptions& options, const Setting& setting, const std::string& value) {
  return std::visit(Set{options, setting, value}, setting.member);
}

std::string value_of(const SamplingOptions& options, const Setting& setting) {
  return std::visit(
      [&](auto member) -> std::string {
        const auto& value = options.*member;
        using T = std::remove_cvref_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::string>)
          return value;
        else if constexpr (requires { value.has_value(); })
          return value ? fmt::format("{}", *value) : "as the model's makers want it";
        else
          return fmt::format("{}", value);
      },
      setting.member);
}

void add_sampling_options(Verb& verb, SamplingOptions& o, bool shows) {
  for (const Setting& setting : settings()) {
    if (setting.shown && !shows) continue;
    const std::string name = option_name(setting);
    Option* option =
        std::visit([&](auto member) { return verb.add_option(name.c_str(), o.*member, setting.help); }, setting.member);
    if (!setting.words.empty())
      option->one_of(std::vector<std::string>(setting.words.begin(), setting.words.end()));
    else if (std::isfinite(setting.high))
      std::visit([&](auto member) { add_range(*option, o.*member, setting); }, setting.member);
  }
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
  r.end_loops = o.end_loops == "on";
  r.adapt_messages = o.adapt_messages == "on";
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
  if (r.done.looped) o["looped"] = true;  // finish_reason is "length"
  if (!r.done.warnings.empty()) o["warnings"] = boost::json::array(r.done.warnings.begin(), r.done.warnings.end());
  if (!r.done.error.empty()) o["error"] = r.done.error;
  return o;
}

std::string why_cut(const session::Reply& reply, int64_t max_tokens, int64_t context) {
  if (reply.done.reason != engine::FinishReason::length) return {};
  if (reply.done.looped) return "it said the same again and again (--end-loops off lets it)";
  if (reply.done.output_tokens >= max_tokens) return fmt::format("cut at --max-tokens {}", max_tokens);
  return fmt::format("cut where the model's context of {} tokens is full", context);
}

}  // namespace jamsu::apps
