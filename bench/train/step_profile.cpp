// SPDX-License-Identifier: Apache-2.0
// step_profile [f32|bf16] [shared|packed|padded] [steps] [dpo|mdpo]: where the milliseconds of a step of the
// mini-LLaVA go. Two pairs of 576 image tokens, 60 words of question and two answers of 150; everything but
// the tower is trained. Named, dpo and mdpo have 40 of the question's words in front of the image, as
// step/.../images of candor_bench.
#include "support/dpo_step.hpp"

#include <candor/objective/mdpo.hpp>
#include <candor/train/table.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

namespace {

using candor::host;

template <class T, class Objective>
void profile(candor::layout_kind layout, int steps, std::int64_t before) {
  candor::operation_profile operations;
  host cpu({.profile = &operations});
  candor_bench::preference_step<T, Objective> step(cpu, {.before = before}, layout, 0);
  step.run();  // makes oneDNN's kernels and the pool's blocks
  operations.clear();
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < steps; ++i) step.run();
  const double whole =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / steps;

  std::vector<std::pair<std::string, candor::operation_profile::entry>> rows(operations.entries().begin(),
                                                                             operations.entries().end());
  std::sort(rows.begin(), rows.end(),
            [](const auto& a, const auto& b) { return a.second.seconds > b.second.seconds; });
  candor::table t({"operation", "calls a step", "ms a step", "share", "GFLOP/s"});
  double rest = whole;
  for (const auto& [name, e] : rows) {
    const double seconds = e.seconds / steps;
    rest -= seconds;
    t.add({name, candor::fixed(static_cast<double>(e.calls) / steps, 0), candor::fixed(1e3 * seconds, 1),
           candor::percent(seconds / whole),
           e.flops > 0 ? candor::fixed(1e-9 * e.flops / e.seconds, 0) : ""});
  }
  t.add({"between operations", "", candor::fixed(1e3 * rest, 1), candor::percent(rest / whole), ""});
  std::printf("%s\nstep %.0f ms, peak %.0f MiB\n", t.str().c_str(), 1e3 * whole,
              static_cast<double>(cpu.peak_bytes()) / (1 << 20));
}

}  // namespace

int main(int count, char** words) {
  const std::string type = count > 1 ? words[1] : "f32";
  const auto layout = candor::parse_layout(count > 2 ? words[2] : "shared");
  const int steps = count > 3 ? std::max(std::atoi(words[3]), 1) : 5;
  const std::string loss = count > 4 ? words[4] : "";
  const std::int64_t before = loss.empty() ? 0 : 40;
  if (loss == "mdpo")
    type == "bf16" ? profile<candor::bfloat16, candor::mdpo>(layout, steps, before)
                   : profile<float, candor::mdpo>(layout, steps, before);
  else
    type == "bf16" ? profile<candor::bfloat16, candor::dpo>(layout, steps, before)
                   : profile<float, candor::dpo>(layout, steps, before);
}
