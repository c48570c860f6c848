// jamsu-pull: fetches a model from the Hugging Face hub into the Hugging Face cache. A program of its own, started by
// `jamsu pull`: the only one of this project that opens a connection.
#include <fmt/format.h>
#include <sys/statvfs.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "apps/pull/hub.h"
#include "base/printable.h"
#include "hub/cache.h"

namespace jamsu::pull {
namespace {

namespace fs = std::filesystem;

std::atomic<bool> signalled = false, given_up = false;  // by a person; since one file cannot be fetched
static_assert(std::atomic<bool>::is_always_lock_free);
bool interrupted() {
  return signalled || given_up;
}
void on_interrupt(int signal) {
  signalled = true;
  std::signal(signal, SIG_DFL);  // a second one ends it at once; what has come stays then, too
}

int fail(const std::string& message) {
  std::fprintf(stderr, "jamsu: pull: %s\n", printable(message).c_str());
  return 1;
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

struct Options {
  std::string model, revision = "main";
  std::vector<std::string> include, exclude;
  bool list = false;
  int timeout_s = 30, tries = 5;
};

hub::Selection selection(const Options& o) {
  hub::Selection chosen = hub::usual_selection();
  if (!o.include.empty()) chosen = {.include = o.include, .exclude = {}};
  chosen.exclude.insert(chosen.exclude.end(), o.exclude.begin(), o.exclude.end());
  return chosen;
}

// A file that was chosen: what it is there, and how much of it is here.
struct Item {
  std::string file;
  RemoteFile remote;
  bool linked = false;  // by the snapshot
  bool whole = false;   // its blob is here
  int64_t here = 0;     // bytes of it
};

int64_t size_of(const std::string& path) {
  std::error_code error;
  const auto bytes = fs::file_size(path, error);
  return error ? 0 : static_cast<int64_t>(bytes);
}

// A file of the snapshot is there only as a whole, so that nothing needs to be asked about it.
Result<std::vector<Item>> look(Hub& hub, const hub::CachedRepository& cache, const std::string& commit,
                               const std::vector<std::string>& files) {
  std::vector<Item> items;
  for (const std::string& file : files) {
    Item item{.file = file, .remote = {}};
    const std::string path = cache.snapshot(commit) + "/" + file;
    std::error_code error;
    if (fs::is_regular_file(path, error)) {
      item.linked = item.whole = true;
      item.here = item.remote.size = size_of(path);
    } else {
      auto remote = hub.look_at(commit, file);
      if (!remote) return remote.error();
      item.remote = *remote;
      const std::string blob = cache.blob(item.remote.hash);
      const int64_t part = size_of(blob + hub::kIncomplete);
      item.whole = fs::exists(blob, error);
      item.here = item.whole ? item.remote.size : part <= item.remote.size ? part : 0;
    }
    items.push_back(std::move(item));
  }
  return items;
}

void list(const std::vector<Item>& items, Progress& progress) {
  int64_t missing = 0;
  for (const Item& item : items) {
    const std::string state = item.whole      ? "  (here)"
                              : item.here > 0 ? fmt::format("  ({} here)", bytes_text(item.here))
                                              : std::string();
    progress.line(fmt::format("{:>10}  {}{}", bytes_text(item.remote.size), item.file, state));
    missing += item.remote.size - item.here;
  }
  progress.line(fmt::format("{:>10}  to fetch", bytes_text(missing)));
}

Status enough_space(const std::string& folder, int64_t missing) {
  struct statvfs disk {};
  if (::statvfs(folder.c_str(), &disk) != 0) return {};  // then the writing says it
  const auto free = static_cast<int64_t>(disk.f_bavail) * static_cast<int64_t>(disk.f_frsize);
  if (missing <= free) return {};
  return Error{fmt::format("{}: {} are still to be fetched, and the disk has {} left.", folder, bytes_text(missing),
                           bytes_text(free))};
}

Status fetch_one(Hub& hub, const hub::CachedRepository& cache, const std::string& commit, const Item& item,
                 Progress& progress) {
  const std::string path = cache.blob(item.remote.hash);
  std::error_code error;
  if (!fs::exists(path, error)) {
    if (item.here > 0)  // some GiB take a while
      progress.line(fmt::format("{}: {} of {} are here, and are read first", item.file, bytes_text(item.here),
                                bytes_text(item.remote.size)));
    auto blob = hub::PartialBlob::open(
        {.path = path, .lock = cache.lock(item.remote.hash), .hash = item.remote.hash, .size = item.remote.size});
    if (!blob) return blob.error();
    Progress::File line(progress, item.file, item.remote.size, (*blob)->bytes());
    if (auto s = hub.fetch(commit, item.file, item.remote, **blob, line); !s) return s;
    if (auto s = (*blob)->finish(); !s) return Error{fmt::format("{}: {}", item.file, s.error().message)};
    line.end();
  }
  return cache.link(commit, item.file, item.remote.hash);
}

// Three files at a time, in their order, each with a connection of its own. The first that cannot be fetched ends the
// others, whose bytes stay.
class Fetching {
 public:
  Fetching(const Hub::Options& asked, const hub::CachedRepository& cache, std::string commit,
           const std::vector<Item>& items, Progress& progress)
      : asked_(asked), cache_(cache), commit_(std::move(commit)), progress_(progress) {
    std::set<std::string> hashes;
    for (const Item& item : items)
      if (!item.linked) (hashes.insert(item.remote.hash).second ? items_ : again_).push_back(item);
  }

  // `first` is the hub that this thread has already.
  Status run(Hub& first) {
    constexpr size_t kAtOnce = 3;
    std::vector<std::thread> others;
    try {
      for (size_t i = 1; i < std::min(kAtOnce, items_.size()); ++i) others.emplace_back([this] { work_alone(); });
    } catch (const std::system_error&) {  // no more threads: fewer files at a time
    }
    work(first);
    for (std::thread& other : others) other.join();
    for (const Item& item : again_)
      if (!first_error_)
        if (auto s = fetch_one(first, cache_, commit_, item, progress_); !s) fails(s.error());
    return first_error_ ? Status(*first_error_) : Status();
  }

 private:
  // A thread's own code: nothing may be thrown out of it.
  void work_alone() {
    try {
      auto hub = Hub::create(asked_, interrupted, progress_);
      if (!hub) return fails(hub.error());
      work(*hub);
    } catch (const std::exception& e) {
      fails(Error{e.what()});
    }
  }

  void work(Hub& hub) {
    try {
      while (!interrupted()) {
        const size_t i = next_++;
        if (i >= items_.size()) return;
        if (auto s = fetch_one(hub, cache_, commit_, items_[i], progress_); !s) return fails(s.error());
      }
      if (signalled) fails(Error{"interrupted"});
    } catch (const std::exception& e) {
      fails(Error{e.what()});
    }
  }

  void fails(const Error& error) {
    const std::lock_guard lock(mutex_);
    if (!first_error_) first_error_ = error;
    given_up = true;
  }

  Hub::Options asked_;
  const hub::CachedRepository& cache_;
  std::string commit_;
  std::vector<Item> items_, again_;  // again_: what has the content of one of items_
  Progress& progress_;
  std::atomic<size_t> next_ = 0;
  std::mutex mutex_;
  std::optional<Error> first_error_;
};

// What stops it is said with what is left to do about it.
int stopped(const Options& o, const Error& error) {
  if (!signalled) return fail(error.message);
  std::fprintf(
      stderr,
      "\njamsu: pull: interrupted. What has come stays (blobs/*%s); the same command goes on from there: jamsu "
      "pull %s%s\n",
      hub::kIncomplete, printable(o.model).c_str(),
      o.revision == "main" ? "" : printable(" --revision " + o.revision).c_str());
  return 130;
}

int run(const Options& o) {
  if (!hub::is_repository(o.model))
    return fail(fmt::format("{}: expected ORG/NAME as the hub names models, such as deepseek-ai/DeepSeek-V3", o.model));
  if (!hub::stays_inside(o.revision))
    return fail(fmt::format("--revision {}: is no branch, tag or commit", o.revision));
  if (const std::string offline = variable("HF_HUB_OFFLINE"); !offline.empty() && offline != "0")
    return fail(fmt::format("HF_HUB_OFFLINE={} forbids it", offline));
  std::string endpoint = variable("HF_ENDPOINT"), token = variable("HF_TOKEN");
  while (endpoint.ends_with('/')) endpoint.pop_back();
  if (!std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c <= '~'; }))
    return fail("HF_TOKEN: expected a token, without spaces and line ends");

  Progress progress;
  Hub::Options asked{.token = token, .repository = o.model, .stall_seconds = o.timeout_s, .tries = o.tries};
  if (!endpoint.empty()) asked.endpoint = endpoint;
  auto hub = Hub::create(asked, interrupted, progress);
  if (!hub) return fail(hub.error().message);
  const auto repository = hub->repository(o.revision);
  if (!repository) return stopped(o, repository.error());

  const hub::Selection chosen = selection(o);
  std::vector<std::string> files;
  for (const std::string& file : repository->files)
    if (chosen.takes(file)) files.push_back(file);
  if (files.empty())
    return fail(
        fmt::format("{}: none of its {} files is wanted (--include, --exclude)", o.model, repository->files.size()));
  const hub::CachedRepository cache(hub::cache_folder(variable), o.model);
  auto items = look(*hub, cache, repository->commit, files);
  if (!items) return stopped(o, items.error());
  if (o.list) return list(*items, progress), 0;

  if (auto s = cache.make_folders(); !s) return fail(s.error().message);
  int64_t total = 0, missing = 0, fetched = 0;
  for (const Item& item : *items)
    if (!item.whole) total += item.remote.size, missing += item.remote.size - item.here, ++fetched;
  if (auto s = enough_space(cache.folder(), missing); !s) return fail(s.error().message);
  progress.plan(total, total - missing);
  if (auto s = Fetching(asked, cache, repository->commit, *items, progress).run(*hub); !s) return stopped(o, s.error());
  // Last: whoever reads the cache meanwhile finds the commit before, whole.
  if (auto s = cache.set_commit(o.revision, repository->commit); !s) return fail(s.error().message);

  const bool weights =
      std::any_of(files.begin(), files.end(), [](const auto& f) { return f.ends_with(".safetensors"); });
  if (o.include.empty() && !weights) progress.line("note: it has no *.safetensors, the only weights jamsu reads");
  progress.line(
      fmt::format("{} files, {} of them fetched now: {}", items->size(), fetched, cache.snapshot(repository->commit)));
  if (o.revision != "main") progress.line(fmt::format("its name here: {}@{}", o.model, o.revision));
  return 0;
}

int start(int argc, char** argv) {
  Options o;
  CLI::App app(
      "jamsu pull fetches a model from the Hugging Face hub ($HF_ENDPOINT, https://huggingface.co) into the Hugging "
      "Face "
      "cache ($HF_HUB_CACHE, $HF_HOME/hub, ~/.cache/huggingface/hub), where jamsu and other programs find it. Every "
      "file "
      "is verified by its hash; what was interrupted goes on where it stood. HF_TOKEN opens gated models; "
      "https_proxy and no_proxy are heeded.",
      "jamsu pull");
  app.add_option("model", o.model, "ORG/NAME")->required();
  app.add_option("--revision", o.revision, "branch, tag or commit")->capture_default_str();
  // One value a flag: a pattern must not swallow the model's name.
  app.add_option("--include", o.include,
                 "only files that match, such as '*.json'; may be given more than once (default: what a model needs: "
                 "safetensors, json, jinja, model, txt, README.md, LICENSE)")
      ->allow_extra_args(false);
  app.add_option("--exclude", o.exclude, "none that match; may be given more than once")->allow_extra_args(false);
  app.add_flag("--list", o.list, "prints what would be fetched, with sizes, and stops");
  app.add_option("--timeout", o.timeout_s, "seconds without an answer or with hardly a byte after which a try is lost")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  app.add_option("--tries", o.tries, "tries without a byte gained before it gives up")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.footer("Example: jamsu pull Qwen/Qwen3-0.6B && jamsu chat --model Qwen/Qwen3-0.6B");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
  // A terminal that closes ends it like Ctrl-C, unless nohup has said otherwise.
  if (std::signal(SIGHUP, on_interrupt) == SIG_IGN) std::signal(SIGHUP, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  const int code = run(o);
  if ((std::fflush(stdout) != 0 || std::ferror(stdout) != 0) && code == 0) return fail("the output cannot be written");
  return code;
}

}  // namespace
}  // namespace jamsu::pull

int main(int argc, char** argv) {
  try {
    return jamsu::pull::start(argc, argv);
  } catch (const std::exception& e) {  // out of memory and the like: said, not crashed
    std::fprintf(stderr, "jamsu: pull: %s\n", e.what());
    return 1;
  }
}
