// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Parameters of any network from and to files, part by part.

#include <candor/autograd/parameter.hpp>
#include <candor/core/error.hpp>
#include <candor/core/scalar.hpp>
#include <candor/io/safetensors.hpp>

#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace CANDOR_NS {
namespace detail {

/// The bytes of some rows of a tensor as elements of another type.
template <class To, class B, class T>
void fill_rows(const tensor<B, T>& from, std::int64_t first, std::span<std::byte> out) {
  const std::vector<T> all = from.to_vector();
  std::vector<To> values(out.size() / sizeof(To));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const T v = all[static_cast<std::size_t>(first) + i];
    if constexpr (std::is_same_v<To, T>)
      values[i] = v;
    else
      values[i] = static_cast<To>(static_cast<accumulator_t<T>>(v));
  }
  std::memcpy(out.data(), values.data(), out.size());
}

}  // namespace detail

/// Fills every parameter: read(name, extents, span of T) is called for each of its parts. Returns their
/// names.
template <class Network, class Read>
std::vector<std::string> read_parameters(Network& network, const Read& read) {
  std::vector<std::string> names;
  network.for_parameters([&](auto& p) {
    std::vector<typename Network::value_type> values(static_cast<std::size_t>(p.size()));
    std::size_t at = 0;
    for (const auto& part : p.parts()) {
      const auto count = static_cast<std::size_t>(part.extents.size());
      read(part.name, part.extents, std::span(values).subspan(at, count));
      at += count;
      names.push_back(part.name);
    }
    p.storage().copy_from(values);
  });
  return names;
}

/// The parts of every parameter as a file would hold them, under stored_name(name), read when their turn
/// comes. `as` is f32, bf16 or f16.
template <class Network, class StoredName>
std::vector<tensor_source> parameter_sources(Network& network, dtype as, const StoredName& stored_name) {
  require<usage_error>(as == dtype::f32 || as == dtype::bf16 || as == dtype::f16,
                       "weights can be written as f32, bf16 or f16");
  std::vector<tensor_source> sources;
  network.for_parameters([&](auto& p) {
    std::int64_t first = 0;
    for (const auto& part : p.parts()) {
      const auto* storage = &p.storage();
      sources.push_back(
          {stored_name(part.name), as, part.extents, [storage, first, as](std::span<std::byte> out) {
             if (as == dtype::f32) detail::fill_rows<float>(*storage, first, out);
             if (as == dtype::bf16) detail::fill_rows<bfloat16>(*storage, first, out);
             if (as == dtype::f16) detail::fill_rows<half>(*storage, first, out);
           }});
      first += part.extents.size();
    }
  });
  return sources;
}

}  // namespace CANDOR_NS
