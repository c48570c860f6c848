#include "apps/pull/hub.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/printable.h"

namespace jamsu::pull {
namespace {

constexpr int kMaxRedirects = 8;
constexpr size_t kMaxAnswerBytes = size_t{64} << 20;  // /api/models of the largest repositories: some MiB
constexpr int64_t kMaxWaitSeconds = 60;

bool worth_another_try(const Outcome& outcome) {
  const int status = outcome.answer.status;
  if (outcome.ending == Ending::lost) return true;
  return outcome.ending == Ending::answered && (status == 408 || status == 429 || status >= 500);
}

// Why a try came to nothing, in a few words.
std::string reason(const Outcome& outcome) {
  if (outcome.ending == Ending::answered) return fmt::format("the server answers {}", outcome.answer.status);
  return outcome.why;
}

// A server's own words, cut, and kept from steering the terminal.
std::string printable(const std::string& text) {
  return jamsu::printable(std::string_view(text).substr(0, 300));
}

}  // namespace

Hub::Hub(Options options, Origin origin, std::unique_ptr<Client> client, bool (*interrupted)(), Progress& progress)
    : options_(std::move(options)),
      origin_(std::move(origin)),
      client_(std::move(client)),
      interrupted_(interrupted),
      progress_(progress) {}

Result<Hub> Hub::create(Options options, bool (*interrupted)(), Progress& progress) {
  const auto origin = origin_of(options.endpoint);
  if (!origin)
    return Error{fmt::format("HF_ENDPOINT={}: expected http://HOST or https://HOST.", printable(options.endpoint))};
  auto client = Client::create(options.stall_seconds, interrupted);
  if (!client) return client.error();
  const bool bare_token = !options.token.empty() && origin->scheme == "http" && !origin->is_this_machine();
  Hub hub(std::move(options), *origin, std::move(*client), interrupted, progress);
  hub.say_host(*origin);
  if (bare_token) progress.line_once(fmt::format("note: HF_TOKEN goes to {} unencrypted (http)", origin->name()));
  return hub;
}

void Hub::say_host(const Origin& origin) {
  progress_.line_once(origin == origin_ ? fmt::format("asks {} for {}", origin.name(), options_.repository)
                                        : fmt::format("which sends on to {}", origin.name()));
}

bool Hub::sleep(int64_t seconds) const {
  // Short naps: a signal may come between the look and the nap.
  for (int64_t tenths = seconds * 10; tenths > 0 && !interrupted_(); --tenths) {
    const timespec nap{.tv_sec = 0, .tv_nsec = 100'000'000};
    ::nanosleep(&nap, nullptr);
  }
  return !interrupted_();
}

std::string Hub::file_url(const std::string& commit, const std::string& file) const {
  return fmt::format("{}/{}/resolve/{}/{}", options_.endpoint, options_.repository, commit, hub::url_path(file, true));
}

Outcome Hub::follow(Request request, FunctionRef<bool(const Answer&)> enough, Body body) {
  for (int hop = 0; hop <= kMaxRedirects; ++hop) {
    const auto origin = origin_of(request.url);
    if (!origin) return {Ending::impossible, {}, "it redirects to what is no http or https URL"};
    if (origin_.scheme == "https" && origin->scheme != "https")
      return {Ending::impossible, {}, "it redirects from https to http"};
    say_host(*origin);
    request.token = *origin == origin_ ? options_.token : std::string();
    Outcome outcome = client_->perform(request, body);
    outcome.host = origin->name();
    if (outcome.ending != Ending::answered || !outcome.answer.redirects() || enough(outcome.answer)) return outcome;
    request.url = resolve_url(request.url, outcome.answer.header("location"));
  }
  return {Ending::impossible, {}, fmt::format("it redirects more than {} times", kMaxRedirects)};
}

Status Hub::insist(const std::string& what, FunctionRef<Outcome()> once, FunctionRef<bool()> progressed) {
  for (int failures = 0;;) {
    const Outcome outcome = once();
    if (outcome.ending == Ending::answered && (outcome.answer.good() || outcome.answer.redirects())) return {};
    if (!worth_another_try(outcome)) return refusal(what, outcome);
    if (progressed()) failures = 0;
    if (++failures >= options_.tries)
      return Error{fmt::format("{}: {}; given up after {} tries.", what, reason(outcome), failures)};
    const int64_t asked = hub::parse_size(outcome.answer.header("retry-after")).value_or(0);
    const int64_t wait = std::clamp<int64_t>(asked, int64_t{1} << std::min(failures - 1, 5), kMaxWaitSeconds);
    progress_.line(fmt::format("{}: {}; again in {} s", what, reason(outcome), wait));
    if (!sleep(wait)) return refusal(what, {Ending::interrupted, {}, "interrupted"});
  }
}

Error Hub::refusal(const std::string& what, const Outcome& outcome) const {
  if (outcome.ending != Ending::answered) return Error{fmt::format("{}: {}.", what, outcome.why)};
  const int status = outcome.answer.status;
  std::string text = fmt::format("{}: {} answers {}", what, outcome.host, status);
  if (const std::string words = outcome.answer.header("x-error-message"); !words.empty())
    text += fmt::format(" ({})", printable(words));
  if (outcome.host == origin_.name() && (status == 401 || status == 403)) {
    text += options_.token.empty()
                ? fmt::format(
                      ": it is gated, private or not there. Ask for access on {}/{} if it is gated, and set "
                      "HF_TOKEN to a token that may read it",
                      options_.endpoint, options_.repository)
                : fmt::format(": the token in HF_TOKEN may not read it. Ask for access on {}/{} if it is gated",
                              options_.endpoint, options_.repository);
  } else if (status == 404) {
    text += ": not there";
  }
  return Error{text + "."};
}

Result<hub::Repository> Hub::repository(const std::string& revision) {
  const std::string url = fmt::format("{}/api/models/{}/revision/{}", options_.endpoint, options_.repository,
                                      hub::url_path(revision, false));
  const std::string what = fmt::format("{}, revision {}", options_.repository, revision);
  std::string text;
  const auto once = [&] {
    text.clear();
    return follow(
        {.url = url}, [](const Answer&) { return false; },
        [&](const Answer&, std::span<const std::byte> piece) {
          text.append(reinterpret_cast<const char*>(piece.data()), piece.size());
          return text.size() <= kMaxAnswerBytes;
        });
  };
  if (auto s = insist(what, once, [] { return false; }); !s) return s.error();
  return hub::parse_repository(text, url);
}

Result<RemoteFile> Hub::look_at(const std::string& commit, const std::string& file) {
  std::string linked_etag, etag, their_commit;
  std::optional<int64_t> size;
  // The hub answers with the file's headers before it redirects to where the bytes lie; a host of its own may first
  // send on within itself.
  const auto note = [&](const Answer& answer) {
    const auto take = [&](const char* name, std::string& value) {
      if (const std::string text = answer.header(name); !text.empty()) value = text;
    };
    take("x-linked-etag", linked_etag);
    take("etag", etag);
    take("x-repo-commit", their_commit);
    if (const auto linked = hub::parse_size(answer.header("x-linked-size"))) size = linked;
    if (!size && answer.good()) size = hub::parse_size(answer.header("content-length"));
    return !linked_etag.empty() && size.has_value();
  };
  const std::string url = file_url(commit, file);
  const auto once = [&] {
    linked_etag = etag = their_commit = {};
    size.reset();
    Outcome outcome = follow(
        {.url = url, .head = true},
        [&](const Answer& answer) {
          const auto next = origin_of(resolve_url(url, answer.header("location")));
          return note(answer) || next != origin_;
        },
        [](const Answer&, std::span<const std::byte>) { return true; });
    if (outcome.answer.good()) note(outcome.answer);
    return outcome;
  };
  if (auto s = insist(file, once, [] { return false; }); !s) return s.error();
  if (!their_commit.empty() && their_commit != commit)
    return Error{fmt::format("{}: X-Repo-Commit is {}, and {} was asked for.", file, printable(their_commit), commit)};
  const std::string& named = linked_etag.empty() ? etag : linked_etag;
  const auto hash = hub::parse_etag(named);
  if (!hash)
    return Error{
        fmt::format("{}: {} \"{}\" is no hash (64 or 40 hexadecimal digits), so what comes cannot be verified.", file,
                    linked_etag.empty() ? "ETag" : "X-Linked-Etag", printable(named))};
  if (!size) return Error{fmt::format("{}: its size is not told (X-Linked-Size, Content-Length).", file)};
  return RemoteFile{*hash, *size};
}

Status Hub::fetch(const std::string& commit, const std::string& file, const RemoteFile& expected,
                  hub::PartialBlob& blob, Progress::File& progress) {
  std::string trouble;  // that no other try mends
  // The first piece of an answer: does it begin where this blob ends?
  const auto begins_right = [&](const Answer& answer) -> Status {
    if (answer.status == 206) {
      const auto range = hub::parse_content_range(answer.header("content-range"));
      if (!range || range->first != blob.bytes() || range->total != expected.size)
        return Error{fmt::format("Content-Range \"{}\", expected bytes {}-{}/{}.",
                                 printable(answer.header("content-range")), blob.bytes(), expected.size - 1,
                                 expected.size)};
      return {};
    }
    if (answer.status != 200) return Error{fmt::format("the server answers {}, expected 200 or 206.", answer.status)};
    const auto length = hub::parse_size(answer.header("content-length"));
    if (length && *length != expected.size)
      return Error{fmt::format("{} bytes are sent, {} were announced.", *length, expected.size)};
    if (blob.bytes() == 0) return {};
    progress_.line(fmt::format("{}: the server sends no part of a file; from its beginning", file));
    return blob.restart();
  };
  int64_t most = blob.bytes();
  const auto once = [&] {
    bool begun = false;
    Outcome outcome = follow(
        {.url = file_url(commit, file), .first_byte = blob.bytes()}, [](const Answer&) { return false; },
        [&](const Answer& answer, std::span<const std::byte> piece) {
          Status status = begun ? Status() : begins_right(answer);
          begun = true;
          if (status) status = blob.append(piece);
          if (!status) trouble = status.error().message;
          progress.at(blob.bytes());
          return status.ok();
        });
    if (outcome.ending == Ending::stopped) outcome.why = trouble;
    if (outcome.ending == Ending::answered && outcome.answer.good() && !blob.complete())
      outcome = {Ending::lost, outcome.answer, fmt::format("{} of {} bytes came", blob.bytes(), expected.size)};
    if (outcome.ending == Ending::answered && outcome.answer.status == 416 && blob.bytes() > 0 && blob.restart())
      outcome = {Ending::lost, outcome.answer, "the server refuses to send the rest alone"};
    return outcome;
  };
  // A server that breaks off and sends no part of a file would never end: only more than ever before counts.
  const auto progressed = [&] { return blob.bytes() > std::exchange(most, std::max(most, blob.bytes())); };
  return blob.complete() ? Status() : insist(file, once, progressed);
}

}  // namespace jamsu::pull
