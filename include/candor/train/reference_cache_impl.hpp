// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The file of reference log-probs.

#include <candor/core/error.hpp>
#include <candor/io/safetensors.hpp>
#include <candor/train/reference_cache.hpp>

#include <cmath>
#include <cstring>
#include <map>
#include <string>

namespace CANDOR_NS {
namespace detail {

inline constexpr std::string_view fingerprint_key = "fingerprint.";
inline constexpr const char* content_key = "content";

/// A digest of what a cache holds: one flipped bit of a log-prob would otherwise be trained on.
CANDOR_INLINE std::string cache_digest(std::span<const std::int64_t> offsets,
                                       std::span<const float> log_probs) {
  fingerprint f;
  f.add(std::as_bytes(offsets), "offsets");
  f.add(std::as_bytes(log_probs), "log_probs");
  return f.hex();
}

/// Copies a tensor of a file whose type was checked.
template <class T>
std::vector<T> cache_tensor(const safetensors_file& file, std::string_view name) {
  const tensor_info* info = file.find(name);
  require<input_error>(info != nullptr && info->type == dtype_v<T>, file.path().string(), ": tensor \"", name,
                       "\" of type ", name_of(dtype_v<T>), " is missing; delete the file, it is made again");
  std::vector<T> out(info->elements());
  file.read(*info, std::as_writable_bytes(std::span(out)));
  return out;
}

template <class T>
tensor_source cache_source(const std::string& name, const std::vector<T>& values) {
  return {name, dtype_v<T>, shape{static_cast<std::int64_t>(values.size())},
          [&values](std::span<std::byte> out) { std::memcpy(out.data(), values.data(), out.size()); }};
}

}  // namespace detail

CANDOR_INLINE reference_cache reference_cache::load(const std::filesystem::path& path,
                                                    const fingerprint& expected, std::int64_t records,
                                                    std::int64_t cells_per_record) {
  const safetensors_file file(path);
  std::vector<fingerprint::part> parts;
  for (const auto& part : expected.parts()) {
    const auto found = file.metadata().find(std::string(detail::fingerprint_key) + part.label);
    if (found != file.metadata().end()) parts.push_back({part.label, found->second});
  }
  const std::string differs = first_difference(expected, fingerprint(parts));
  require<input_error>(
      differs.empty(), path.string(), ": these reference log-probs are of something else: \"", differs,
      "\" differs; delete the file, or give the run a new folder, and they are computed again");
  reference_cache cache(cells_per_record);
  cache.offsets_ = detail::cache_tensor<std::int64_t>(file, "offsets");
  cache.log_probs_ = detail::cache_tensor<float>(file, "log_probs");
  const auto count = static_cast<std::int64_t>(cache.offsets_.size()) - 1;
  bool sound = count >= 0 && count <= records * cells_per_record && count % cells_per_record == 0 &&
               cache.offsets_.front() == 0 &&
               cache.offsets_.back() == static_cast<std::int64_t>(cache.log_probs_.size());
  for (std::size_t i = 1; sound && i < cache.offsets_.size(); ++i)
    sound = cache.offsets_[i - 1] <= cache.offsets_[i];
  for (const float p : cache.log_probs_) sound = sound && std::isfinite(p);
  const auto digest = file.metadata().find(detail::content_key);
  sound = sound && digest != file.metadata().end() &&
          digest->second == detail::cache_digest(cache.offsets_, cache.log_probs_);
  require<input_error>(sound, path.string(), ": this is no sound list of log-probs of at most ", records,
                       " records of ", cells_per_record, " cells; delete the file, it is made again");
  return cache;
}

CANDOR_INLINE void reference_cache::append(std::span<const std::vector<float>> record) {
  require<shape_error>(static_cast<std::int64_t>(record.size()) == cells_, "[reference_cache] a record of ",
                       record.size(), " cells, expected ", cells_);
  for (const auto& cell : record) {
    log_probs_.insert(log_probs_.end(), cell.begin(), cell.end());
    offsets_.push_back(static_cast<std::int64_t>(log_probs_.size()));
  }
}

CANDOR_INLINE std::span<const float> reference_cache::log_probs(std::int64_t record,
                                                                std::int64_t cell) const {
  require<shape_error>(record >= 0 && record < records() && cell >= 0 && cell < cells_,
                       "[reference_cache] record ", record, ", cell ", cell, " of ", records(),
                       " records with ", cells_, " cells");
  const auto at = static_cast<std::size_t>(record * cells_ + cell);
  return std::span(log_probs_)
      .subspan(static_cast<std::size_t>(offsets_[at]),
               static_cast<std::size_t>(offsets_[at + 1] - offsets_[at]));
}

CANDOR_INLINE void reference_cache::save(const std::filesystem::path& path, const fingerprint& of) const {
  std::map<std::string, std::string> metadata;
  for (const auto& part : of.parts())
    metadata[std::string(detail::fingerprint_key) + part.label] = part.digest;
  metadata[detail::content_key] = detail::cache_digest(offsets_, log_probs_);
  write_safetensors(
      path, {detail::cache_source("offsets", offsets_), detail::cache_source("log_probs", log_probs_)},
      metadata);
}

}  // namespace CANDOR_NS
