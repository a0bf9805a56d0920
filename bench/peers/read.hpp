// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Tensors of the races' files, as they lie there.

#include <candor/core/error.hpp>
#include <candor/io/safetensors.hpp>

#include <span>
#include <string>
#include <vector>

namespace candor_bench {

/// input_error where the file has no such tensor.
template <class T>
std::vector<T> read(const candor::safetensors_file& file, const std::string& name) {
  const auto* info = file.find(name);
  candor::require<candor::input_error>(info != nullptr, file.path().string(), ": no tensor \"", name, '"');
  std::vector<T> out(info->elements());
  file.read(*info, std::as_writable_bytes(std::span(out)));
  return out;
}

}  // namespace candor_bench
