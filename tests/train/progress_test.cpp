// SPDX-License-Identifier: Apache-2.0
#include <candor/train/progress.hpp>

#include "support/catch.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

using namespace candor;

namespace {

progress_state state_of() {
  return {.title = "train",
          .unit = "pairs",
          .units_per_step = 8,
          .total = 1000,
          .done = 420,
          .started_at = 20,
          .elapsed = 80,
          .metrics = {{"loss", 0.431234}, {"acc", 0.87}, {"margin", 1.5}}};
}

std::string drain(int descriptor) {
  std::string out;
  std::array<char, 4096> buffer;
  ::fcntl(descriptor, F_SETFL, O_NONBLOCK);
  for (;;) {
    const ssize_t got = ::read(descriptor, buffer.data(), buffer.size());
    if (got <= 0) return out;
    out.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

struct pipe_ends {
  int read_end = -1, write_end = -1;
  pipe_ends() {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) == 0) read_end = ends[0], write_end = ends[1];
  }
  ~pipe_ends() {
    ::close(read_end);
    ::close(write_end);
  }
};

}  // namespace

TEST_CASE("the bar fits 80 columns and drops metrics that do not", "[train][progress]") {
  const auto state = state_of();
  CHECK(progress_bar(state, 80) ==
        "train  42% [#####         ] 420/1000 01:20<01:56 40 pairs/s loss 0.4312 acc 0.87");
  CHECK(progress_bar(state, 200) ==
        "train  42% [##########              ] 420/1000 01:20<01:56 40 pairs/s loss 0.4312 acc 0.87 margin "
        "1.5");
  for (int columns = 1; columns <= 120; ++columns)
    CHECK(progress_bar(state, columns).size() <= static_cast<std::size_t>(columns));
}

TEST_CASE("tokens a second and memory stand before the metrics of a line and behind those of a bar",
          "[train][progress]") {
  auto state = state_of();
  state.counts = {{"tokens", 800000}, {"images", 100}};
  state.peak_memory = 1.25 * (1 << 30);
  CHECK(progress_line(state) ==
        "train: step 420/1000 (42 %), 01:20 gone, 01:56 left, 40 pairs/s, 10000 tokens/s, 1.25 images/s, "
        "peak 1.25 GiB, loss 0.4312, acc 0.87, margin 1.5");
  CHECK_THAT(progress_bar(state, 200),
             candor_test::contains("acc 0.87 margin 1.5 10000 tokens/s 1.25 images/s peak 1.25 GiB"));
  CHECK(progress_bar(state, 80).size() <= 80);
  CHECK(peak_resident_bytes() > 1e6);
}

TEST_CASE("the rate counts the steps of this process only", "[train][progress]") {
  auto state = state_of();
  state.done = state.started_at;
  CHECK(progress_line(state) ==
        "train: step 20/1000 (2 %), 01:20 gone, ? left, 0 pairs/s, loss 0.4312, acc 0.87, margin 1.5");
  state.done = 1000;
  state.elapsed = 3923;
  state.metrics.clear();
  CHECK(progress_line(state) == "train: step 1000/1000 (100 %), 1:05:23 gone, 00:00 left, 1.998 pairs/s");
  state.units_per_step = 1e5;
  CHECK(progress_line(state).find(" 24981 pairs/s") != std::string::npos);
  state.units_per_step = 8;
  state.total = 0;
  CHECK(progress_line(state) == "train: step 1000, 1:05:23 gone, 1.998 pairs/s");
  CHECK(progress_bar(state) == "train 1000 1:05:23 1.998 pairs/s");
}

TEST_CASE("outside a terminal plain lines come every so often", "[train][progress]") {
  const pipe_ends ends;
  progress shown(
      {.title = "score", .unit = "records", .total = 50, .line_seconds = 1000, .descriptor = ends.write_end});
  CHECK_FALSE(shown.on_terminal());
  for (int step = 1; step <= 50; ++step) {
    shown.count("tokens", 100);
    shown.update(step, {{"loss", 1.0 / step}});
  }
  shown.message("saved checkpoint-50");
  shown.finish();
  shown.finish();
  const auto out = drain(ends.read_end);
  CHECK(std::count(out.begin(), out.end(), '\n') == 3);
  CHECK(out.find("score: step 1/50 (2 %), 00:00 gone") == 0);
  CHECK(out.find("\nsaved checkpoint-50\nscore: step 50/50 (100 %)") != std::string::npos);
  CHECK(out.find("loss 0.02\n") != std::string::npos);
  CHECK(out.find(" tokens/s, peak ") != std::string::npos);
  CHECK(out.find('\r') == std::string::npos);
}

TEST_CASE("a line shows the memory that it is given", "[train][progress]") {
  const pipe_ends ends;
  progress shown({.total = 1, .descriptor = ends.write_end, .peak_memory = [] { return 3.0 * (1 << 30); }});
  shown.update(1);
  CHECK(drain(ends.read_end).find(", peak 3 GiB") != std::string::npos);
}

TEST_CASE("without a pause between lines each step has its line, and quiet has none", "[train][progress]") {
  const pipe_ends ends;
  progress shown({.total = 3, .line_seconds = 0, .descriptor = ends.write_end});
  for (int step = 1; step <= 3; ++step) shown.update(step);
  const auto out = drain(ends.read_end);
  CHECK(std::count(out.begin(), out.end(), '\n') == 3);
  progress quiet({.total = 3, .line_seconds = 0, .descriptor = ends.write_end, .quiet = true});
  quiet.update(1);
  quiet.message("unseen");
  quiet.finish();
  CHECK(drain(ends.read_end).empty());
}

TEST_CASE("on a terminal one line is drawn again and messages go above it", "[train][progress]") {
  const int master = ::posix_openpt(O_RDWR | O_NOCTTY);
  if (master < 0 || ::grantpt(master) != 0 || ::unlockpt(master) != 0) CANDOR_SKIP("no pseudo-terminal here");
  const int terminal = ::open(::ptsname(master), O_RDWR | O_NOCTTY);
  REQUIRE(terminal >= 0);
  const winsize size{.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};
  REQUIRE(::ioctl(terminal, TIOCSWINSZ, &size) == 0);
  {
    progress shown({.total = 1000, .descriptor = terminal});
    CHECK(shown.on_terminal());
    for (int step = 1; step <= 500; ++step) shown.update(step, {{"loss", 0.25}});  // faster than it is drawn
    shown.message("saved");
    shown.finish();
  }
  const auto out = drain(master);
  CHECK(out.find("\rtrain   0% [") == 0);
  CHECK(out.find("\r\x1b[Ksaved\r\n\rtrain  50% [") != std::string::npos);
  CHECK(std::count(out.begin(), out.end(), '\n') == 2);
  for (std::size_t at = out.find("\rtrain"); at != std::string::npos; at = out.find("\rtrain", at + 1))
    CHECK(out.find("\x1b[K", at) - at - 1 <= 79);
  ::close(terminal);
  ::close(master);
}

TEST_CASE("a closed stderr does not end the loop", "[train][progress]") {
  progress shown({.total = 3, .line_seconds = 0, .descriptor = 987});
  shown.update(1);
  shown.message("unseen");
  CHECK_NOTHROW(shown.finish());
}
