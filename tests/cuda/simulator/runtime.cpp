// SPDX-License-Identifier: Apache-2.0
// The part of the CUDA runtime that candor calls, over the simulated device.
#include "cuda/simulator/device.hpp"
#include "cuda/simulator/program.hpp"

#include <candor/core/error.hpp>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <vector>

using simulator::device;
using simulator::setting;

struct CUevent_st {
  bool timed = true;
  std::uint64_t place = 0;  ///< in the queue, 0: never recorded
  std::chrono::steady_clock::time_point passed = {};
};
struct CUstream_st {};
struct CUmemPoolHandle_st {
  std::uint64_t limit = 0, in_use = 0;  // bytes; 0: what the device has
};

namespace {

device& gpu() { return device::instance(); }
std::size_t device_bytes() { return static_cast<std::size_t>(setting("MEMORY", std::int64_t{8} << 30)); }

std::map<const void*, std::pair<CUmemPoolHandle_st*, std::size_t>>&
taken() {  // what each block is counted in
  static std::map<const void*, std::pair<CUmemPoolHandle_st*, std::size_t>> all;
  return all;
}

template <class F>
cudaError_t later(F&& work) {
  if (gpu().lost() == cudaSuccess) gpu().enqueue(std::forward<F>(work));
  return gpu().answer(cudaSuccess);
}

void copy_rows(char* to, std::size_t to_pitch, const char* from, std::size_t from_pitch, std::size_t width,
               std::size_t height) {
  for (std::size_t row = 0; row < height; ++row)
    gpu().memory.copy(to + row * to_pitch, from + row * from_pitch, width);
}

}  // namespace

extern "C" {

cudaError_t cudaGetDeviceCount(int* count) {
  *count = static_cast<int>(setting("DEVICES", 1));
  return gpu().answer(*count > 0 ? cudaSuccess : cudaErrorNoDevice);
}
cudaError_t cudaDriverGetVersion(int* version) {
  *version = static_cast<int>(setting("DRIVER", CUDART_VERSION));
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int n) {
  return gpu().answer(n >= 0 && n < setting("DEVICES", 1) ? cudaSuccess : cudaErrorInvalidDevice);
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
  const int capability = static_cast<int>(setting("CAPABILITY", 90));
  switch (attribute) {
    case cudaDevAttrComputeCapabilityMajor: *value = capability / 10; break;
    case cudaDevAttrComputeCapabilityMinor: *value = capability % 10; break;
    default: return gpu().answer(cudaErrorNotSupported);
  }
  return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* p, int) {
  *p = {};
  std::strcpy(p->name, "simulated device");
  p->totalGlobalMem = device_bytes();
  p->major = static_cast<int>(setting("CAPABILITY", 90)) / 10;
  p->multiProcessorCount = static_cast<int>(setting("MULTIPROCESSORS", 4));
  return cudaSuccess;
}

cudaError_t cudaGetLastError() { return gpu().last_error(); }
const char* cudaGetErrorName(cudaError_t status) {
  switch (status) {
    case cudaSuccess: return "cudaSuccess";
    case cudaErrorMemoryAllocation: return "cudaErrorMemoryAllocation";
    case cudaErrorNoDevice: return "cudaErrorNoDevice";
    case cudaErrorLaunchFailure: return "cudaErrorLaunchFailure";
    case cudaErrorInvalidPtx: return "cudaErrorInvalidPtx";
    default: return "a CUDA error";
  }
}
const char* cudaGetErrorString(cudaError_t) { return "as the simulated device says"; }

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  *stream = new CUstream_st;
  return gpu().answer(cudaSuccess);
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const auto status = gpu().wait();
  delete stream;
  return gpu().answer(status);
}
cudaError_t cudaStreamSynchronize(cudaStream_t) { return gpu().answer(gpu().wait()); }

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  *event = new CUevent_st{.timed = (flags & cudaEventDisableTiming) == 0};
  return gpu().answer(cudaSuccess);
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  gpu().wait(event->place);
  delete event;
  return gpu().answer(cudaSuccess);
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t) {
  const auto status = later([event] { event->passed = std::chrono::steady_clock::now(); });
  event->place = gpu().enqueued();
  return status;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) { return gpu().answer(gpu().wait(event->place)); }
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end) {
  for (const auto* event : {begin, end}) {
    if (!event->timed || event->place == 0) return gpu().answer(cudaErrorInvalidResourceHandle);
    if (event->passed == std::chrono::steady_clock::time_point()) return gpu().answer(cudaErrorNotReady);
  }
  *milliseconds = std::chrono::duration<float, std::milli>(end->passed - begin->passed).count();
  return gpu().answer(cudaSuccess);
}

cudaError_t cudaMallocHost(void** data, std::size_t bytes) {
  *data = std::malloc(bytes);
  if (*data == nullptr) return gpu().answer(cudaErrorMemoryAllocation);
  gpu().pinned[*data] = bytes;
  return gpu().answer(cudaSuccess);
}
cudaError_t cudaFreeHost(void* data) {
  gpu().wait();
  gpu().pinned.erase(data);
  std::free(data);
  return gpu().answer(cudaSuccess);
}

cudaError_t cudaMemPoolCreate(cudaMemPool_t* pool, [[maybe_unused]] const cudaMemPoolProps* wanted) {
  *pool = new CUmemPoolHandle_st;
#if CUDART_VERSION >= 12020
  (*pool)->limit = wanted->maxSize;
#endif
  return gpu().answer(cudaSuccess);
}
cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t, cudaMemPoolAttr, void*) {
  return gpu().answer(cudaSuccess);
}
cudaError_t cudaMemPoolTrimTo(cudaMemPool_t, std::size_t) { return gpu().answer(cudaSuccess); }
cudaError_t cudaMemPoolDestroy(cudaMemPool_t pool) {
  gpu().wait();
  if (pool->in_use > 0)
    gpu().lose(cudaErrorInvalidValue,
               candor::text("a pool is destroyed with ", pool->in_use, " bytes in use"));
  delete pool;
  return gpu().answer(cudaSuccess);
}
cudaError_t cudaMallocFromPoolAsync(void** data, std::size_t bytes, cudaMemPool_t pool, cudaStream_t) {
  const std::size_t limit = pool->limit > 0 ? std::min(pool->limit, device_bytes()) : device_bytes();
  *data = bytes <= limit && pool->in_use <= limit - bytes ? gpu().memory.take(bytes) : nullptr;
  if (*data == nullptr) return gpu().answer(cudaErrorMemoryAllocation);
  pool->in_use += bytes;
  taken()[*data] = {pool, bytes};
  return gpu().answer(cudaSuccess);
}
cudaError_t cudaFreeAsync(void* data, cudaStream_t) {
  const auto found = taken().find(data);
  if (found == taken().end()) return gpu().answer(cudaErrorInvalidValue);
  found->second.first->in_use -= found->second.second;  // what comes later in the stream may have it
  taken().erase(found);
  if (gpu().lost() != cudaSuccess) gpu().memory.give(data);
  return later([data] { gpu().memory.give(data); });
}

cudaError_t cudaMemsetAsync(void* data, int value, std::size_t bytes, cudaStream_t stream) {
  return cudaMemset2DAsync(data, bytes, value, bytes, 1, stream);
}
cudaError_t cudaMemset2DAsync(void* data, std::size_t pitch, int value, std::size_t width, std::size_t height,
                              cudaStream_t) {
  return later([=] {
    for (std::size_t row = 0; row < height; ++row) {
      auto* at = static_cast<std::byte*>(data) + row * pitch;
      gpu().memory.touch(at, width, 1, true);
      std::memset(at, value, width);
    }
  });
}
cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, const void* from, std::size_t from_pitch,
                              std::size_t width, std::size_t height, cudaMemcpyKind kind, cudaStream_t) {
  if (kind != cudaMemcpyDeviceToDevice) return gpu().answer(cudaErrorNotSupported);
  return later([=] {
    copy_rows(static_cast<char*>(to), to_pitch, static_cast<const char*>(from), from_pitch, width, height);
  });
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t) {
  const auto into_device = [to, bytes](const void* source) {
    gpu().memory.touch(to, bytes, 1, true);
    std::memcpy(to, source, bytes);
  };
  switch (kind) {
    case cudaMemcpyDeviceToDevice: return later([=] { gpu().memory.copy(to, from, bytes); });
    case cudaMemcpyHostToDevice: {
      if (gpu().is_pinned(from, bytes)) return later([=] { into_device(from); });
      const auto* bytes_now =
          static_cast<const std::byte*>(from);  // what is not pinned is read before the call returns
      return later(
          [=, held = std::vector<std::byte>(bytes_now, bytes_now + bytes)] { into_device(held.data()); });
    }
    case cudaMemcpyDeviceToHost: {
      const auto status = later([=] {
        gpu().memory.touch(from, bytes, 1, false);
        std::memcpy(to, from, bytes);
      });
      return gpu().is_pinned(to, bytes) ? status : gpu().answer(gpu().wait());
    }
    default: return gpu().answer(cudaErrorNotSupported);
  }
}

}  // extern "C"
