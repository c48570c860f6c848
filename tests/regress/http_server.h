#pragma once
// A web server on this machine for one test: says what the test tells it to, one connection at a time, and remembers
// what was asked and how much of each body went out.
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace jamsu::regress {

struct HttpRequest {
  std::string method, path;
  std::map<std::string, std::string> headers = {};  // names in lower case
  int status = 0;                                   // of the reply
  int64_t body_bytes_sent = 0;
};

struct HttpReply {
  int status = 200;
  std::map<std::string, std::string> headers = {};
  std::string body = {};
  int64_t cut = -1;   // the connection breaks after so many bytes of the body; -1: all
  bool hold = false;  // ... and stays open instead, in silence
};

class HttpServer {
 public:
  using Handler = std::function<HttpReply(const HttpRequest&)>;
  // On `host`, one of 127.0.0.0/8, and a port of the system's choice. `at_once`: a connection that is held keeps no other
  // from its answer; the handler is called by one thread at a time all the same.
  HttpServer(std::string host, Handler handler, bool at_once = false);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::string url() const;
  std::vector<HttpRequest> requests() const;
  void forget();  // what was asked so far

 private:
  void serve();
  void answer(int connection);
  HttpReply handled(const HttpRequest& request);
  bool wait_readable(int fd) const;  // false: the server ends
  std::string host_;
  Handler handler_;
  bool at_once_;
  std::mutex handling_;
  int listener_ = -1, port_ = 0;
  std::atomic<bool> ends_ = false;
  mutable std::mutex mutex_;
  std::vector<HttpRequest> requests_;
  std::thread thread_;
};

}  // namespace jamsu::regress
