#include "eval/question_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "base/files.h"
#include "formats/strict_json.h"

namespace jamsu::eval {
namespace {

namespace json = boost::json;

// Calls take(object, "file:line") for each line that is not blank.
template <class Take>
Status for_each_line(const std::string& path, const Take& take) {
  const auto text = read_file(path);
  if (!text) return text.error();
  int64_t number = 0, taken = 0;
  for (size_t begin = 0; begin < text->size();) {
    size_t end = text->find('\n', begin);
    if (end == std::string::npos) end = text->size();
    const std::string_view line(text->data() + begin, end - begin);
    begin = end + 1;
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const auto where = fmt::format("{}:{}", path, number);
    const auto value = formats::parse_strict_json(line, where);
    if (!value) return value.error();
    if (!value->is_object()) return Error{where + ": not a JSON object"};
    if (auto s = take(value->as_object(), where); !s) return s;
    ++taken;
  }
  if (taken == 0) return Error{path + ": no questions"};
  return {};
}

std::string text_of(const json::object& o, const char* name) {
  const json::value* v = o.if_contains(name);
  return v && v->is_string() ? std::string(v->as_string()) : std::string();
}

std::string prompt_of(const json::object& o) {
  const std::string prompt = text_of(o, "prompt");
  return prompt.empty() ? text_of(o, "question") : prompt;
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
  const Status s = for_each_line(path, [&](const json::object& o, const std::string& where) -> Status {
    tasks::Sample sample;
    sample.kind = tasks::Kind::word;
    sample.cell = "question";
    sample.prompt = prompt_of(o);
    sample.value = canonical(text_of(o, "answer"));
    if (sample.prompt.empty() || sample.value.empty())
      return Error{where + ": not an object with strings \"prompt\" (or \"question\") and \"answer\""};
    samples.push_back(std::move(sample));
    return {};
  });
  if (!s) return s.error();
  return samples;
}

Result<std::vector<ChoiceProblem>> read_choices(const std::string& path) {
  std::vector<ChoiceProblem> problems;
  const Status s = for_each_line(path, [&](const json::object& o, const std::string& where) -> Status {
    ChoiceProblem problem;
    problem.prompt = prompt_of(o);
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
