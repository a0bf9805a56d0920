// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Weights between a network and its files: whole models in any of the namings, and PEFT adapters.

#include <candor/io/names.hpp>
#include <candor/io/peft.hpp>
#include <candor/model/llava_network.hpp>
#include <candor/model/llava_weights.hpp>
#include <candor/model/parameter_files.hpp>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace CANDOR_NS {

/// Reads every weight of the network. input_error where a tensor is missing, has another shape, or where
/// there is one that the network does not know.
template <class B, class T>
void load_weights(llava_network<B, T>& network, const llava_weights& weights) {
  const auto names =
      read_parameters(network, [&](const std::string& name, const shape& extents, std::span<T> values) {
        weights.at(name, extents).read_as(values);
      });
  weights.require_known(names);
}

/// The same from a folder that holds them all.
template <class B, class T>
void load_weights(llava_network<B, T>& network, const std::filesystem::path& folder) {
  load_weights(network, llava_weights({.model = folder}));
}

/// The tensors of the network as a file would hold them, read when their turn comes. `as` is f32, bf16 or
/// f16.
template <class B, class T>
std::vector<tensor_source> weight_sources(llava_network<B, T>& network, dtype as,
                                          naming scheme = naming::hf_old) {
  return parameter_sources(network, as,
                           [&](const std::string& name) { return from_canonical(name, scheme); });
}

/// The adapters' tensors, named by canonical module path.
template <class B, class T>
std::vector<tensor_source> adapter_sources(llava_network<B, T>& network) {
  std::vector<tensor_source> sources;
  network.for_adapters([&](const std::string& path, low_rank_adapter<B, T>& adapter) {
    for (const auto& [suffix, p] :
         {std::pair{".lora_A.weight", &adapter.a}, std::pair{".lora_B.weight", &adapter.b}}) {
      const auto* storage = &p->storage();
      sources.push_back({path + suffix, dtype::f32, p->extents(), [storage](std::span<std::byte> out) {
                           detail::fill_rows<float>(*storage, 0, out);
                         }});
    }
  });
  return sources;
}

/// Writes the adapters so that `peft` loads them on `base_model`.
template <class B, class T>
void save_adapter(llava_network<B, T>& network, const std::filesystem::path& folder,
                  const std::string& base_model) {
  lora_config config;
  config.base_model = base_model;
  std::vector<std::string> adapted;
  network.for_adapters([&](const std::string& path, low_rank_adapter<B, T>& adapter) {
    adapted.push_back(path);
    config.rank = static_cast<int>(adapter.a.extents()[0]);
    config.alpha = adapter.scale * config.rank;
    config.dropout = adapter.dropout;
  });
  require<usage_error>(!adapted.empty(), "[save_adapter] the model has no adapter; call add_lora first");
  config.target_modules = targets_of(adapted, network.linear_paths());
  write_adapter_folder(folder, config, adapter_sources(network));
}

/// Reads the values of adapters that the network has already. input_error where folder and network differ.
template <class B, class T>
void load_adapter_values(llava_network<B, T>& network, const adapter_folder& folder) {
  std::size_t found = 0;
  network.for_adapters([&](const std::string& name, low_rank_adapter<B, T>& adapter) {
    for (const auto& module : folder.modules()) {
      if (module.module != name) continue;
      require<input_error>(module.in == adapter.a.extents()[1] && module.out == adapter.b.extents()[0] &&
                               folder.config().rank == adapter.a.extents()[0],
                           folder.path().string(), ": the adapter of ", name, " has rank ",
                           folder.config().rank, " for ", module.in, " inputs and ", module.out,
                           " outputs, the model expects rank ", adapter.a.extents()[0], ", ",
                           adapter.a.extents()[1], " and ", adapter.b.extents()[0]);
      std::vector<accumulator_t<T>> a(static_cast<std::size_t>(adapter.a.size())),
          b(static_cast<std::size_t>(adapter.b.size()));
      folder.read_as(module, std::span(a), std::span(b));
      adapter.a.storage().copy_from(a);
      adapter.b.storage().copy_from(b);
      ++found;
    }
  });
  require<input_error>(found == folder.modules().size(), folder.path().string(), ": ",
                       folder.modules().size() - found, " of ", folder.modules().size(),
                       " adapted layers are not in the model, the first layer of the folder is ",
                       folder.modules().front().module);
}

/// Puts the weights that an adapter brings beside its LoRA (adapter_folder::replaced) in the place of the
/// network's. input_error where the network has no such weight.
template <class B, class T>
void replace_weights(llava_network<B, T>& network, const adapter_folder& folder) {
  std::size_t found = 0;
  network.for_parameters([&](parameter<B, T>& p) {
    std::vector<T> values;
    std::size_t at = 0;
    for (const auto& part : p.parts()) {
      const auto count = static_cast<std::size_t>(part.extents.size());
      for (const auto& other : folder.replaced()) {
        if (other.name != part.name) continue;
        other.require_shape(part.extents, "the model");
        if (values.empty()) values = p.storage().to_vector();
        other.read_as(std::span(values).subspan(at, count));
        ++found;
      }
      at += count;
    }
    if (!values.empty()) p.storage().copy_from(values);
  });
  require<input_error>(found == folder.replaced().size(), folder.path().string(), ": ",
                       folder.replaced().size() - found, " of the ", folder.replaced().size(),
                       " weights beside its LoRA belong to no part of the model");
}

/// Adds the adapters of a PEFT folder, if it has any, to the network. input_error, naming the layer, where
/// the folder adapts one that the network lacks.
template <class B, class T>
void add_adapter(llava_network<B, T>& network, const adapter_folder& folder) {
  if (folder.modules().empty()) return;
  lora_options options;
  options.rank = folder.config().rank;
  options.alpha = folder.config().alpha;
  options.dropout = folder.config().dropout;
  const auto paths = network.linear_paths();
  for (const auto& module : folder.modules()) {
    require<input_error>(std::find(paths.begin(), paths.end(), module.module) != paths.end(),
                         folder.path().string(), ": the adapter of ", module.module,
                         " fits no linear layer of the model; it belongs to another model");
    options.target_modules.push_back(module.module);
  }
  network.add_lora(options);
  load_adapter_values(network, folder);
}

/// All that a PEFT folder holds: adapters are added, other weights replaced.
template <class B, class T>
void load_adapter(llava_network<B, T>& network, const std::filesystem::path& path) {
  const adapter_folder folder(path);
  replace_weights(network, folder);
  add_adapter(network, folder);
}

}  // namespace CANDOR_NS
