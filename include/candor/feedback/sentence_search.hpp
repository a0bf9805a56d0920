// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// CSR's search (arXiv 2405.14622): answers grow sentence by sentence, by diverse beam search from every open
/// node of a tree (sentence_tree.hpp), and an image-sentence score weighs each sentence. All nodes of an
/// image are branches on one stem, whose keys and values are computed once, and several images are in flight.
///
///     auto clip = candor::load_clip<float>(cpu, "clip-vit-large-patch14-336");
///     candor::search_sentences(policy.network(), policy.processor().words(), source, {},
///         [&](std::size_t image, auto sentences) { return scores_of(clip, image, sentences); },
///         [&](std::size_t image, candor::sentence_tree&& tree) { write(image, candor::pair_of(tree, {}));
///         });

#include <candor/core/function_ref.hpp>
#include <candor/feedback/sentence_tree.hpp>
#include <candor/model/group_beams.hpp>
#include <candor/model/prompts_in_flight.hpp>
#include <candor/text/tokenizer.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace CANDOR_NS {

/// One number for each sentence about the image of a prompt: how well it fits, 100 cos.
using sentence_scorer =
    function_ref<std::vector<double>(std::size_t prompt, std::span<const std::string> sentences)>;
/// Takes the tree of a prompt; prompts come as they are done.
using sentence_sink = function_ref<void(std::size_t prompt, sentence_tree&& tree)>;

struct sentence_counts {
  std::int64_t prompts = 0, nodes = 0, answers = 0;
  std::int64_t left_out = 0;  ///< sentences that sentence_allowed refuses
};

template <class B, class T>
class sentence_search {
 public:
  sentence_search(llava_network<B, T>& network, const forward_context<B>& context, const tokenizer& words,
                  const sentence_search_options& options, const generate_options& beams, prompt_source source,
                  sentence_scorer scorer, sentence_sink sink)
      : words_(words),
        options_(options),
        beam_options_(beams),
        scorer_(scorer),
        sink_(sink),
        no_texts_([](std::size_t, std::vector<generated_text>&&) {}),
        state_(network, context),
        prompts_(network, context, state_, beam_options_, source, no_texts_, {}),
        beams_(state_, network.backend(), beam_options_, true) {}

  sentence_counts run() {
    for (;;) {
      admit();
      if (beams_.searches() == 0) return counts_;
      beams_.step([this](std::size_t name, auto&& found) { grow(name, std::move(found)); });
    }
  }

 private:
  struct open_tree {
    open_prompt* prompt = nullptr;
    sentence_tree nodes = {};
    std::map<std::int32_t, std::int32_t> branches = {};  // of open nodes
    std::int64_t waiting = 0;                            // searches of this level
  };
  using place = std::pair<std::size_t, std::int32_t>;  // prompt and node that a search goes on from

  /// Takes prompts in while there is room for all branches that one may have.
  void admit() {
    const std::int64_t of_one = beam_options_.num_beams * 2 * static_cast<std::int64_t>(options_.open_nodes);
    const std::int64_t most = std::max<std::int64_t>(beam_options_.max_branches / of_one, 1);
    const std::int64_t room = most - static_cast<std::int64_t>(trees_.size());
    if (room <= 0) return;
    for (open_prompt* prompt : prompts_.admit(room)) {
      ++counts_.prompts;
      open_tree& tree = trees_[prompt->index];
      tree.prompt = prompt;
      tree.nodes.push_back({});
      search_from(prompt->index, tree, 0, state_.open(prompt->stem));
    }
  }

  void search_from(std::size_t prompt, open_tree& tree, std::int32_t node, std::int32_t branch) {
    beams_.begin(places_.size(), tree.prompt->stem, branch);
    places_.emplace_back(prompt, node);
    ++tree.waiting;
  }

  /// The sentences that continue a node become its children; when the level is whole, the next one begins.
  void grow(std::size_t name, std::vector<typename group_beams<B, T>::found_text>&& found) {
    const auto [prompt, parent] = places_[name];
    open_tree& tree = trees_.at(prompt);
    std::vector<std::string> sentences;
    const auto first = tree.nodes.size();
    for (auto& f : found) {
      sentence_node child = child_of(tree.nodes, parent, f);
      if (child.whole && child.sentence.empty() &&
          parent > 0) {  // nothing more to say: the parent's text is an answer
        counts_.answers += !std::exchange(tree.nodes[static_cast<std::size_t>(parent)].whole, true);
        state_.close(f.branch);
        continue;
      }
      if (!sentence_allowed(child.sentence)) {
        ++counts_.left_out;
        state_.close(f.branch);
        continue;
      }
      sentences.push_back(child.sentence);
      if (child.whole)
        state_.close(f.branch);
      else
        tree.branches.emplace(static_cast<std::int32_t>(tree.nodes.size()), f.branch);
      counts_.answers += child.whole;
      ++counts_.nodes;
      tree.nodes.push_back(std::move(child));
    }
    if (!sentences.empty()) {
      const auto scores = scorer_(prompt, sentences);
      require<usage_error>(scores.size() == sentences.size(), "[sentence_search] the scorer gave ",
                           scores.size(), " numbers for ", sentences.size(), " sentences");
      for (std::size_t i = 0; i < scores.size(); ++i) tree.nodes[first + i].clip = scores[i];
    }
    if (--tree.waiting == 0) next_level(prompt, tree);
  }

  sentence_node child_of(const sentence_tree& nodes, std::int32_t parent,
                         const typename group_beams<B, T>::found_text& f) const {
    sentence_node child{.parent = parent, .tokens = f.text.tokens, .log_prob = f.log_prob};
    const auto& before = nodes[static_cast<std::size_t>(parent)];
    child.score = before.score + f.text.score;
    std::vector<std::int32_t> path;
    for (const sentence_node* n = &child;; n = &nodes[static_cast<std::size_t>(n->parent)]) {
      path.insert(path.begin(), n->tokens.begin(), n->tokens.end());
      if (n->parent < 0) break;
    }
    child.text = words_.decode(path, true);
    std::string_view own(child.text);
    if (own.starts_with(before.text)) own.remove_prefix(before.text.size());
    while (!own.empty() && (own.front() == ' ' || own.front() == '\n')) own.remove_prefix(1);
    while (!own.empty() && (own.back() == ' ' || own.back() == '\n')) own.remove_suffix(1);
    child.sentence = own;
    child.whole = f.text.end == text_end::stop_token || std::ssize(child.text) >= options_.max_characters;
    return child;
  }

  void next_level(std::size_t prompt, open_tree& tree) {
    std::vector<std::int32_t> open;
    for (const auto& [node, branch] : tree.branches) open.push_back(node);
    const auto branches = std::exchange(tree.branches, {});
    const auto kept = nodes_to_continue(tree.nodes, open, options_);
    for (const auto& [node, branch] : branches)
      if (std::find(kept.begin(), kept.end(), node) == kept.end()) state_.close(branch);
    for (const auto node : kept) search_from(prompt, tree, node, branches.at(node));
    if (!kept.empty()) return;
    prompts_.finish(*tree.prompt);
    sink_(prompt, std::move(tree.nodes));
    trees_.erase(prompt);
  }

  const tokenizer& words_;
  const sentence_search_options& options_;
  const generate_options& beam_options_;
  sentence_scorer scorer_;
  sentence_sink sink_;
  std::function<void(std::size_t, std::vector<generated_text>&&)> no_texts_;  // trees leave by sink_ alone
  decoder<B, T> state_;
  prompts_in_flight<B, T> prompts_;
  group_beams<B, T> beams_;
  std::map<std::size_t, open_tree> trees_;
  std::vector<place> places_;  // of searches, by their name
  sentence_counts counts_;
};

/// Grows a tree for each prompt of a source. Sentences end with `sentence_end` (the id of "."), answers with
/// the tokenizer's end. `room` is generate_options::max_branches. usage_error for options that mean nothing.
template <class B, class T>
sentence_counts search_sentences(llava_network<B, T>& network, const tokenizer& words, prompt_source source,
                                 const sentence_search_options& options, sentence_scorer scorer,
                                 sentence_sink sink, std::int64_t room = 256, bool adapters = true) {
  check_options(options);
  const auto stop = words.find(".");
  require<input_error>(stop.has_value(),
                       "[sentence_search] the tokenizer has no piece for the full stop that ends a sentence");
  const generate_options beams{
      .max_new_tokens = options.max_new_tokens,
      .stop_token = words.eos(),
      .stop = [end = *stop](std::span<const std::int32_t> tokens) { return tokens.back() == end; },
      .num_beams = options.num_beams,
      .num_beam_groups = options.num_beam_groups,
      .diversity_penalty = options.diversity_penalty,
      .max_branches = room};
  tape<B> quiet(network.backend(), tape<B>::mode::evaluate);
  const forward_context<B> context{.tape = quiet, .adapters = adapters};
  return sentence_search<B, T>(network, context, words, options, beams, source, scorer, sink).run();
}

}  // namespace CANDOR_NS
