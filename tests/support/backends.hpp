// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Backends by type, for tests that have one body for all of them. An executable that brings another backend along
/// specialises `open_backend` for it (tests/cuda/device/with_device.cuh).

#include "support/catch.hpp"

#include <candor/backend/host/host.hpp>

#include <memory>

namespace candor_test {

/// A backend, or null where this machine has none, after saying so in CANDOR_SKIP's words.
template <class B>
std::unique_ptr<B> open_backend() {
  return std::make_unique<B>(candor::host_options{.threads = 2});
}

}  // namespace candor_test

/// `B& name`, or the end of the test where there is none.
#define CANDOR_BACKEND(B, name)                           \
  const auto name##_held = candor_test::open_backend<B>(); \
  if (!name##_held) return;                               \
  B& name = *name##_held
