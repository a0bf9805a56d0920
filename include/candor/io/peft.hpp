// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// LoRA adapters as PEFT stores them: adapter_config.json, and adapter_model.safetensors or .bin with
/// base_model.model.<module path>.lora_A.weight (rank, in) and .lora_B.weight (out, rank). The adapted layer
/// computes W x + (alpha / rank) B A x. LLaVA's training saves the weights that it trained as they are (its
/// projector) in a non_lora_trainables.bin or mm_projector.bin beside them. What candor does not compute
/// (DoRA, rank patterns, saved modules, ...) is
/// refused by the name of its key.

#include <candor/core/config.hpp>
#include <candor/io/names.hpp>
#include <candor/io/safetensors.hpp>
#include <candor/io/tensor_file.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace CANDOR_NS {

/// What adapter_config.json says.
struct lora_config {
  int rank = 8;
  double alpha = 8;    ///< the update is scaled by alpha / rank
  double dropout = 0;  ///< probability that an input element is dropped, in training
  std::vector<std::string> target_modules = {};  ///< last parts of module paths ("q_proj"), or whole paths
  std::string target_pattern = {};  ///< instead of the list: PEFT's regular expression, kept as text
  std::string base_model = {};      ///< base_model_name_or_path

  double scale() const { return alpha / rank; }
};

/// One adapted layer of a folder.
struct lora_module {
  std::string module;              ///< canonical path: model.language_model.layers.0.self_attn.q_proj
  std::int64_t in = 0, out = 0;    ///< width of the layer's input and output
  const tensor_info* a = nullptr;  ///< (rank, in)
  const tensor_info* b = nullptr;  ///< (out, rank)
};

/// An open adapter folder, or one that has its adapter in a subfolder lora_default, as LLaVA-RLHF's training
/// leaves it, or one with an mm_projector.bin and no adapter, as LLaVA's first stage leaves it. Movable. The
/// tensors say which layers are adapted; a target list must agree with them, a target pattern is not
/// interpreted.
class adapter_folder {
 public:
  /// input_error for a missing folder or file, an unsupported kind of adapter, or tensors that do not fit
  /// together.
  explicit adapter_folder(std::filesystem::path folder);

  const std::filesystem::path& path() const { return path_; }
  const lora_config& config() const { return config_; }
  /// Sorted by module path; none where the folder has a projector alone.
  const std::vector<lora_module>& modules() const { return modules_; }
  /// Weights that take the place of the model's, by canonical name: those of non_lora_trainables.bin, and
  /// of mm_projector.bin where that has no projector.
  const std::vector<named_tensor>& replaced() const { return replaced_; }
  /// Reads both matrices: `a` (rank, in), `b` (out, rank).
  template <class T>
  void read_as(const lora_module& module, std::span<T> a, std::span<T> b) const {
    file_->read_as(*module.a, a);
    file_->read_as(*module.b, b);
  }

 private:
  std::filesystem::path path_;
  lora_config config_{};
  std::unique_ptr<tensor_file> file_{};
  std::vector<std::unique_ptr<tensor_file>> other_files_{};
  std::vector<lora_module> modules_{};
  std::vector<named_tensor> replaced_{};

  bool read_others(std::string_view name);
};

/// Whether PEFT's rule for a target list takes a module: equal to an entry, or ending with "." and an entry.
bool is_target(std::string_view path, const std::vector<std::string>& target_modules);

/// A list that makes PEFT adapt exactly `adapted` among `all_linear`: last parts of paths where these are
/// unambiguous ("q_proj"), else whole paths. Both lists hold module paths.
std::vector<std::string> targets_of(const std::vector<std::string>& adapted,
                                    const std::vector<std::string>& all_linear);

/// Writes an adapter that PEFT loads. The tensors are named by canonical module path with .lora_A.weight or
/// .lora_B.weight behind it. With neither list nor pattern in the config, the target list is the modules'
/// whole paths. `scheme` is how the loading side names modules: canonical for transformers >= 5, hf_old for
/// transformers before 4.52, llava for LLaVA's own code. usage_error where list and tensors disagree or
/// shapes do not fit.
void write_adapter_folder(const std::filesystem::path& folder, const lora_config& config,
                          const std::vector<tensor_source>& tensors, naming scheme = naming::canonical);

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/io/peft_impl.hpp>
#endif
