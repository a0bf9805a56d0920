// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of model_folder.hpp.

#include <candor/core/error.hpp>
#include <candor/io/folder_impl.hpp>
#include <candor/io/json_field_impl.hpp>
#include <candor/io/json_impl.hpp>
#include <candor/io/model_folder.hpp>
#include <candor/io/open_tensor_file.hpp>
#include <candor/io/os_error.hpp>

#include <algorithm>
#include <cstdio>
#include <map>
#include <system_error>
#include <utility>

namespace CANDOR_NS {
namespace detail {

inline constexpr std::string_view whole_weights = "model.safetensors";
inline constexpr std::string_view weights_index = "model.safetensors.index.json";
inline constexpr std::string_view torch_weights = "pytorch_model.bin";
inline constexpr std::string_view torch_index = "pytorch_model.bin.index.json";
inline constexpr std::size_t most_shards = 10'000;

/// The file that leads to the weights, or empty.
CANDOR_INLINE std::string_view find_weights(const std::filesystem::path& folder) {
  for (const auto name : {whole_weights, weights_index, torch_weights, torch_index})
    if (present(folder / name)) return name;
  return {};
}

}  // namespace detail

CANDOR_INLINE model_folder::model_folder(std::filesystem::path folder) : path_(std::move(folder)) {
  detail::require_folder(path_, "model folder");
  const std::string_view found = detail::find_weights(path_);
  require<input_error>(!found.empty(), "the model folder ", path_.string(), " has neither ",
                       detail::whole_weights, " nor ", detail::torch_weights,
                       ", nor the index.json of one in shards; ",
                       detail::present(path_ / detail::projector_weights)
                           ? "it holds a projector alone: give it as --adapter, beside its language model"
                           : "copy the whole model");
  if (found.ends_with(".index.json"))
    open_shards(path_ / found);
  else
    files_.push_back(open_tensor_file(path_ / found));
  const bool projector = std::any_of(files_.begin(), files_.end(), [](const auto& file) {
    return std::any_of(file->tensors().begin(), file->tensors().end(), [](const tensor_info& t) {
      return t.name.find("mm_projector.") != t.name.npos ||
             t.name.find("multi_modal_projector.") != t.name.npos;
    });
  });
  if (!projector && detail::present(path_ / detail::projector_weights))
    files_.push_back(open_tensor_file(path_ / detail::projector_weights));
  for (std::size_t f = 0; f < files_.size(); ++f)
    for (const auto& t : files_[f]->tensors()) entries_.push_back({t.name, &t, f});
  std::sort(entries_.begin(), entries_.end(), [](const entry& a, const entry& b) { return a.name < b.name; });
}

CANDOR_INLINE void model_folder::open_shards(const std::filesystem::path& index) {
  const std::string which = index.filename().string();
  const detail::json document = detail::read_json_file(index, std::uint64_t{256} << 20);
  const auto map = detail::json_field(document, index.string())["weight_map"].object();
  std::map<std::string, std::size_t> shards;  // file name to its place in files_
  for (const auto& [name, value] : map.value().items()) {
    const std::string& shard = detail::json_field(value, index.string(), "weight_map").string();
    require<input_error>(detail::is_plain_file_name(shard), index.string(), ": the shard name ",
                         detail::in_quotes(shard), " of tensor ", detail::in_quotes(name),
                         " must be the plain name of a file in this folder");
    shards.emplace(shard, 0);
    require<input_error>(shards.size() <= detail::most_shards, index.string(), ": more than ",
                         detail::most_shards, " shards");
  }
  for (auto& [shard, number] : shards) {
    require<input_error>(detail::present(path_ / shard), "the shard ", (path_ / shard).string(),
                         ", named by ", which, ", is missing; copy the whole model");
    number = files_.size();
    files_.push_back(open_tensor_file(path_ / shard));
  }
  for (const auto& [name, value] : map.value().items()) {
    const auto& shard = value.get_ref<const std::string&>();
    require<input_error>(files_[shards.at(shard)]->find(name) != nullptr, "the tensor ",
                         detail::in_quotes(name), " is not in ", (path_ / shard).string(), ", where ", which,
                         " places it");
  }
  for (const auto& [shard, number] : shards)
    for (const auto& t : files_[number]->tensors()) {
      const auto it = map.value().find(t.name);
      require<input_error>(it != map.value().end() && it->get_ref<const std::string&>() == shard,
                           (path_ / shard).string(), " holds the tensor ", detail::in_quotes(t.name),
                           ", which ", which,
                           it == map.value().end() ? " does not name" : " places in another shard");
    }
}

CANDOR_INLINE const model_folder::entry* model_folder::lookup(std::string_view name) const {
  const auto it = std::lower_bound(entries_.begin(), entries_.end(), name,
                                   [](const entry& e, std::string_view n) { return e.name < n; });
  return it != entries_.end() && it->name == name ? &*it : nullptr;
}

CANDOR_INLINE std::vector<std::string> model_folder::names() const {
  std::vector<std::string> out;
  out.reserve(entries_.size());
  for (const auto& e : entries_) out.emplace_back(e.name);
  return out;
}

CANDOR_INLINE const tensor_info* model_folder::find(std::string_view name) const {
  const entry* found = lookup(name);
  return found == nullptr ? nullptr : found->tensor;
}

CANDOR_INLINE const tensor_info& model_folder::at(std::string_view name) const {
  const tensor_info* found = find(name);
  require<input_error>(
      found != nullptr, "the model folder ", path_.string(), " has no tensor ", detail::in_quotes(name),
      "; it holds ", entries_.size(), " tensors",
      entries_.empty() ? "" : text(", the first ", detail::in_quotes(entries_.front().name)));
  return *found;
}

CANDOR_INLINE const tensor_info& model_folder::at(std::string_view name, const shape& expected,
                                                  std::string_view reason) const {
  const tensor_info& found = at(name);
  named_tensor{found.name, &file_of(name), &found}.require_shape(expected, reason);
  return found;
}

CANDOR_INLINE const tensor_file& model_folder::file_of(std::string_view name) const {
  at(name);
  return *files_[lookup(name)->file];
}

CANDOR_INLINE std::uint64_t model_folder::bytes() const {
  std::uint64_t sum = 0;
  for (const auto& e : entries_) sum += e.tensor->bytes();
  return sum;
}

CANDOR_INLINE bool holds_weights(const std::filesystem::path& folder) {
  return !detail::find_weights(folder).empty();
}

CANDOR_INLINE void write_model_folder(const std::filesystem::path& folder,
                                      const std::vector<tensor_source>& tensors,
                                      std::uint64_t max_shard_bytes) {
  std::error_code code;
  std::filesystem::create_directories(folder, code);
  if (code) fail_io("create the folder", folder, code.value());
  for (const auto& item : std::filesystem::directory_iterator(folder, code)) {
    const std::string name = item.path().filename().string();
    require<usage_error>(!name.starts_with("model") || name.find(".safetensors") == name.npos,
                         "cannot write a model to ", folder.string(), ": it holds ", name,
                         " already; choose an empty folder");
  }
  if (code) fail_io("list", folder, code.value());

  std::vector<std::vector<tensor_source>> shards(1);
  std::uint64_t room = max_shard_bytes, total = 0;
  for (const auto& t : tensors) {
    total += t.bytes();
    if (t.bytes() > room && !shards.back().empty()) {
      shards.emplace_back();
      room = max_shard_bytes;
    }
    shards.back().push_back(t);
    room -= std::min(room, t.bytes());
  }
  if (shards.size() == 1) return write_safetensors(folder / detail::whole_weights, tensors);

  detail::json map = detail::json::object();
  for (std::size_t i = 0; i < shards.size(); ++i) {
    char name[64];
    std::snprintf(name, sizeof name, "model-%05zu-of-%05zu.safetensors", i + 1, shards.size());
    for (const auto& t : shards[i])
      require<usage_error>(map.emplace(t.name, name).second, "cannot write ", folder.string(),
                           ": the tensor name ", detail::in_quotes(t.name), " is given twice");
    write_safetensors(folder / name, shards[i]);
  }
  detail::write_json_file(folder / detail::weights_index,
                          {{"metadata", {{"total_size", total}}}, {"weight_map", std::move(map)}});
}

}  // namespace CANDOR_NS
