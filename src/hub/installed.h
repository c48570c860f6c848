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

// The folder that a name on the command line means: a folder, a name under home/models, or ORG/NAME in the Hugging Face
// cache; empty: pretrained/nano as shipped, or in the current folder. Errors say where it was looked for.
Result<std::string> find_model(const std::string& name, const Places& places);

// Every model that has such a name, by name. `owned`: what is removed with it (a cache's repository, not one snapshot).
struct FoundModel {
  std::string name, folder, owned;
};
std::vector<FoundModel> installed_models(const Places& places);

}  // namespace jamsu::hub
