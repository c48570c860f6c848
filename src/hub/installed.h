#pragma once
// The models on this machine, and which of them a name means.
#include <string>
#include <vector>

#include "base/result.h"

namespace jamsu::hub {

// Where models lie. Whoever calls has read the environment.
struct Places {
  std::string home;     // $JAMSU_HOME or ~/.jamsu; models below home/models
  std::string cache;    // the Hugging Face cache (hub/cache.h)
  std::string program;  // the running program's path, beside whose sources or installation the shipped model lies
};

// The folder that a name on the command line means: a folder, or that of a training run; a name under home/models; a
// training run under home/runs; ORG/NAME (its main) or ORG/NAME@REVISION in the Hugging Face cache; nano,
// pretrained/nano or nothing: the model as shipped, or in the current folder. Errors say where it was looked for, and
// which names are near.
Result<std::string> find_model(const std::string& name, const Places& places);

// Every model that has such a name, by name; the shipped one last. Of a repository in the cache main is ORG/NAME, what
// else is here of it ORG/NAME@REVISION. `owned`: the folders and files that are removed with it; empty: it is not to be
// removed (shipped, or of a training run).
struct FoundModel {
  std::string name, folder;
  std::vector<std::string> owned;
  bool shipped = false;
};
std::vector<FoundModel> installed_models(const Places& places);
std::vector<std::string> model_names(const std::vector<FoundModel>& models);

}  // namespace jamsu::hub
