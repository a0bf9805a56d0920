// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// trainer_state.json: doubles are written with all their digits, so that a resumed run goes on bit for bit.

#include <candor/io/atomic_file.hpp>
#include <candor/io/json_field_impl.hpp>
#include <candor/train/trainer_state.hpp>

#include <charconv>
#include <system_error>

namespace CANDOR_NS {

CANDOR_INLINE void write_trainer_state(const std::filesystem::path& path, const trainer_state& state) {
  detail::json window = detail::json::array();
  for (const auto& m : state.window)
    window.push_back(detail::json_object({{"name", m.name}, {"sum", m.sum}, {"weight", m.weight}}));
  const detail::json document = detail::json_object(
      {{"global_step", state.global_step},
       {"optimizer_steps", state.optimizer_steps},
       {"num_tokens", state.num_tokens},
       {"metrics_offset", state.metrics_offset},
       {"evaluation_due", state.evaluation_due},
       {"guard",
        detail::json_object({{"consecutive", state.guard.consecutive}, {"skipped", state.guard.skipped}})},
       {"best_global_step", state.best.step},
       {"best_metric", state.best.value},
       {"window", window},
       {"statistics", state.statistics}});
  write_atomically(path, document.dump(2) + "\n");
}

CANDOR_INLINE trainer_state read_trainer_state(const std::filesystem::path& path) {
  const detail::json document = detail::read_json_file(path);
  const detail::json_field root(document, path.string());
  trainer_state state;
  state.global_step = root["global_step"].integer(0);
  state.optimizer_steps = root["optimizer_steps"].integer(0);
  state.num_tokens = root["num_tokens"].number(0);
  state.metrics_offset = static_cast<std::uint64_t>(root["metrics_offset"].integer(0));
  state.evaluation_due = root["evaluation_due"].boolean();
  state.guard = {root["guard"]["consecutive"].integer(0), root["guard"]["skipped"].integer(0)};
  state.best = {root["best_global_step"].integer(0), root["best_metric"].number()};
  for (const auto& m : root["window"].items())
    state.window.push_back({m["name"].string(), m["sum"].number(), m["weight"].number(0)});
  state.statistics = root["statistics"].string();
  return state;
}

CANDOR_INLINE std::string hexadecimal(std::span<const std::byte> bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const std::byte b : bytes) {
    out += digits[std::to_integer<unsigned>(b) >> 4];
    out += digits[std::to_integer<unsigned>(b) & 15];
  }
  return out;
}

CANDOR_INLINE bool from_hexadecimal(std::string_view digits, std::span<std::byte> bytes) {
  if (digits.size() != 2 * bytes.size()) return false;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const char* const from = digits.data() + 2 * i;
    unsigned char value = 0;
    const auto [end, problem] = std::from_chars(from, from + 2, value, 16);
    if (problem != std::errc() || end != from + 2) return false;
    bytes[i] = std::byte{value};
  }
  return true;
}

}  // namespace CANDOR_NS
