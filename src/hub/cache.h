#pragma once
// The Hugging Face cache, as huggingface_hub lays it out, so that a model fetched by either is found by both:
//   models--ORG--NAME/blobs/HASH              the content of a file, named by its hash
//   models--ORG--NAME/snapshots/COMMIT/FILE   a relative link to it
//   models--ORG--NAME/refs/REVISION           the commit a branch or tag stood for
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/result.h"

namespace jamsu::hub {

// $HF_HUB_CACHE, else $HF_HOME/hub, else $HOME/.cache/huggingface/hub. `variable` reads the environment, which a
// library does not; "" for what is not set.
std::string cache_folder(std::string (*variable)(const char* name));

// One model's folder in a cache.
class CachedRepository {
 public:
  // REQUIRES: is_repository(name).
  CachedRepository(const std::string& cache, std::string_view name);
  const std::string& folder() const { return folder_; }
  std::string blob(const std::string& hash) const { return folder_ + "/blobs/" + hash; }
  std::string lock(const std::string& hash) const { return locks_ + "/" + hash + ".lock"; }
  std::string snapshot(const std::string& commit) const { return folder_ + "/snapshots/" + commit; }

  // The commit `revision` stood for when it was fetched; empty: it is not here.
  std::string commit(const std::string& revision) const;

  // What is here: each ref whose snapshot is there, main first, then by name; then the snapshots that no ref names (a
  // commit that was fetched by itself, or what a branch was before), named by the first digits of their commit.
  struct Revision {
    std::string name, commit;
  };
  std::vector<Revision> revisions() const;
  // The snapshot of a ref, or of a commit's first seven digits and more; empty: there is none, or several.
  std::string find(const std::string& revision) const;
  // Folders and files that belong to this one of revisions() alone: its ref, its snapshot unless another ref stands for
  // it, and the blobs that no other snapshot links to. Of the only revision: the whole folder.
  std::vector<std::string> belongings(const Revision& revision) const;

  // The four below write. `revision` and `file` stay inside (hub/answers.h).
  Status make_folders() const;
  // snapshots/COMMIT/FILE becomes a link to the blob.
  Status link(const std::string& commit, const std::string& file, const std::string& hash,
              FileOps& ops = system_files()) const;
  // refs/REVISION; a commit named by itself needs none.
  Status set_commit(const std::string& revision, const std::string& commit, FileOps& ops = system_files()) const;

 private:
  std::string folder_, locks_;
};

// The folder of ORG/NAME (its main) or ORG/NAME@REVISION in the cache; empty: it is not there.
std::string find_snapshot(const std::string& cache, const std::string& name);

}  // namespace jamsu::hub
