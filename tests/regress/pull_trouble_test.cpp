// jamsu pull when something goes wrong on the way: connections that break, spoiled parts, servers in trouble, Ctrl-C.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "regress/pull_test_support.h"

namespace jamsu::regress {
namespace {

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

// Five files that a server sends half of: three are under way together, no more, each with a line, and one for all.
TEST_F(Pull, ThreeFilesComeAtATime) {
  for (const char* name : {"a", "b", "c", "d", "e"})
    files_[std::string(name) + ".safetensors"] = {std::string(50'000, name[0]), true};
  before_store_ = [&](const HttpRequest& r) {
    HttpReply reply = part(r);
    reply.cut = 20'000;
    reply.hold = true;
    return reply;
  };
  Terminal terminal(start({"--timeout", "1", "--tries", "1"}));
  int code = 0;
  const std::string shown = terminal.rest(code);
  EXPECT_EQ(code, 1);
  std::vector<std::string> paths;
  for (const HttpRequest& r : store_.requests()) paths.push_back(r.path.substr(7, 1));
  std::sort(paths.begin(), paths.end());
  EXPECT_EQ(paths, (std::vector<std::string>{"a", "b", "c"})) << shown;
  for (const char* name : {"a", "b", "c"}) {
    EXPECT_EQ(fs::file_size(partial(std::string(name) + ".safetensors")), 20'000u);
    EXPECT_TRUE(contains(shown, "\033[K" + std::string(name) + ".safetensors  ")) << shown;
  }
  EXPECT_TRUE(contains(shown, "\033[Kall  ")) << shown;
  EXPECT_TRUE(contains(shown, "given up after 1 tries")) << shown;
  before_store_ = nullptr;
  store_.forget();
  const Ended again = pull();
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(file_bytes(), 3 * 30'000 + 2 * 50'000);
  for (const auto& [name, file] : files_) EXPECT_EQ(content_of(snapshot() / name), file.content);
}

// Two files of one content are one blob, which one writer fetches.
TEST_F(Pull, FilesOfOneContentAreFetchedOnce) {
  for (const char* name : {"a.safetensors", "b.safetensors", "c.safetensors", "d.safetensors"})
    files_[name] = {std::string(50'000, 'x'), true};
  const Ended ended = pull();
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(store_.requests().size(), 1u);
  for (const auto& [name, file] : files_) EXPECT_EQ(content_of(snapshot() / name), file.content);
}

TEST_F(Pull, ATerminalThatClosesKeepsWhatHasCome) {
  one_large_file();
  before_store_ = [&](const HttpRequest& r) {
    HttpReply reply = part(r);
    reply.cut = 70'000;
    reply.hold = true;
    return reply;
  };
  {
    Terminal terminal(start());
    terminal.until("sends on to");
    while (store_.requests().empty() || !fs::exists(partial("model.safetensors")) ||
           fs::file_size(partial("model.safetensors")) < 70'000)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_EQ(terminal.hang_up(), 130);
  }
  EXPECT_EQ(fs::file_size(partial("model.safetensors")), 70'000u);
  before_store_ = nullptr;
  EXPECT_EQ(pull().code, 0);
}

}  // namespace
}  // namespace jamsu::regress
