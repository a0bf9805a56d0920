// SPDX-License-Identifier: Apache-2.0
/// Dialogs as forests: the path of a cell is the dialog, and what the cell scores are its labels.
#include <candor/io/atomic_file.hpp>
#include <candor/io/safetensors.hpp>
#include <candor/objective/dense_dpo.hpp>
#include <candor/objective/dpo.hpp>
#include <candor/objective/opa_dpo.hpp>
#include <candor/objective/pairwise.hpp>
#include <candor/objective/sft.hpp>
#include <candor/objective/sym_mpo.hpp>
#include <candor/objective/v_dpo.hpp>
#include <candor/train/encode.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/tiny_llava.hpp"

#include <algorithm>
#include <set>
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

TEST_CASE("tokens beyond the shorter answer's length weigh what TRL's ld_alpha makes them",
          "[train][encode]") {
  const candor::safetensors_file file(golden("objective/losses.safetensors"));
  const auto lengths = file.read_as<float>(*file.find("ld/lengths")),  // (8, 2)
      expected = file.read_as<float>(*file.find("ld/weights"));        // (8, 2, 12)
  REQUIRE(expected.size() == 192);
  for (std::size_t i = 0; i < 8; ++i) {
    candor::encoded_branches branches;
    for (std::size_t b = 0; b < 2; ++b)
      branches.answers.push_back(
          {.ids = std::vector<std::int32_t>(static_cast<std::size_t>(lengths[2 * i + b]), 5),
           .answer = true});
    branches.later.resize(2);
    std::vector<std::vector<float>> weights, doubled;
    candor::discount_length(branches, 0.3, weights);
    for (std::size_t b = 0; b < 2; ++b) {
      REQUIRE(weights[b].size() == branches.answers[b].ids.size());
      for (std::size_t t = 0; t < weights[b].size(); ++t)
        CHECK(weights[b][t] == expected[24 * i + 12 * b + t]);
      doubled.emplace_back(weights[b].size(), 2.0f);
    }
    candor::discount_length(branches, 0.3, doubled);  // on top of weights of their own
    for (std::size_t b = 0; b < 2; ++b)
      for (std::size_t t = 0; t < weights[b].size(); ++t) CHECK(doubled[b][t] == 2 * weights[b][t]);
  }
}

TEST_CASE("an objective's length discount reaches the cells", "[train][encode]") {
  const encoder_world w;
  const candor::preference_record r{.id = "0",
                                    .question = "what ?",
                                    .chosen = "a red circle .",
                                    .rejected = "a dog",
                                    .images = {},
                                    .source = "a:1"};
  const auto tree = candor::preference_tree(w.p, r, candor::pairwise{.ld_alpha = 0.25});
  REQUIRE(tree.cells.size() == 3);
  CHECK(tree.cells[2].empty());  // KTO's, which is not a term
  const auto& chosen = tree.cells[0].back().weights;
  const auto& rejected = tree.cells[1].back().weights;
  REQUIRE(chosen.size() > rejected.size());
  CHECK(std::all_of(rejected.begin(), rejected.end(), [](float weight) { return weight == 1.0f; }));
  for (std::size_t t = 0; t < chosen.size(); ++t) CHECK(chosen[t] == (t < rejected.size() ? 1.0f : 0.25f));
}

TEST_CASE("a record comes with another's answer and its margin where they are read", "[train][encode]") {
  const scratch_folder scratch;
  write_tiny_pictures(scratch.path(), 2);
  const auto records = [&](const std::vector<std::string>& lines) {
    std::string all;
    for (const auto& line : lines) all += "{\"rejected\": \"no\", " + line + "}\n";
    candor::write_atomically(scratch / "pairs.jsonl", all);
    return candor::preference_data(scratch / "pairs.jsonl");
  };
  const std::string here = R"("image": "0.png", "question": "what ?", )",
                    there = R"("image": "1.png", "question": "what ?", )",
                    where = R"("image": "0.png", "question": "where ?", )";
  const candor::pairwise kto{.terms = {{candor::loss_type::kto}}}, scaled{.margin_weight = 0.1};
  const auto data = records({here + R"("chosen": "yes", "margin": 1.5)", here + R"("chosen": "a cat")",
                             there + R"("chosen": "a dog")", where + R"("chosen": "there")"});
  // Records of one question are no strangers; another picture or another question is.
  const auto answer = [&](std::int64_t i) { return candor::objective_record(data, i, kto).others; };
  CHECK(answer(0) == std::vector<std::string>{"a dog"});
  CHECK(answer(1) == std::vector<std::string>{"a dog"});
  CHECK(answer(2) == std::vector<std::string>{"there"});
  CHECK(answer(3) == std::vector<std::string>{"yes"});
  CHECK(candor::objective_record(data, 0, candor::pairwise{}).others.empty());
  CHECK(candor::objective_record(data, 0, scaled).margin == 1.5);
  CHECK_THROWS_WITH(candor::objective_record(data, 1, scaled), contains("pairs.jsonl:2"));

  for (const auto& lines : {std::vector{here + R"("chosen": "yes")"},
                            std::vector{here + R"("chosen": "yes")", here + R"("chosen": "a cat")"}}) {
    const auto one = records(lines);
    CHECK_THROWS_WITH(candor::objective_record(one, 0, kto),
                      contains("pairs.jsonl:1: ") && contains("has another"));
    CHECK_THROWS_AS(candor::objective_record(one, 0, kto), candor::input_error);
  }
}

TEST_CASE("the mismatched answer of rated answers is not to the same question", "[train][encode]") {
  const scratch_folder scratch;
  write_tiny_pictures(scratch.path(), 2);
  std::filesystem::rename(scratch / "0.png", scratch / "a.png");
  std::filesystem::rename(scratch / "1.png", scratch / "b.png");
  const candor::preference_data data(golden("data/forms/vlfeedback.jsonl"), {.images = scratch.path()});
  const candor::pairwise kto{.terms = {{candor::loss_type::kto}}};
  // The first rated record gives several pairs.
  REQUIRE(data.record(0).question == data.record(1).question);
  for (std::int64_t i = 0; i < data.size(); ++i) {
    INFO(i);
    const auto record = candor::objective_record(data, i, kto);
    REQUIRE(record.others.size() == 1);
    std::set<std::string> own;
    for (std::int64_t j = 0; j < data.size(); ++j)
      if (data.record(j).question == record.question)
        own.insert({data.record(j).chosen, data.record(j).rejected});
    CHECK(own.count(record.chosen) == 1);
    CHECK(own.count(record.others[0]) == 0);
  }
}

TEST_CASE("what an objective reads of a record is checked before it is encoded", "[train][encode]") {
  candor::preference_record r{.id = "0",
                              .question = "what ?",
                              .chosen = "a",
                              .rejected = "b",
                              .images = {std::filesystem::path("a.png")},
                              .source = "a.jsonl:7"};
  const std::vector<candor::image_variant> second{{.name = "other", .second_image = true}},
      distorted{{.name = "distorted", .how = candor::distortion{}}};
  candor::check_record(r, candor::pairwise{});
  candor::check_record(r, candor::pairwise{.terms = {{candor::loss_type::kto}}});  // the third is another's
  CHECK_THROWS_WITH(candor::check_record(r, candor::pairwise{.margin_weight = 0.1}),
                    contains("a.jsonl:7: the record has no `margin`"));
  CHECK_THROWS_WITH(candor::check_record(r, candor::opa_dpo{}, distorted),
                    contains("a.jsonl:7: the record has 2 answers, but this objective compares 3"));
  CHECK_THROWS_WITH(candor::check_record(r, candor::sym_mpo{}, second),
                    contains("a.jsonl:7: the record has 1 images; expected two"));
  // One answer under two images is enough where an objective asks for that.
  r.images.emplace_back("b.png");
  r.rejected.clear();
  candor::check_record(r, candor::v_dpo{.image_contrast = true}, second);
  CHECK_THROWS_WITH(candor::check_record(r, candor::sym_mpo{}, second), contains("no rejected answer"));
}

TEST_CASE("a record without a rejected answer cannot be a pair", "[train][encode]") {
  const encoder_world w;
  const candor::preference_record r{
      .id = "0", .question = "what ?", .chosen = "a", .rejected = "", .images = {}, .source = "a.jsonl:7"};
  CHECK_THROWS_WITH(candor::preference_tree(w.p, r, candor::dpo{}),
                    contains("a.jsonl:7: the record has no rejected answer"));
}
