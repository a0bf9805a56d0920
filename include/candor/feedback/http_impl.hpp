// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of feedback/http.hpp, over libcurl's multi interface.

#include <candor/core/error.hpp>
#include <candor/feedback/http.hpp>

#ifndef CANDOR_HAS_CURL
#if __has_include(<curl/curl.h>)
#define CANDOR_HAS_CURL 1
#else
#define CANDOR_HAS_CURL 0
#endif
#endif

#if CANDOR_HAS_CURL
#include <curl/curl.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <memory>
#include <vector>
#endif

namespace CANDOR_NS {

#if !CANDOR_HAS_CURL
CANDOR_INLINE bool has_http() { return false; }
CANDOR_INLINE void post_all(const std::string& url, std::span<const std::string>, const http_options&,
                            function_ref<std::string(std::size_t, const std::string&)>) {
  fail<usage_error>(url, ": candor was built without libcurl; install libcurl4-openssl-dev and build again");
}
#else
CANDOR_INLINE bool has_http() { return true; }

namespace detail {

/// One request that is on its way.
struct http_transfer {
  std::size_t index = 0;  ///< of its body
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> handle{nullptr, &curl_easy_cleanup};
  std::string reply;
  std::uint64_t limit = 0;
  bool too_large = false;

  static std::size_t receive(char* data, std::size_t size, std::size_t count, void* self) {
    auto& t = *static_cast<http_transfer*>(self);
    if (t.reply.size() + size * count > t.limit) {
      t.too_large = true;
      return 0;  // ends the transfer
    }
    t.reply.append(data, size * count);
    return size * count;
  }
};

/// What became of a try: nothing wrong, or why, and whether it is worth another one.
struct http_outcome {
  std::string problem;
  bool again = false;
  double wait = 0;  ///< seconds, as the server asks for
};

class http_poster {
 public:
  http_poster(const std::string& url, std::span<const std::string> bodies, const http_options& o,
              function_ref<std::string(std::size_t, const std::string&)> use)
      : url_(url), bodies_(bodies), options_(o), use_(use), tries_(bodies.size(), 0) {
    require<usage_error>(url.starts_with("http://") || url.starts_with("https://"), url,
                         ": expected a URL that begins with http:// or https://");
    static const bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    multi_.reset(curl_multi_init());
    require<io_error>(ready && multi_ != nullptr, "libcurl cannot be initialised");
    add_header("Content-Type: application/json");
    if (const char* key = std::getenv(o.key_variable.c_str()); key != nullptr && *key != '\0')
      add_header("Authorization: Bearer " + std::string(key));
    for (std::size_t i = 0; i < bodies.size(); ++i) waiting_.push_back({i, clock::now()});
  }
  ~http_poster() {
    for (auto& t : running_) curl_multi_remove_handle(multi_.get(), t->handle.get());
  }
  http_poster(const http_poster&) = delete;
  http_poster& operator=(const http_poster&) = delete;

  void run() {
    while (!waiting_.empty() || !running_.empty()) {
      if (options_.poll) options_.poll();
      start_some();
      int running = 0;
      curl_multi_perform(multi_.get(), &running);
      int left = 0;
      while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left))
        if (message->msg == CURLMSG_DONE) finish(message->easy_handle, message->data.result);
      curl_multi_poll(multi_.get(), nullptr, 0, 100, nullptr);
    }
  }

 private:
  using clock = std::chrono::steady_clock;
  struct due {
    std::size_t index;
    clock::time_point at;
  };

  void add_header(const std::string& line) {
    curl_slist* longer = curl_slist_append(headers_.get(), line.c_str());
    require<memory_error>(longer != nullptr, "out of memory");
    headers_.release();
    headers_.reset(longer);
  }

  void start_some() {
    const auto now = clock::now();
    for (auto it = waiting_.begin();
         it != waiting_.end() && static_cast<int>(running_.size()) < std::max(options_.in_flight, 1);) {
      if (it->at > now) {
        ++it;
        continue;
      }
      start(it->index);
      it = waiting_.erase(it);
    }
  }

  void start(std::size_t index) {
    auto& t = *running_.emplace_back(std::make_unique<http_transfer>());
    t.index = index;
    t.limit = options_.max_reply_bytes;
    t.handle.reset(curl_easy_init());
    CURL* h = t.handle.get();
    require<memory_error>(h != nullptr, "out of memory");
    curl_easy_setopt(h, CURLOPT_URL, url_.c_str());
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(h, CURLOPT_POST, 1L);
    curl_easy_setopt(h, CURLOPT_POSTFIELDS, bodies_[index].data());
    curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(bodies_[index].size()));
    curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers_.get());
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, &http_transfer::receive);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, &t);
    curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, static_cast<long>(options_.timeout * 1000));
    curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_multi_add_handle(multi_.get(), h);
    ++tries_[index];
  }

  void finish(CURL* handle, CURLcode code) {
    const auto at = std::find_if(running_.begin(), running_.end(),
                                 [&](const auto& t) { return t->handle.get() == handle; });
    curl_multi_remove_handle(multi_.get(), handle);
    const auto transfer = std::move(*at);
    running_.erase(at);
    const http_outcome end = judge(*transfer, code);
    if (end.problem.empty()) return;
    const int tried = tries_[transfer->index];
    require<io_error>(end.again && tried <= options_.retries, url_, ": ", end.problem, " (try ", tried,
                      " of ", options_.retries + 1, ")");
    const double wait = std::min(
        60.0, std::max(end.wait, options_.backoff * static_cast<double>(1u << std::min(tried - 1, 6))));
    waiting_.push_back(
        {transfer->index, clock::now() + std::chrono::milliseconds(static_cast<std::int64_t>(wait * 1000))});
  }

  http_outcome judge(const http_transfer& t, CURLcode code) {
    if (t.too_large) return {text("the answer is longer than ", options_.max_reply_bytes, " bytes")};
    if (code != CURLE_OK) {
      const bool passes = code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST ||
                          code == CURLE_OPERATION_TIMEDOUT || code == CURLE_PARTIAL_FILE ||
                          code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR;
      return {curl_easy_strerror(code), passes};
    }
    long status = 0;
    curl_easy_getinfo(t.handle.get(), CURLINFO_RESPONSE_CODE, &status);
    if (status >= 200 && status < 300) return {use_(t.index, t.reply), true};
    if (status >= 300 && status < 400) {
      const char* to = nullptr;
      curl_easy_getinfo(t.handle.get(), CURLINFO_REDIRECT_URL, &to);
      return {text("the server redirects to ", to != nullptr ? to : "somewhere else",
                   ", which is not followed; give the final URL")};
    }
    curl_off_t wait = 0;
    curl_easy_getinfo(t.handle.get(), CURLINFO_RETRY_AFTER, &wait);
    return {text("the server answers with status ", status, ": ", t.reply.substr(0, 200)),
            status == 429 || status >= 500, static_cast<double>(wait)};
  }

  const std::string& url_;
  std::span<const std::string> bodies_;
  const http_options& options_;
  function_ref<std::string(std::size_t, const std::string&)> use_;
  std::vector<int> tries_;
  std::unique_ptr<CURLM, decltype(&curl_multi_cleanup)> multi_{nullptr, &curl_multi_cleanup};
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers_{nullptr, &curl_slist_free_all};
  std::deque<due> waiting_;
  std::vector<std::unique_ptr<http_transfer>> running_;
};

}  // namespace detail

CANDOR_INLINE void post_all(const std::string& url, std::span<const std::string> bodies,
                            const http_options& options,
                            function_ref<std::string(std::size_t, const std::string&)> use) {
  detail::http_poster(url, bodies, options, use).run();
}
#endif

}  // namespace CANDOR_NS
