// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The backend of an NVIDIA device: one stream, stream-ordered memory from a pool of its own, products by
/// cuBLASLt, row programs over warps and blocks.
///
///     candor::cuda gpu{0};
///     auto policy = candor::load_llava<candor::bfloat16>(gpu, "llava-1.5-7b-hf");
///
/// Members return when the work is in the stream; copy_out waits for it. An operation that fails throws
/// device_error, where it is found or later: with CANDOR_CUDA_SYNC=1 in the environment every member waits,
/// so that the error names its operation. Used by one thread at a time.

#include <candor/backend/attention_check.hpp>
#include <candor/backend/attention_layout.hpp>
#include <candor/backend/backend.hpp>
#include <candor/backend/cuda/attention.cuh>
#include <candor/backend/cuda/attention_cudnn.cuh>
#include <candor/backend/cuda/attention_plans.hpp>
#include <candor/backend/cuda/check.cuh>
#include <candor/backend/cuda/cuda_options.hpp>
#include <candor/backend/cuda/device_lane.cuh>
#include <candor/backend/cuda/device_objects.cuh>
#include <candor/backend/cuda/memory_books.hpp>
#include <candor/backend/cuda/products.cuh>
#include <candor/backend/cuda/row_kernel.hpp>
#include <candor/backend/cuda/staging_ring.hpp>
#include <candor/backend/cuda/stream_profile.cuh>
#include <candor/backend/host/profile.hpp>
#include <candor/tensor/tensor.hpp>
#include <candor/tensor/view.hpp>

#include <cuda_runtime.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace CANDOR_NS {

class cuda {
 public:
  static constexpr std::string_view name = "cuda";

  explicit cuda(int device) : cuda(cuda_options{.device = device}) {}
  /// usage_error where the device is not there, too old, or newer than what the driver knows.
  explicit cuda(const cuda_options& options = {})
      : options_(usable(options)),
        waits_(asks_to_wait()),
        books_(options.memory_limit),
        pool_(options.device, options.memory_limit),
        products_({.deterministic = options.deterministic,
                   .file = options.product_file,
                   .workspace = workspace_bytes},
                  machine()) {
#if CANDOR_HAS_CUDNN
    if (options.cudnn) cudnn_.emplace(stream_.get());
#else
    require<usage_error>(!options.cudnn, "cuda_options::cudnn: this program was built without cuDNN; configure its build "
                                         "with -DCANDOR_CUDNN=ON, or leave the option off");
#endif
    workspace_ = allocate(workspace_bytes);
  }
  cuda(const cuda&) = delete;
  cuda& operator=(const cuda&) = delete;
  /// Waits for the stream. Algorithms that were timed are saved where that succeeds; see save_products.
  ~cuda() {
    plans_.clear();
    decode_plans_.clear();
    release(workspace_, workspace_bytes);
    cudaStreamSynchronize(stream_.get());
    try {
      products_.save();
    } catch (const error&) {  // a file that only saves time
    }
  }

  const cuda_options& options() const { return options_; }
  cudaStream_t stream() const { return stream_.get(); }

  /// Waits until all work in the stream is done.
  void synchronize() {
    device::check(cudaStreamSynchronize(stream_.get()), "waiting for the stream");
    profile_.collect();
  }
  /// Writes the algorithms of products that were timed since the last time; io_error where that fails.
  void save_products() { products_.save(); }

  // ---- storage ----

  void* allocate(std::size_t bytes) {
    use();
    const std::size_t block = memory_books::block_size(bytes);
    void* data = books_.allows(block) ? pool_.take(block, stream_.get()) : nullptr;
    if (data == nullptr) books_.refuse(bytes, properties().totalGlobalMem);
    books_.take(block);
    return data;
  }
  void release(void* data, std::size_t bytes) noexcept {
    if (data == nullptr) return;
    books_.give(memory_books::block_size(bytes));
    cudaFreeAsync(data,
                  stream_.get());  // fails only where something has failed before, which is told elsewhere
  }
  void zero(void* data, std::size_t bytes) {
    if (bytes == 0) return;
    use();
    const timed_operation timed(profile_, "zero");
    done(cudaMemsetAsync(data, 0, bytes, stream_.get()), "zero of ", bytes, " bytes");
  }
  void copy(void* to, const void* from, std::size_t bytes) {
    if (bytes == 0) return;
    use();
    const timed_operation timed(profile_, "copy");
    done(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream_.get()), "copy of ", bytes,
         " bytes");
  }
  /// Returns when `from_host` has been read; the copy to the device goes on from pinned memory.
  void copy_in(void* to, const void* from_host, std::size_t bytes) {
    use();
    const timed_operation timed(profile_, "copy_in");
    for (std::size_t at = 0; at < bytes;) {
      const auto place = ring_.take(bytes - at);
      if (place.closed >= 0) {
        device::check(cudaEventRecord(emptied_[place.closed].get(), stream_.get()), "copy_in");
        device::check(cudaEventSynchronize(emptied_[place.buffer].get()), "copy_in");
      }
      std::byte* staged =
          staging_.data() + static_cast<std::size_t>(place.buffer) * ring_.size() + place.offset;
      std::memcpy(staged, static_cast<const std::byte*>(from_host) + at, place.bytes);
      done(cudaMemcpyAsync(static_cast<std::byte*>(to) + at, staged, place.bytes, cudaMemcpyHostToDevice,
                           stream_.get()),
           "copy_in of ", bytes, " bytes");
      at += place.bytes;
    }
  }
  void copy_out(void* to_host, const void* from, std::size_t bytes) {
    if (bytes == 0) return;
    use();
    const timed_operation timed(profile_, "copy_out");
    device::check(cudaMemcpyAsync(to_host, from, bytes, cudaMemcpyDeviceToHost, stream_.get()),
                  "copy_out of ", bytes, " bytes");
    device::check(cudaStreamSynchronize(stream_.get()), "copy_out of ", bytes, " bytes");
  }
  std::uint64_t bytes_in_use() const { return books_.in_use(); }
  std::uint64_t peak_bytes() const { return books_.peak(); }

  // ---- row programs ----

  template <class Program>
  void rows(std::int64_t count, std::int64_t width, const Program& program) {
    static_assert(std::is_trivially_copyable_v<Program>, "a row program travels to the device as bytes");
    if (count <= 0) return;
    use();
    const timed_operation timed(profile_, detail::program_name<Program>());
    if (device::takes_block(width))
      launch_rows<device::block_rows_kernel<Program>>(count, width, program);
    else
      launch_rows<device::warp_rows_kernel<Program>>(count, width, program);
  }

  // ---- products ----

  /// c = op(a) op(b), or c += op(a) op(b) where `accumulate`. Sums in the accumulator type.
  template <class T, class C>
  void matmul(transpose ta, view<cuda, const T> a, transpose tb, view<cuda, const T> b, view<cuda, C> c,
              bool accumulate = false) {
    multiply(lay_out_product(ta, a, tb, b, c, accumulate, options_.tf32), a.data, b.data, c.data, c);
  }
  /// c = start + op(a) op(b), where start lies as c does: cuBLASLt reads it as it writes c.
  template <class T>
  void matmul_onto(view<cuda, const T> start, transpose ta, view<cuda, const T> a, transpose tb,
                   view<cuda, const T> b, view<cuda, T> c) {
    multiply(lay_out_product_onto(start, ta, a, tb, b, c, options_.tf32), a.data, b.data, start.data, c);
  }

  // ---- attention ----

  /// As host::attention_forward: shapes in backend/host/attention.hpp. Heads of up to 128.
  template <class T>
  void attention_forward(const attention_heads& heads, const attention_layout& layout, view<cuda, const T> q,
                         view<cuda, const T> k, view<cuda, const T> v, view<cuda, T> out,
                         view<cuda, accumulator_t<T>> lse) {
    detail::check_attention(heads, layout, q, k, v, lse);
    require_head(heads);
    if (layout.tokens() == 0) return;
    use();
    const device::attention_tensors<T> x{
        .q = rows_of(q), .k = rows_of(k), .v = rows_of(v), .out = rows_of(out), .lse = rows_of(lse)};
#if CANDOR_HAS_CUDNN
    if constexpr (std::is_same_v<T, bfloat16>)
      if (const auto trees = device::equal_trees_of(layout); cudnn_ && trees.count > 0) {
        const timed_operation timed(profile_, "attention forward by cuDNN");
        if (cudnn_->forward(heads, trees, x, scratch()))
          return done(cudaSuccess, "attention forward by cuDNN over ", layout.tokens(), " tokens");
      }
#endif
    const auto plan = plans_.of(*this, layout);
    const timed_operation timed(profile_, "attention forward");
    done(device::launch_attention_forward(stream_.get(), heads, plan, x),
         "attention forward over ", layout.tokens(), " tokens, ", heads.count, " heads of ", heads.size);
  }
  /// The same bits in every run.
  template <class T>
  void attention_backward(const attention_heads& heads, const attention_layout& layout, view<cuda, const T> q,
                          view<cuda, const T> k, view<cuda, const T> v, view<cuda, const T> out,
                          view<cuda, const accumulator_t<T>> lse, view<cuda, const T> d_out,
                          view<cuda, T> d_q, view<cuda, T> d_k, view<cuda, T> d_v) {
    using A = accumulator_t<T>;
    detail::check_attention(heads, layout, q, k, v, lse);
    require_head(heads);
    if (layout.tokens() == 0) return;
    use();
    const auto plan = plans_.of(*this, layout);
    tensor<cuda, A> workspace(*this, shape{device::attention_workspace(heads, plan)});
    // The call is shared with the forward pass; out and lse are only read here.
    const device::attention_tensors<T> x{.q = rows_of(q),
                                         .k = rows_of(k),
                                         .v = rows_of(v),
                                         .out = {const_cast<T*>(out.data), out.stride},
                                         .lse = {const_cast<A*>(lse.data), lse.stride},
                                         .d_out = rows_of(d_out),
                                         .d_q = rows_of(d_q),
                                         .d_k = rows_of(d_k),
                                         .d_v = rows_of(d_v)};
    const timed_operation timed(profile_, "attention backward");
    done(device::launch_attention_backward(stream_.get(), heads, plan, x, workspace.view().data),
         "attention backward over ", layout.tokens(), " tokens, ", heads.count, " heads of ", heads.size);
  }

  template <class T>
  void attention_decode(const attention_heads& heads, const decode_layout& layout, view<cuda, const T> q,
                        view<cuda, const T> stem_k, view<cuda, const T> stem_v, view<cuda, const T> branch_k,
                        view<cuda, const T> branch_v, view<cuda, T> out) {
    detail::check_decode(heads, layout, q, branch_k);
    require_head(heads);
    if (q.rows == 0) return;
    use();
    const std::int64_t busy =
        2 * properties().multiProcessorCount / heads.kv_count + 1;  // two blocks for each
    const auto plan = decode_plans_.of(*this, layout, heads.count / heads.kv_count, busy);
    tensor<cuda, accumulator_t<T>> workspace(*this, shape{device::decode_workspace(heads, plan)});
    const device::decode_tensors<T> x{.q = rows_of(q),
                                      .stem_k = rows_of(stem_k),
                                      .stem_v = rows_of(stem_v),
                                      .branch_k = rows_of(branch_k),
                                      .branch_v = rows_of(branch_v),
                                      .out = rows_of(out)};
    const timed_operation timed(profile_, "attention decode");
    done(device::launch_attention_decode(stream_.get(), heads, plan, x, workspace.view().data),
         "attention decode of ", q.rows, " branches, ", heads.count, " heads of ", heads.size);
  }

 private:
  using timed_operation = device::stream_profile::operation;
  static constexpr std::size_t workspace_bytes = std::size_t{32} << 20;  // what cuBLASLt asks for on sm_90
  static constexpr std::size_t staging_bytes = std::size_t{8} << 20;     // of each pinned buffer

  /// The options, where their device can be used; makes it the thread's device.
  static const cuda_options& usable(const cuda_options& o) {
    device::device_facts facts{.wanted = o.device, .runtime = CUDART_VERSION};
    if (cudaDriverGetVersion(&facts.driver) != cudaSuccess) facts.driver = 0;
    if (cudaGetDeviceCount(&facts.count) != cudaSuccess) facts.count = 0;
    cudaGetLastError();
    if (o.device >= 0 && o.device < facts.count) {
      device::check(cudaDeviceGetAttribute(&facts.major, cudaDevAttrComputeCapabilityMajor, o.device),
                    "asking the device");
      device::check(cudaDeviceGetAttribute(&facts.minor, cudaDevAttrComputeCapabilityMinor, o.device),
                    "asking the device");
    }
    device::require_usable(facts);
    device::check(cudaSetDevice(o.device), "choosing device ", o.device);
    return o;
  }
  static bool asks_to_wait() {
    const char* wish = std::getenv("CANDOR_CUDA_SYNC");
    return wish != nullptr && std::string_view(wish) != "0";
  }
  const cudaDeviceProp& properties() {
    if (properties_.major == 0)
      device::check(cudaGetDeviceProperties(&properties_, options_.device), "asking the device");
    return properties_;
  }
  /// What an algorithm's speed depends on.
  std::string machine() {
    return text(properties().name, ", cuBLASLt ", cublasLtGetVersion(), ", ",
                properties().multiProcessorCount, " multiprocessors");
  }

  template <class T, class C>
  void multiply(const product_layout& p, const T* a, const T* b, const C* start, view<cuda, C> c) {
    if (c.size() == 0) return;
    use();
    const timed_operation timed(profile_, p.second_transposed  ? "product a^T b"
                                          : p.first_transposed ? "product a b^T"
                                                               : "product a b",
                                2.0 * static_cast<double>(c.size()) * static_cast<double>(p.inner));
    if (p.inner == 0) {
      const std::size_t pitch = sizeof(C) * static_cast<std::size_t>(c.stride),
                        width = sizeof(C) * static_cast<std::size_t>(c.cols),
                        height = static_cast<std::size_t>(c.rows);
      if (!p.accumulate)
        done(cudaMemset2DAsync(c.data, pitch, 0, width, height, stream_.get()), "[matmul] ", str(p));
      else if (start != c.data)
        done(cudaMemcpy2DAsync(c.data, pitch, start, pitch, width, height, cudaMemcpyDeviceToDevice,
                               stream_.get()),
             "[matmul] ", str(p));
      return;
    }
    products_.multiply(p, b, a, start, c.data, workspace_, stream_.get(), scratch());
    done(cudaSuccess, "[matmul] ", str(p));
  }

  static void require_head(const attention_heads& heads) {
    require<shape_error>(heads.size <= device::widest_head, "[attention] heads of ", heads.size,
                         " are wider than the device's kernels take: up to ", device::widest_head);
  }
  template <class T>
  static device::strided_rows<T> rows_of(view<cuda, T> v) {
    return {v.data, v.stride};
  }

  /// A thread that uses several devices comes back to this one.
  void use() const { device::check(cudaSetDevice(options_.device), "choosing device ", options_.device); }

  /// Checks that an operation has entered the stream, and waits for it where the user asked for that.
  template <class... Parts>
  void done(cudaError_t status, const Parts&... operation) {
    device::check(status, operation...);
    if (waits_) [[unlikely]]
      device::check(cudaStreamSynchronize(stream_.get()), operation...);
  }

  /// Its name is worked out for errors alone.
  template <class Program>
  struct row_program {
    std::string_view str() const { return detail::program_name<Program>(); }
  };

  template <class Kernel, class Program>
  void launch_rows(std::int64_t count, std::int64_t width, const Program& program) {
    const auto blocks = static_cast<unsigned>(device::row_blocks(count, Kernel::rows_at_once));
    done(device::launch_kernel(Kernel{program, count}, dim3(blocks), Kernel::shared_bytes, stream_.get()),
         row_program<Program>(), " over ", count, " rows of ", width);
  }

  device::scratch_memory scratch() {
    return {.take = [](void* self, std::size_t bytes) -> void* {
              try {
                return static_cast<cuda*>(self)->allocate(bytes);
              } catch (const memory_error&) {
                return nullptr;
              }
            },
            .give = [](void* self, void* data,
                       std::size_t bytes) { static_cast<cuda*>(self)->release(data, bytes); },
            .owner = this};
  }

  cuda_options options_;
  bool waits_;
  cudaDeviceProp properties_{};
  memory_books books_;
  device::device_stream stream_;
  device::stream_profile profile_{options_.profile, stream_.get()};
  device::memory_pool pool_;
  staging_ring ring_{staging_bytes};
  device::pinned_memory staging_{staging_ring::buffers * staging_bytes};
  device::device_event emptied_[staging_ring::buffers];  // when the copies out of a buffer are done
  device::products products_;
  device::attention_plans<cuda, attention_layout, device::attention_plan> plans_;
  device::attention_plans<cuda, decode_layout, device::decode_plan, std::int64_t, std::int64_t> decode_plans_;
#if CANDOR_HAS_CUDNN
  std::optional<device::cudnn_attention> cudnn_;
#endif
  void* workspace_ = nullptr;
};

static_assert(backend<cuda, float> && backend<cuda, bfloat16> && backend<cuda, double>);

}  // namespace CANDOR_NS
