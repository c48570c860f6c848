#pragma once
// One HTTP request at a time, by libcurl. No redirect is followed here and nothing is added to what is asked: whoever
// asks decides where a token may go.
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/function_ref.h"
#include "base/result.h"

namespace jamsu::pull {

struct Request {
  std::string url;  // http or https
  bool head = false;
  std::string token = {};  // empty: none is sent
  int64_t first_byte = 0;  // above 0: Range from there
};

struct Answer {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string header(const std::string& name) const;
  bool good() const { return status >= 200 && status < 300; }
  bool redirects() const { return status >= 300 && status < 400 && headers.count("location") != 0; }
};

// How a request ended. `lost`: the same request may do better later;
// `stopped`: the receiver of the body wanted no more.
enum class Ending { answered, lost, stopped, interrupted, impossible };
struct Outcome {
  Ending ending;
  Answer answer;          // as far as it came
  std::string why;        // unless answered
  std::string host = {};  // that ended it, as Origin::name
};

// Pieces of a good answer's body; false: no more.
using Body = FunctionRef<bool(const Answer&, std::span<const std::byte>)>;

class Client {
 public:
  // A connection that takes longer than stall_seconds to be made, or sends less than 1 KiB a second for as long, is
  // lost. `interrupted` is asked about once a second. The first one is made before other threads run.
  static Result<std::unique_ptr<Client>> create(int stall_seconds, bool (*interrupted)());
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  Outcome perform(const Request& request, Body body);

 private:
  Client(void* curl, int stall_seconds, bool (*interrupted)())
      : curl_(curl), stall_seconds_(stall_seconds), interrupted_(interrupted) {}
  void* curl_;  // CURL
  int stall_seconds_;
  bool (*interrupted_)();
};

// Scheme, host and port of a URL.
struct Origin {
  std::string scheme, host, port;
  bool operator==(const Origin&) const = default;
  std::string name() const;      // host, with the port where it is not the scheme's own
  bool is_this_machine() const;  // loopback
};
std::optional<Origin> origin_of(const std::string& url);  // empty: no http or https URL
// What a Location header names, seen from the URL that answered with it; empty: nothing.
std::string resolve_url(const std::string& base, const std::string& location);

}  // namespace jamsu::pull
