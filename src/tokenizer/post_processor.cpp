#include "tokenizer/post_processor.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "tokenizer/json_fields.h"

namespace jamsu::tokenizer {
namespace {

namespace json = boost::json;

class Reader {
 public:
  explicit Reader(int32_t vocab_size) : vocab_size_(vocab_size) {}

  Status read(const json::value& v, const std::string& where) {
    if (v.is_null()) return {};
    if (!v.is_object()) return Error{fmt::format("{} is {}; expected an object.", where, json_kind_name(v))};
    const auto type = string_field(v.get_object(), "type", where);
    if (!type) return type.error();
    if (*type == "ByteLevel") return {};  // moves offsets only
    if (*type == "TemplateProcessing") return template_processing(v.get_object(), where);
    if (*type == "RobertaProcessing" || *type == "BertProcessing") return begin_and_end(v.get_object(), where);
    if (*type != "Sequence")
      return Error{
          fmt::format("{}: \"type\" {} is not supported; ByteLevel, TemplateProcessing, RobertaProcessing, "
                      "BertProcessing and Sequence are.",
                      where, in_quotes(*type))};
    const auto* list = v.get_object().if_contains("processors");
    if (!list) return Error{where + ": \"processors\" is missing."};
    if (!list->is_array()) return wrong_kind(where, "processors", "an array", *list);
    for (size_t i = 0; i < list->get_array().size(); ++i)
      if (Status s = read(list->get_array()[i], fmt::format("{}.processors[{}]", where, i)); !s) return s;
    return {};
  }
  AroundText take() { return std::move(around_); }

 private:
  static constexpr size_t kMaxIds = 1024;
  static Error too_many(const std::string& where) {
    return Error{fmt::format("{}: more than {} ids around a text.", where, kMaxIds)};
  }

  // "cls" and "sep", each [token, id].
  Status begin_and_end(const json::object& processor, const std::string& where) {
    for (const char* key : {"cls", "sep"}) {
      const auto* pair = processor.if_contains(key);
      if (!pair) return Error{fmt::format("{}: \"{}\" is missing.", where, key)};
      if (!pair->is_array() || pair->get_array().size() != 2 || !pair->get_array()[0].is_string())
        return Error{fmt::format("{}: \"{}\" is not [token, id].", where, key)};
      const auto id = id_value(pair->get_array()[1], fmt::format("{}: \"{}\"", where, key));
      if (!id) return id.error();
      if (*id < 0 || *id >= vocab_size_)
        return Error{fmt::format("{}: \"{}\": id {} is out of range.", where, key, *id)};
      const auto token = static_cast<int32_t>(*id);
      if (*key == 'c')
        around_.prefix.insert(around_.prefix.begin(), token);
      else
        around_.suffix.push_back(token);
    }
    return around_.prefix.size() + around_.suffix.size() > kMaxIds ? Status(too_many(where)) : Status();
  }

  // The ids a template's special token stands for.
  Result<std::vector<int32_t>> template_ids(const json::object& processor, std::string_view key,
                                            const std::string& where) const {
    const auto* table = processor.if_contains("special_tokens");
    if (!table) return Error{where + ": \"special_tokens\" is missing."};
    if (!table->is_object()) return wrong_kind(where, "special_tokens", "an object", *table);
    const auto* entry = table->get_object().if_contains(key);
    if (!entry) return Error{fmt::format("{}: {} is not in \"special_tokens\".", where, in_quotes(key))};
    if (!entry->is_object()) return wrong_kind(where + ".special_tokens", key, "an object", *entry);
    const auto* ids = entry->get_object().if_contains("ids");
    if (!ids || !ids->is_array())
      return Error{fmt::format("{}.special_tokens: {} has no array \"ids\".", where, in_quotes(key))};
    std::vector<int32_t> out;
    if (ids->get_array().size() > kMaxIds) return too_many(where);
    for (const auto& v : ids->get_array()) {
      const auto id = id_value(v, where + ".special_tokens");
      if (!id) return id.error();
      if (*id < 0 || *id >= vocab_size_)
        return Error{fmt::format("{}.special_tokens: id {} of {} is out of range.", where, *id, in_quotes(key))};
      out.push_back(static_cast<int32_t>(*id));
    }
    return out;
  }

  Status template_processing(const json::object& processor, const std::string& where) {
    const auto* single = processor.if_contains("single");
    if (!single) return Error{where + ": \"single\" is missing."};
    if (!single->is_array()) return wrong_kind(where, "single", "an array", *single);
    std::vector<int32_t> parts[2];  // before and after the text
    size_t texts = 0;
    for (size_t i = 0; i < single->get_array().size(); ++i) {
      const std::string here = fmt::format("{}.single[{}]", where, i);
      const auto& v = single->get_array()[i];
      if (!v.is_object() || v.get_object().size() != 1 || !v.get_object().begin()->value().is_object())
        return Error{here + ": expected {\"Sequence\": {...}} or {\"SpecialToken\": {...}}."};
      const auto& [kind, body] = *v.get_object().begin();
      const auto id = string_field(body.get_object(), "id", here);
      if (!id) return id.error();
      if (kind == "Sequence") {
        if (*id != "A") return Error{fmt::format("{}: sequence {} in a template for one text.", here, in_quotes(*id))};
        if (++texts > 1) return Error{here + ": the text stands twice in the template; that is not supported."};
      } else if (kind == "SpecialToken") {
        const auto ids = template_ids(processor, *id, where);
        if (!ids) return ids.error();
        auto& part = parts[texts];
        part.insert(part.end(), ids->begin(), ids->end());
        if (part.size() > kMaxIds) return too_many(where);
      } else {
        return Error{fmt::format("{}: {} is neither \"Sequence\" nor \"SpecialToken\".", here, in_quotes(kind))};
      }
    }
    if (texts == 0) return Error{where + ": \"single\" has no text (\"Sequence\" A)."};
    around_.prefix.insert(around_.prefix.begin(), parts[0].begin(), parts[0].end());
    around_.suffix.insert(around_.suffix.end(), parts[1].begin(), parts[1].end());
    if (around_.prefix.size() + around_.suffix.size() > kMaxIds) return too_many(where);
    return {};
  }

  const int32_t vocab_size_;
  AroundText around_;
};

}  // namespace

Result<AroundText> read_post_processor(const json::value& value, const std::string& where, int32_t vocab_size) {
  Reader reader(vocab_size);
  if (Status s = reader.read(value, where); !s) return s.error();
  return reader.take();
}

}  // namespace jamsu::tokenizer
