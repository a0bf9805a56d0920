// SPDX-License-Identifier: Apache-2.0
/// Dialogs as forests: the path of a cell is the dialog, and what the cell scores are its labels.
#include <candor/objective/dense_dpo.hpp>
#include <candor/objective/dpo.hpp>
#include <candor/objective/sft.hpp>
#include <candor/train/encode.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/tiny_llava.hpp"

#include <algorithm>
#include <string>
#include <vector>

using namespace candor_test;

namespace {

struct encoder_world {
  scratch_folder scratch;
  candor::llava_config config = write_tiny_llava(scratch / "model");
  candor::processor p{scratch / "model", config, {.chat_template = "vicuna_v1", .max_length = 400}};

  /// The ids of a dialog with an image's feature rows written out, and -100 at places that are not scored.
  std::pair<std::vector<std::int32_t>, std::vector<std::int32_t>> expected(
      const std::vector<candor::turn>& turns, std::size_t images) const {
    const auto dialog = p.chat().encode(p.words(), turns, images);
    std::vector<std::int32_t> ids, labels;
    const auto all = dialog.ids(), scored = dialog.labels();
    std::int32_t row = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const int count = all[i] == candor::image_mark ? config.image_tokens() : 1;
      for (int n = 0; n < count; ++n) {
        ids.push_back(all[i] == candor::image_mark ? candor::image_row(row++) : all[i]);
        labels.push_back(scored[i]);
      }
    }
    return {ids, labels};
  }

  /// The ids and labels along the path of a cell.
  static std::pair<std::vector<std::int32_t>, std::vector<std::int32_t>> found(const candor::forest& f,
                                                                               std::size_t cell) {
    std::vector<std::int32_t> path;
    for (std::int32_t s = f.cells[cell].back().segment; s >= 0;
         s = f.segments[static_cast<std::size_t>(s)].parent)
      path.insert(path.begin(), s);
    std::vector<std::int32_t> ids, labels;
    for (const auto s : path) {
      const auto& tokens = f.segments[static_cast<std::size_t>(s)].tokens;
      const auto run = std::find_if(f.cells[cell].begin(), f.cells[cell].end(),
                                    [&](const auto& r) { return r.segment == s; });
      for (std::size_t i = 0; i < tokens.size(); ++i) {
        ids.push_back(tokens[i]);
        const bool scored = run != f.cells[cell].end() && (run->weights.empty() || run->weights[i] != 0.0f);
        labels.push_back(scored ? tokens[i] : -100);
      }
    }
    return {ids, labels};
  }
};

const std::vector<candor::turn> dialog{
    {"what is there ?", "a red circle ."}, {"where ?", "in the middle"}, {"and a dog ?", "no"}};

}  // namespace

TEST_CASE("a dialog for fine-tuning is one path that scores all of its answers", "[train][encode]") {
  const encoder_world w;
  for (const std::size_t images : {std::size_t{1}, std::size_t{0}}) {
    candor::preference_record r{.id = "0",
                                .question = dialog[0].user,
                                .chosen = dialog[0].assistant,
                                .rejected = "",
                                .images = {},
                                .source = "a:1"};
    r.chosen_later.assign(dialog.begin() + 1, dialog.end());
    if (images > 0) r.images.emplace_back("a.png");
    const auto tree = candor::preference_tree(w.p, r, candor::sft{});
    candor::check_forest(tree);
    REQUIRE(tree.cells.size() == 1);
    CHECK(tree.images == static_cast<std::int32_t>(images));
    CHECK(w.found(tree, 0) == w.expected(dialog, images));
  }
}

TEST_CASE("POVID's dialogs share what is the same and score all answers of either", "[train][encode]") {
  const encoder_world w;
  auto rejected = dialog;
  rejected[1].assistant = "at the top";
  rejected.pop_back();
  candor::preference_record r{.id = "0",
                              .question = dialog[1].user,
                              .chosen = dialog[1].assistant,
                              .rejected = rejected[1].assistant,
                              .images = {std::filesystem::path("a.png")},
                              .source = "a:1"};
  r.earlier = {dialog[0]};
  r.chosen_later = {dialog[2]};
  r.score_earlier = true;
  for (const auto& tree : {candor::preference_tree(w.p, r, candor::dpo{}),
                           candor::preference_tree(w.p, r, candor::dense_dpo{.gamma = 5.0})}) {
    candor::check_forest(tree);
    REQUIRE(tree.cells.size() == 2);
    CHECK(w.found(tree, 0) == w.expected(dialog, 1));
    CHECK(w.found(tree, 1) == w.expected(rejected, 1));
    CHECK(std::count_if(tree.segments.begin(), tree.segments.end(),
                        [](const auto& s) { return s.parent < 0; }) == 1);
  }
  r.score_earlier = false;
  const auto unscored = w.found(candor::preference_tree(w.p, r, candor::dpo{}), 0),
             all = w.expected(dialog, 1);
  const auto first = w.p.chat().encode_prompt(w.p.words(), {dialog.data(), 1}, dialog[1].user, 1).length(4);
  CHECK(unscored.first == all.first);
  CHECK(std::count(unscored.second.begin(), unscored.second.begin() + static_cast<std::ptrdiff_t>(first),
                   -100) == static_cast<std::ptrdiff_t>(first));
  CHECK(std::equal(unscored.second.begin() + static_cast<std::ptrdiff_t>(first), unscored.second.end(),
                   all.second.begin() + static_cast<std::ptrdiff_t>(first)));
}

TEST_CASE("a record without a rejected answer cannot be a pair", "[train][encode]") {
  const encoder_world w;
  const candor::preference_record r{
      .id = "0", .question = "what ?", .chosen = "a", .rejected = "", .images = {}, .source = "a.jsonl:7"};
  CHECK_THROWS_WITH(candor::preference_tree(w.p, r, candor::dpo{}),
                    contains("a.jsonl:7: the record has no rejected answer"));
}
