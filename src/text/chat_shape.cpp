// What a template makes of messages: short conversations are rendered, and looked at.
#include <map>
#include <mutex>

#include "text/chat_format.h"

namespace jamsu::text {
namespace {

using jinja::Value;
using Entries = std::vector<std::pair<std::string, Value>>;

// Words that no template has.
constexpr std::string_view kFirst = "jamsufirst", kSecond = "jamsusecond";
constexpr size_t kMostRoles = 32;  // that are remembered

Value message(std::string_view role, Value content, Entries more = {}) {
  Entries entries = {{"role", Value::string(std::string(role))}, {"content", std::move(content)}};
  entries.insert(entries.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  return Value::dict(std::move(entries));
}
Value word(std::string_view text) {
  return Value::string(std::string(text));
}
Value part(std::string_view text) {
  return Value::dict({{"type", word("text")}, {"text", word(text)}});
}

// A conversation in which `role` says `content` where such a role may speak.
Value conversation(std::string_view role, Value content) {
  const Value hello = message("user", word("hello"));
  if (role == "user") return Value::list({message(role, std::move(content))});
  if (role == "assistant") return Value::list({hello, message(role, std::move(content)), hello});
  if (role != "tool" && role != "ipython" && role != "function")
    return Value::list({message(role, std::move(content)), hello});
  const Value id = word("abcdefghi");  // nine letters and digits: Mistral's templates count them
  const Value call = Value::dict({{"id", id},
                                  {"type", word("function")},
                                  {"function", Value::dict({{"name", word("f")}, {"arguments", Value::dict({})}})}});
  return Value::list({hello, message("assistant", word(""), {{"tool_calls", Value::list({call})}}),
                      message(role, std::move(content), {{"tool_call_id", id}, {"name", word("f")}})});
}

}  // namespace

struct ChatFormat::Shapes {
  std::mutex mutex;
  std::map<std::string, RoleShape> found;
};

ChatFormat::ChatFormat(std::shared_ptr<const Written> plain, std::shared_ptr<const Written> with_tools, Tokens tokens)
    : plain_(std::move(plain)),
      with_tools_(std::move(with_tools)),
      tokens_(std::move(tokens)),
      shapes_(std::make_shared<Shapes>()) {}

RoleShape ChatFormat::shape_of(const std::string& role) const {
  {
    const std::lock_guard lock(shapes_->mutex);
    if (const auto found = shapes_->found.find(role); found != shapes_->found.end()) return found->second;
  }
  std::tm day{};  // for templates that write the date
  day.tm_year = 126;
  day.tm_mday = 1;
  const auto rendered = [&](Value content) {
    return render(conversation(role, std::move(content)), {.add_generation_prompt = true, .now = day});
  };
  RoleShape shape;
  if (const auto text = rendered(word(kFirst)); !text)
    shape.text = RoleShape::Text::refused;
  else if (text->find(kFirst) == std::string::npos)
    shape.text = RoleShape::Text::left_out;
  if (const auto text = rendered(Value::list({part(kFirst), part(kSecond)})); text) {
    const size_t first = text->find(kFirst), second = text->find(kSecond);
    const std::string_view before = std::string_view(*text).substr(0, first);
    // The list itself, as Python or JSON writes it, is no text of a conversation.
    const bool as_list = before.ends_with("'text': '") || before.ends_with("\"text\": \"");
    shape.parts = first != std::string::npos && second != std::string::npos && first < second && !as_list;
  }
  const std::lock_guard lock(shapes_->mutex);
  if (shapes_->found.size() < kMostRoles) shapes_->found.emplace(role, shape);
  return shape;
}

}  // namespace jamsu::text
