// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Products by oneDNN, versions 2 and 3, through its C interface. Calls come from the threads of the backend's
/// arena and each must stay on its own: oneDNN's OpenMP is held to one thread for the length of a call.
/// fp32 goes through dnnl_sgemm; bfloat16 through matmul primitives, which take a fraction of a millisecond to make
/// and are kept by shape. What oneDNN refuses (a CPU without bfloat16, say) is left to the caller, and everything is
/// where it was built to run on threads other than OpenMP's.

#include <candor/core/config.hpp>

#if CANDOR_HAS_ONEDNN
#include <candor/backend/host/host.hpp>
#include <candor/backend/host/matmul.hpp>
#include <candor/tensor/tensor.hpp>

#include <dlfcn.h>
#include <oneapi/dnnl/dnnl.h>
#include <signal.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>
#include <type_traits>

namespace CANDOR_NS::detail {

#if DNNL_VERSION_MAJOR >= 3
using onednn_desc_ref = const_dnnl_memory_desc_t;
#else
using onednn_desc_ref = const dnnl_memory_desc_t*;
#endif

/// Holds a handle of oneDNN's and destroys it.
template <class Handle, dnnl_status_t (*Destroy)(Handle)>
struct onednn_handle {
  Handle value = nullptr;
  onednn_handle() = default;
  onednn_handle(const onednn_handle&) = delete;
  onednn_handle& operator=(const onednn_handle&) = delete;
  ~onednn_handle() {
    if (value != nullptr) Destroy(value);
  }
};
using onednn_memory = onednn_handle<dnnl_memory_t, dnnl_memory_destroy>;

/// The layout of a matrix: element (i, j) lies at i * row_stride + j * col_stride.
struct onednn_matrix {
  onednn_matrix(dnnl_data_type_t type, std::int64_t rows, std::int64_t cols, std::int64_t row_stride, std::int64_t col_stride) {
    const dnnl_dims_t dims = {rows, cols}, strides = {row_stride, col_stride};
#if DNNL_VERSION_MAJOR >= 3
    valid = dnnl_memory_desc_create_with_strides(&desc.value, 2, dims, type, strides) == dnnl_success;
#else
    valid = dnnl_memory_desc_init_by_strides(&desc, 2, dims, type, strides) == dnnl_success;
#endif
  }
#if DNNL_VERSION_MAJOR >= 3
  onednn_desc_ref ref() const { return desc.value; }
  onednn_handle<dnnl_memory_desc_t, dnnl_memory_desc_destroy> desc;
#else
  onednn_desc_ref ref() const { return &desc; }
  dnnl_memory_desc_t desc;
#endif
  bool valid;
};

/// A product's shape, strides and types: what a primitive is made for.
using onednn_key = std::array<std::int64_t, 10>;

template <class T, class C>
onednn_key onednn_key_of(const product<T, C>& p) {
  return {p.m, p.n, p.k, p.lda, p.ldb, p.ldc, p.ta, p.tb, p.accumulate, std::is_same_v<C, float>};
}

struct onednn_primitive {
  explicit onednn_primitive(const onednn_key& key, dnnl_engine_t engine)
      : a(dnnl_bf16, key[0], key[2], key[6] != 0 ? 1 : key[3], key[6] != 0 ? key[3] : 1),
        b(dnnl_bf16, key[2], key[1], key[7] != 0 ? 1 : key[4], key[7] != 0 ? key[4] : 1),
        c(key[9] != 0 ? dnnl_f32 : dnnl_bf16, key[0], key[1], key[5], 1) {
    if (a.valid && b.valid && c.valid) make(key[8] != 0, engine);
  }
  bool usable() const { return primitive.value != nullptr; }

  onednn_matrix a, b, c;
  onednn_handle<dnnl_primitive_desc_t, dnnl_primitive_desc_destroy> description;
  onednn_handle<dnnl_primitive_t, dnnl_primitive_destroy> primitive;

 private:
  void make(bool accumulate, dnnl_engine_t engine) {
    onednn_handle<dnnl_primitive_attr_t, dnnl_primitive_attr_destroy> attributes;
    onednn_handle<dnnl_post_ops_t, dnnl_post_ops_destroy> after;
    // oneDNN's own scratch memory belongs to the thread that made the primitive; ours to the one that runs it.
    bool good = dnnl_primitive_attr_create(&attributes.value) == dnnl_success &&
                dnnl_primitive_attr_set_scratchpad_mode(attributes.value, dnnl_scratchpad_mode_user) == dnnl_success;
    if (accumulate) {
      good = good && dnnl_post_ops_create(&after.value) == dnnl_success;
#if DNNL_VERSION_MAJOR >= 3
      good = good && dnnl_post_ops_append_sum(after.value, 1.0f, 0, dnnl_data_type_undef) == dnnl_success;
#else
      good = good && dnnl_post_ops_append_sum(after.value, 1.0f) == dnnl_success;
#endif
      good = good && dnnl_primitive_attr_set_post_ops(attributes.value, after.value) == dnnl_success;
    }
#if DNNL_VERSION_MAJOR >= 3
    good = good && dnnl_matmul_primitive_desc_create(&description.value, engine, a.ref(), b.ref(), nullptr, c.ref(),
                                                     attributes.value) == dnnl_success;
#else
    dnnl_matmul_desc_t matmul;
    good = good && dnnl_matmul_desc_init(&matmul, a.ref(), b.ref(), nullptr, c.ref()) == dnnl_success &&
           dnnl_primitive_desc_create(&description.value, &matmul, attributes.value, engine, nullptr) == dnnl_success;
#endif
    const char* name = "";
    good = good && dnnl_primitive_desc_query(description.value, dnnl_query_impl_info_str, 0, &name) == dnnl_success;
    if (good && std::strncmp(name, "ref", 3) != 0)  // reference loops: slower than what the caller has
      dnnl_primitive_create(&primitive.value, description.value);
  }
};

/// What a backend keeps of oneDNN. Safe to use from many threads.
class onednn {
 public:
  onednn() {
    const unsigned runtime = dnnl_version()->cpu_runtime;
    if (runtime == DNNL_RUNTIME_OMP) {  // looked up, since oneDNN and not candor is linked with it
      threads_ = reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, "omp_get_max_threads"));
      set_threads_ = reinterpret_cast<void (*)(int)>(dlsym(RTLD_DEFAULT, "omp_set_num_threads"));
    }
    const bool serial = runtime == DNNL_RUNTIME_SEQ || (threads_ != nullptr && set_threads_ != nullptr);
    if (serial && dnnl_engine_create(&engine_.value, dnnl_cpu, 0) != dnnl_success) engine_.value = nullptr;
  }

  /// False where oneDNN does not do this product; nothing is written then.
  bool multiply(host&, const product<float, float>& p) {
    if (engine_.value == nullptr) return false;
    const one_thread guard(*this);
    const no_signals quiet;
    return dnnl_sgemm(p.ta ? 'T' : 'N', p.tb ? 'T' : 'N', p.m, p.n, p.k, 1.0f, p.a, p.lda, p.b, p.ldb,
                      p.accumulate ? 1.0f : 0.0f, p.c, p.ldc) == dnnl_success;
  }

  template <class C>
  bool multiply(host& backend, const product<bfloat16, C>& p) {
    if (engine_.value == nullptr) return false;
    const one_thread guard(*this);
    const auto made = find(onednn_key_of(p));
    if (!made->usable()) return false;
    const auto scratch_desc = dnnl_primitive_desc_query_md(made->description.value, dnnl_query_scratchpad_md, 0);
    tensor<host, std::uint8_t> scratch(backend, shape{static_cast<std::int64_t>(dnnl_memory_desc_get_size(scratch_desc))});
    onednn_memory a, b, c, s;
    open(a, made->a.ref(), const_cast<bfloat16*>(p.a));
    open(b, made->b.ref(), const_cast<bfloat16*>(p.b));
    open(c, made->c.ref(), p.c);
    open(s, scratch_desc, scratch.view().data);
    const dnnl_exec_arg_t arguments[] = {
        {DNNL_ARG_SRC, a.value}, {DNNL_ARG_WEIGHTS, b.value}, {DNNL_ARG_DST, c.value}, {DNNL_ARG_SCRATCHPAD, s.value}};
    onednn_handle<dnnl_stream_t, dnnl_stream_destroy> stream;
    check(dnnl_stream_create(&stream.value, engine_.value, dnnl_stream_default_flags), "dnnl_stream_create");
    const no_signals quiet;
    check(dnnl_primitive_execute(made->primitive.value, stream.value, 4, arguments), "dnnl_primitive_execute");
    check(dnnl_stream_wait(stream.value), "dnnl_stream_wait");
    return true;
  }

 private:
  /// Holds OpenMP to one thread in calls from this thread.
  class one_thread {
   public:
    explicit one_thread(const onednn& owner) : owner_(owner), before_(owner.threads_ != nullptr ? owner.threads_() : 1) {
      if (before_ != 1) owner_.set_threads_(1);
    }
    ~one_thread() {
      if (before_ != 1) owner_.set_threads_(before_);
    }
    one_thread(const one_thread&) = delete;
    one_thread& operator=(const one_thread&) = delete;

   private:
    const onednn& owner_;
    int before_;
  };

  /// Keeps signals from this thread, but for those that a fault of its own raises. Half a microsecond.
  class no_signals {
   public:
    no_signals() {
      sigset_t blocked;
      sigfillset(&blocked);
      for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL}) sigdelset(&blocked, fault);
      ::pthread_sigmask(SIG_SETMASK, &blocked, &before_);
    }
    ~no_signals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    no_signals(const no_signals&) = delete;
    no_signals& operator=(const no_signals&) = delete;

   private:
    sigset_t before_;
  };

  struct entry {
    std::shared_ptr<const onednn_primitive> primitive;
    std::uint64_t used;
  };

  std::shared_ptr<const onednn_primitive> find(const onednn_key& key) {
    const std::lock_guard lock(mutex_);
    if (const auto it = primitives_.find(key); it != primitives_.end()) {
      it->second.used = ++clock_;
      return it->second.primitive;
    }
    if (primitives_.size() >= capacity) {
      auto oldest = primitives_.begin();
      for (auto it = primitives_.begin(); it != primitives_.end(); ++it)
        if (it->second.used < oldest->second.used) oldest = it;
      primitives_.erase(oldest);
    }
    auto made = std::make_shared<const onednn_primitive>(key, engine_.value);
    primitives_.emplace(key, entry{made, ++clock_});
    return made;
  }

  void open(onednn_memory& memory, onednn_desc_ref desc, void* data) const {
    check(dnnl_memory_create(&memory.value, desc, engine_.value, data), "dnnl_memory_create");
  }
  static void check(dnnl_status_t status, std::string_view call) {
    require<memory_error>(status != dnnl_out_of_memory, "[matmul] ", call, ": oneDNN cannot allocate memory");
    require<error>(status == dnnl_success, "[matmul] ", call, " returned ", static_cast<int>(status),
                   " (dnnl_status_t); host_options{.use_onednn = false} does without oneDNN");
  }

  static constexpr std::size_t capacity = 1024;  // primitives
  onednn_handle<dnnl_engine_t, dnnl_engine_destroy> engine_;
  int (*threads_)() = nullptr;
  void (*set_threads_)(int) = nullptr;
  std::mutex mutex_;
  std::map<onednn_key, entry> primitives_;
  std::uint64_t clock_ = 0;
};

}  // namespace CANDOR_NS::detail
#endif
