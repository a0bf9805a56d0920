// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What candor needs of a tokenizer.json, for implementation files: the prefix rule, the decoder's strip, and
/// the check that its vocabulary is that of the sentencepiece model. Other normalisers and decoders are
/// refused by name. Inline in every build.

#include <candor/core/error.hpp>
#include <candor/io/json_field_impl.hpp>
#include <candor/text/sentencepiece_check.hpp>
#include <candor/text/tokenizer.hpp>
#include <candor/text/tokenizer_stages_impl.hpp>

#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace CANDOR_NS::detail {

inline prefix_rule prefix_of(const json_field& root) {
  constexpr std::string_view space = "\xE2\x96\x81";
  auto rule = prefix_rule::none;
  for (const auto& stage : stages_of(root, "normalizer", "normalizers")) {
    const auto& type = stage["type"].string();
    if (type == "Prepend" && stage["prepend"].string() == space)
      rule = prefix_rule::each;
    else if (type != "Replace" && type != "Precompiled")
      stage.refuse("the normaliser ", type, " is not supported; expected those of a LLaMA tokenizer");
  }
  for (const auto& stage : stages_of(root, "pre_tokenizer", "pretokenizers")) {
    const auto& type = stage["type"].string();
    if (type != "Metaspace" || stage.string_or("replacement", space) != space ||
        stage.boolean_or("split", true))
      stage.refuse("the pre-tokenizer ", type,
                   " is not supported; expected none, or Metaspace with split false");
    const auto scheme = stage.string_or("prepend_scheme", "always");
    if (scheme == "always") rule = prefix_rule::each_unless_space;
    if (scheme == "first") rule = prefix_rule::first_unless_space;
  }
  return rule;
}

inline bool strips_first_space(const json_field& root) {
  bool strips = false;
  for (const auto& stage : stages_of(root, "decoder", "decoders")) {
    const auto& type = stage["type"].string();
    if (type == "Strip" && stage["content"].string() == " " && stage["start"].integer() == 1 &&
        stage["stop"].integer() == 0)
      strips = true;
    else if (type == "Metaspace")
      strips = stage.string_or("prepend_scheme", "always") != "never";
    else if (type != "Replace" && type != "ByteFallback" && type != "Fuse")
      stage.refuse("the decoder ", type, " is not supported; expected those of a LLaMA tokenizer");
  }
  return strips;
}

/// Each piece must have the same id in both files.
inline void check_vocabulary(const json_field& root, const sentencepiece_content& model) {
  const auto found = root.find("model");
  const auto vocabulary = found ? found->find("vocab") : std::nullopt;
  if (!vocabulary) return;
  const json& v = vocabulary->value();
  if (v.size() < model.pieces.size())
    vocabulary->refuse("has ", v.size(), " entries, but tokenizer.model has ", model.pieces.size(),
                       " pieces");
  for (std::size_t i = 0; i < model.pieces.size(); ++i) {
    const auto& piece = model.pieces[i].text;
    bool same = false;
    if (v.is_object()) {
      const auto at = v.find(piece);
      same =
          at != v.end() && at->is_number_integer() && at->get<std::int64_t>() == static_cast<std::int64_t>(i);
    } else if (v.is_array() && v[i].is_array() && !v[i].empty() && v[i][0].is_string()) {
      same = v[i][0].get_ref<const std::string&>() == piece;
    }
    if (!same)
      vocabulary->refuse("does not give \"", piece, "\" the id ", i, " that it has in tokenizer.model");
  }
}

/// The order in which the file's merges make longer pieces: a file made by transformers 5 from a
/// tokenizer.model is ordered by id, all others by score. Where both orders fit, they are the same.
inline merge_order merges_of(const json_field& root, const sentencepiece_content& model) {
  const auto found = root.find("model");
  const auto merges = found ? found->find("merges") : std::nullopt;
  if (!merges || !merges->value().is_array()) return merge_order::by_score;
  std::unordered_map<std::string_view, std::size_t> ids;
  for (std::size_t i = 0; i < model.pieces.size(); ++i) ids.emplace(model.pieces[i].text, i);
  std::size_t last_id = 0, steps_down_in_id = 0, steps_up_in_score = 0;
  float last_score = std::numeric_limits<float>::max();
  std::string whole;
  for (const auto& merge : merges->value()) {  // "left right" or ["left", "right"]
    whole.clear();
    if (merge.is_string()) {
      for (const char c : merge.get_ref<const std::string&>())
        if (c != ' ') whole.push_back(c);
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      whole = merge[0].get_ref<const std::string&>() + merge[1].get_ref<const std::string&>();
    }
    const auto id = ids.find(whole);
    if (id == ids.end())
      merges->refuse("merges to ", json(whole.substr(0, 80)).dump(), ", which tokenizer.model lacks");
    const float score = model.pieces[id->second].score;
    steps_down_in_id += id->second < last_id;
    steps_up_in_score += score > last_score;
    last_id = id->second;
    last_score = score;
  }
  if (steps_up_in_score == 0) return merge_order::by_score;
  if (steps_down_in_id == 0) return merge_order::by_id;
  merges->refuse("are ordered neither by the scores nor by the ids of tokenizer.model");
}

}  // namespace CANDOR_NS::detail
