// SPDX-License-Identifier: Apache-2.0
// Many questions about one image in one pass: the same as one by one, and the tokens that an answer begins
// with.
#include "golden_model.hpp"
#include "support/child.hpp"
#include "support/tiny_llava.hpp"

#include <candor/model/llava.hpp>
#include <candor/model/questions.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

using candor::host;
using candor_test::contains;
using candor_test::golden_model;

namespace {

std::span<const candor::encoded_record* const> as_span(
    const std::vector<const candor::encoded_record*>& all) {
  return all;
}

/// A LLaVA with random weights and the embedded world's words.
struct questions_world {
  candor_test::scratch_folder scratch;
  host cpu{{.threads = 2}};
  candor::llava<host, float> model;

  questions_world() : model(made()) {}
  candor::llava<host, float> made() {
    candor_test::write_tiny_llava(scratch.path() / "model");
    return candor::load_llava<float>(cpu, scratch.path() / "model");
  }
  candor::encoded_record record(const std::vector<std::string>& questions, std::uint64_t picture) {
    return {candor::question_tree(model.processor(), questions, 1),
            model.processor().transform()(candor_test::tiny_picture(picture))};
  }
};

const std::vector<std::string> asked = {"Is there a red cup in the picture? Please answer yes or no.",
                                        "Is there a tree in the picture?",
                                        "Is there a red car in the picture? Please answer yes or no.",
                                        "Is there", "Is there a tree in the picture?"};

}  // namespace

TEST_CASE("all questions about an image in one pass answer as one by one", "[model][questions]") {
  questions_world w;
  const auto words = candor::yes_no_tokens_of(w.model.processor());
  const auto first = w.record(asked, 1), none = w.record({}, 2), second = w.record({asked[1], asked[3]}, 2);
  CHECK(none.tree.segments.empty());
  const auto together = candor::ask_yes_no(w.model.network(), as_span({&first, &none, &second}), words,
                                           candor::scoring_options{});
  REQUIRE(together.size() == 3);
  REQUIRE(together[0].size() == asked.size());
  REQUIRE(together[1].empty());
  REQUIRE(together[2].size() == 2);
  double spread = 0;
  for (std::size_t q = 0; q < asked.size(); ++q) {
    const auto alone = w.record({asked[q]}, 1);
    const auto one =
        candor::ask_yes_no(w.model.network(), as_span({&alone}), words, candor::scoring_options{});
    CHECK(std::abs(std::log(together[0][q].yes / one[0][0].yes)) < 1e-5);
    CHECK(std::abs(std::log(together[0][q].no / one[0][0].no)) < 1e-5);
    spread = std::max(spread, std::abs(std::log(together[0][q].yes / together[0][0].yes)));
  }
  CHECK(spread > 0.01);  // the questions differ
  CHECK(together[0][1].yes == Approx(together[0][4].yes).epsilon(1e-5));
  CHECK(std::abs(std::log(together[0][1].yes / together[2][0].yes)) > 1e-4);  // and the pictures
}

TEST_CASE("each question's path has the tokens of its own prompt, and the common part stands once",
          "[model][questions]") {
  questions_world w;
  const auto& p = w.model.processor();
  const auto tree = candor::question_tree(p, asked, 1);
  REQUIRE(tree.segments.size() == asked.size() + 1);
  for (std::size_t q = 0; q < asked.size(); ++q) {
    auto path = tree.segments[0].tokens;
    const auto& own = tree.segments[q + 1].tokens;
    path.insert(path.end(), own.begin(), own.end());
    CHECK(path == p.tree(p.encode(asked[q], std::span<const std::string>(), 1)).segments[0].tokens);
  }
  const auto& stem = tree.segments[0].tokens;
  CHECK(std::count_if(stem.begin(), stem.end(), [](std::int32_t t) { return t < 0; }) ==
        w.model.network().config().image_tokens());
}

TEST_CASE("the next token's log-probs agree with transformers", "[model][golden][questions]") {
  host cpu({.threads = 2});
  for (const char* folder : {"base", "grouped", "tied"}) {
    golden_model<float> model(cpu, folder);
    for (std::size_t p = 0; p < model.records.size(); ++p) {
      auto& record = model.records[p];
      const std::vector<std::int32_t> tokens = {record.tree.segments[1].tokens.front()};
      record.tree.segments.resize(1);
      record.tree.cells.clear();
      const auto read =
          candor::next_log_probs(model.network, as_span({&record}), std::span<const std::int32_t>(tokens));
      REQUIRE(read[0].size() == 1);
      const auto expected =
          candor_test::golden_numbers(model.expected, "pair" + std::to_string(p) + ".chosen.logps_f32");
      CHECK(std::abs(static_cast<double>(read[0][0][0]) - expected[0]) < 1e-4);
    }
  }
}

TEST_CASE("the words that answer are single tokens of the template", "[model][questions]") {
  questions_world w;
  const auto& p = w.model.processor();
  const auto words = candor::yes_no_tokens_of(p);
  for (const auto& [ids, lower, upper] :
       {std::tuple{words.yes, "yes", "Yes"}, std::tuple{words.no, "no", "No"}}) {
    REQUIRE(!ids.empty());
    for (const auto id : ids) {
      const std::int32_t one[] = {id};
      const auto said = p.words().decode(one, true);
      INFO(said);
      CHECK((said == lower || said == upper));
    }
  }
}

TEST_CASE("questions that hang on questions are refused, and so are logits that are not numbers",
          "[model][questions]") {
  questions_world w;
  const auto words = candor::yes_no_tokens_of(w.model.processor());
  auto chain = w.record({asked[0], asked[1]}, 1);
  chain.tree.segments[2].parent = 1;
  CHECK_THROWS_WITH(
      candor::ask_yes_no(w.model.network(), as_span({&chain}), words, candor::scoring_options{}),
      contains("segment 2 of record 0 hangs on segment 1"));
  auto broken = w.record({asked[0]}, 1);
  broken.pixels[0] = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_WITH(
      candor::ask_yes_no(w.model.network(), as_span({&broken}), words, candor::scoring_options{}),
      contains("question 0 about record 0 are not numbers"));
}
