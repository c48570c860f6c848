#pragma once
// The Hugging Face hub's paths, asked through Client: redirects, retries, and who may see the token.
#include <cstdint>
#include <memory>
#include <string>

#include "apps/pull/http.h"
#include "apps/pull/progress.h"
#include "base/result.h"
#include "hub/answers.h"
#include "hub/blob.h"

namespace jamsu::pull {

// What the hub says of a file before it sends it.
struct RemoteFile {
  std::string hash;  // names its blob
  int64_t size = 0;
};

// Used by one thread; threads have one each, and may share the Progress.
class Hub {
 public:
  struct Options {
    std::string endpoint = "https://huggingface.co";  // without a slash at its end
    std::string token = {};                           // sent to the endpoint's own origin alone
    std::string repository;                           // ORG/NAME
    int stall_seconds = 30, tries = 5;
  };
  // Errors: the endpoint is no http or https URL.
  static Result<Hub> create(Options options, bool (*interrupted)(), Progress& progress);

  Result<hub::Repository> repository(const std::string& revision);
  Result<RemoteFile> look_at(const std::string& commit, const std::string& file);
  // Appends to `blob` what it lacks; the blob is complete then, its hash not yet looked at.
  Status fetch(const std::string& commit, const std::string& file, const RemoteFile& expected, hub::PartialBlob& blob,
               Progress::File& progress);

 private:
  Hub(Options options, Origin origin, std::unique_ptr<Client> client, bool (*interrupted)(), Progress& progress);
  std::string file_url(const std::string& commit, const std::string& file) const;
  // One request and the redirects after it. `enough` looks at each answer that redirects: true ends it there.
  Outcome follow(Request request, FunctionRef<bool(const Answer&)> enough, Body body);
  // The same as often as it may help; `once` says what it came to, `progressed` whether the last try brought something.
  Status insist(const std::string& what, FunctionRef<Outcome()> once, FunctionRef<bool()> progressed);
  Error refusal(const std::string& what, const Outcome& outcome) const;
  void say_host(const Origin& origin);
  bool sleep(int64_t seconds) const;  // false: interrupted

  Options options_;
  Origin origin_;
  std::unique_ptr<Client> client_;
  bool (*interrupted_)();
  Progress& progress_;
};

}  // namespace jamsu::pull
