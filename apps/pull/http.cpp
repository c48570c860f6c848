#include "apps/pull/http.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string_view>

namespace jamsu::pull {
namespace {

constexpr size_t kMaxHeaders = 200;
constexpr int64_t kMaxErrorBody = 1 << 20;  // of an answer that is no file; read so that the connection can be kept

// One request's state, for libcurl's callbacks.
struct Exchange {
  Answer answer;
  Body body;
  bool (*interrupted)();
  int64_t dropped = 0;
  bool stopped = false;
};

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

std::string_view trimmed(std::string_view text) {
  const auto space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && space(text.front())) text.remove_prefix(1);
  while (!text.empty() && space(text.back())) text.remove_suffix(1);
  return text;
}

size_t on_header(char* data, size_t, size_t bytes, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const std::string_view line(data, bytes);
  if (line.starts_with("HTTP/")) {  // a new answer begins (100 Continue, a proxy's own)
    exchange.answer = {};
    const size_t space = line.find(' ');
    if (space != std::string_view::npos) exchange.answer.status = std::atoi(std::string(line.substr(space)).c_str());
    return bytes;
  }
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return bytes;
  if (exchange.answer.headers.size() >= kMaxHeaders) return 0;
  exchange.answer.headers[lower(line.substr(0, colon))] = trimmed(line.substr(colon + 1));
  return bytes;
}

size_t on_body(char* data, size_t, size_t bytes, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  bool more = true;
  if (exchange.answer.good())
    more = exchange.body(exchange.answer, std::as_bytes(std::span(data, bytes)));
  else
    more = (exchange.dropped += static_cast<int64_t>(bytes)) <= kMaxErrorBody;
  exchange.stopped = !more;
  return more ? bytes : 0;
}

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Exchange*>(user)->interrupted() ? 1 : 0;
}

bool may_do_better_later(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return true;
    default:
      return false;
  }
}

// Freed on every way out.
struct HeaderList {
  curl_slist* list = nullptr;
  void add(const std::string& line) { list = curl_slist_append(list, line.c_str()); }
  ~HeaderList() { curl_slist_free_all(list); }
};

class Url {
 public:
  Url() : url_(curl_url()) {}
  ~Url() { curl_url_cleanup(url_); }
  Url(const Url&) = delete;
  Url& operator=(const Url&) = delete;
  // Of a relative one, seen from the one set before.
  bool set(const std::string& text) { return curl_url_set(url_, CURLUPART_URL, text.c_str(), 0) == CURLUE_OK; }
  std::string get(CURLUPart part, unsigned flags = 0) const {
    char* text = nullptr;
    if (curl_url_get(url_, part, &text, flags) != CURLUE_OK) return {};
    std::string result = text;
    curl_free(text);
    return result;
  }

 private:
  CURLU* url_;
};

}  // namespace

std::string Answer::header(const std::string& name) const {
  const auto it = headers.find(name);
  return it == headers.end() ? std::string() : it->second;
}

Result<std::unique_ptr<Client>> Client::create(int stall_seconds, bool (*interrupted)()) {
  CURL* curl = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? curl_easy_init() : nullptr;
  if (!curl) return Error{"libcurl cannot be started."};
  return std::unique_ptr<Client>(new Client(curl, stall_seconds, interrupted));
}

Client::~Client() {
  curl_easy_cleanup(curl_);
}

Outcome Client::perform(const Request& request, Body body) {
  CURL* curl = curl_;
  curl_easy_reset(curl);  // options; its connections stay
  Exchange exchange{.answer = {}, .body = body, .interrupted = interrupted_};
  char reason[CURL_ERROR_SIZE] = "";
  HeaderList headers;
  headers.add("Accept-Encoding: identity");  // sizes and ranges are the file's own
  if (!request.token.empty()) headers.add("Authorization: Bearer " + request.token);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);  // several threads: no alarm, and main() ignores SIGPIPE
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_NOBODY, request.head ? 1L : 0L);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "jamsu-pull");
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.list);
  if (request.first_byte > 0) curl_easy_setopt(curl, CURLOPT_RANGE, fmt::format("{}-", request.first_byte).c_str());
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, static_cast<long>(stall_seconds_));
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1024L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, static_cast<long>(stall_seconds_));
  curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 512L * 1024);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &exchange);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &exchange);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &exchange);
  const CURLcode code = curl_easy_perform(curl);
  const std::string why = *reason ? reason : curl_easy_strerror(code);
  if (code == CURLE_OK) return {Ending::answered, exchange.answer, {}};
  if (interrupted_()) return {Ending::interrupted, exchange.answer, "interrupted"};
  if (exchange.stopped) {
    // An answer that is no file needs no body: its status says enough.
    return {exchange.answer.good() ? Ending::stopped : Ending::answered, exchange.answer, why};
  }
  return {may_do_better_later(code) ? Ending::lost : Ending::impossible, exchange.answer, why};
}

std::string Origin::name() const {
  const bool usual = port == (scheme == "https" ? "443" : "80");
  return usual ? host : host + ":" + port;
}

bool Origin::is_this_machine() const {
  return host == "localhost" || host == "[::1]" || host.starts_with("127.");
}

std::optional<Origin> origin_of(const std::string& text) {
  Url url;
  if (!url.set(text)) return {};
  const Origin origin{lower(url.get(CURLUPART_SCHEME)), lower(url.get(CURLUPART_HOST)),
                      url.get(CURLUPART_PORT, CURLU_DEFAULT_PORT)};
  if ((origin.scheme != "http" && origin.scheme != "https") || origin.host.empty()) return {};
  return origin;
}

std::string resolve_url(const std::string& base, const std::string& location) {
  Url url;
  if (!url.set(base) || !url.set(location)) return {};
  return url.get(CURLUPART_URL);
}

}  // namespace jamsu::pull
