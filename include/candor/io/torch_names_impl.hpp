// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The tensors of an unpickled object by name: which of its dictionaries is meant, and those inside of it.

#include <candor/core/error.hpp>
#include <candor/io/json_impl.hpp>
#include <candor/io/pickle_impl.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace CANDOR_NS::detail {

class torch_names {
 public:
  /// Pairs of name and place in the machine's tensors.
  using result = std::vector<std::pair<std::string, std::size_t>>;

  torch_names(const pickle_machine& pickle, std::string file) : pickle_(pickle), file_(std::move(file)) {}

  /// The tensors of the object that was pickled.
  result of(std::uint32_t root) {
    if (pickle_[root].kind != pickle_value::dict)
      fail<input_error>(file_, ": holds no dictionary but ", kind_of(root),
                        "; save model.state_dict(), a dictionary of names and tensors");
    collect(unwrap(root), "", 0);
    if (found_.empty()) fail<input_error>(file_, ": no tensors in it");
    return std::move(found_);
  }

 private:
  static constexpr std::size_t most_tensors = std::size_t{1} << 18, most_depth = 32, longest_name = 4096;
  static constexpr std::string_view wrappers[] = {"state_dict", "model_state_dict", "model", "module"};

  /// visit(key, value) for the entries of a dictionary whose keys are texts.
  template <class Visit>
  void each(std::uint32_t dict, Visit&& visit) const {
    const auto& items = pickle_[dict].items;
    for (std::size_t i = 0; i + 1 < items.size(); i += 2)
      if (pickle_[items[i]].kind == pickle_value::string) visit(pickle_[items[i]].text, items[i + 1]);
  }

  /// Follows the entries of training programs to the model's own dictionary.
  std::uint32_t unwrap(std::uint32_t dict) const {
    for (std::size_t depth = 0; depth < most_depth; ++depth) {
      bool holds_tensors = false;
      std::vector<std::pair<std::string_view, std::uint32_t>> inside;
      each(dict, [&](std::string_view key, std::uint32_t value) {
        holds_tensors = holds_tensors || pickle_[value].kind == pickle_value::tensor;
        for (const auto wrapper : wrappers)
          if (key == wrapper && pickle_[value].kind == pickle_value::dict) inside.emplace_back(key, value);
      });
      if (holds_tensors || inside.empty()) return dict;
      if (inside.size() > 1)
        fail<input_error>(file_, ": holds the dictionaries ", in_quotes(inside[0].first), " and ",
                          in_quotes(inside[1].first),
                          "; save the one that is the model in a file of its own");
      dict = inside[0].second;
    }
    fail<input_error>(file_, ": dictionaries nested deeper than ", most_depth, " levels");
  }

  void collect(std::uint32_t dict, const std::string& prefix, std::size_t depth) {
    if (depth > most_depth)
      fail<input_error>(file_, ": dictionaries nested deeper than ", most_depth, " levels");
    each(dict, [&](std::string_view key, std::uint32_t value) {
      const auto kind = pickle_[value].kind;
      if (kind != pickle_value::tensor && kind != pickle_value::dict) return;
      if (++visited_ > most_tensors)
        fail<input_error>(file_, ": more than ", most_tensors, " tensors and dictionaries");
      if (prefix.size() + key.size() > longest_name)
        fail<input_error>(file_, ": a tensor name of more than ", longest_name, " bytes: ", in_quotes(key));
      const std::string name = prefix + std::string(key);
      if (kind == pickle_value::dict)
        collect(value, name + ".", depth + 1);
      else
        found_.emplace_back(name, static_cast<std::size_t>(pickle_[value].number));
    });
  }

  std::string_view kind_of(std::uint32_t value) const {
    switch (pickle_[value].kind) {
      case pickle_value::tensor: return "a single tensor";
      case pickle_value::list:
      case pickle_value::tuple: return "a list";
      case pickle_value::storage: return "a storage";
      default: return "a single value";
    }
  }

  const pickle_machine& pickle_;
  std::string file_;
  std::size_t visited_ = 0;
  result found_;
};

}  // namespace CANDOR_NS::detail
