// SPDX-License-Identifier: Apache-2.0
// How kernels come out of the program: what nvcc's own code calls to register them and to start one.
#include "cuda/simulator/device.hpp"
#include "cuda/simulator/grid.hpp"

#include <candor/core/error.hpp>

#include <cstring>
#include <memory>
#include <vector>

using simulator::device;

namespace {

struct registered {
  std::string name;
  simulator::ptx_module* home = nullptr;
  std::size_t most_shared = 48 * 1024;  // bytes of dynamic memory, until the program asks for more
};
struct configuration {
  dim3 grid, block;
  std::size_t shared_bytes = 0;
  cudaStream_t stream = nullptr;
};

std::map<const void*, registered>& kernels() {  // by the address of their host function
  static std::map<const void*, registered> all;
  return all;
}
std::vector<configuration>& configurations() {
  static thread_local std::vector<configuration> all;
  return all;
}

/// The PTX in what nvcc puts into a program (fatbinary_section.h: a header, then parts with a header each).
std::string ptx_of(const void* wrapper) {
  struct {
    std::int32_t magic, version;
    const std::byte* data;
    const void* file;
  } outer;
  std::memcpy(&outer, wrapper, sizeof outer);
  struct {
    std::uint32_t magic;
    std::uint16_t version, header;
    std::uint64_t bytes;
  } all;
  std::memcpy(&all, outer.data, sizeof all);
  const std::byte* at = outer.data + all.header;
  for (const std::byte* end = at + all.bytes; at < end;) {
    struct {
      std::uint16_t kind, version;
      std::uint32_t header;
      std::uint64_t bytes;
    } part;
    std::memcpy(&part, at, sizeof part);
    constexpr std::uint16_t ptx = 1;
    if (part.kind == ptx) {
      const auto* text = reinterpret_cast<const char*>(at + part.header);
      return std::string(text, strnlen(text, part.bytes));
    }
    at += part.header + part.bytes;
  }
  return {};
}

bool fits(const dim3& grid, const dim3& block) {
  return grid.x > 0 && grid.y > 0 && grid.z > 0 && grid.x <= 0x7fffffffu && grid.y <= 65535 &&
         grid.z <= 65535 && block.x > 0 && block.y > 0 && block.z > 0 && block.z <= 64 &&
         std::uint64_t{block.x} * block.y * block.z <= 1024;
}

/// What a launch does before it waits in its stream: everything that can be said at once.
cudaError_t launch(const registered& entry, const dim3& grid, const dim3& block, void** arguments,
                   std::size_t shared_bytes, cudaStream_t) {
  auto& gpu = device::instance();
  simulator::kernel* k = nullptr;
  try {
    k = entry.home->find(entry.name);
    if (k == nullptr)
      throw simulator::unknown_ptx("no PTX of " + entry.name +
                                   ": compile with -Xfatbin=-compress=false, for a virtual architecture");
  } catch (const simulator::unknown_ptx& e) {
    gpu.lose(cudaErrorInvalidPtx, e.what());
    return gpu.answer(cudaErrorInvalidPtx);
  }
  if (!fits(grid, block) || shared_bytes > entry.most_shared ||
      (k->most_threads > 0 && block.x * block.y * block.z > static_cast<unsigned>(k->most_threads)))
    return gpu.answer(cudaErrorInvalidConfiguration);
  std::vector<std::byte> values(k->parameter_bytes);
  for (std::size_t n = 0; n < k->parameter_sizes.size(); ++n)
    std::memcpy(values.data() + k->parameter_offsets[n], arguments[n], k->parameter_sizes[n]);
  if (gpu.lost() == cudaSuccess)
    gpu.enqueue([k, values = std::move(values),
                 shape = simulator::launch_shape{.grid = {grid.x, grid.y, grid.z},
                                                 .block = {block.x, block.y, block.z},
                                                 .shared_bytes = shared_bytes}] {
      device::instance().count_launch();
      std::memcpy(k->parameters.get(), values.data(), values.size());
      simulator::run_grid(*k, shape, device::instance().memory);
    });
  return gpu.answer(cudaSuccess);
}

}  // namespace

extern "C" {

void** __cudaRegisterFatBinary(void* wrapper) {
  return reinterpret_cast<void**>(new simulator::ptx_module(ptx_of(wrapper)));
}
void __cudaRegisterFatBinaryEnd(void**) {}
void __cudaUnregisterFatBinary(void**) {}  // the program ends
void __cudaRegisterFunction(void** home, const char* host, char*, const char* name, int, uint3*, uint3*,
                            dim3*, dim3*, int*) {
  kernels()[host] = {name, reinterpret_cast<simulator::ptx_module*>(home)};
}
unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, std::size_t shared_bytes, CUstream_st* stream) {
  configurations().push_back({grid, block, shared_bytes, stream});
  return 0;
}
cudaError_t __cudaPopCallConfiguration(dim3* grid, dim3* block, std::size_t* shared_bytes, void* stream) {
  const configuration c = configurations().back();
  configurations().pop_back();
  *grid = c.grid;
  *block = c.block;
  *shared_bytes = c.shared_bytes;
  *static_cast<cudaStream_t*>(stream) = c.stream;
  return cudaSuccess;
}
cudaError_t __cudaGetKernel(cudaKernel_t* kernel, const void* host) {
  *kernel = reinterpret_cast<cudaKernel_t>(&kernels().at(host));
  return cudaSuccess;
}

cudaError_t cudaFuncSetAttribute(const void* host, cudaFuncAttribute attribute, int value) {
  const bool known = attribute == cudaFuncAttributeMaxDynamicSharedMemorySize && value >= 0 &&
                     static_cast<std::size_t>(value) <= simulator::shared_memory::most;
  if (known) kernels().at(host).most_shared = static_cast<std::size_t>(value);
  return device::instance().answer(known ? cudaSuccess : cudaErrorInvalidValue);
}

cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3 grid, dim3 block, void** arguments,
                               std::size_t shared_bytes, cudaStream_t stream) {
  return launch(*reinterpret_cast<const registered*>(kernel), grid, block, arguments, shared_bytes, stream);
}
cudaError_t cudaLaunchKernel(const void* host, dim3 grid, dim3 block, void** arguments,
                             std::size_t shared_bytes, cudaStream_t stream) {
  return launch(kernels().at(host), grid, block, arguments, shared_bytes, stream);
}

}  // extern "C"
