// golden/text: jinja.jsonl (small templates, one context), templates/*.jsonl (the chat templates of models) and
// jinja_hostile.jsonl (must end quickly and small, whatever they say).
#include "jinja/jinja.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "parity/golden_files.h"

namespace jamsu::jinja {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

using golden::own_root, golden::read_lines, golden::read_text, golden::root;

std::tm time_of(const std::string& iso) {  // 2025-01-27T09:05:03
  std::tm t{};
  std::sscanf(iso.c_str(), "%d-%d-%dT%d:%d:%d", &t.tm_year, &t.tm_mon, &t.tm_mday, &t.tm_hour, &t.tm_min, &t.tm_sec);
  t.tm_year -= 1900;
  t.tm_mon -= 1;
  const std::time_t seconds = ::timegm(&t);  // fills in the days of the week and of the year
  ::gmtime_r(&seconds, &t);
  return t;
}

std::string string_of(const json::object& o, std::string_view key) {
  const json::value* v = o.if_contains(key);
  return v && v->is_string() ? std::string(v->as_string()) : std::string();
}

struct Count {
  int passed = 0, failed = 0;
  void add(bool ok, const std::string& what) {
    ++(ok ? passed : failed);
    if (!ok && failed <= 5) ADD_FAILURE() << what;
  }
  void print(const fs::path& file) const {
    std::printf("%-44s %d of %d\n", file.filename().c_str(), passed, passed + failed);
    EXPECT_GT(passed, 0) << file;
    EXPECT_EQ(failed, 0) << file;
  }
};

TEST(Jinja, EqualsJinja2) {
  const fs::path file = root() / "text/jinja.jsonl";
  ASSERT_TRUE(fs::exists(file)) << file;
  const json::object shared = json::parse(read_text(root() / "text/jinja_context.json")).as_object();
  const Value context = Value::from_json(shared.at("context"));
  const RenderOptions options{.limits = {}, .now = time_of(std::string(shared.at("now").as_string()))};
  Count count;
  int messages = 0, errors = 0;
  for (const auto& line : read_lines(file)) {
    const std::string source(line.at("template").as_string());
    const auto parsed = Template::parse(source, "t", {.limits = {}, .dialect = Dialect::strict});
    const Result<std::string> got = parsed ? parsed->render(context, options) : parsed.error();
    std::string what = source + "\n  got  " + (got ? *got : got.error().message) + "\n  want ";
    if (line.contains("error")) {
      const std::string type = string_of(line, "error_type");
      const bool ok = !got && got.error().message.find(": " + type + ": ") != std::string::npos;
      ++errors;
      messages += !got && got.error().message.find(": " + type + ": " + string_of(line, "error")) != std::string::npos;
      count.add(ok, what + type + ": " + string_of(line, "error"));
    } else {
      const bool ok =
          got && (line.contains("expected_address") || *got == std::string_view(line.at("expected").as_string()));
      count.add(ok, what + string_of(line, "expected"));
    }
  }
  count.print(file);
  std::printf("%-44s %d of %d\n", "  errors with Python's own words", messages, errors);
}

// What transformers does before it renders (its chat_template_utils.py): the names a template always has, the thinking
// under each of its names, the tag that continues the last message.
struct Chat {
  json::object variables;
  bool continued = false;
};

constexpr std::string_view kTag = "CONTINUE_FINAL_MESSAGE_TAG ";

Chat chat_of(const json::object& inputs) {
  Chat chat;
  json::array messages = inputs.at("messages").as_array();
  for (json::value& message : messages) {
    json::object& m = message.as_object();
    static constexpr const char* kThinking[] = {"reasoning_content", "thinking", "reasoning"};
    const json::value* thinking = nullptr;
    for (const char* key : kThinking)
      if (!thinking && m.contains(key) && !m.at(key).is_null()) thinking = &m.at(key);
    if (!thinking) continue;
    const json::value copy = *thinking;
    for (const char* key : {"reasoning_content", "thinking"})
      if (!m.contains(key)) m[key] = copy;
  }
  chat.variables = {{"tools", nullptr}, {"documents", nullptr}, {"add_generation_prompt", false}};
  for (const auto& [key, value] : inputs.at("variables").as_object()) chat.variables[key] = value;
  for (const auto& [key, value] : inputs)
    if (key != "messages" && key != "variables" && key != "now" && key != "continue_final_message")
      chat.variables[key] = value;
  const json::value* go_on = inputs.if_contains("continue_final_message");
  chat.continued = go_on && go_on->is_bool() && go_on->as_bool();
  if (chat.continued && !messages.empty()) {
    json::value& content = messages.back().as_object()["content"];
    if (content.is_string()) {
      content = std::string(content.as_string()) + std::string(kTag);
    } else if (content.is_array()) {
      for (size_t i = content.as_array().size(); i-- > 0;) {
        json::object& block = content.as_array()[i].as_object();
        if (!block.contains("text")) continue;
        block["text"] = std::string(block["text"].as_string()) + std::string(kTag);
        break;
      }
    }
  }
  chat.variables["messages"] = std::move(messages);
  return chat;
}

// Cut where the tag stands; fails where the text did not survive.
std::optional<std::string> cut(std::string text) {
  const std::string_view trimmed = kTag.substr(0, kTag.size() - 1);
  const size_t at = text.rfind(trimmed);
  if (at == std::string::npos) return std::nullopt;
  const bool spaced = text.compare(at, kTag.size(), kTag) == 0;
  text.resize(at);
  if (!spaced) text.resize(text.find_last_not_of(" \t\n\r\f\v") + 1);
  return text;
}

bool as_wanted(const json::object& want, const Template& t, const json::object& inputs, std::string& shown) {
  const Chat chat = chat_of(inputs);
  std::string raised;
  const RenderOptions options{.limits = {}, .now = time_of(string_of(inputs, "now"))};
  Result<std::string> got = t.render(Value::from_json(chat.variables), options, &raised);
  if (got && chat.continued) {
    const auto part = cut(*got);
    got = part ? Result<std::string>(*part) : Result<std::string>(Error{"the text did not survive"});
  }
  shown = got ? *got : got.error().message;
  if (!want.contains("error")) return got && *got == std::string_view(want.at("rendered").as_string());
  if (string_of(want, "error_type") == "TemplateError") return !got && raised == string_of(want, "error");
  return !got;
}

TEST(Jinja, ChatTemplatesEqualTransformers) {
  const fs::path folder = root() / "text/templates";
  ASSERT_TRUE(fs::is_directory(folder)) << folder;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".jsonl") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  ASSERT_FALSE(files.empty());
  for (const fs::path& file : files) {
    const std::string name = file.stem().string() + ".jinja";
    fs::path source;
    for (const fs::path& p :
         {folder / name, own_root() / "text/templates" / name, own_root() / "data/templates" / name})
      if (source.empty() && fs::exists(p)) source = p;
    if (source.empty()) {
      std::printf("%-44s no template: passed over\n", file.filename().c_str());
      continue;
    }
    const auto wide = Template::parse(read_text(source), name);
    ASSERT_TRUE(wide) << wide.error().message;
    const auto strict = Template::parse(read_text(source), name, {.limits = {}, .dialect = Dialect::strict});
    Count count;
    for (const auto& line : read_lines(file)) {
      std::string shown;
      const json::object& inputs = line.at("inputs").as_object();
      bool ok = as_wanted(line, *wide, inputs, shown);
      if (const auto* hf = ok ? line.if_contains("strict_hf") : nullptr)
        ok = strict ? as_wanted(hf->as_object(), *strict, inputs, shown) : hf->as_object().contains("error");
      std::string want = line.contains("error") ? string_of(line, "error") : string_of(line, "rendered");
      count.add(ok, name + " " + string_of(line, "name") + "\n  got  " + shown + "\n  want " + want);
    }
    count.print(file);
  }
}

#if !defined(JAMSU_ASAN) && !defined(JAMSU_TSAN)
constexpr double kMostMilliseconds = 100;
constexpr long kMostExtraKilobytes = 64 << 10;
#else
constexpr double kMostMilliseconds = 20'000;
constexpr long kMostExtraKilobytes = 4 << 20;
#endif

// VmRSS or VmHWM (its peak since it was reset) of this process.
long kilobytes(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind(field + ":", 0) == 0) return std::stol(line.substr(field.size() + 1));
  return 0;
}
void reset_peak() {
  ::malloc_trim(0);  // or memory freed before would hide what is taken now
  std::ofstream("/proc/self/clear_refs") << "5";
}

TEST(Jinja, HostileTemplatesStayInsideTheLimits) {
  const fs::path file = root() / "text/jinja_hostile.jsonl";
  ASSERT_TRUE(fs::exists(file)) << file;
  const json::object shared = json::parse(read_text(root() / "text/jinja_context.json")).as_object();
  const Value context = Value::from_json(shared.at("context"));
  const RenderOptions options{.limits = {}, .now = time_of(std::string(shared.at("now").as_string()))};
  const auto warm = Template::parse("{{ 'x' | upper }}", "t");  // the Unicode tables are built once a process
  ASSERT_TRUE(warm && warm->render(context));
  Count count;
  double slowest = 0;
  long most = 0;
  for (const auto& line : read_lines(file)) {
    std::string source = string_of(line, "template");
    if (const auto* parts = line.if_contains("parts"))
      for (const auto& part : parts->as_array())
        for (int64_t i = 0; i < part.as_array()[1].as_int64(); ++i)
          source += std::string_view(part.as_array()[0].as_string());
    reset_peak();
    const long before = kilobytes("VmRSS");
    // Processor time: another process on the machine is not the template's fault.
    const std::clock_t start = std::clock();
    const auto parsed = Template::parse(source, "t", {.limits = {}, .dialect = Dialect::strict});
    const Result<std::string> got = parsed ? parsed->render(context, options) : parsed.error();
    const double ms = 1000.0 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    const long extra = kilobytes("VmHWM") - before;
    slowest = std::max(slowest, ms);
    most = std::max(most, extra);
    const size_t largest = static_cast<size_t>(line.at("limits").as_object().at("max_output_bytes").as_int64());
    const bool ok = ms <= kMostMilliseconds && extra <= kMostExtraKilobytes && (!got || got->size() <= largest);
    count.add(ok, source.substr(0, 200) + "\n  " + std::to_string(ms) + " ms, " + std::to_string(extra) +
                      " KiB more, " +
                      (got ? std::to_string(got->size()) + " bytes" : got.error().message.substr(0, 200)));
  }
  count.print(file);
  std::printf("  slowest %.1f ms, most memory beside the source %.1f MiB\n", slowest, static_cast<double>(most) / 1024);
}

}  // namespace
}  // namespace jamsu::jinja
