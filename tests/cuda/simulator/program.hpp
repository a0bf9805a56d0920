// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernels as the simulated device runs them: PTX (docs.nvidia.com/cuda/parallel-thread-execution) decoded
// into instructions that work on the slots of a thread. A register, an immediate and the address of a
// variable are a slot each, of 64 bits; what is narrower lies in the low ones.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace simulator {

using slot = std::uint64_t;

/// What a device would stop for, or would not forgive on another day.
struct device_fault : std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// PTX that the simulator has not learnt. It passes nothing over.
struct unknown_ptx : std::logic_error {
  using std::logic_error::logic_error;
};

struct thread;
struct instruction;
using action = void (*)(thread&, const instruction&);

/// What the threads of a warp do together once all of them have come: `warp` in order of lanes.
struct warp_of_threads;
using collective = void (*)(const warp_of_threads&, const instruction&);

struct instruction {
  action run = nullptr;
  collective together = nullptr;  ///< of operations of a warp; `run` only waits for it
  std::int32_t mask = -1;         ///< slot with the lanes that must come; -1: all
  std::int32_t guard = -1;        ///< slot of a predicate; -1: always
  bool guard_negated = false;
  std::int32_t at[16] = {};  ///< slots of operands, results first; -1: thrown away
  std::int32_t count = 1;    ///< elements of a vector
  std::int64_t offset = 0;   ///< bytes added to an address
  std::int32_t target = -1;  ///< where a branch goes
  std::uint32_t line = 0;    ///< in the module's text
};

/// The first slots of every thread.
namespace special {
enum : int { tid = 0, ntid = 3, ctaid = 6, nctaid = 9, laneid = 12, locals = 13, count = 14 };
}

struct kernel {
  std::string name;
  std::shared_ptr<const std::string> text;  ///< of the module
  std::vector<instruction> code;
  std::vector<slot> slots;      ///< as a thread begins, constants in their places
  std::size_t local_bytes = 0;  ///< of each thread
  std::unique_ptr<std::byte[]> parameters;
  std::size_t parameter_bytes = 0;
  std::vector<std::size_t> parameter_offsets, parameter_sizes;
  int most_threads = 0;  ///< .maxntid, 0: not said

  /// Line n of the text, from 1.
  std::string_view line(std::uint32_t n) const;
};

/// A translation unit's kernels, each decoded when it is first asked for.
class ptx_module {
 public:
  explicit ptx_module(std::string text);
  /// Null where it has none of this name. Throws unknown_ptx.
  kernel* find(std::string_view name);

 private:
  std::shared_ptr<const std::string> text_;
  std::map<std::string_view, std::size_t> entries_;  // where `.entry name` is in the text
  std::set<std::string, std::less<>> shared_;        // names of the block's dynamic memory
  std::map<std::string, std::unique_ptr<kernel>, std::less<>> decoded_;
};

}  // namespace simulator
