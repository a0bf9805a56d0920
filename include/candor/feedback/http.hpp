// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Many POST requests to a server, some at once, through libcurl (an optional library: libcurl4-openssl-dev).
/// What may pass is tried again; sizes and times are limited; a key is taken from the environment and goes to
/// no file and no message.

#include <candor/core/function_ref.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

namespace CANDOR_NS {

struct http_options {
  int in_flight = 8;     ///< requests at once
  int retries = 4;       ///< further tries: no connection, time out, 429, 5xx, half a body
  double timeout = 120;  ///< of a try, seconds
  double backoff = 1;    ///< before the first further try, seconds; doubled each time. A
                         ///< server's Retry-After goes before it; a minute at most
  std::uint64_t max_reply_bytes = std::uint64_t{4} << 20;
  std::string key_variable =
      "OPENAI_API_KEY";             ///< environment variable with the bearer token; unset: none is sent
  std::function<void()> poll = {};  ///< called several times a second; what it throws ends the work
};

/// True where candor was built with libcurl.
bool has_http();

/// Posts JSON bodies to `url` (http or https; redirects are not followed, since they would carry the key
/// elsewhere; certificates are verified). `use(i, body)` is called for each answer with status 2xx, in the
/// order in which they come; it returns what is wrong with the body, and such an answer is tried again, or
/// nothing.
///
/// Errors: io_error with the URL where an answer does not come in the end, usage_error for a URL of another
/// kind or where candor was built without libcurl.
void post_all(const std::string& url, std::span<const std::string> bodies, const http_options& options,
              function_ref<std::string(std::size_t, const std::string&)> use);

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/feedback/http_impl.hpp>
#endif
