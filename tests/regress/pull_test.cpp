// jamsu pull: what it fetches, from where, what it refuses. When something breaks off on the way: pull_trouble_test.cpp.
#include "regress/pull_test_support.h"

namespace jamsu::regress {
namespace {

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
  ASSERT_EQ(listed.size(), 2u);
  EXPECT_EQ(listed[1].at("name").as_string(), "nano");  // which comes with jamsu
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
  EXPECT_TRUE(
      contains(gated.err, "answers 401 (Access to it is restricted\\x1b[2J): it is gated, private or not there"))
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

// A tag, and a commit that nothing names: each is listed, found and removed by its name; main is not there.
TEST_F(Pull, RevisionsAreModelsOfTheirOwn) {
  golden_model();
  revision_ = "v1.0";
  const Ended ended = pull({"--revision", "v1.0"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_TRUE(contains(ended.out, "its name here: some-one/tiny.model@v1.0")) << ended.out;
  const auto names = [&] {
    std::vector<std::string> all;
    for (const auto& line : jamsu({"ls", "--json"}).lines())
      if (const std::string name(line.at("name").as_string()); name.starts_with("some-one/")) all.push_back(name);
    return all;
  };
  EXPECT_EQ(names(), std::vector<std::string>{"some-one/tiny.model@v1.0"});
  EXPECT_EQ(jamsu({"show", "some-one/tiny.model@v1.0"}).code, 0);
  const Ended main = jamsu({"show", "some-one/tiny.model"});
  EXPECT_EQ(main.code, 1);
  EXPECT_TRUE(contains(main.err, "some-one/tiny.model@v1.0")) << main.err;
  revision_ = kCommit;
  fs::remove(repository() / "refs/v1.0");
  ASSERT_EQ(pull({"--revision", kCommit}).code, 0);
  const std::string by_commit = "some-one/tiny.model@" + std::string(kCommit).substr(0, 12);
  EXPECT_EQ(names(), std::vector<std::string>{by_commit});
  revision_ = "main";
  ASSERT_EQ(pull().code, 0);
  EXPECT_EQ(names(), std::vector<std::string>{"some-one/tiny.model"});
  revision_ = "v2";
  ASSERT_EQ(pull({"--revision", "v2"}).code, 0);
  EXPECT_EQ(names().size(), 2u);
  EXPECT_EQ(jamsu({"rm", "some-one/tiny.model", "--yes"}).code, 0);
  EXPECT_EQ(names(), std::vector<std::string>{"some-one/tiny.model@v2"});
  EXPECT_EQ(jamsu({"show", "some-one/tiny.model@v2"}).code, 0);
  EXPECT_EQ(jamsu({"rm", "some-one/tiny.model@v2", "--yes"}).code, 0);
  EXPECT_TRUE(names().empty());
  EXPECT_FALSE(fs::exists(repository()));
}

}  // namespace
}  // namespace jamsu::regress
