// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Where the milliseconds of a DPO step go on the device, and what the same bits in every run cost.

#include "cuda/preference_steps.cuh"

#include <candor/backend/host/profile.hpp>

#include <filesystem>
#include <unistd.h>

namespace candor_bench {

/// Steps that are profiled: LoRA, and all weights.
struct costed_step {
  const char* name;
  step_kind kind;
};
inline constexpr costed_step costed_steps[] = {{"LoRA of rank 128", {.rank = 128}}, {"all weights", {}}};

/// A line for each kind of operation, one for what lies between them, and one for the step as a whole. Steps are timed
/// without the profile as well: its events cost something.
inline void measure_profile(const measured_shape& shape) {
  for (const auto& [name, kind] : costed_steps) {
    const double plain = preference_steps(shape, kind, {}).seconds(shape.steps);
    candor::operation_profile profile;
    preference_steps steps(shape, kind, {.profile = &profile});
    for (int i = 0; i < 2; ++i) steps.run();
    profile.clear();
    const int count = shape.steps;
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < count; ++i) steps.run();
    const double whole =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() / count;
    double between = whole;
    for (const auto& [operation, e] : profile.entries()) {
      between -= e.seconds / count;
      line(candor::text(name, ": ", operation), {{"calls", static_cast<double>(e.calls) / count},
                                                 {"milliseconds", 1e3 * e.seconds / count},
                                                 {"share", e.seconds / count / whole},
                                                 {"teraflops", 1e-12 * e.flops / e.seconds}});
    }
    line(candor::text(name, ": between operations"), {{"milliseconds", 1e3 * between}, {"share", between / whole}});
    line(candor::text(name, ": the step"), {{"milliseconds", 1e3 * whole}, {"without_profile", 1e3 * plain}});
  }
}

/// The step as it comes, with algorithms that were timed, and with the same bits in every run: only products differ.
inline void measure_determinism(const measured_shape& shape) {
  const auto file = std::filesystem::temp_directory_path() / candor::text("candor_products_", ::getpid(), ".txt");
  for (const auto& [name, kind] : costed_steps) {
    double quickest = 0;
    for (const auto& [how, device] : {std::pair<const char*, candor::cuda_options>{"algorithms timed", {.product_file = file}},
                                      {"cuBLASLt's choice", {}},
                                      {"deterministic", {.deterministic = true}}}) {
      const double time = preference_steps(shape, kind, device).seconds(2 * shape.steps);
      if (quickest == 0) quickest = time;
      line(candor::text(name, ", ", how), {{"milliseconds", 1e3 * time}, {"of_timed", time / quickest}});
    }
  }
  std::filesystem::remove(file);
}

}  // namespace candor_bench
