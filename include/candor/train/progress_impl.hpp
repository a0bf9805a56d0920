// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of progress.hpp.

#include <candor/core/error.hpp>
#include <candor/train/progress.hpp>
#include <candor/train/table.hpp>

#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <utility>

namespace CANDOR_NS {
namespace detail {

/// Four significant digits: 0.4312, 12.35, 5e-07.
CANDOR_INLINE std::string short_number(double value) {
  std::array<char, 32> buffer;
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::general, 4);
  return std::string(buffer.data(), end.ptr);
}

/// Steps a second of this process, 0 while nothing is known.
CANDOR_INLINE double steps_per_second(const progress_state& s) {
  const auto steps = static_cast<double>(s.done - s.started_at);
  return s.elapsed > 0.0 && steps > 0.0 ? steps / s.elapsed : 0.0;
}

CANDOR_INLINE std::string time_left(const progress_state& s) {
  const double rate = steps_per_second(s);
  return clock_text(rate > 0.0 ? static_cast<double>(std::max<std::int64_t>(0, s.total - s.done)) / rate
                               : -1.0);
}

CANDOR_INLINE int percent_done(const progress_state& s) {
  return static_cast<int>(100.0 *
                          std::clamp(static_cast<double>(s.done) / static_cast<double>(s.total), 0.0, 1.0));
}

CANDOR_INLINE std::string per_second(double rate, std::string_view unit) {
  return text(rate < 1000.0 ? short_number(rate) : fixed(rate, 0), " ", unit, "/s");
}

CANDOR_INLINE std::string rate_text(const progress_state& s) {
  return per_second(steps_per_second(s) * s.units_per_step, s.unit);
}

/// "4726 tokens/s", "peak 1.25 GiB"
CANDOR_INLINE std::vector<std::string> resources_text(const progress_state& s) {
  std::vector<std::string> out;
  for (const metric& c : s.counts)
    if (s.elapsed > 0.0) out.push_back(per_second(c.value / s.elapsed, c.name));
  if (s.peak_memory > 0.0) out.push_back(text("peak ", short_number(s.peak_memory / (1 << 30)), " GiB"));
  return out;
}

}  // namespace detail

CANDOR_INLINE std::string progress_bar(const progress_state& s, int columns) {
  constexpr std::size_t widest = 24, narrowest = 8;
  std::string head = s.title, tail;
  if (s.total > 0) {
    const std::string share = std::to_string(detail::percent_done(s));
    head += ' ' + std::string(3 - share.size(), ' ') + share + "% ";
    tail = text(" ", s.done, "/", s.total, " ", clock_text(s.elapsed), "<", detail::time_left(s));
  } else {
    tail = text(" ", s.done, " ", clock_text(s.elapsed));
  }
  tail += ' ' + detail::rate_text(s);
  const auto room = static_cast<std::size_t>(std::max(columns, 1));
  const std::size_t narrow_bar = s.total > 0 ? narrowest + 2 : 0;
  std::vector<std::string> extras;
  for (const metric& m : s.metrics) extras.push_back(text(m.name, " ", detail::short_number(m.value)));
  for (auto& resource : detail::resources_text(s)) extras.push_back(std::move(resource));
  for (const std::string& extra : extras) {
    if (head.size() + narrow_bar + tail.size() + 1 + extra.size() > room) break;
    tail += ' ' + extra;
  }
  std::string bar;
  if (s.total > 0 && head.size() + tail.size() + narrow_bar <= room) {
    const std::size_t width = std::min(widest, room - head.size() - tail.size() - 2);
    const auto filled = width * static_cast<std::size_t>(detail::percent_done(s)) / 100;
    bar = '[' + std::string(filled, '#') + std::string(width - filled, ' ') + ']';
  }
  return (head + bar + tail).substr(0, room);
}

CANDOR_INLINE std::string progress_line(const progress_state& s) {
  std::string out = text(s.title, ": step ", s.done);
  if (s.total > 0) out += text("/", s.total, " (", detail::percent_done(s), " %)");
  out += text(", ", clock_text(s.elapsed), " gone");
  if (s.total > 0) out += text(", ", detail::time_left(s), " left");
  out += text(", ", detail::rate_text(s));
  for (const std::string& resource : detail::resources_text(s)) out += ", " + resource;
  for (const metric& m : s.metrics) out += text(", ", m.name, " ", detail::short_number(m.value));
  return out;
}

CANDOR_INLINE double peak_resident_bytes() {
  struct rusage used {};
  return ::getrusage(RUSAGE_SELF, &used) == 0 ? static_cast<double>(used.ru_maxrss) * 1024.0 : 0.0;  // KiB
}

CANDOR_INLINE progress::progress(progress_options options)
    : options_(std::move(options)), begin_(clock::now()), drawn_(begin_) {
  state_.title = options_.title;
  state_.unit = options_.unit;
  state_.units_per_step = options_.units_per_step;
  state_.total = options_.total;
  state_.done = state_.started_at = options_.done;
  terminal_ = ::isatty(options_.descriptor) == 1;
}

CANDOR_INLINE progress::~progress() {
  // The loop was left early: the cursor leaves the bar's line.
  if (!finished_ && any_drawn_ && terminal_) print("\n");
}

CANDOR_INLINE void progress::update(std::int64_t done, const std::vector<metric>& metrics) {
  if (finished_) return;
  state_.done = done;
  if (!metrics.empty()) state_.metrics = metrics;
  const auto now = clock::now();
  const double since = std::chrono::duration<double>(now - drawn_).count();
  const double gone = std::chrono::duration<double>(now - begin_).count();
  const double pause = std::clamp(gone / 100, options_.line_seconds, 6 * options_.line_seconds);
  if (any_drawn_ && since < (terminal_ ? 0.1 : pause)) return;
  drawn_ = now;
  draw();
}

CANDOR_INLINE void progress::count(std::string_view what, double amount) {
  for (metric& c : state_.counts)
    if (c.name == what) {
      c.value += amount;
      return;
    }
  state_.counts.push_back({std::string(what), amount});
}

CANDOR_INLINE void progress::draw() {
  state_.elapsed = std::chrono::duration<double>(clock::now() - begin_).count();
  state_.peak_memory = options_.peak_memory ? options_.peak_memory() : peak_resident_bytes();
  any_drawn_ = true;
  if (!terminal_) return print(progress_line(state_) + "\n");
  winsize window{};
  const bool known = ::ioctl(options_.descriptor, TIOCGWINSZ, &window) == 0 && window.ws_col > 0;
  print("\r" + progress_bar(state_, known ? window.ws_col - 1 : 79) + "\x1b[K");  // a full line would wrap
}

CANDOR_INLINE void progress::message(std::string_view line) {
  if (!terminal_ || !any_drawn_ || finished_) return print(text(line, "\n"));
  print(text("\r\x1b[K", line, "\n"));
  draw();
}

CANDOR_INLINE void progress::finish() {
  if (finished_) return;
  draw();
  if (terminal_) print("\n");
  finished_ = true;
}

CANDOR_INLINE void progress::print(std::string_view bytes) const {
  if (options_.quiet) return;
  while (!bytes.empty()) {
    const ssize_t written = ::write(options_.descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace CANDOR_NS
