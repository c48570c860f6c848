#include "models/config/reader.h"

#include <algorithm>
#include <cmath>

#include "models/config/foreign.h"

namespace jamsu::models {

namespace json = boost::json;

namespace {

// What every config has and no forward reads: not worth a line to anybody.
bool goes_without_saying(std::string_view name) {
  static const std::set<std::string_view> names = {"architectures",
                                                   "model_type",
                                                   "attention_dropout",
                                                   "initializer_range",
                                                   "use_cache",
                                                   "torch_dtype",
                                                   "dtype",
                                                   "transformers_version",
                                                   "auto_map",
                                                   "pretraining_tp",
                                                   "pad_token_id",
                                                   "output_router_logits",
                                                   "router_aux_loss_coef",
                                                   "jamsu_numerics_version"};
  return names.contains(name);
}

// "torch.float32" and "float32" are one type.
json::value plain_dtype(const json::value& v) {
  if (v.is_string() && v.as_string().starts_with("torch.")) return json::value(v.as_string().subview(6));
  return v;
}

}  // namespace

Error config_error(std::string_view file, const std::string& text) {
  return Error{fmt::format("{}: {}", file, text)};
}

std::optional<double> as_number(const json::value& v) {
  if (v.is_int64()) return static_cast<double>(v.as_int64());
  if (v.is_uint64()) return static_cast<double>(v.as_uint64());
  if (v.is_double() && std::isfinite(v.as_double())) return v.as_double();
  return std::nullopt;
}

std::optional<int64_t> as_integer(const json::value& v) {
  if (v.is_int64()) return v.as_int64();
  return std::nullopt;
}

bool same_value(const json::value& a, const json::value& b) {
  const auto x = as_number(a), y = as_number(b);
  return x && y ? *x == *y : a == b;
}

std::string shown(const json::value& value) {
  constexpr size_t kMost = 60;
  std::string text = json::serialize(value);
  if (text.size() <= kMost) return text;
  size_t end = kMost - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;  // not within a character
  return text.substr(0, end) + "...";
}

Error wrong_value(std::string_view file, std::string_view name, const json::value& value, std::string_view expected) {
  return config_error(file, fmt::format("\"{}\" = {} is not {}.", name, shown(value), expected));
}

Error disagreement(std::string_view file, std::string_view a, const json::value& of_a, std::string_view b,
                   const json::value& of_b) {
  return config_error(file, fmt::format("\"{}\" = {} and \"{}\" = {} say the same thing differently: take one out.", a,
                                        shown(of_a), b, shown(of_b)));
}

Result<std::vector<int64_t>> read_eos(const json::value& value, std::string_view file) {
  if (value.is_null()) return std::vector<int64_t>{};
  if (const auto id = as_integer(value)) return std::vector<int64_t>{*id};
  if (!value.is_array()) return wrong_value(file, "eos_token_id", value, "an integer or a list of integers");
  std::vector<int64_t> ids;
  for (const json::value& item : value.as_array()) {
    const auto id = as_integer(item);
    if (!id) return config_error(file, "\"eos_token_id\" is a list with something else than integers.");
    ids.push_back(*id);
  }
  return ids;
}

Status check_experts(int64_t layers, int64_t experts, std::string_view experts_name, std::string_view file) {
  constexpr int64_t kMost = int64_t{1} << 18;
  if (layers * experts <= kMost) return {};
  return config_error(file, fmt::format("\"num_hidden_layers\" = {} times \"{}\" = {} is more than {} experts.", layers,
                                        experts_name, experts, kMost));
}

Status check_ids(int64_t bos, const std::vector<int64_t>& eos, int64_t vocab, std::string_view file) {
  for (const int64_t id : eos)
    if (id < 0 || id >= vocab)
      return config_error(file, fmt::format("\"eos_token_id\" = {} is outside the vocabulary of {}.", id, vocab));
  if (bos >= vocab)
    return config_error(file, fmt::format("\"bos_token_id\" = {} is outside the vocabulary of {}.", bos, vocab));
  return {};
}

Result<ConfigReader> ConfigReader::open(const json::object& object, const ConfigClass& of, std::string_view file) {
  const auto there = [&](std::string_view name) -> const json::value* {
    const json::value* v = object.if_contains(name);
    return v && !v->is_null() ? v : nullptr;
  };
  for (const auto& [name, alias] : of.aliases)
    if (const json::value* a = there(name), *b = there(alias); a && b && !same_value(*a, *b))
      return disagreement(file, name, *a, alias, *b);
  if (const json::value* a = there("dtype"), *b = there("torch_dtype"); a && b && plain_dtype(*a) != plain_dtype(*b))
    return disagreement(file, "dtype", *a, "torch_dtype", *b);
  return ConfigReader(object, of, file);
}

const json::value* ConfigReader::given(std::string_view name) {
  const auto look = [&](std::string_view spelling) -> const json::value* {
    const auto it = object_->find(spelling);
    if (it == object_->end()) return nullptr;
    read_.insert(std::string_view(it->key().data(), it->key().size()));
    return it->value().is_null() && !class_->null_is_value.contains(name) ? nullptr : &it->value();
  };
  const json::value* found = look(name);
  for (const auto& [field, alias] : class_->aliases)
    if (field == name)
      if (const json::value* other = look(alias); !found) found = other;
  return found;
}

const json::value* ConfigReader::value(std::string_view name) {
  const json::value* v = given(name);
  return v ? v : class_->defaults.if_contains(name);
}

void ConfigReader::read_over(std::string_view name, const json::value& value) {
  read_over_.push_back(fmt::format("\"{}\" = {}", name, shown(value)));
}

Result<std::vector<std::string>> ConfigReader::finish() const {
  std::vector<std::string> all = read_over_;
  for (const auto& [key, value] : *object_) {
    const std::string_view name(key.data(), key.size());
    if (read_.contains(name) || value.is_null()) continue;
    const auto fixed =
        std::find_if(class_->fixed.begin(), class_->fixed.end(), [&](const FixedField& f) { return name == f.name; });
    if (fixed != class_->fixed.end()) {
      const auto is = [&value = value](const json::value& legal) { return same_value(value, legal); };
      if (!std::any_of(fixed->values.begin(), fixed->values.end(), is))
        return wrong_value(file_, name, value,
                           fmt::format("{}, which is what {} computes here", json::serialize(fixed->values.front()),
                                       class_->architecture));
    } else if (const char* what = asks_for(name, value)) {
      return config_error(file_, fmt::format("\"{}\" = {} asks for {}, which is no part of {} here.", name,
                                             shown(value), what, class_->architecture));
    } else if (!goes_without_saying(name)) {
      all.push_back(fmt::format("\"{}\" = {}", name, shown(value)));
    }
  }
  return all;
}

Result<TokenIds> read_token_ids(ConfigReader& reader, int64_t vocab) {
  TokenIds ids;
  const std::string_view file = reader.file();
  const auto within = [&](const json::value& id) {
    const auto n = as_integer(id);
    return n && *n >= 0 && *n < vocab;
  };
  const json::object& defaults = reader.config_class().defaults;
  if (const json::value* bos = reader.given("bos_token_id")) {
    const auto id = as_integer(*bos);
    if (!bos->is_null() && (!id || *id < 0)) return wrong_value(file, "bos_token_id", *bos, "a token id or null");
    ids.bos = id.value_or(-1);
  } else if (const json::value* d = defaults.if_contains("bos_token_id"); d && within(*d)) {
    ids.bos = d->as_int64();
  }
  if (const json::value* eos = reader.given("eos_token_id")) {
    auto list = read_eos(*eos, file);
    if (!list) return list.error();
    ids.eos = std::move(*list);
  } else if (const json::value* d = defaults.if_contains("eos_token_id"); d && within(*d)) {
    ids.eos = {d->as_int64()};
  }
  if (auto s = check_ids(ids.bos, ids.eos, vocab, file); !s) return s.error();
  return ids;
}

}  // namespace jamsu::models
