#include "regress/http_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <sstream>
#include <thread>
#include <vector>

namespace jamsu::regress {
namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// As much as the other side takes.
int64_t send_all(int fd, std::string_view text) {
  int64_t sent = 0;
  while (!text.empty()) {
    const ssize_t n = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (n <= 0) break;
    sent += n;
    text.remove_prefix(static_cast<size_t>(n));
  }
  return sent;
}

}  // namespace

HttpServer::HttpServer(std::string host, Handler handler, bool at_once)
    : host_(std::move(host)), handler_(std::move(handler)), at_once_(at_once) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  ::inet_pton(AF_INET, host_.c_str(), &address.sin_addr);
  socklen_t size = sizeof address;
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_, generic, size) != 0 || ::listen(listener_, 16) != 0 ||
      ::getsockname(listener_, generic, &size) != 0)
    ADD_FAILURE() << "no server on " << host_;
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

HttpServer::~HttpServer() {
  ends_ = true;
  thread_.join();
  ::close(listener_);
}

std::string HttpServer::url() const {
  return "http://" + host_ + ":" + std::to_string(port_);
}
std::vector<HttpRequest> HttpServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}
void HttpServer::forget() {
  const std::lock_guard lock(mutex_);
  requests_.clear();
}

bool HttpServer::wait_readable(int fd) const {
  while (!ends_) {
    pollfd p{fd, POLLIN, 0};
    if (::poll(&p, 1, 50) > 0) return true;
  }
  return false;
}

void HttpServer::serve() {
  std::vector<std::thread> answering;
  while (wait_readable(listener_)) {
    const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) continue;
    const auto work = [this, connection] {
      answer(connection);
      ::close(connection);
    };
    if (at_once_)
      answering.emplace_back(work);
    else
      work();
  }
  for (std::thread& thread : answering) thread.join();
}

HttpReply HttpServer::handled(const HttpRequest& request) {
  const std::lock_guard lock(handling_);
  return handler_(request);
}

void HttpServer::answer(int connection) {
  std::string head;
  char bytes[4096];
  while (head.find("\r\n\r\n") == std::string::npos) {
    if (!wait_readable(connection)) return;
    const ssize_t n = ::recv(connection, bytes, sizeof bytes, 0);
    if (n <= 0) return;
    head.append(bytes, static_cast<size_t>(n));
  }
  HttpRequest request;
  std::istringstream lines(head);
  lines >> request.method >> request.path;
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line) && line.size() > 1)
    if (const size_t colon = line.find(": "); colon != std::string::npos)
      request.headers[lower(line.substr(0, colon))] = line.substr(colon + 2, line.size() - colon - 3);
  HttpReply reply = handled(request);
  reply.headers.try_emplace("Content-Length", std::to_string(reply.body.size()));
  std::string text = "HTTP/1.1 " + std::to_string(reply.status) + " So\r\nConnection: close\r\n";
  for (const auto& [name, value] : reply.headers) text += name + ": " + value + "\r\n";
  const std::string_view body = request.method == "HEAD" ? std::string_view() : std::string_view(reply.body);
  {
    // Whoever has the whole answer and asks for the requests finds this one among them.
    const std::lock_guard lock(mutex_);
    send_all(connection, text + "\r\n");
    request.status = reply.status;
    request.body_bytes_sent =
        send_all(connection, body.substr(0, reply.cut < 0 ? body.size() : static_cast<size_t>(reply.cut)));
    requests_.push_back(request);
  }
  if (reply.hold) wait_readable(connection);  // until the other side closes
  // Without this a close with unread bytes could take back what was sent.
  ::shutdown(connection, SHUT_WR);
}

}  // namespace jamsu::regress
