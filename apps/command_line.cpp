#include "apps/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <sstream>

#include "apps/say.h"
#include "base/near_names.h"
#include "base/printable.h"

namespace jamsu::apps {

Option* Option::required() {
  option_->required();
  return this;
}
Option* Option::range(int64_t low, int64_t high) {
  option_->check(CLI::Range(low, high));
  return this;
}
Option* Option::range(double low, double high) {
  option_->check(CLI::Range(low, high));
  return this;
}
Option* Option::positive() {
  option_->check(CLI::PositiveNumber);
  return this;
}
Option* Option::non_negative() {
  option_->check(CLI::NonNegativeNumber);
  return this;
}
Option* Option::one_of(const std::vector<std::string>& words) {
  option_->check(CLI::IsMember(words));
  return this;
}
Option* Option::one_of(std::initializer_list<const char*> words) {
  return one_of(std::vector<std::string>(words.begin(), words.end()));
}
Option* Option::one_of(std::initializer_list<int> numbers) {
  option_->check(CLI::IsMember(std::vector<int>(numbers)));
  return this;
}
Option* Option::check(std::function<std::string(const std::string&)> check, const char* type) {
  option_->check(CLI::Validator([check = std::move(check)](std::string& value) { return check(value); }, type));
  return this;
}
Option* Option::show_default() {
  option_->capture_default_str();
  return this;
}
Option* Option::type_name(const char* name) {
  option_->type_name(name);
  return this;
}
Option* Option::expected(int values) {
  option_->expected(values);
  return this;
}
Option* Option::excludes(const Option* other) {
  option_->excludes(other->option_);
  return this;
}
Option* Option::excludes(const char* name) {
  option_->excludes(name);
  return this;
}

namespace {

// NaN is within every range, since no comparison with it holds.
CLI::Option* finite(CLI::Option* option) {
  return option->check(CLI::Validator(
      [](std::string& value) {
        double number = 0;
        const bool read = CLI::detail::lexical_cast(value, number);
        return !read || std::isfinite(number) ? std::string() : value + " is no finite number";
      },
      ""));
}

}  // namespace

Option* Verb::keep(CLI::Option* option) {
  options_.push_back(std::make_unique<Option>(option));
  return options_.back().get();
}
Verb* Verb::add_subcommand(const std::string& name, const std::string& help) {
  verbs_.push_back(std::make_unique<Verb>(app_->add_subcommand(name, help)));
  return verbs_.back().get();
}
Option* Verb::add_option(const char* name, std::string& variable, const std::string& help) {
  return keep(app_->add_option(name, variable, help));
}
Option* Verb::add_option(const char* name, int& variable, const std::string& help) {
  return keep(app_->add_option(name, variable, help));
}
Option* Verb::add_option(const char* name, int64_t& variable, const std::string& help) {
  return keep(app_->add_option(name, variable, help));
}
Option* Verb::add_option(const char* name, uint64_t& variable, const std::string& help) {
  return keep(app_->add_option(name, variable, help));
}
Option* Verb::add_option(const char* name, double& variable, const std::string& help) {
  return keep(finite(app_->add_option(name, variable, help)));
}
Option* Verb::add_option(const char* name, std::optional<int64_t>& variable, const std::string& help) {
  return keep(app_->add_option(name, variable, help));
}
Option* Verb::add_option(const char* name, std::optional<double>& variable, const std::string& help) {
  return keep(finite(app_->add_option(name, variable, help)));
}
Option* Verb::add_option(const char* name, std::optional<std::string>& variable, const std::string& help) {
  return keep(app_->add_option(name, variable, help));
}
Option* Verb::add_option(const char* name, std::vector<std::string>& variable, const std::string& help) {
  return keep(app_->add_option(name, variable, help));
}
Option* Verb::add_flag(const char* name, bool& variable, const std::string& help) {
  return keep(app_->add_flag(name, variable, help));
}
void Verb::footer(const std::string& text) {
  app_->footer(text);
}
void Verb::require_subcommand() {
  app_->require_subcommand(1);
}
void Verb::callback(std::function<void()> run) {
  app_->callback(std::move(run));
}
void Verb::pass_everything_on() {
  app_->fallthrough(false);
  app_->set_help_flag();
  app_->prefix_command();
}
std::vector<std::string> Verb::remaining() const {
  return app_->remaining();
}

CommandLine::CommandLine(const std::string& help, const std::string& version)
    : Verb(nullptr), root_(std::make_unique<CLI::App>(help)) {
  app_ = root_.get();
  root_->require_subcommand(1);
  root_->set_version_flag("--version", version);
  root_->fallthrough();
}
CommandLine::~CommandLine() = default;

namespace {

// The names of verbs and options that the line's verbs, the program first, know.
std::vector<std::string> known_names(const CLI::App& root) {
  std::vector<std::string> names;
  for (const CLI::App* app = &root; app;) {
    for (const CLI::App* verb : app->get_subcommands({})) names.push_back(verb->get_name());
    for (const CLI::Option* option : app->get_options())
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    const auto chosen = app->get_subcommands();
    app = chosen.empty() ? nullptr : chosen.front();
  }
  return names;
}

// 0 after help that was asked for; else 2, and stderr says why.
int exit_code(const CLI::App& root, const CLI::ParseError& error, const std::string& addition) {
  std::ostringstream out, err;
  const int code = root.exit(error, out, err);
  std::fputs(out.str().c_str(), stdout);
  std::string message = err.str();  // it may hold words of the line
  message.insert(std::min(message.find('\n'), message.size()), addition);
  std::fputs(printable_lines(message).c_str(), stderr);
  return code == 0 ? 0 : 2;
}

}  // namespace

std::optional<int> CommandLine::parse(int argc, char** argv) {
  try {
    root_->parse(argc, argv);
  } catch (const CLI::RequiredError& e) {
    // CLI11 asks for a missing verb before it looks at the word that stands in its place.
    const auto words = root_->remaining(true);
    if (words.empty()) return exit_code(*root_, e, {});
    const std::string question = did_you_mean(words[0], known_names(*root_));
    say(fmt::format("there is no \"{}\"{} jamsu --help lists the verbs", words[0], question.empty() ? ";" : question));
    return 2;
  } catch (const CLI::ExtrasError& e) {
    const auto words = root_->remaining(true);
    const auto option = std::find_if(words.begin(), words.end(), [](const auto& w) { return w.starts_with('-'); });
    const std::string word = words.empty()           ? ""
                             : option == words.end() ? words[0]
                                                     : option->substr(0, option->find('='));
    return exit_code(*root_, e, did_you_mean(word, known_names(*root_)));
  } catch (const CLI::ParseError& e) {
    return exit_code(*root_, e, {});
  }
  return std::nullopt;
}

}  // namespace jamsu::apps
