// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Which tokens of two answers differ, by the rules of RLHF-V's released code: the matching blocks of
/// Python's `difflib.SequenceMatcher` over token ids, bit for bit (autojunk, tie rules and merging included),
/// and the token weights of dense DPO made from them. Source: RLHF-V, arXiv 2312.00849, section 4.2; its code
/// (Muffin) for everything that the paper leaves open.

#include <candor/core/config.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace CANDOR_NS {

/// a[begin_a, begin_a + size) equals b[begin_b, begin_b + size).
struct matching_block {
  std::size_t begin_a = 0, begin_b = 0, size = 0;
  friend bool operator==(const matching_block&, const matching_block&) = default;
};

/// `difflib.SequenceMatcher(None, a, b, autojunk).get_matching_blocks()`: ascending, adjacent blocks merged,
/// closed by the block (len a, len b, 0). With autojunk and len b >= 200, an id that occurs more than len b /
/// 100 + 1 times in b cannot begin a match, though a match may extend over it. Not symmetric in a and b. Cost
/// as difflib's: about (len a + len b) log for answers that share most of their text, quadratic at worst.
std::vector<matching_block> matching_blocks(std::span<const std::int32_t> a, std::span<const std::int32_t> b,
                                            bool autojunk = true);

/// a[begin_a, end_a) was replaced by b[begin_b, end_b).
struct changed_span {
  std::size_t begin_a = 0, end_a = 0, begin_b = 0, end_b = 0;
  friend bool operator==(const changed_span&, const changed_span&) = default;
};

/// What counts as a change.
struct change_options {
  std::size_t min_match = 3;       ///< shorter equal runs are swallowed by the change around them
  bool autojunk = true;            ///< as above
  bool weight_insertions = false;  ///< also spans with one empty side: pure insertions and deletions
};

/// The spans between the equal runs of at least `min_match` ids, in ascending order.
std::vector<changed_span> changed_spans(std::span<const std::int32_t> a, std::span<const std::int32_t> b,
                                        const change_options& options = {});

/// What the two sequences that are compared hold.
enum class change_scope {
  answer,  ///< the answers' ids
  full     ///< prompt (an image is one id) and answer without the first id, as the released code does; this
           ///< moves autojunk's threshold and may match an answer against the prompt
};

/// Options of dense DPO's token weights.
struct dense_weight_options {
  double gamma = 5.0;  ///< weight of a changed token; the others weigh 1
  change_scope scope = change_scope::answer;
  change_options changes = {};
};

/// One weight for each id of the answers.
struct dense_weights {
  std::vector<float> chosen, rejected;
};

/// Weights of the corrected (`chosen`) and the original (`rejected`) answer: gamma on changed ids, 1
/// elsewhere. `prompt` is used by `change_scope::full` only; its first id (BOS) is left out. usage_error
/// where gamma is negative or not finite.
dense_weights weigh_changes(std::span<const std::int32_t> chosen, std::span<const std::int32_t> rejected,
                            const dense_weight_options& options = {},
                            std::span<const std::int32_t> prompt = {});

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/text/align_impl.hpp>
#endif
