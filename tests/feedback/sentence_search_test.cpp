// SPDX-License-Identifier: Apache-2.0
// CSR's search on the embedded world's base: its trees hold what the model says, however many images are in
// flight.
#include "support/catch.hpp"

#include <candor/backend/host/host.hpp>
#include <candor/feedback/sentence_search.hpp>
#include <candor/model/compiled.hpp>
#include <candor/model/llava.hpp>

#include "scenes/captions.hpp"
#include "scenes/scene.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

using candor::host;
using candor::sentence_tree;

namespace {

struct world {
  host cpu{{.threads = 2}};
  candor::llava<host, float> policy =
      candor::load_llava<float>(cpu, candor_test::examples_folder() / "scenes" / "base");
  std::vector<candor::encoded_record> prompts;

  world() {
    const auto encoded = policy.processor().encode(scenes::prompt(scenes::caption_style::detailed), {}, 1);
    for (std::uint64_t i = 0; i < 3; ++i) {
      prompts.push_back({policy.processor().tree(encoded),
                         policy.processor().transform()(scenes::draw_scene(77, i).picture)});
      prompts.back().tree.key = i;
    }
  }

  /// A sentence fits the better the longer it is.
  std::map<std::size_t, sentence_tree> search(std::int64_t room,
                                              const candor::sentence_search_options& options = {},
                                              candor::sentence_counts* counts = nullptr) {
    std::map<std::size_t, sentence_tree> trees;
    std::size_t next = 0;
    const auto source = [&]() -> candor::generate_prompt {
      if (next == prompts.size()) return {};
      return {std::shared_ptr<const candor::encoded_record>(std::shared_ptr<void>(), &prompts[next++])};
    };
    const auto scorer = [](std::size_t, std::span<const std::string> sentences) {
      std::vector<double> out;
      for (const auto& s : sentences) out.push_back(static_cast<double>(s.size()));
      return out;
    };
    const auto sink = [&](std::size_t p, sentence_tree&& tree) {
      CHECK(trees.emplace(p, std::move(tree)).second);
    };
    const auto found =
        candor::search_sentences(policy.network(), policy.processor().words(), candor::prompt_source(source),
                                 options, candor::sentence_scorer(scorer), candor::sentence_sink(sink), room);
    if (counts != nullptr) *counts = found;
    return trees;
  }

  /// The tokens of the answer that ends with a node.
  static std::vector<std::int32_t> path(const sentence_tree& tree, std::size_t node) {
    std::vector<std::int32_t> out;
    for (auto n = static_cast<std::int32_t>(node); n > 0; n = tree[static_cast<std::size_t>(n)].parent) {
      const auto& tokens = tree[static_cast<std::size_t>(n)].tokens;
      out.insert(out.begin(), tokens.begin(), tokens.end());
    }
    return out;
  }
};

}  // namespace

TEST_CASE("the log-probs in a tree are those of its answers read in one pass", "[feedback][csr]") {
  world w;
  candor::sentence_counts counts;
  const auto trees = w.search(256, {}, &counts);
  REQUIRE(trees.size() == 3);
  std::size_t deepest = 0, nodes = 0, answers = 0;
  for (const auto& [p, tree] : trees) {
    auto record = w.prompts[p];
    for (std::size_t n = 1; n < tree.size(); ++n) {
      REQUIRE(tree[n].parent < static_cast<std::int32_t>(n));
      record.tree.cells.push_back({{static_cast<std::int32_t>(record.tree.segments.size()), {}}});
      record.tree.segments.push_back({.tokens = world::path(tree, n), .parent = 0});
    }
    const candor::encoded_record* pointer = &record;
    const auto read =
        candor::score(w.policy.network(), std::span<const candor::encoded_record* const>(&pointer, 1),
                      candor::scoring_options{});
    for (std::size_t n = 1; n < tree.size(); ++n) {
      double expected = 0, found = 0;
      for (const float x : read[0][n - 1]) expected += static_cast<double>(x);
      std::size_t depth = 0;
      for (auto i = static_cast<std::int32_t>(n); i > 0;
           i = tree[static_cast<std::size_t>(i)].parent, ++depth)
        found += tree[static_cast<std::size_t>(i)].log_prob;
      CHECK(found == Approx(expected).margin(2e-3));
      deepest = std::max(deepest, depth);
      answers += tree[n].whole;
      const auto& before = tree[static_cast<std::size_t>(tree[n].parent)];
      CHECK(tree[n].text.starts_with(before.text));
      CHECK(tree[n].text.ends_with(tree[n].sentence));
      CHECK(tree[n].text == w.policy.processor().words().decode(world::path(tree, n), true));
      CHECK(tree[n].clip == static_cast<double>(tree[n].sentence.size()));
    }
    nodes += tree.size() - 1;
    CHECK(candor::pair_of(tree, {}));
  }
  CHECK(deepest >= 2);
  CHECK(counts.nodes == static_cast<std::int64_t>(nodes));
  CHECK(counts.answers == static_cast<std::int64_t>(answers));
  CHECK(counts.prompts == 3);
}

TEST_CASE("a tree does not depend on how many images are in flight", "[feedback][csr]") {
  world w;
  const auto alone = w.search(1), together = w.search(1024);
  REQUIRE(alone.size() == 3);
  for (const auto& [p, tree] : alone) {
    const auto& other = together.at(p);
    REQUIRE(tree.size() == other.size());
    for (std::size_t n = 0; n < tree.size(); ++n) {
      CHECK(tree[n].text == other[n].text);
      CHECK(tree[n].parent == other[n].parent);
      CHECK(tree[n].whole == other[n].whole);
      CHECK(tree[n].score == Approx(other[n].score).margin(1e-4));
    }
  }
}

TEST_CASE("answers end at the length that is asked for", "[feedback][csr]") {
  world w;
  for (const auto& [p, tree] : w.search(256, {.max_characters = 30}))
    for (std::size_t n = 1; n < tree.size(); ++n) {
      const auto child = std::any_of(tree.begin(), tree.end(),
                                     [&](const auto& c) { return c.parent == static_cast<std::int32_t>(n); });
      if (tree[n].text.size() >= 30) CHECK((tree[n].whole && !child));
    }
}
