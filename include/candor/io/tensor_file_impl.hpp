// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of tensor_file.hpp.

#include <candor/core/error.hpp>
#include <candor/io/json_impl.hpp>
#include <candor/io/tensor_file.hpp>

#include <algorithm>
#include <numeric>
#include <utility>

namespace CANDOR_NS {

CANDOR_INLINE void detail::refuse_repeated_names(std::span<const tensor_info> tensors,
                                                 std::string_view file) {
  std::vector<std::string_view> names;
  for (const auto& t : tensors) names.push_back(t.name);
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) fail<input_error>(file, ": the tensor ", in_quotes(*twice), " appears twice");
}

CANDOR_INLINE void tensor_file::set_tensors(std::vector<tensor_info> tensors) {
  tensors_ = std::move(tensors);
  by_name_.resize(tensors_.size());
  std::iota(by_name_.begin(), by_name_.end(), 0u);
  std::sort(by_name_.begin(), by_name_.end(),
            [&](auto a, auto b) { return tensors_[a].name < tensors_[b].name; });
}

CANDOR_INLINE const tensor_info* tensor_file::find(std::string_view name) const {
  const auto it = std::lower_bound(by_name_.begin(), by_name_.end(), name,
                                   [&](std::uint32_t i, std::string_view n) { return tensors_[i].name < n; });
  return it != by_name_.end() && tensors_[*it].name == name ? &tensors_[*it] : nullptr;
}

CANDOR_INLINE void tensor_file::read(const tensor_info& tensor, std::span<std::byte> out) const {
  const tensor_info* own = find(tensor.name);
  require<shape_error>(own != nullptr && own->begin == tensor.begin && own->end == tensor.end,
                       path().string(), ": tensor \"", tensor.name, "\" is not one of this file");
  require<shape_error>(out.size() == tensor.bytes(), path().string(), ": tensor \"", tensor.name, "\" has ",
                       tensor.bytes(), " bytes, the destination has ", out.size());
  read_part(*own, 0, out);
}

CANDOR_INLINE std::size_t tensor_file::numbers_in(const tensor_info& tensor) const {
  const auto name = [&] { return text(path().string(), ": tensor ", detail::in_quotes(tensor.name)); };
  if (name_of(tensor.type) != tensor.type_name || !is_floating(tensor.type))
    fail<input_error>(name(), " has the type ", tensor.type_name,
                      "; only F64, F32, F16 and BF16 are read as numbers");
  if (tensor.dims.size() > static_cast<std::size_t>(shape::max_rank))
    fail<input_error>(name(), " has ", tensor.dims.size(), " axes; at most ", shape::max_rank,
                      " are read as numbers with a shape");
  return static_cast<std::size_t>(tensor.elements());
}

CANDOR_INLINE void named_tensor::require_shape(const shape& expected, std::string_view reason) const {
  const bool fits =
      tensor->dims.size() == static_cast<std::size_t>(tensor->extents.rank()) && tensor->extents == expected;
  if (fits) return;
  std::string given = "(";
  for (std::size_t i = 0; i < tensor->dims.size(); ++i) given += text(i > 0 ? ", " : "", tensor->dims[i]);
  fail<input_error>(file->path().string(), ": tensor ", detail::in_quotes(tensor->name), " has the shape ",
                    given, "), ", reason, " asks for ", expected);
}

}  // namespace CANDOR_NS
