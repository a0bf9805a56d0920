// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// CSR's tree of sentences (Zhou et al., 2024, arXiv 2405.14622): each node is a sentence that goes on from
/// its parent's text, a path from the root is an answer. Which nodes are looked at further, what a path
/// costs, and which two answers make a pair, as in the released code (353de42) or as in the paper.

#include <candor/core/config.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace CANDOR_NS {

/// How sentences are weighed.
enum class sentence_reward : std::uint8_t {
  /// The released code: siblings are ranked by the model and by CLIP, the best has 1 / siblings, the worst 1.
  /// A
  /// sentence costs (1 - lambda) rank + lambda CLIP rank, a path the mean over its nodes, the root (0) among
  /// them.
  ranks,
  /// The paper: a sentence earns (1 - lambda) P(sentence) + lambda max(CLIP score, 0), a path the sum; its
  /// cost is the negative.
  sums
};
std::string_view name_of(sentence_reward reward);

struct sentence_search_options {
  std::int64_t num_beams = 5;          ///< sentences that each node is continued by
  std::int64_t num_beam_groups = 5;    ///< of these, see group_beams.hpp
  double diversity_penalty = 3.0;      ///< nats
  std::int64_t max_new_tokens = 70;    ///< of a sentence
  std::int64_t max_characters = 1024;  ///< an answer of so many bytes is whole, wherever it stands
  std::size_t open_nodes = 5;          ///< with so many nodes open, the next two lines thin them out
  std::size_t keep_best = 1;           ///< of the open nodes, by the model's score
  std::size_t keep_worst = 2;
  double lambda = 0.9;  ///< weight of CLIP
  sentence_reward reward = sentence_reward::ranks;
};

/// usage_error for options that mean nothing.
void check_options(const sentence_search_options& options);

struct sentence_node {
  std::int32_t parent = -1;               ///< -1: the root
  std::string text = {};                  ///< the answer so far
  std::string sentence = {};              ///< what this node adds to it, without spaces around it
  std::vector<std::int32_t> tokens = {};  ///< of the sentence
  double score = 0;     ///< of the model: the parent's and the beam's log-prob a token, penalised
  double log_prob = 0;  ///< nats, of the sentence under the model
  double clip = 0;      ///< how well the sentence fits the image, 100 cos
  bool whole = false;   ///< the answer ends here
};

/// Parents stand before their children; node 0 is the root.
using sentence_tree = std::vector<sentence_node>;

/// Whether a sentence may stand in an answer. Left out are, as released: fewer than 4 bytes; Hangul, Kana,
/// Cyrillic or emoji; `&nbsp;` twice in a row; a word 6 times in a row; a character 11 times with nothing but
/// spaces between; more than 5 line ends.
bool sentence_allowed(std::string_view sentence);

/// Which of the open nodes are continued: all of them where they are fewer than options.open_nodes, else the
/// best and the worst by score (of both kinds one needs some, if there are to be rejected answers).
std::vector<std::int32_t> nodes_to_continue(const sentence_tree& tree, std::vector<std::int32_t> open,
                                            const sentence_search_options& options);

/// The cost of the path to each node, by options.reward.
std::vector<double> path_costs(const sentence_tree& tree, const sentence_search_options& options);

struct sentence_pair {
  std::string chosen, rejected;  ///< answers
  double chosen_cost = 0, rejected_cost = 0;
};

/// The whole answers of lowest and of highest cost; nothing where there are no two different ones.
std::optional<sentence_pair> pair_of(const sentence_tree& tree, const sentence_search_options& options);

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/feedback/sentence_tree_impl.hpp>
#endif
