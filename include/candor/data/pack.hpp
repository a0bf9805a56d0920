// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Forests laid flat for one pass of a model: tokens, positions, the attention rule, and what is scored
/// where. The four layouts give the same numbers:
///   shared  each stem once, its branches behind it, in depth-first order (the fast one)
///   packed  each scored path on its own, without padding
///   padded  each scored path on its own, padded to the longest
///   single  like packed, one path a pass

#include <candor/backend/attention_layout.hpp>
#include <candor/backend/head_targets.hpp>
#include <candor/data/forest.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace CANDOR_NS {

enum class layout_kind { shared, packed, padded, single };

/// "shared", "packed", "padded" or "single"; anything else is a usage_error.
layout_kind parse_layout(std::string_view name);

/// What a log-probability of the head belongs to.
struct scored_token {
  std::int32_t forest = 0, cell = 0;  ///< of the span that was packed
  std::int32_t place = 0;             ///< among the scored tokens of its cell, in order
  std::int32_t token = 0;             ///< vocabulary id
  float weight = 1.0f;
};

/// One pass.
struct packed_batch {
  std::vector<std::int32_t> words;      ///< (T): vocabulary id, or -1 where an image feature stands
  std::vector<std::int32_t> patches;    ///< (T): row of the batch's image features, or -1
  std::vector<std::int32_t> positions;  ///< (axes, T)
  std::int32_t axes = 1;
  std::shared_ptr<const attention_layout> layout;
  std::vector<std::int32_t> hidden_rows;  ///< (R): the tokens that predict something, ascending
  head_targets targets;                   ///< of the hidden rows
  std::vector<scored_token> scored;       ///< (N): one for each target
  std::vector<std::uint64_t> token_keys;  ///< (T): for dropout, the same in every layout
  std::vector<std::int32_t> forests;      ///< whose images are needed, in the order of their feature rows

  std::int64_t tokens() const { return static_cast<std::int64_t>(words.size()); }
};

struct pack_options {
  layout_kind layout = layout_kind::shared;
  std::int64_t max_tokens = 8192;  ///< of a pass; a forest that is longer has a pass of its own
};

/// Lays forests flat, as many in a pass as the budget allows, in their order. A segment that gives fewer axes
/// than the others uses its last one for the rest. shape_error for what check_forest refuses, usage_error for
/// a budget below one token.
std::vector<packed_batch> pack(std::span<const forest* const> forests, const pack_options& options = {});

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/data/pack_impl.hpp>
#endif
