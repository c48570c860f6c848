// jamsu pull against a server on this machine that speaks the hub's paths, and a second one for the redirects.
#include <csignal>
#include <filesystem>
#include <fstream>

#include "base/sha1.h"
#include "base/sha256.h"
#include "regress/http_server.h"
#include "regress/program.h"

namespace jamsu::regress {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCommit = "0123456789abcdef0123456789abcdef01234567";

std::string git_hash(const std::string& content) {
  return Sha1()
      .update("blob " + std::to_string(content.size()))
      .update(std::string_view("\0", 1))
      .update(content)
      .hex();
}

std::string content_of(const fs::path& path) {
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
        store_("127.0.0.2", [this](const HttpRequest& r) { return answer_store(r); }) {}

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

TEST_F(Pull, AModelComesInTheHubsLayoutAndIsFound) {
  golden_model();
  const Ended ended = pull();
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_TRUE(contains(ended.out, "asks 127.0.0.1:")) << ended.out;
  EXPECT_TRUE(contains(ended.out, "sends on to 127.0.0.2:")) << ended.out;
  EXPECT_TRUE(contains(ended.out, "4 files, 4 of them fetched now: " + snapshot().string())) << ended.out;
  EXPECT_EQ(content_of(repository() / "refs/main"), kCommit);
  for (const auto& [name, up] : std::map<std::string, std::string>{{"config.json", "../../"},
                                                                   {"model.safetensors", "../../"},
                                                                   {"README.md", "../../"},
                                                                   {"extra/notes.json", "../../../"}}) {
    const std::string blob = "blobs/" + hash_of(files_[name]);
    ASSERT_TRUE(fs::is_symlink(snapshot() / name)) << name;
    EXPECT_EQ(fs::read_symlink(snapshot() / name), up + blob);
    EXPECT_FALSE(fs::is_symlink(repository() / blob));
    EXPECT_EQ(content_of(snapshot() / name), files_[name].content);
  }
  // Nothing else lies there: no other format, no part, no temporary name.
  std::vector<std::string> all;
  for (const auto& entry : fs::recursive_directory_iterator(repository()))
    if (!entry.is_directory()) all.push_back(entry.path().string());
  EXPECT_EQ(all.size(), 4u + 4u + 1u);
  for (const HttpServer* server : {&hub_, &store_})
    for (const HttpRequest& r : server->requests()) {
      EXPECT_EQ(r.headers.at("user-agent"), "jamsu-pull");
      EXPECT_EQ(r.headers.count("authorization"), 0u);
      EXPECT_EQ(r.headers.count("cookie"), 0u);
    }
  const auto listed = jamsu({"ls", "--json"}).lines();
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].at("name").as_string(), "some-one/tiny.model");
  EXPECT_EQ(listed[0].at("architecture").as_string(), "LlamaForCausalLM");
  EXPECT_EQ(jamsu({"show", "some-one/tiny.model"}).code, 0);
}

TEST_F(Pull, ASecondPullFetchesNothing) {
  golden_model();
  ASSERT_EQ(pull().code, 0);
  hub_.forget();
  store_.forget();
  const Ended again = pull();
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_TRUE(contains(again.out, "4 files, 0 of them fetched now")) << again.out;
  EXPECT_EQ(file_bytes(), 0);
  EXPECT_EQ(hub_.requests().size(), 1u);  // which commit is it
  // A blob that another commit has brought is linked, not fetched.
  fs::remove_all(repository() / "snapshots");
  EXPECT_EQ(pull().code, 0);
  EXPECT_EQ(file_bytes(), 0);
  EXPECT_EQ(content_of(snapshot() / "config.json"), files_["config.json"].content);
}

TEST_F(Pull, ABrokenConnectionGoesOnWhereItStood) {
  one_large_file();
  const auto size = static_cast<int64_t>(files_["model.safetensors"].content.size());
  int breaks = 0;
  before_store_ = [&](const HttpRequest& r) {
    HttpReply reply = part(r);
    if (++breaks <= 2) reply.cut = 70'000;
    return reply;
  };
  const Ended ended = pull();
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_TRUE(contains(ended.out, "again in 1 s")) << ended.out;
  const auto asked = store_.requests();
  ASSERT_EQ(asked.size(), 3u);
  EXPECT_EQ(asked[0].headers.count("range"), 0u);
  EXPECT_EQ(asked[1].headers.at("range"), "bytes=70000-");
  EXPECT_EQ(asked[2].headers.at("range"), "bytes=140000-");
  EXPECT_EQ(file_bytes(), size);  // no byte twice
  EXPECT_EQ(content_of(snapshot() / "model.safetensors"), files_["model.safetensors"].content);
}

TEST_F(Pull, AnotherProcessGoesOnToo) {
  one_large_file();
  before_store_ = [&](const HttpRequest& r) {
    HttpReply reply = part(r);
    reply.cut = 70'000;
    return reply;
  };
  const Ended broken = pull({"--tries", "1"});
  EXPECT_EQ(broken.code, 1);
  EXPECT_TRUE(contains(broken.err, "model.safetensors: ")) << broken.err;
  EXPECT_TRUE(contains(broken.err, "given up after 1 tries")) << broken.err;
  EXPECT_EQ(fs::file_size(partial("model.safetensors")), 70'000u);
  EXPECT_FALSE(fs::exists(repository() / "refs/main"));
  before_store_ = nullptr;
  store_.forget();
  const Ended ended = pull();
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_TRUE(contains(ended.out, "68.4 KiB of 195.3 KiB are here")) << ended.out;
  EXPECT_EQ(store_.requests().at(0).headers.at("range"), "bytes=70000-");
  EXPECT_EQ(content_of(snapshot() / "model.safetensors"), files_["model.safetensors"].content);
  EXPECT_FALSE(fs::exists(partial("model.safetensors")));
}

TEST_F(Pull, AServerThatIgnoresRangeIsReadFromItsBeginning) {
  one_large_file();
  int asked = 0;
  before_store_ = [&](const HttpRequest& r) {
    HttpReply reply = part(r, false);
    if (++asked == 1) reply.cut = 70'000;
    return reply;
  };
  const Ended ended = pull();
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_TRUE(contains(ended.out, "sends no part of a file")) << ended.out;
  EXPECT_EQ(content_of(snapshot() / "model.safetensors"), files_["model.safetensors"].content);
  // One that breaks off each time as well is given up: it gains nothing.
  fs::remove_all(repository());
  before_store_ = [&](const HttpRequest& r) {
    HttpReply reply = part(r, false);
    reply.cut = 70'000;
    return reply;
  };
  EXPECT_EQ(pull({"--tries", "2"}).code, 1);
}

TEST_F(Pull, AWrongHashIsRemovedAndNamed) {
  for (const bool large : {true, false}) {
    const std::string announced(large ? 64 : 40, 'a');
    files_ = {{"config.json", {"{\"not\": \"that\"}", large, announced}}};
    const Ended ended = pull();
    EXPECT_EQ(ended.code, 1);
    EXPECT_TRUE(contains(ended.err, "config.json: what came has the hash ")) << ended.err;
    EXPECT_TRUE(contains(ended.err, announced)) << ended.err;
    EXPECT_TRUE(fs::is_empty(repository() / "blobs"));
    EXPECT_FALSE(fs::exists(snapshot() / "config.json"));
    EXPECT_FALSE(fs::exists(repository() / "refs/main"));
  }
  // What nobody can verify is not fetched.
  files_ = {{"config.json", {"{}", false, "W-1"}}};
  const Ended unnamed = pull();
  EXPECT_EQ(unnamed.code, 1);
  EXPECT_TRUE(contains(unnamed.err, "ETag \"\"W-1\"\" is no hash")) << unnamed.err;
}

// A part that something else has left, or that the disk has spoiled, is found out by the hash of the whole.
TEST_F(Pull, ASpoiledPartIsFoundOut) {
  one_large_file();
  fs::create_directories(repository() / "blobs");
  std::ofstream(partial("model.safetensors")) << std::string(1000, 'x');
  EXPECT_EQ(pull().code, 1);
  EXPECT_FALSE(fs::exists(partial("model.safetensors")));
  EXPECT_EQ(pull().code, 0);
  // One that is longer than the file is no part of it.
  fs::remove_all(repository());
  fs::create_directories(repository() / "blobs");
  std::ofstream(partial("model.safetensors")) << std::string(300'000, 'x');
  EXPECT_EQ(pull().code, 0);
}

TEST_F(Pull, TheTokenStaysWithTheHub) {
  golden_model();
  token_ = "hf_secret";
  const Ended ended = pull();
  EXPECT_EQ(ended.code, 0) << ended.err;
  for (const HttpRequest& r : hub_.requests()) EXPECT_EQ(r.headers.at("authorization"), "Bearer hf_secret");
  ASSERT_FALSE(store_.requests().empty());
  for (const HttpRequest& r : store_.requests()) EXPECT_EQ(r.headers.count("authorization"), 0u);
  EXPECT_FALSE(contains(ended.out + ended.err, "hf_secret"));
  // Another port of the same host is another place.
  HttpServer neighbour("127.0.0.1", [this](const HttpRequest& r) { return part(r); });
  fs::remove_all(repository());
  before_hub_ = [&](const HttpRequest& r) {
    if (!r.path.ends_with(".safetensors")) return HttpReply{.status = 0};
    HttpReply reply;
    reply.status = 302;
    reply.headers = {{"X-Linked-Etag", hash_of(files_["model.safetensors"])},
                     {"X-Linked-Size", std::to_string(files_["model.safetensors"].content.size())},
                     {"Location", neighbour.url() + "/store/model.safetensors?x"}};
    return reply;
  };
  EXPECT_EQ(pull().code, 0);
  ASSERT_EQ(neighbour.requests().size(), 1u);
  EXPECT_EQ(neighbour.requests()[0].headers.count("authorization"), 0u);
  token_ = "hf\nHost: elsewhere";
  const Ended odd = pull();
  EXPECT_EQ(odd.code, 1);
  EXPECT_TRUE(contains(odd.err, "HF_TOKEN: expected a token")) << odd.err;
}

// The hub sends small files on within itself; the token goes along and the hash stands in the last answer.
TEST_F(Pull, ARedirectWithinTheHubIsFollowed) {
  files_ = {{"config.json", {"{}"}}};
  token_ = "hf_secret";
  before_hub_ = [&](const HttpRequest& r) {
    HttpReply reply;
    reply.status = 0;
    if (r.path.find("/resolve/") != std::string::npos) {
      reply.status = 307;
      reply.headers = {{"Location", "/api/resolve-cache/config.json"}, {"X-Repo-Commit", kCommit}};
    } else if (r.path == "/api/resolve-cache/config.json") {
      reply.status = 200;
      reply.headers = {{"ETag", "W/\"" + git_hash("{}") + "\""}};
      reply.body = "{}";
    }
    return reply;
  };
  const Ended ended = pull();
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(content_of(snapshot() / "config.json"), "{}");
  for (const HttpRequest& r : hub_.requests()) EXPECT_EQ(r.headers.count("authorization"), 1u) << r.path;
  before_hub_ = [](const HttpRequest& r) { return HttpReply{.status = 307, .headers = {{"Location", r.path}}}; };
  const Ended circle = pull();
  EXPECT_EQ(circle.code, 1);
  EXPECT_TRUE(contains(circle.err, "redirects more than 8 times")) << circle.err;
  before_hub_ = [](const HttpRequest&) {
    return HttpReply{.status = 302, .headers = {{"Location", "file:///etc/passwd"}}};
  };
  EXPECT_TRUE(contains(pull().err, "no http or https URL"));
}

TEST_F(Pull, NamesThatLeaveTheFolderAreRefused) {
  for (const char* name : {"../evil.json", "a/../../evil.json", "/etc/evil.json", "", "a//b.json", "./a.json",
                           "a\\..\\evil.json", "a\x1b[2J.json", ".."}) {
    files_ = {{"config.json", {"{}"}}, {name, {"{}"}}};
    const Ended ended = pull();
    EXPECT_EQ(ended.code, 1) << name;
    EXPECT_TRUE(contains(ended.err, "is no plain path inside the model's folder")) << ended.err;
    EXPECT_FALSE(contains(ended.err, "\x1b"));
    EXPECT_FALSE(fs::exists(fs::path(home()) / "hub"));
  }
  EXPECT_EQ(file_bytes(), 0);
  files_ = {{"config.json", {"{}"}}};
  for (const char* model : {"tiny", "a/b/c", "../x", "a--b/c", "a/.."}) {
    Start s = start();
    s.arguments = {"pull", model};
    const Ended ended = run(s);
    EXPECT_EQ(ended.code, 1) << model;
    EXPECT_TRUE(contains(ended.err, "expected ORG/NAME")) << ended.err;
  }
  EXPECT_TRUE(contains(pull({"--revision", "../../x"}).err, "is no branch, tag or commit"));
}

TEST_F(Pull, ARefusalSaysWhatToDo) {
  int status = 401;
  before_hub_ = [&](const HttpRequest&) {
    return HttpReply{.status = status, .headers = {{"X-Error-Message", "Access to it is restricted\x1b[2J"}}};
  };
  const Ended gated = pull();
  EXPECT_EQ(gated.code, 1);
  EXPECT_TRUE(contains(gated.err, "answers 401 (Access to it is restricted?[2J): it is gated, private or not there"))
      << gated.err;
  EXPECT_TRUE(contains(gated.err, "set HF_TOKEN")) << gated.err;
  token_ = "hf_secret";
  status = 403;
  EXPECT_TRUE(contains(pull().err, "the token in HF_TOKEN may not read it"));
  status = 404;
  const Ended missing = pull({"--revision", "v9"});
  EXPECT_EQ(missing.code, 1);
  EXPECT_TRUE(contains(missing.err, "some-one/tiny.model, revision v9: 127.0.0.1:")) << missing.err;
  EXPECT_TRUE(contains(missing.err, "answers 404")) << missing.err;
  EXPECT_EQ(hub_.requests().size(), 3u);  // none of them is asked twice
  before_hub_ = [](const HttpRequest&) { return HttpReply{.body = "<html>a hotel's network</html>"}; };
  const Ended page = pull();
  EXPECT_EQ(page.code, 1);
  EXPECT_TRUE(contains(page.err, "/api/models/some-one/tiny.model/revision/main: byte 0")) << page.err;
  before_hub_ = [](const HttpRequest&) { return HttpReply{.body = "{\"sha\": \"../..\", \"siblings\": []}"}; };
  EXPECT_TRUE(contains(pull().err, "\"sha\" is no commit"));
}

TEST_F(Pull, AServerInTroubleIsAskedAgain) {
  golden_model();
  int asked = 0;
  before_hub_ = [&](const HttpRequest&) { return HttpReply{.status = ++asked == 1 ? 500 : asked == 3 ? 429 : 0}; };
  const Ended ended = pull();
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_TRUE(contains(ended.out, "the server answers 500; again in 1 s")) << ended.out;
  EXPECT_TRUE(contains(ended.out, "the server answers 429; again in 1 s")) << ended.out;
  before_hub_ = [&](const HttpRequest&) { return HttpReply{.status = 503}; };
  hub_.forget();
  const Ended down = pull({"--tries", "2"});
  EXPECT_EQ(down.code, 1);
  EXPECT_TRUE(contains(down.err, "the server answers 503; given up after 2 tries")) << down.err;
  EXPECT_EQ(hub_.requests().size(), 2u);
}

TEST_F(Pull, ABodyOfAnotherSizeIsAnError) {
  one_large_file(1000);
  const std::string content = files_["model.safetensors"].content;
  HttpReply reply;
  before_store_ = [&](const HttpRequest&) { return reply; };
  reply.body = content + "more";
  EXPECT_TRUE(contains(pull().err, " bytes are sent, ")) << content.size();
  reply = {.status = 206, .headers = {{"Content-Range", "bytes 5-9/10"}}, .body = "56789"};
  EXPECT_TRUE(contains(pull().err, "Content-Range \"bytes 5-9/10\", expected bytes 0-"));
  reply = {.status = 403};  // a signed address that has run out
  const Ended expired = pull();
  EXPECT_EQ(expired.code, 1);
  EXPECT_TRUE(contains(expired.err, "model.safetensors: 127.0.0.2:")) << expired.err;
  EXPECT_FALSE(contains(expired.err, "HF_TOKEN")) << expired.err;  // not the hub's refusal
}

TEST_F(Pull, SilenceIsNotWaitedForWithoutEnd) {
  one_large_file();
  before_store_ = [&](const HttpRequest& r) {
    HttpReply reply = part(r);
    reply.cut = 70'000;
    reply.hold = true;
    return reply;
  };
  const Ended ended = pull({"--timeout", "1", "--tries", "1"});
  EXPECT_EQ(ended.code, 1);
  EXPECT_TRUE(contains(ended.err, "model.safetensors: ")) << ended.err;
  EXPECT_EQ(fs::file_size(partial("model.safetensors")), 70'000u);
}

TEST_F(Pull, CtrlCKeepsWhatHasCome) {
  one_large_file();
  before_store_ = [&](const HttpRequest& r) {
    HttpReply reply = part(r);
    reply.cut = 70'000;
    reply.hold = true;
    return reply;
  };
  Terminal terminal(start());
  terminal.until("sends on to");
  while (store_.requests().empty() || !fs::exists(partial("model.safetensors")) ||
         fs::file_size(partial("model.safetensors")) < 70'000)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  terminal.type("\x03");
  int code = 0;
  const std::string rest = terminal.rest(code);
  EXPECT_EQ(code, 130);
  EXPECT_TRUE(contains(rest, "interrupted. What has come stays")) << rest;
  EXPECT_TRUE(contains(rest, "jamsu pull some-one/tiny.model")) << rest;
  EXPECT_EQ(fs::file_size(partial("model.safetensors")), 70'000u);
  before_store_ = nullptr;
  EXPECT_EQ(pull().code, 0);
}

TEST_F(Pull, ListShowsSizesAndFetchesNothing) {
  golden_model();
  const Ended ended = pull({"--list"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_TRUE(contains(ended.out, "       8 B  README.md\n")) << ended.out;
  EXPECT_TRUE(contains(ended.out, "model.safetensors\n")) << ended.out;
  EXPECT_FALSE(contains(ended.out, "pytorch_model.bin")) << ended.out;
  EXPECT_TRUE(contains(ended.out, "to fetch\n")) << ended.out;
  EXPECT_EQ(file_bytes(), 0);
  EXPECT_FALSE(fs::exists(fs::path(home()) / "hub"));
  ASSERT_EQ(pull().code, 0);
  const Ended after = pull({"--list"});
  EXPECT_TRUE(contains(after.out, "README.md  (here)\n")) << after.out;
  EXPECT_TRUE(contains(after.out, "       0 B  to fetch\n")) << after.out;
}

TEST_F(Pull, PatternsAndRevisionsChoose) {
  golden_model();
  revision_ = "refs%2Fpr%2F1";
  const Ended ended =
      pull({"--revision", "refs/pr/1", "--include", "*.json", "--include", "*.bin", "--exclude", "ex*"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_TRUE(fs::exists(snapshot() / "config.json"));
  EXPECT_TRUE(fs::exists(snapshot() / "pytorch_model.bin"));
  EXPECT_FALSE(fs::exists(snapshot() / "README.md"));
  EXPECT_FALSE(fs::exists(snapshot() / "extra"));
  EXPECT_EQ(content_of(repository() / "refs/refs/pr/1"), kCommit);
  EXPECT_FALSE(fs::exists(repository() / "refs/main"));
  EXPECT_TRUE(contains(pull({"--revision", "refs/pr/1", "--include", "*.gguf"}).err, "none of its 5 files is wanted"));
  // A commit names itself.
  revision_ = kCommit;
  EXPECT_EQ(pull({"--revision", kCommit}).code, 0);
  EXPECT_FALSE(fs::exists(repository() / "refs" / kCommit));
}

TEST_F(Pull, WhatTheEnvironmentForbidsOrLacksIsSaid) {
  Start s = start();
  s.environment["HF_HUB_OFFLINE"] = "1";
  EXPECT_TRUE(contains(run(s).err, "HF_HUB_OFFLINE=1 forbids it"));
  s.environment = {{"HF_ENDPOINT", "ftp://127.0.0.1"}};
  EXPECT_TRUE(contains(run(s).err, "HF_ENDPOINT=ftp://127.0.0.1: expected http"));
  EXPECT_TRUE(hub_.requests().empty());
  s.environment = {{"HF_ENDPOINT", "http://127.0.0.1:1"}};  // nobody listens there
  s.arguments.insert(s.arguments.end(), {"--tries", "1"});
  const Ended alone = run(s);
  EXPECT_EQ(alone.code, 1);
  EXPECT_TRUE(contains(alone.err, "127.0.0.1 port 1")) << alone.err;
  EXPECT_EQ(run({.arguments = {"pull"}, .home = home()}).code, 2);
  EXPECT_EQ(pull({"--colour"}).code, 2);
  // Without its companion the program says so.
  s.program = folder_ / "jamsu";
  fs::copy(JAMSU_PROGRAM, s.program);
  const Ended single = run(s);
  EXPECT_EQ(single.code, 1);
  EXPECT_TRUE(contains(single.err, (folder_ / "jamsu-pull") + ": No such file")) << single.err;
}

}  // namespace
}  // namespace jamsu::regress
