// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Streams, events, pinned memory and pools of the CUDA runtime with an owner.

#include <candor/backend/cuda/check.cuh>

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

namespace CANDOR_NS::device {

class device_event {
 public:
  explicit device_event(bool timed = false) {
    check(cudaEventCreateWithFlags(&event_, timed ? cudaEventDefault : cudaEventDisableTiming),
          "making an event");
  }
  device_event(const device_event&) = delete;
  device_event& operator=(const device_event&) = delete;
  ~device_event() { cudaEventDestroy(event_); }
  cudaEvent_t get() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

class device_stream {
 public:
  device_stream() { check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "making a stream"); }
  device_stream(const device_stream&) = delete;
  device_stream& operator=(const device_stream&) = delete;
  ~device_stream() { cudaStreamDestroy(stream_); }
  cudaStream_t get() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

/// Memory of the host that the device copies from without the host's help.
class pinned_memory {
 public:
  explicit pinned_memory(std::size_t bytes) {
    check(cudaMallocHost(&data_, bytes), "pinning ", bytes >> 20, " MiB of the host's memory");
  }
  pinned_memory(const pinned_memory&) = delete;
  pinned_memory& operator=(const pinned_memory&) = delete;
  ~pinned_memory() { cudaFreeHost(data_); }
  std::byte* data() const { return static_cast<std::byte*>(data_); }

 private:
  void* data_ = nullptr;
};

/// The driver's pool behind stream-ordered allocation. It keeps what is released.
class memory_pool {
 public:
  /// `limit` bytes in all, 0: what the device has.
  memory_pool(int device, std::uint64_t limit) {
    cudaMemPoolProps wanted{};
    wanted.allocType = cudaMemAllocationTypePinned;
    wanted.location.type = cudaMemLocationTypeDevice;
    wanted.location.id = device;
#if CUDART_VERSION >= 12020
    constexpr std::uint64_t page = std::uint64_t{2} << 20;  // the driver takes whole ones
    wanted.maxSize = limit / page * page;
#endif
    check(cudaMemPoolCreate(&pool_, &wanted), "making a pool of device memory", limit > 0 ? " of " : "",
          limit > 0 ? text(limit >> 20, " MiB") : std::string());
    std::uint64_t all = ~std::uint64_t{0};
    check(cudaMemPoolSetAttribute(pool_, cudaMemPoolAttrReleaseThreshold, &all), "keeping released memory");
  }
  memory_pool(const memory_pool&) = delete;
  memory_pool& operator=(const memory_pool&) = delete;
  ~memory_pool() { cudaMemPoolDestroy(pool_); }
  cudaMemPool_t get() const { return pool_; }

  /// A block, or null where there is no room even after what waits has gone back to the device.
  void* take(std::size_t bytes, cudaStream_t stream) {
    void* data = nullptr;
    cudaError_t status = cudaMallocFromPoolAsync(&data, bytes, pool_, stream);
    if (status == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      check(cudaStreamSynchronize(stream), "waiting for memory");
      check(cudaMemPoolTrimTo(pool_, 0), "giving memory back");
      status = cudaMallocFromPoolAsync(&data, bytes, pool_, stream);
    }
    if (status == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      return nullptr;
    }
    check(status, "allocating ", bytes, " bytes");
    return data;
  }

 private:
  cudaMemPool_t pool_ = nullptr;
};

}  // namespace CANDOR_NS::device
