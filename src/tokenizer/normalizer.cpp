#include "tokenizer/normalizer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/json.hpp>

#include "tokenizer/json_fields.h"

namespace jamsu::tokenizer {

namespace json = boost::json;

Status Normalizer::add(const json::value& v, const std::string& where) {
  if (v.is_null()) return {};
  if (!v.is_object()) return Error{fmt::format("{} is {}; expected an object.", where, json_kind_name(v))};
  const json::object& object = v.get_object();
  const auto type = string_field(object, "type", where);
  if (!type) return type.error();
  if (*type == "Sequence") {
    const auto* list = object.if_contains("normalizers");
    if (!list) return Error{where + ": \"normalizers\" is missing."};
    if (!list->is_array()) return wrong_kind(where, "normalizers", "an array", *list);
    for (size_t i = 0; i < list->get_array().size(); ++i)  // as deep as the JSON parser allowed
      if (Status s = add(list->get_array()[i], fmt::format("{}.normalizers[{}]", where, i)); !s) return s;
    return {};
  }
  const auto kinds = normalizer_kinds();
  const auto kind = std::find_if(kinds.begin(), kinds.end(), [&](const NormalizerKind& k) { return k.type == *type; });
  if (kind == kinds.end()) {
    std::vector<std::string_view> names;
    for (const NormalizerKind& k : kinds) names.push_back(k.type);
    return Error{fmt::format("{}: \"type\" {} is not supported; {} and Sequence are.", where, in_quotes(*type),
                             fmt::join(names, ", "))};
  }
  auto step = kind->read(object, where);
  if (!step) return step.error();
  constexpr double kMostGrowth = 1024;  // a chain that doubles a text forty times ends no encoding
  growth_ *= step->growth;
  if (growth_ > kMostGrowth)
    return Error{
        fmt::format("{}: the replacements up to here can make a text more than {} times longer.", where, kMostGrowth)};
  steps_.push_back(std::move(*step));
  return {};
}

Result<Normalizer> Normalizer::from_json(const json::value& v, const std::string& where) {
  Normalizer n;
  if (Status s = n.add(v, where); !s) return s.error();
  return n;
}

std::string Normalizer::run_up_to(NormalizerStep::Scope scope, std::string text) const {
  for (const NormalizerStep& step : steps_) {
    if (step.scope > scope || text.empty()) continue;
    std::string next;
    if (step.run(text, next) != NormalizerStep::Effect::none) text = std::move(next);
  }
  return text;
}

std::string Normalizer::run_inside(std::string text) const {
  return run_up_to(NormalizerStep::Scope::matches, std::move(text));
}

std::string Normalizer::composed(std::string text) const {
  return run_up_to(NormalizerStep::Scope::characters, std::move(text));
}

std::string_view Normalizer::run(std::string_view text, std::string& owner, bool* at_start) const {
  for (const NormalizerStep& step : steps_) {
    if (text.empty()) return text;
    std::string next;
    const auto effect = step.run(text, next);
    if (effect == NormalizerStep::Effect::none) continue;
    if (at_start && effect == NormalizerStep::Effect::cut_front) *at_start = false;
    owner = std::move(next);
    text = owner;
  }
  return text;
}

}  // namespace jamsu::tokenizer
