// jamsu pull: hands over to jamsu-pull (apps/pull), which lies beside this program.
// Only that one can open a connection.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "apps/verbs.h"

namespace jamsu::apps {
namespace {

// Returns only when it cannot be started.
int become_pull(std::vector<std::string> arguments) {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  std::string program = (self.parent_path() / "jamsu-pull").string();
  std::vector<char*> argv{program.data()};
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  std::fflush(nullptr);
  ::execv(program.c_str(), argv.data());
  return fail(
      fmt::format("pull: {}: {}. It is a program of its own (the only one that opens connections), built and installed "
                  "beside jamsu: cmake --build --preset release --target jamsu-pull",
                  program, std::system_category().message(errno)));
}

}  // namespace

void add_pull(Verb& app, Globals& globals) {
  auto* verb = app.add_subcommand("pull", "fetches a model from the Hugging Face hub into its cache (jamsu-pull)");
  // Every word and flag is jamsu-pull's, --help too.
  verb->pass_everything_on();
  verb->callback([verb, &globals] { globals.exit_code = become_pull(verb->remaining()); });
}

}  // namespace jamsu::apps
