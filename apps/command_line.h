#pragma once
// The command line as verbs declare it. CLI11 reads it (command_line.cpp): its headers, and what each file that includes
// them makes of its templates, took a third of the time of building this program, so no verb includes them.
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace jamsu::apps {

// One option or positional argument. Every member returns this, for the next.
class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}
  Option* required();
  Option* range(int64_t low, int64_t high);
  Option* range(int low, int high) { return range(int64_t{low}, int64_t{high}); }
  Option* range(double low, double high);
  Option* positive();
  Option* non_negative();
  Option* one_of(const std::vector<std::string>& words);
  Option* one_of(std::initializer_list<const char*> words);
  Option* one_of(std::initializer_list<int> numbers);
  // `check` returns what is wrong with a value; empty: nothing. `type` stands in the help for the value.
  Option* check(std::function<std::string(const std::string& value)> check, const char* type);
  Option* show_default();               // in the help: the variable's value as it is now
  Option* type_name(const char* name);  // in the help, for the value
  Option* expected(int values);
  Option* excludes(const Option* other);
  Option* excludes(const char* name);

 private:
  CLI::Option* option_;
};

// A verb, or the program itself. What it adds lives as long as the program's command line.
class Verb {
 public:
  explicit Verb(CLI::App* app) : app_(app) {}
  virtual ~Verb() = default;
  Verb(const Verb&) = delete;
  Verb& operator=(const Verb&) = delete;

  Verb* add_subcommand(const std::string& name, const std::string& help);
  // "--name", "-n,--name", or "name" for a positional argument. The variable keeps its value where none is given. NaN and
  // infinity are no numbers.
  Option* add_option(const char* name, std::string& variable, const std::string& help);
  Option* add_option(const char* name, int& variable, const std::string& help);
  Option* add_option(const char* name, int64_t& variable, const std::string& help);
  Option* add_option(const char* name, uint64_t& variable, const std::string& help);
  Option* add_option(const char* name, double& variable, const std::string& help);
  Option* add_option(const char* name, std::optional<int64_t>& variable, const std::string& help);
  Option* add_option(const char* name, std::optional<double>& variable, const std::string& help);
  Option* add_option(const char* name, std::optional<std::string>& variable, const std::string& help);
  Option* add_option(const char* name, std::vector<std::string>& variable, const std::string& help);
  Option* add_flag(const char* name, bool& variable, const std::string& help);
  void footer(const std::string& text);  // below the help
  void require_subcommand();             // exactly one
  // Runs when the verb was chosen and its line is read.
  void callback(std::function<void()> run);
  // Reads nothing itself, not even --help: remaining() are all words behind the verb.
  void pass_everything_on();
  std::vector<std::string> remaining() const;

 protected:
  CLI::App* app_;

 private:
  Option* keep(CLI::Option* option);
  std::vector<std::unique_ptr<Option>> options_;
  std::vector<std::unique_ptr<Verb>> verbs_;
};

// The program's own line: options that every verb takes, and the verbs.
class CommandLine : public Verb {
 public:
  CommandLine(const std::string& help, const std::string& version);
  ~CommandLine() override;
  // Reads the line and runs what it asks for. A code: the program ends with it, because help was asked for (0) or the
  // line was not understood (2, and stderr says why, with what is near to it). What a verb throws is passed on.
  std::optional<int> parse(int argc, char** argv);

 private:
  std::unique_ptr<CLI::App> root_;
};

}  // namespace jamsu::apps
