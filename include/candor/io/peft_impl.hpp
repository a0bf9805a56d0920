// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of peft.hpp.

#include <candor/core/error.hpp>
#include <candor/io/folder_impl.hpp>
#include <candor/io/json_field_impl.hpp>
#include <candor/io/json_impl.hpp>
#include <candor/io/open_tensor_file.hpp>
#include <candor/io/os_error.hpp>
#include <candor/io/peft.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <system_error>
#include <utility>

namespace CANDOR_NS {
namespace detail {

inline constexpr std::string_view adapter_config_name = "adapter_config.json";
inline constexpr std::string_view adapter_weights_name = "adapter_model.safetensors";
inline constexpr std::string_view torch_adapter_name = "adapter_model.bin";
inline constexpr std::string_view other_weights_name = "non_lora_trainables.bin";
inline constexpr std::string_view peft_prefix = "base_model.model.";
inline constexpr int most_lora_rank = 65536;

/// Keys that may have any value: they say how an adapter was made or chosen, not what it computes.
inline constexpr std::string_view harmless_peft_keys[] = {"peft_type",         "r",
                                                          "lora_alpha",        "lora_dropout",
                                                          "target_modules",    "base_model_name_or_path",
                                                          "task_type",         "revision",
                                                          "inference_mode",    "auto_mapping",
                                                          "peft_version",      "exclude_modules",
                                                          "layers_pattern",    "loftq_config",
                                                          "megatron_core",     "layers_to_transform",
                                                          "eva_config",        "corda_config",
                                                          "qalora_group_size", "lora_ga_config",
                                                          "init_lora_weights", "ensure_weight_tying",
                                                          "runtime_config"};

/// Refuses what changes the numbers: any other key that is set.
CANDOR_INLINE void refuse_unsupported_peft(const json_field& config) {
  const std::string type = config["peft_type"].string();
  if (type != "LORA")
    config["peft_type"].refuse("the adapter type ", in_quotes(type), " is not supported, only LORA");
  for (const auto& [key, value] : config.object().value().items()) {
    if (std::find(std::begin(harmless_peft_keys), std::end(harmless_peft_keys), key) !=
        std::end(harmless_peft_keys))
      continue;
    // not `value == json(false)`: each such comparison makes the compiler try every conversion of json
    const bool unset = value.is_null() || (value.is_boolean() && !value.get<bool>()) ||
                       (value.is_structured() && value.empty()) ||
                       (key == "bias" && value.is_string() && value.get_ref<const std::string&>() == "none");
    if (!unset) {
      std::string shown = value.dump(-1, ' ', false, json::error_handler_t::replace);
      if (shown.size() > 80) shown = shown.substr(0, 80) + "...";
      config.refuse("the adapter sets ", in_quotes(key), " to ", shown, ", which is not supported");
    }
  }
  // Some initialisations change the base weights when PEFT loads the adapter.
  const auto init = config.find("init_lora_weights");
  if (init && init->value().is_string() && init->string() != "gaussian" && init->string() != "eva" &&
      init->string() != "orthogonal")
    init->refuse("the initialisation ", in_quotes(init->string()),
                 " changes the base weights and is not supported; save the adapter as a plain LoRA");
}

CANDOR_INLINE lora_config read_lora_config(const std::filesystem::path& path) {
  require<input_error>(present(path), "the adapter folder ", path.parent_path().string(), " has no ",
                       adapter_config_name);
  const json document = read_json_file(path, std::uint64_t{16} << 20);
  const json_field config(document, path.string());
  refuse_unsupported_peft(config);
  lora_config out;
  out.rank = static_cast<int>(config.integer_or("r", 8, 1, most_lora_rank));
  out.alpha = config.number_or("lora_alpha", 8, 0, 1e9);
  out.dropout = config.number_or("lora_dropout", 0, 0, 1);
  out.base_model = config.string_or("base_model_name_or_path", "");
  if (const auto targets = config.find("target_modules")) {
    if (targets->value().is_string())
      out.target_pattern = targets->string();
    else
      for (const auto& item : targets->items()) out.target_modules.push_back(item.string());
  }
  return out;
}

/// Where the adapter itself lies.
CANDOR_INLINE std::filesystem::path lora_folder(const std::filesystem::path& folder) {
  const auto inner = folder / "lora_default";
  return !present(folder / adapter_config_name) && present(inner / adapter_config_name) ? inner : folder;
}

/// The weights, as safetensors where these are there.
CANDOR_INLINE std::unique_ptr<tensor_file> open_adapter_weights(const std::filesystem::path& folder) {
  for (const auto name : {adapter_weights_name, torch_adapter_name})
    if (present(folder / name)) return open_tensor_file(folder / name);
  fail<input_error>("the adapter folder ", folder.string(), " has neither ", adapter_weights_name, " nor ",
                    torch_adapter_name, "; copy the whole folder");
}

/// "x.lora_A.weight" gives "x" and 'A'; another ending gives 0.
CANDOR_INLINE std::pair<std::string, char> split_lora_name(std::string_view name) {
  for (const char side : {'A', 'B'}) {
    const std::string ending = text(".lora_", side, ".weight");
    if (name.ends_with(ending)) return {std::string(name.substr(0, name.size() - ending.size())), side};
  }
  return {std::string(name), '\0'};
}

/// Renames the path of a module; nothing where no naming knows it.
CANDOR_INLINE std::optional<std::string> canonical_module(std::string_view path) {
  auto name = to_canonical(text(path, ".weight"));
  if (name) name->resize(name->size() - std::string_view(".weight").size());
  return name;
}

CANDOR_INLINE std::string written_module(std::string_view module, naming scheme) {
  std::string name = from_canonical(text(module, ".weight"), scheme);
  name.resize(name.size() - std::string_view(".weight").size());
  return name;
}

CANDOR_INLINE std::filesystem::path require_adapter_folder(std::filesystem::path folder) {
  require_folder(folder, "adapter folder");
  return folder;
}

}  // namespace detail

CANDOR_INLINE bool is_target(std::string_view path, const std::vector<std::string>& target_modules) {
  return std::any_of(target_modules.begin(), target_modules.end(), [&](const std::string& target) {
    return path == target || (path.size() > target.size() && path.ends_with(target) &&
                              path[path.size() - target.size() - 1] == '.');
  });
}

CANDOR_INLINE std::vector<std::string> targets_of(const std::vector<std::string>& adapted,
                                                  const std::vector<std::string>& all_linear) {
  std::set<std::string> ends;
  for (const auto& m : adapted) ends.insert(m.substr(m.rfind('.') + 1));
  std::vector<std::string> shorts(ends.begin(), ends.end());
  const std::set<std::string> wanted(adapted.begin(), adapted.end());
  const bool exact = std::all_of(all_linear.begin(), all_linear.end(),
                                 [&](const auto& m) { return wanted.contains(m) || !is_target(m, shorts); });
  return exact ? shorts : std::vector<std::string>(wanted.begin(), wanted.end());
}

CANDOR_INLINE adapter_folder::adapter_folder(std::filesystem::path folder)
    : path_(detail::require_adapter_folder(std::move(folder))) {
  const auto inner = detail::lora_folder(path_);
  read_others(detail::other_weights_name);
  const bool projector = std::any_of(replaced_.begin(), replaced_.end(), [](const named_tensor& t) {
    return t.name.starts_with("model.multi_modal_projector.");
  });
  const bool added = !projector && read_others(detail::projector_weights);
  if (added && !detail::present(inner / detail::adapter_config_name)) return;
  config_ = detail::read_lora_config(inner / detail::adapter_config_name);
  file_ = detail::open_adapter_weights(inner);
  std::map<std::string, lora_module> found;
  const std::string file = file_->path().string();
  for (const auto& t : file_->tensors()) {
    const auto place = [&] { return text(file, ": tensor ", detail::in_quotes(t.name)); };
    const auto [module, side] = detail::split_lora_name(t.name);
    if (side == '\0' || !module.starts_with(detail::peft_prefix))
      fail<input_error>(place(), " is not ", detail::peft_prefix,
                        "<module>.lora_A.weight or .lora_B.weight; this kind of adapter is not supported");
    const std::string own = module.substr(detail::peft_prefix.size());
    const auto canonical = detail::canonical_module(own);
    if (!canonical)
      fail<input_error>(place(), " adapts ", detail::in_quotes(own), ", which LLaVA does not have");
    if (!config_.target_modules.empty() && !is_target(own, config_.target_modules))
      fail<input_error>(place(), " adapts a module that target_modules in ", detail::adapter_config_name,
                        " does not name");
    if (t.dims.size() != 2 || t.extents.size() == 0)
      fail<input_error>(place(), " has ", t.dims.size(),
                        " axes or no elements; a linear layer's LoRA has 2 axes");
    const auto rank = t.extents[side == 'A' ? 0 : 1];
    if (rank != config_.rank)
      fail<input_error>(place(), " ", t.extents, " has rank ", rank, ", ", detail::adapter_config_name,
                        " says r = ", config_.rank);
    auto& m = found[*canonical];
    m.module = *canonical;
    auto& slot = side == 'A' ? m.a : m.b;
    if (slot != nullptr)
      fail<input_error>(place(), " and ", detail::in_quotes(slot->name), " are the same tensor");
    slot = &t;
    (side == 'A' ? m.in : m.out) = t.extents[side == 'A' ? 1 : 0];
  }
  require<input_error>(!found.empty(), file, ": no LoRA tensors");
  for (auto& [module, m] : found) {
    require<input_error>(m.a != nullptr && m.b != nullptr, file, ": ", module, " has no ",
                         m.a == nullptr ? "lora_A" : "lora_B");
    modules_.push_back(std::move(m));
  }
}

/// Takes a file of other weights from the folder or that of its adapter; false where neither has it.
CANDOR_INLINE bool adapter_folder::read_others(std::string_view name) {
  auto path = path_ / name;
  if (!detail::present(path)) path = detail::lora_folder(path_) / name;
  if (!detail::present(path)) return false;
  const auto& file = *other_files_.emplace_back(open_tensor_file(path));
  for (const auto& t : file.tensors()) {
    std::string_view own = t.name;
    if (own.starts_with(detail::peft_prefix)) own.remove_prefix(detail::peft_prefix.size());
    if (is_derived_buffer(own)) continue;
    const auto canonical = to_canonical(own);
    require<input_error>(canonical.has_value(), path.string(), ": the tensor ", detail::in_quotes(t.name),
                         " is none of a LLaVA model");
    for (const auto& other : replaced_)
      require<input_error>(other.name != *canonical, path.string(), ": ", detail::in_quotes(t.name), " and ",
                           detail::in_quotes(other.tensor->name), " are the same tensor");
    replaced_.push_back({*canonical, &file, &t});
  }
  return true;
}

CANDOR_INLINE void write_adapter_folder(const std::filesystem::path& folder, const lora_config& config,
                                        const std::vector<tensor_source>& tensors, naming scheme) {
  require<usage_error>(config.rank >= 1 && config.rank <= detail::most_lora_rank,
                       "cannot write an adapter of rank ", config.rank);
  require<usage_error>(!tensors.empty(), "cannot write an adapter without tensors");
  std::map<std::string, int> sides;  // written module path: 1 for A, 2 for B
  std::vector<tensor_source> named;
  for (const auto& t : tensors) {
    const auto [module, side] = detail::split_lora_name(t.name);
    require<usage_error>(side != '\0', "cannot write the adapter tensor ", detail::in_quotes(t.name),
                         ": its name must end with .lora_A.weight or .lora_B.weight");
    require<usage_error>(t.extents.rank() == 2 && t.extents[side == 'A' ? 0 : 1] == config.rank,
                         "cannot write the adapter tensor ", detail::in_quotes(t.name), " ", t.extents,
                         ": expected ", side == 'A' ? "(rank, in)" : "(out, rank)", " with rank ",
                         config.rank);
    const std::string own = detail::written_module(module, scheme);
    require<usage_error>(config.target_modules.empty() || is_target(own, config.target_modules),
                         "cannot write the adapter: target_modules does not name ", own);
    sides[own] |= side == 'A' ? 1 : 2;
    named.push_back(t);
    named.back().name = text(detail::peft_prefix, own, ".lora_", side, ".weight");
  }
  detail::json targets = config.target_modules;
  if (config.target_modules.empty()) {
    if (!config.target_pattern.empty()) targets = config.target_pattern;
    for (const auto& [module, seen] : sides)
      if (config.target_pattern.empty()) targets.push_back(module);
  }
  for (const auto& [module, seen] : sides)
    require<usage_error>(seen == 3, "cannot write the adapter: ", module, " has no ",
                         seen == 1 ? "lora_B" : "lora_A");

  std::error_code code;
  std::filesystem::create_directories(folder, code);
  if (code) fail_io("create the folder", folder, code.value());
  const bool whole = config.alpha == std::floor(config.alpha) && std::abs(config.alpha) < 1e15;
  detail::json document = detail::json_object({
      {"alpha_pattern", detail::json::object()},
      {"auto_mapping", nullptr},
      {"base_model_name_or_path",
       config.base_model.empty() ? detail::json() : detail::json(config.base_model)},
      {"bias", "none"},
      {"fan_in_fan_out", false},
      {"inference_mode", true},
      {"init_lora_weights", true},
      {"layers_pattern", nullptr},
      {"layers_to_transform", nullptr},
      {"lora_alpha",
       whole ? detail::json(static_cast<std::int64_t>(config.alpha)) : detail::json(config.alpha)},
      {"lora_dropout", config.dropout},
      {"modules_to_save", nullptr},
      {"peft_type", "LORA"},
      {"r", config.rank},
      {"rank_pattern", detail::json::object()},
      {"revision", nullptr},
      {"target_modules", std::move(targets)},
      {"task_type", nullptr},
      {"use_dora", false},
      {"use_rslora", false},
  });
  if (scheme != naming::llava)
    document["auto_mapping"] =
        detail::json_object({{"base_model_class", "LlavaForConditionalGeneration"},
                             {"parent_library", "transformers.models.llava.modeling_llava"}});
  write_safetensors(folder / detail::adapter_weights_name, named);
  detail::write_json_file(folder / detail::adapter_config_name, document);
}

}  // namespace CANDOR_NS
