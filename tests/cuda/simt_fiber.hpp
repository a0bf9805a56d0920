// SPDX-License-Identifier: Apache-2.0
#pragma once
// A stack of its own for each emulated thread, and the switch between two of them. A fiber never throws: what
// goes wrong on it is written down and thrown by whoever resumed it.

#include <cstddef>
#include <cstdint>
#include <memory>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace candor_test {

#if defined(__x86_64__)

/// Leaves the callee's registers on this stack and the stack's top in *left, and goes on where `entered` was
/// left.
[[gnu::naked, gnu::noinline]] inline void switch_stacks([[maybe_unused]] void** left,
                                                        [[maybe_unused]] void* entered) {
  asm volatile(
      "pushq %rbp\n pushq %rbx\n pushq %r12\n pushq %r13\n pushq %r14\n pushq %r15\n"
      "movq %rsp, (%rdi)\n movq %rsi, %rsp\n"
      "popq %r15\n popq %r14\n popq %r13\n popq %r12\n popq %rbx\n popq %rbp\n ret");
}

class fiber_switch {
 public:
  void prepare(char* stack, std::size_t bytes, void (*entry)()) {
    auto* top = reinterpret_cast<void**>((reinterpret_cast<std::uintptr_t>(stack) + bytes) / 16 * 16);
    *--top = nullptr;  // where a caller's address would be, and the alignment a function expects
    *--top = reinterpret_cast<void*>(entry);
    for (int i = 0; i < 6; ++i) *--top = nullptr;
    inside_ = top;
  }
  void enter() { switch_stacks(&outside_, inside_); }
  void leave() { switch_stacks(&inside_, outside_); }

 private:
  void *inside_ = nullptr, *outside_ = nullptr;
};

#else

class fiber_switch {
 public:
  void prepare(char* stack, std::size_t bytes, void (*entry)()) {
    getcontext(&inside_);
    inside_.uc_stack.ss_sp = stack;
    inside_.uc_stack.ss_size = bytes;
    inside_.uc_link = nullptr;
    makecontext(&inside_, entry, 0);
  }
  void enter() { swapcontext(&outside_, &inside_); }
  void leave() { swapcontext(&inside_, &outside_); }

 private:
  ucontext_t inside_{}, outside_{};
};

#endif

/// Runs f(argument) on a stack of its own, in pieces: resume() runs on until pause() or the end.
class fiber {
 public:
  static constexpr std::size_t stack_bytes = 128 * 1024;

  void start(void (*f)(void*), void* argument) {
    if (!stack_) stack_ = std::make_unique<char[]>(stack_bytes);
    f_ = f;
    argument_ = argument;
    finished_ = false;
    switch_.prepare(stack_.get(), stack_bytes, &run);
  }
  void resume() {
    running() = this;
    switch_.enter();
  }
  void pause() { switch_.leave(); }
  bool finished() const { return finished_; }

 private:
  static fiber*& running() {
    thread_local fiber* current = nullptr;
    return current;
  }
  __attribute__((no_sanitize_address)) static void run() {
    fiber* self = running();
    self->f_(self->argument_);
    self->finished_ = true;
    for (;;) self->pause();
  }

  std::unique_ptr<char[]> stack_;
  fiber_switch switch_;
  void (*f_)(void*) = nullptr;
  void* argument_ = nullptr;
  bool finished_ = true;
};

}  // namespace candor_test
