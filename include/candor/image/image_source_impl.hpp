// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of image_source.hpp.

#include <candor/core/error.hpp>
#include <candor/image/image_source.hpp>
#include <candor/io/atomic_file.hpp>

#include <span>
#include <utility>

namespace CANDOR_NS {

CANDOR_INLINE image_source::image_source(std::filesystem::path file)
    : file_(std::move(file)), name_(file_.string()) {}

CANDOR_INLINE image_source::image_source(std::string name, std::function<std::string()> read)
    : name_(std::move(name)), read_(std::move(read)) {}

CANDOR_INLINE std::string image_source::read(std::uint64_t max_bytes) const {
  if (!read_) return read_file(file_, max_bytes);
  std::string bytes = read_();
  require<input_error>(bytes.size() <= max_bytes, name_, ": the picture has ", bytes.size(),
                       " bytes; at most ", max_bytes, " are read");
  return bytes;
}

CANDOR_INLINE image load_image(const image_source& source, const decode_options& options) {
  const std::string bytes = source.read(options.limits.max_bytes);
  return decode_image(std::as_bytes(std::span(bytes.data(), bytes.size())), source.name(), options);
}

}  // namespace CANDOR_NS
