#pragma once
// jamsu pull against a server on this machine that speaks the hub's paths, and a second one for the redirects.
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/sha1.h"
#include "base/sha256.h"
#include "regress/http_server.h"
#include "regress/program.h"

namespace jamsu::regress {

namespace fs = std::filesystem;

constexpr const char* kCommit = "0123456789abcdef0123456789abcdef01234567";

inline std::string git_hash(const std::string& content) {
  return Sha1()
      .update("blob " + std::to_string(content.size()))
      .update(std::string_view("\0", 1))
      .update(content)
      .hex();
}

inline std::string content_of(const fs::path& path) {
  const auto text = read_file(path.string());
  return text ? *text : "(" + path.string() + " is not there)";
}

class Pull : public ProgramTest {
 protected:
  // A file of the model. Large ones (LFS) are named by their SHA-256 and lie on the second host.
  struct File {
    std::string content;
    bool large = false;
    std::string hash = {};  // another than it has
  };

  Pull()
      : hub_("127.0.0.1", [this](const HttpRequest& r) { return answer_hub(r); }),
        store_(
            "127.0.0.2", [this](const HttpRequest& r) { return answer_store(r); }, true) {}

  std::string hash_of(const File& file) const {
    if (!file.hash.empty()) return file.hash;
    return file.large ? sha256_hex(file.content) : git_hash(file.content);
  }

  HttpReply answer_hub(const HttpRequest& request) {
    if (before_hub_)
      if (const auto reply = before_hub_(request); reply.status != 0) return reply;
    if (request.path == "/api/models/some-one/tiny.model/revision/" + revision_) {
      boost::json::array siblings;
      for (const auto& [name, file] : files_) siblings.push_back(boost::json::object{{"rfilename", name}});
      return {.headers = {{"Content-Type", "application/json"}},
              .body = boost::json::serialize(
                  boost::json::object{{"id", "some-one/tiny.model"}, {"sha", kCommit}, {"siblings", siblings}})};
    }
    const std::string prefix = std::string("/some-one/tiny.model/resolve/") + kCommit + "/";
    const auto it = request.path.starts_with(prefix) ? files_.find(request.path.substr(prefix.size())) : files_.end();
    if (it == files_.end()) return {.status = 404, .headers = {{"X-Error-Message", "Entry not found"}}};
    const File& file = it->second;
    if (!file.large)
      return {.headers = {{"ETag", "\"" + hash_of(file) + "\""}, {"X-Repo-Commit", kCommit}}, .body = file.content};
    return {.status = 302,
            .headers = {{"X-Linked-Etag", "\"" + hash_of(file) + "\""},
                        {"X-Linked-Size", std::to_string(file.content.size())},
                        {"X-Repo-Commit", kCommit},
                        {"ETag", "\"of the redirect\""},
                        {"Location", store_.url() + "/store/" + it->first + "?signature=x"}},
            .body = "Found. Redirecting"};
  }

  HttpReply answer_store(const HttpRequest& request) {
    if (before_store_)
      if (const auto reply = before_store_(request); reply.status != 0) return reply;
    return part(request);
  }

  // The file of a store's path, from where Range says.
  HttpReply part(const HttpRequest& request, bool ranges = true) const {
    const std::string name = request.path.substr(7, request.path.find('?') - 7);
    const std::string& content = files_.at(name).content;
    const auto range = request.headers.find("range");
    if (!ranges || range == request.headers.end()) return {.body = content};
    const size_t first = std::stoul(range->second.substr(6));
    return {.status = 206,
            .headers = {{"Content-Range", "bytes " + std::to_string(first) + "-" + std::to_string(content.size() - 1) +
                                              "/" + std::to_string(content.size())}},
            .body = content.substr(first)};
  }

  Start start(std::vector<std::string> arguments = {}) const {
    arguments.insert(arguments.begin(), {"pull", "some-one/tiny.model"});
    Start s{.arguments = std::move(arguments), .home = home()};
    s.environment = {{"HF_ENDPOINT", hub_.url()}};
    if (!token_.empty()) s.environment["HF_TOKEN"] = token_;
    return s;
  }
  Ended pull(std::vector<std::string> arguments = {}) const { return run(start(std::move(arguments))); }

  fs::path repository() const { return fs::path(home()) / "hub/models--some-one--tiny.model"; }
  fs::path snapshot() const { return repository() / "snapshots" / kCommit; }
  fs::path partial(const std::string& name) const {
    return repository() / "blobs" / (hash_of(files_.at(name)) + ".incomplete");
  }
  // Bytes of bodies that both servers have sent for files.
  int64_t file_bytes() const {
    int64_t bytes = 0;
    for (const HttpServer* server : {&hub_, &store_})
      for (const HttpRequest& r : server->requests())
        if (!r.path.starts_with("/api/") && r.status < 300) bytes += r.body_bytes_sent;
    return bytes;
  }
  void golden_model() {
    const fs::path from = std::string(JAMSU_SOURCE_DIR) + "/tests/golden/models/llama3";
    files_ = {{"config.json", {content_of(from / "config.json")}},
              {"model.safetensors", {content_of(from / "model.safetensors"), true}},
              {"extra/notes.json", {"{}"}},
              {"README.md", {"A model."}},
              {"pytorch_model.bin", {"pickle", true}}};
  }
  void one_large_file(size_t bytes = 200'000) {
    std::string content;
    while (content.size() < bytes) content += std::to_string(content.size()) + ",";
    files_ = {{"model.safetensors", {content, true}}};
  }

  std::map<std::string, File> files_;
  std::string revision_ = "main", token_;
  // Answers instead of the usual; status 0: the usual.
  std::function<HttpReply(const HttpRequest&)> before_hub_, before_store_;
  HttpServer hub_, store_;
};

}  // namespace jamsu::regress
