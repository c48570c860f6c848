// jamsu ls: the models on this machine. jamsu rm: one of them less.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <iostream>

#include "apps/verbs.h"
#include "base/near_names.h"
#include "models/open.h"

namespace jamsu::apps {
namespace {

namespace fs = std::filesystem;

// What a model's folder holds, or why it cannot be read.
boost::json::object describe(const hub::FoundModel& found, const Globals& globals) {
  boost::json::object o{{"name", found.name}, {"folder", found.folder}};
  const auto opened = models::describe_model(found.folder, globals.numerics());
  if (!opened) {
    o["error"] = opened.error().message;
    return o;
  }
  const models::ModelInfo& info = opened->model->info();
  o["architecture"] = info.architecture;
  o["parameters"] = info.parameters.total;
  o["stored_dtype"] = opened->stored_dtype;
  o["weight_bytes"] = opened->file_bytes;
  o["context"] = info.context;
  return o;
}

int list(bool json, const Globals& globals) {
  const auto found = hub::installed_models(globals.places);
  for (const hub::FoundModel& model : found) {
    const boost::json::object o = describe(model, globals);
    if (json) {
      std::cout << o << "\n";
    } else if (const auto* error = o.if_contains("error")) {
      print("{:<32} cannot be opened: {}\n", model.name, std::string_view(error->as_string()));
    } else {
      print("{:<32} {:<24} {:>8.2f}M parameters  {:>9.1f} MiB {}\n", model.name,
            std::string_view(o.at("architecture").as_string()), o.at("parameters").to_number<double>() / 1e6,
            o.at("weight_bytes").to_number<double>() / 1048576.0, std::string_view(o.at("stored_dtype").as_string()));
    }
  }
  if (found.empty() && !json)
    print("No model under {} nor in {}, and pretrained/nano was not found beside the program.\n",
          (fs::path(globals.places.home) / "models").string(), globals.places.cache);
  return 0;
}

// Bytes of a file, or of the files below a folder, each once: a snapshot's links point to blobs that lie beside it.
int64_t bytes_below(const fs::path& folder) {
  int64_t bytes = 0;
  std::error_code error;
  if (fs::is_regular_file(folder, error)) return static_cast<int64_t>(fs::file_size(folder, error));
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    std::error_code ignored;
    if (at->is_regular_file(ignored) && !at->is_symlink(ignored)) bytes += static_cast<int64_t>(at->file_size(ignored));
  }
  return bytes;
}

int remove(const std::string& name, bool yes, const Globals& globals) {
  const auto found = hub::installed_models(globals.places);
  const auto it = std::find_if(found.begin(), found.end(), [&](const hub::FoundModel& m) { return m.name == name; });
  if (it == found.end())
    return fail(fmt::format("rm: there is no model \"{}\" under {} nor in {}{} (jamsu ls lists them)", name,
                            (fs::path(globals.places.home) / "models").string(), globals.places.cache,
                            did_you_mean(name, hub::model_names(found))));
  if (it->owned.empty())
    return fail(fmt::format("rm: {} {}", it->folder,
                            it->shipped
                                ? "comes with jamsu"
                                : "belongs to a training run, with its checkpoints; remove that folder yourself"));
  double mib = 0;
  for (const std::string& path : it->owned) mib += static_cast<double>(bytes_below(path)) / 1048576.0;
  const std::string& what = it->owned.size() == 1 ? it->owned[0] : it->name;
  if (!yes) {
    if (!isatty(STDIN_FILENO)) return fail(fmt::format("rm: {} ({:.1f} MiB): say --yes", what, mib));
    print("Remove {} ({:.1f} MiB)? [y/N] ", what, mib);
    std::fflush(stdout);
    std::string answer;
    std::getline(std::cin, answer);
    if (answer != "y" && answer != "Y" && answer != "yes") return fail("rm: nothing was removed");
  }
  std::error_code error;
  for (const std::string& path : it->owned) {
    fs::remove_all(path, error);  // of a link the link alone
    if (error) return fail(fmt::format("rm: {}: {}", path, error.message()));
  }
  print("removed {} ({:.1f} MiB)\n", what, mib);
  return 0;
}

}  // namespace

void add_models(Verb& app, Globals& globals) {
  struct Options {
    std::string name;
    bool json = false, yes = false;
  };
  auto options = std::make_shared<Options>();
  auto* ls = app.add_subcommand(
      "ls", "the models here: under $JAMSU_HOME/models, trained here, in the Hugging Face cache, and nano");
  ls->add_flag("--json", options->json, "one JSON object a model");
  ls->footer("Example: jamsu ls");
  ls->callback([options, &globals] { globals.exit_code = list(options->json, globals); });
  auto* rm = app.add_subcommand("rm", "removes a model that jamsu ls lists, with all its files");
  rm->add_option("model", options->name, "its name")->required();
  rm->add_flag("--yes", options->yes, "without asking");
  rm->footer("Example: jamsu rm someone/some-model");
  rm->callback([options, &globals] { globals.exit_code = remove(options->name, options->yes, globals); });
}

}  // namespace jamsu::apps
