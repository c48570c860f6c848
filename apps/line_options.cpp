#include "apps/line_options.h"

#include <fmt/format.h>

#include <string_view>
#include <vector>

namespace jamsu::apps {
namespace {

// What else chat APIs and local servers let a request say of its reply: the value that changes nothing here.
struct NotObeyed {
  const char *name, *harmless;  // as JSON; empty: none
};
constexpr NotObeyed kNotObeyed[] = {{"n", "1"},
                                    {"best_of", "1"},
                                    {"num_return_sequences", "1"},
                                    {"num_beams", "1"},
                                    {"logit_bias", ""},
                                    {"logprobs", "false"},
                                    {"top_logprobs", "0"},
                                    {"echo", "false"},
                                    {"suffix", "\"\""},
                                    {"response_format", R"({"type":"text"})"},
                                    {"tool_choice", "\"auto\""},
                                    {"parallel_tool_calls", "true"},
                                    {"ignore_eos", "false"},
                                    {"min_tokens", "0"},
                                    {"min_new_tokens", "0"},
                                    {"max_length", ""},
                                    {"do_sample", ""},
                                    {"length_penalty", "1"},
                                    {"no_repeat_ngram_size", "0"},
                                    {"typical_p", "1"},
                                    {"stop_token_ids", ""},
                                    {"stop_sequences", ""},
                                    {"bad_words", ""},
                                    {"prediction", ""},
                                    {"grammar", ""},
                                    {"json_schema", ""},
                                    {"guided_json", ""},
                                    {"guided_regex", ""},
                                    {"guided_choice", ""},
                                    {"guided_grammar", ""},
                                    {"modalities", R"(["text"])"},
                                    {"web_search_options", ""}};

bool asks_for_nothing(const boost::json::value& value, const char* harmless) {
  const bool empty = value.is_null() || (value.is_array() && value.get_array().empty()) ||
                     (value.is_object() && value.get_object().empty());
  if (empty || *harmless == '\0') return empty;
  const boost::json::value wanted = boost::json::parse(harmless);
  return value.is_number() && wanted.is_number() ? value.to_number<double>() == wanted.to_number<double>()
                                                 : value == wanted;
}

// As it would stand on the command line; 5.0 is 5.
std::string as_option(const boost::json::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  if (value.is_bool()) return value.get_bool() ? "on" : "off";
  if (value.is_double()) return fmt::format("{}", value.get_double());
  return boost::json::serialize(value);
}

Status take_stop(const boost::json::value& value, const std::string& where, std::vector<std::string>& stop) {
  const boost::json::array alone{value};
  stop.clear();
  for (const boost::json::value& text : value.is_array() ? value.get_array() : alone) {
    if (!text.is_string() || text.get_string().empty())
      return Error{where + ": \"stop\" is a text or a list of texts, none of them empty"};
    stop.emplace_back(text.get_string());
  }
  return {};
}

}  // namespace

Status take_line_options(const boost::json::object& line, const std::string& where, SamplingOptions& options) {
  const char* limit = nullptr;  // the member that has said how long the reply may be
  const auto take = [&](const Setting& setting, const char* name) -> Status {
    const boost::json::value* value = line.if_contains(name);
    if (!value || value->is_null()) return {};
    const bool word = std::holds_alternative<std::string SamplingOptions::*>(setting.member);
    const std::string wrong = value->is_number() || word ? set(options, setting, as_option(*value))
                                                         : fmt::format("{} is a number", setting.name);
    if (!wrong.empty())
      return Error{fmt::format("{}: \"{}\" is {}: {}", where, name, boost::json::serialize(*value), wrong)};
    return {};
  };
  for (const Setting& setting : settings())
    if (setting.name != std::string_view("show_thinking"))
      if (auto s = take(setting, setting.name); !s) return s;
  for (const Setting& setting : settings())
    if (setting.name == std::string_view("max_tokens"))
      for (const char* name : {"max_tokens", "max_completion_tokens", "max_new_tokens"}) {
        const boost::json::value* value = line.if_contains(name);
        if (!value || value->is_null()) continue;
        const int64_t before = options.max_tokens;
        if (auto s = take(setting, name); !s) return s;
        if (limit && options.max_tokens != before)
          return Error{fmt::format("{}: \"{}\" and \"{}\" disagree", where, limit, name)};
        limit = name;
      }
  if (const boost::json::value* stop = line.if_contains("stop"); stop && !stop->is_null())
    if (auto s = take_stop(*stop, where, options.stop); !s) return s;
  for (const auto& [name, harmless] : kNotObeyed)
    if (const boost::json::value* value = line.if_contains(name); value && !asks_for_nothing(*value, harmless))
      return Error{fmt::format("{}: \"{}\" is not obeyed here: leave it out", where, name)};
  return {};
}

}  // namespace jamsu::apps
