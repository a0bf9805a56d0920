// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The weights of a LLaVA model by canonical name, wherever they lie: in the model folder, in a CLIP folder
/// for the tower, beside an adapter.

#include <candor/core/shape.hpp>
#include <candor/io/model_folder.hpp>
#include <candor/io/names.hpp>
#include <candor/io/peft.hpp>
#include <candor/model/llava_config.hpp>
#include <candor/model/llava_source.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace CANDOR_NS {

/// All files of a source, open. Movable; reading is thread-safe.
class llava_weights {
 public:
  /// input_error where a folder is missing or wrong, holds what no LLaVA has, or where there is no tower.
  /// This is taken from the model folder, else from the source's, else from the subfolder that config.json
  /// names.
  explicit llava_weights(llava_source source);

  const llava_source& source() const { return source_; }
  const llava_config& config() const { return config_; }
  /// The naming of the model folder.
  naming scheme() const { return scheme_; }
  /// The source's adapter, or nullptr.
  const adapter_folder* adapter() const { return adapter_ ? &*adapter_ : nullptr; }

  /// Sorted by canonical name; derived buffers are left out.
  const std::vector<named_tensor>& all() const { return tensors_; }
  /// input_error where the tensor is missing or has another shape; what is missing is named with what helps.
  const named_tensor& at(std::string_view canonical, const shape& expected) const;
  /// input_error, naming one, where there are tensors of other names than these.
  void require_known(const std::vector<std::string>& canonical) const;

 private:
  void add_tower(const std::filesystem::path& folder);
  void replace(const std::vector<named_tensor>& others);
  const named_tensor* find(std::string_view canonical) const;

  llava_source source_;
  llava_config config_;
  model_folder model_;
  std::optional<model_folder> tower_;
  std::optional<adapter_folder> adapter_;
  naming scheme_ = naming::canonical;
  std::vector<named_tensor> tensors_;
};

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/model/llava_weights_impl.hpp>
#endif
