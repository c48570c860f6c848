#pragma once
// The folder of a run: whose it is, what of it the run has written, and that one process writes it at a time.
//   .jamsu.lock                    while a run goes on: its process number (flock; a process that was killed holds none)
//   recipe.toml, tokenizer.json    where the run made them
//   checkpoints/                   train/checkpoint.h
//   metrics.jsonl, events.out.tfevents.TIME.jamsu, loss.svg
//   model/                         train/export.h
// Other files are their owner's: they are not removed and not written over.
#include <string>
#include <utility>

#include "base/result.h"

namespace jamsu::train {

class RunFolder {
 public:
  // Makes the folder and its parents where they are missing, so that their names last (base/files.h), and locks it
  // until the end. Errors: it cannot be made; another process writes it, whose number is said.
  static Result<RunFolder> open(const std::string& path);
  // A file system that knows no locks: whoever starts two runs there is not stopped.
  bool locked() const { return fd_ >= 0; }
  RunFolder(RunFolder&& other) noexcept
      : path_(std::move(other.path_)), made_(other.made_), fd_(std::exchange(other.fd_, -1)) {
    other.path_.clear();
  }
  RunFolder& operator=(RunFolder&&) = delete;
  // Unlocks; a folder that open() made and in which nothing was written goes again.
  ~RunFolder();

  const std::string& path() const { return path_; }
  std::string checkpoints() const { return path_ + "/checkpoints"; }
  std::string model() const { return path_ + "/model"; }
  bool holds_a_run() const;  // checkpoints, or metrics that a run wrote
  // Whether a run may begin in the folder: an Error names a file of its owner's that the run would write over.
  // `tokenizer`, `recipe`: it makes such a file.
  Status may_begin(bool tokenizer, bool recipe) const;
  // What earlier runs wrote goes, but for the model, which stands until the next one takes its place.
  Status forget() const;

 private:
  RunFolder(std::string path, bool made) : path_(std::move(path)), made_(made) {}
  Status lock();
  std::string path_;
  bool made_;
  int fd_ = -1;
};

}  // namespace jamsu::train
