#include "eval/question_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "formats/json_records.h"
#include "text/conversation.h"
#include "unicode/text_file.h"

namespace jamsu::eval {
namespace {

namespace json = boost::json;

// Calls take(object, "file:line") for each object of the file.
template <class Take>
Status for_each_object(const std::string& path, const Take& take) {
  const auto text = unicode::read_text_file(path);
  if (!text) return text.error();
  const auto taken = formats::for_each_record(*text, path, take);
  if (!taken) return taken.error();
  if (*taken == 0) return Error{path + ": no questions"};
  return {};
}

std::string text_of(const json::object& o, const char* name) {
  const json::value* v = o.if_contains(name);
  return v && v->is_string() ? std::string(v->as_string()) : std::string();
}

// What is asked, and the answer where it stands in the same form.
struct Question {
  std::string prompt, answer;
};
Result<Question> question_of(const json::object& o, const std::string& where) {
  for (const char* name : {"prompt", "question"})
    if (std::string prompt = text_of(o, name); !prompt.empty())
      return Question{std::move(prompt), text_of(o, "answer")};
  if (!text::is_conversation(o)) return Question{};
  const auto c = text::read_conversation(o, where);
  if (!c) return c.error();
  size_t asked = c->asked;
  std::string answer = text_of(o, "answer");
  if (answer.empty() && c->messages.back().role == "assistant") {
    answer = c->messages.back().content;
    asked = std::min(asked, c->messages.size() - 1);
  }
  if (asked != 1 || c->messages.front().role != "user" || !c->tools.empty())
    return Error{where + ": a question is one message of the user; this conversation holds more"};
  return Question{c->messages.front().content, std::move(answer)};
}

// "any" of a question; empty: it is not there.
Result<std::vector<std::string>> any_of(const json::object& o, const std::string& where) {
  std::vector<std::string> texts;
  const json::value* any = o.if_contains("any");
  if (!any || any->is_null()) return texts;
  const Error wrong{where + ": \"any\" is not a list of texts"};
  if (!any->is_array() || any->as_array().empty()) return wrong;
  for (const json::value& text : any->as_array()) {
    if (!text.is_string() || text.as_string().empty()) return wrong;
    texts.emplace_back(text.as_string());
  }
  return texts;
}

// `1,005` -> `1005`; other texts but for spaces around them as they stand.
std::string canonical(std::string value) {
  if (const size_t mark = value.rfind("####"); mark != std::string::npos) value.erase(0, mark + 4);
  value.erase(0, value.find_first_not_of(" \t\r\n"));
  value.erase(value.find_last_not_of(" \t\r\n") + 1);
  std::string number;
  std::remove_copy(value.begin(), value.end(), std::back_inserter(number), ',');
  const bool digits = number.find_first_not_of("0123456789", number.starts_with('-') ? 1 : 0) == std::string::npos;
  return digits ? number : value;
}

// Which of the choices an answer means.
std::optional<size_t> index_of(const json::value& answer, const std::vector<std::string>& choices) {
  const auto count = static_cast<int64_t>(choices.size());
  if (answer.is_int64()) {
    const int64_t i = answer.as_int64();
    return i >= 0 && i < count ? std::optional(static_cast<size_t>(i)) : std::nullopt;
  }
  if (!answer.is_string()) return std::nullopt;
  const std::string_view text = answer.as_string();
  const auto same = std::find(choices.begin(), choices.end(), text);
  if (same != choices.end()) return static_cast<size_t>(same - choices.begin());
  if (text.size() == 1 && text[0] >= 'A' && text[0] - 'A' < count) return static_cast<size_t>(text[0] - 'A');
  return std::nullopt;
}

}  // namespace

Result<std::vector<tasks::Sample>> read_questions(const std::string& path) {
  std::vector<tasks::Sample> samples;
  const Status s = for_each_object(path, [&](const json::object& o, const std::string& where) -> Status {
    tasks::Sample sample;
    sample.kind = tasks::Kind::word;
    sample.cell = "question";
    auto question = question_of(o, where);
    if (!question) return question.error();
    sample.prompt = std::move(question->prompt);
    sample.value = canonical(std::move(question->answer));
    auto any = any_of(o, where);
    if (!any) return any.error();
    sample.any = std::move(*any);
    if (sample.prompt.empty() || (sample.value.empty() && sample.any.empty()))
      return Error{where +
                   ": not an object with strings \"prompt\" (or \"question\") and \"answer\" (or a list \"any\")"};
    if (!sample.value.empty() && !sample.any.empty())
      return Error{where + ": \"answer\" and \"any\": by which is a reply judged?"};
    samples.push_back(std::move(sample));
    return {};
  });
  if (!s) return s.error();
  return samples;
}

Result<std::vector<ChoiceProblem>> read_choices(const std::string& path) {
  std::vector<ChoiceProblem> problems;
  const Status s = for_each_object(path, [&](const json::object& o, const std::string& where) -> Status {
    ChoiceProblem problem;
    auto question = question_of(o, where);
    if (!question) return question.error();
    problem.prompt = std::move(question->prompt);
    if (problem.prompt.empty()) return Error{where + ": \"prompt\" (or \"question\") is missing or no text"};
    const json::value *choices = o.if_contains("choices"), *answer = o.if_contains("answer");
    if (!choices || !choices->is_array() || choices->as_array().size() < 2)
      return Error{where + ": \"choices\" is not a list of two texts or more"};
    for (const json::value& choice : choices->as_array()) {
      if (!choice.is_string() || choice.as_string().empty())
        return Error{fmt::format("{}: \"choices\" holds {}, not a text", where, json::serialize(choice))};
      problem.choices.emplace_back(choice.as_string());
    }
    const auto index = answer ? index_of(*answer, problem.choices) : std::nullopt;
    if (!index)
      return Error{
          fmt::format("{}: \"answer\" = {} is none of the {} choices (an index from 0, a letter from A, or the "
                      "text)",
                      where, answer ? json::serialize(*answer) : "(missing)", problem.choices.size())};
    problem.answer = *index;
    problems.push_back(std::move(problem));
    return {};
  });
  if (!s) return s.error();
  return problems;
}

}  // namespace jamsu::eval
