#pragma once
// Checkpoints: FOLDER/step-000001240/{tensors.safetensors, state.json, manifest.json}. Written into a folder with a
// temporary name, fsynced, renamed; the manifest has a SHA-256 for the state, the tensors' header and every tensor, and
// a checkpoint is loaded only if all match. The earlier ones stay until the new one was read back and verified. So
// after kill -9, a full disk, a power cut or a flipped bit at any moment the newest complete one is found. What is
// removed is what was written here: a file that somebody else put into such a folder stays, and the folder with it.
#include <boost/json/object.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/mapped_file.h"
#include "base/result.h"
#include "tensor/tensor.h"

namespace jamsu::train {

struct Checkpoint {
  int64_t step = 0;
  std::map<std::string, Tensor> tensors;   // views on the mapped file, read-only
  std::shared_ptr<const MappedFile> file;  // that one; whoever has copied the tensors asks whether it is intact
  boost::json::object state;
  std::string path;
};

struct SaveOptions {
  int64_t keep = 3;  // the newest so many stay; at least 1
  FileOps* files = &system_files();
};

// Saves under FOLDER, which is made where it is not there (its parent must be). An existing checkpoint of the same step
// is replaced, and kept until the new one was verified. After an Error every earlier checkpoint is as it was; tensors
// with a value that is not finite are one. `state` must not hold doubles whose last bit matters (Boost.JSON 1.81 reads
// them to within 1 ulp): write such as bits.
// Returns the path. REQUIRES: step >= 0; one saver per folder at a time.
Result<std::string> save_checkpoint(const std::string& folder, int64_t step,
                                    const std::map<std::string, Tensor>& tensors, const boost::json::object& state,
                                    const SaveOptions& options = {});

// One checkpoint, all hashes compared. The Error names the file and what differs.
Result<Checkpoint> load_checkpoint(const std::string& path);

// The newest checkpoint of FOLDER that is whole. What was newer and broken is in `skipped`, a message each; a folder
// that is not there has none.
struct Latest {
  std::optional<Checkpoint> checkpoint;
  std::vector<std::string> skipped;
};
Latest latest_valid(const std::string& folder);

// Whether FOLDER holds any, whole or not.
bool holds_checkpoints(const std::string& folder);
// Removes all of FOLDER's checkpoints, and FOLDER itself where nothing else is in it. An Error names what could not be.
Status remove_checkpoints(const std::string& folder);

}  // namespace jamsu::train
