// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A small HTTP server on a port of its own, for tests of clients: each request goes to a function, whose
/// bytes are the whole answer, whatever they are.

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace candor_test {

struct http_seen {
  std::string head, body;
};

/// "HTTP/1.1 200 OK ..." with this body.
inline std::string http_answer(const std::string& body, const std::string& status = "200 OK",
                               const std::string& headers = "") {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + headers +
         "\r\n" + body;
}

class http_server {
 public:
  /// The function gets the request's number, from 0, and the request.
  explicit http_server(std::function<std::string(int, const http_seen&)> answer)
      : answer_(std::move(answer)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    ::listen(listener_, 64);
    port_ = ntohs(address.sin_port);
    accepting_ = std::thread([this] { accept_all(); });
  }
  ~http_server() {
    stopping_ = true;
    accepting_.join();
    for (auto& t : serving_) t.join();
    ::close(listener_);
  }
  http_server(const http_server&) = delete;
  http_server& operator=(const http_server&) = delete;

  std::string url(const std::string& scheme = "http") const {
    return scheme + "://127.0.0.1:" + std::to_string(port_) + "/v1/chat/completions";
  }
  int requests() const { return count_; }
  int most_at_once() const { return most_; }
  std::vector<http_seen> seen() const {
    const std::lock_guard hold(guard_);
    return seen_;
  }

 private:
  void accept_all() {
    while (!stopping_) {
      pollfd waiting{listener_, POLLIN, 0};
      if (::poll(&waiting, 1, 20) <= 0) continue;
      const int connection = ::accept(listener_, nullptr, nullptr);
      if (connection >= 0) serving_.emplace_back([this, connection] { serve(connection); });
    }
  }

  void serve(int connection) {
    std::string bytes;
    std::size_t wanted = std::string::npos;
    char buffer[65536];
    while (bytes.size() < wanted) {
      const ssize_t got = ::recv(connection, buffer, sizeof buffer, 0);
      if (got <= 0) break;
      bytes.append(buffer, static_cast<std::size_t>(got));
      if (bytes[0] == 0x16) {  // the beginning of TLS, which this server does not speak
        send_all(connection, http_answer("", "400 Bad Request"));
        break;
      }
      const auto end = bytes.find("\r\n\r\n");
      if (end == std::string::npos) continue;
      if (bytes.find("Expect: 100-continue") < end && bytes.size() == end + 4)
        send_all(connection, "HTTP/1.1 100 Continue\r\n\r\n");
      const auto length = bytes.find("Content-Length: ");
      wanted = end + 4 + (length < end ? std::stoul(bytes.substr(length + 16)) : 0);
    }
    if (bytes.size() == wanted) {
      const int now = ++at_once_;
      int most = most_;
      while (now > most && !most_.compare_exchange_weak(most, now)) {}
      const auto end = bytes.find("\r\n\r\n");
      const http_seen request{bytes.substr(0, end), bytes.substr(end + 4)};
      {
        const std::lock_guard hold(guard_);
        seen_.push_back(request);
      }
      const std::string out = answer_(count_++, request);
      --at_once_;
      send_all(connection, out);
    }
    ::shutdown(connection, SHUT_WR);
    ::close(connection);
  }

  static void send_all(int connection, const std::string& bytes) {
    for (std::size_t sent = 0; sent < bytes.size();) {
      const ssize_t n = ::send(connection, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) return;
      sent += static_cast<std::size_t>(n);
    }
  }

  std::function<std::string(int, const http_seen&)> answer_;
  int listener_ = -1, port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<int> count_{0}, at_once_{0}, most_{0};
  mutable std::mutex guard_;
  std::vector<http_seen> seen_;
  std::vector<std::thread> serving_;
  std::thread accepting_;
};

}  // namespace candor_test
