// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Exceptions with the exit codes that the programs return, and `text(...)`, which builds their messages.
/// A message names the thing, the place, what was expected and found, and what to do.

#include <candor/core/config.hpp>

#include <charconv>
#include <concepts>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

namespace CANDOR_NS {

/// Base of all exceptions of candor. `exit_code()` is what a program returns for it.
class error : public std::runtime_error {
 public:
  explicit error(const std::string& message, int exit_code = 1) : std::runtime_error(message), exit_code_(exit_code) {}
  int exit_code() const noexcept { return exit_code_; }

 private:
  int exit_code_;
};

struct shape_error : error {  ///< extents that do not fit: a mistake of the calling code
  explicit shape_error(const std::string& m) : error(m, 1) {}
};
struct usage_error : error {  ///< an option or argument that cannot be used
  explicit usage_error(const std::string& m) : error(m, 2) {}
};
struct input_error : error {  ///< a file whose content cannot be used
  explicit input_error(const std::string& m) : error(m, 3) {}
};
struct numeric_error : error {  ///< losses or gradients that stay non-finite
  explicit numeric_error(const std::string& m) : error(m, 4) {}
};
struct io_error : error {  ///< the operating system refused a read or a write
  explicit io_error(const std::string& m) : error(m, 5) {}
};
struct memory_error : error {  ///< memory ran out
  explicit memory_error(const std::string& m) : error(m, 6) {}
};
struct interrupted : error {  ///< a signal asked to stop; the state is saved
  explicit interrupted(const std::string& m) : error(m, 75) {}
};

namespace detail {

inline void append(std::string& out, std::string_view s) { out.append(s); }
inline void append(std::string& out, const char* s) { out.append(s); }
inline void append(std::string& out, char c) { out.push_back(c); }
inline void append(std::string& out, bool b) { out.append(b ? "true" : "false"); }

template <class N>
  requires((std::integral<N> || std::floating_point<N>) && !std::same_as<N, bool> && !std::same_as<N, char>)
void append(std::string& out, N value) {
  char buffer[64];
  const auto end = [&] {
    if constexpr (std::floating_point<N>)
      return std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::general, 6).ptr;
    else
      return std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  }();
  out.append(buffer, end);
}

template <class X>
  requires requires(const X& x) {
    { x.str() } -> std::convertible_to<std::string_view>;
  }
void append(std::string& out, const X& x) {
  out.append(x.str());
}

}  // namespace detail

/// Joins strings, numbers and anything with a `str()` member; numbers with six significant digits.
template <class... Parts>
std::string text(const Parts&... parts) {
  std::string out;
  (detail::append(out, parts), ...);
  return out;
}

/// Throws `E` with the joined parts as its message.
template <class E, class... Parts>
[[noreturn, gnu::noinline, gnu::cold]] void fail(const Parts&... parts) {
  throw E(text(parts...));
}

/// Throws `E` with the joined parts unless the condition holds.
template <class E, class... Parts>
void require(bool condition, const Parts&... parts) {
  if (!condition) [[unlikely]]
    fail<E>(parts...);
}

}  // namespace CANDOR_NS
