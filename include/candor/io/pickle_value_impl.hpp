// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What a pickle of tensors is made of: plain values, the names that are known, storages and views.

#include <candor/core/config.hpp>
#include <candor/core/scalar.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace CANDOR_NS::detail {

/// What a name of a module means. All others are refused.
enum class torch_global { ordered_dict, rebuild_tensor, rebuild_parameter, size, storage };

/// A value of a pickle. Others are named by their index, so that shared and circular ones are no trouble.
struct pickle_value {
  enum kind_type : std::uint8_t {
    none,
    boolean,
    integer,
    real,
    string,
    tuple,
    list,
    dict,
    global,
    storage,
    tensor
  };
  kind_type kind = none;
  bool ordered = false;                   ///< of a dict: an OrderedDict
  torch_global meaning = {};              ///< of a global
  dtype type = {};                        ///< of a global that is a storage's type
  std::int64_t number = 0;                ///< boolean, integer; place in the machine's storages or tensors
  std::string_view text = {};             ///< of a string
  std::vector<std::uint32_t> items = {};  ///< of tuple and list; of a dict key, value, key, value...
};

/// Where torch says that elements lie.
struct torch_storage {
  std::string key;
  dtype type = dtype::f32;
  std::uint64_t elements = 0;
};

/// A view of a storage; offset and strides in elements.
struct torch_view {
  std::size_t storage = 0;
  std::uint64_t offset = 0;
  std::vector<std::uint64_t> dims, strides;
};

/// What a name means, and a storage's element type; nothing where it is not known.
inline std::optional<std::pair<torch_global, dtype>> find_torch_global(std::string_view module,
                                                                       std::string_view name) {
  struct entry {
    std::string_view module, name;
    torch_global meaning;
    dtype type = dtype::f32;
  };
  static constexpr entry known[] = {
      {"collections", "OrderedDict", torch_global::ordered_dict},
      {"torch._utils", "_rebuild_tensor_v2", torch_global::rebuild_tensor},
      {"torch._utils", "_rebuild_parameter", torch_global::rebuild_parameter},
      {"torch", "Size", torch_global::size},
      {"torch", "DoubleStorage", torch_global::storage, dtype::f64},
      {"torch", "FloatStorage", torch_global::storage, dtype::f32},
      {"torch", "HalfStorage", torch_global::storage, dtype::f16},
      {"torch", "BFloat16Storage", torch_global::storage, dtype::bf16},
      {"torch", "LongStorage", torch_global::storage, dtype::i64},
      {"torch", "IntStorage", torch_global::storage, dtype::i32},
      {"torch", "ShortStorage", torch_global::storage, dtype::i16},
      {"torch", "CharStorage", torch_global::storage, dtype::i8},
      {"torch", "ByteStorage", torch_global::storage, dtype::u8},
      {"torch", "BoolStorage", torch_global::storage, dtype::boolean},
  };
  for (const auto& e : known)
    if (e.module == module && e.name == name) return std::pair{e.meaning, e.type};
  return std::nullopt;
}

}  // namespace CANDOR_NS::detail
