// SPDX-License-Identifier: Apache-2.0
/// The embedded world's base as judge of its own world, and its implicit reward.

#include "scenes/claims.hpp"
#include "scenes/metrics.hpp"
#include "scenes/records.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"

#include <candor/backend/host/host.hpp>
#include <candor/core/error.hpp>
#include <candor/feedback/implicit_judge.hpp>
#include <candor/feedback/implicit_reward.hpp>
#include <candor/feedback/judge.hpp>
#include <candor/model/llava.hpp>

#include <cmath>
#include <filesystem>
#include <vector>

using namespace candor_test;

namespace {

const std::filesystem::path base = candor_test::examples_folder() / "scenes/base";
static_assert(candor::claim_judge<candor::model_judge<candor::host, float>>);
static_assert(candor::pairwise_judge<candor::implicit_judge<candor::host, float>>);

}  // namespace

TEST_CASE("the base judges claims about its world rightly, many at once as one by one", "[judge]") {
  const scratch_folder scratch;
  const auto test = scenes::make_test_set(30);
  scenes::write_images(scratch.path(), test.scenes);
  std::vector<candor::picture_questions> pictures;
  for (std::size_t i = 0; i < test.scenes.size(); ++i) {
    pictures.push_back({{scratch / "images" / scenes::image_name(i)}, {}});
    if (i == 3) continue;  // nothing is asked about this one
    for (const auto& q : test.questions[i]) pictures.back().questions.push_back(q.text);
  }
  candor::host cpu;
  auto model = candor::load_llava<float>(cpu, base);
  candor::model_judge judge(model, {.suffix = ""});
  const auto verdicts = judge.judge(pictures);
  REQUIRE(verdicts.size() == pictures.size());
  CHECK(verdicts[3].empty());
  std::size_t right = 0, all = 0;
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    REQUIRE(verdicts[i].size() == pictures[i].questions.size());
    for (std::size_t q = 0; q < verdicts[i].size(); ++q) {
      right += verdicts[i][q].confirmed() == test.questions[i][q].truth;
      ++all;
      CHECK(verdicts[i][q].yes + verdicts[i][q].no > 0.9);
    }
  }
  CHECK(static_cast<double>(right) > 0.9 * static_cast<double>(all));
  for (std::size_t q = 0; q < 3; ++q) {
    const std::vector<candor::picture_questions> one{{pictures[0].images, {pictures[0].questions[q]}}};
    CHECK(judge.judge(one)[0][0].yes == Approx(verdicts[0][q].yes).margin(1e-5));
  }
  // Another way to ask is another question.
  candor::model_judge other(model, {.suffix = " Please answer yes or no."});
  CHECK(std::abs(other.judge(pictures)[0][0].yes - verdicts[0][0].yes) > 1e-7);
}

TEST_CASE("the implicit reward is nothing where nothing was learned, and per token", "[judge]") {
  const auto test = scenes::make_test_set(1);
  candor::host cpu;
  auto model = candor::load_llava<float>(cpu, base), other = candor::load_llava<float>(cpu, base);
  const auto& p = model.processor();
  const std::vector<std::string> answers{"The picture shows a red sun.",
                                         "The picture shows a red sun, a blue boat and a green star."};
  candor::encoded_record record{p.tree(p.encode(scenes::prompt(scenes::caption_style::brief), answers, 1)),
                                p.transform()(test.scenes[0].picture)};
  const candor::encoded_record* records[] = {&record};
  const auto none = candor::implicit_rewards(model.network(), other.network(), records).front();
  for (const double r : none) CHECK(r == 0.0);
  const auto sums =
      candor::implicit_rewards(model.network(), other.network(), records, {.beta = 1, .per_token = false});
  CHECK(sums.front().size() == 2);

  // The final norm at double strength changes what the model says.
  const auto view = model.network().text().final_norm().storage().view();
  for (std::int64_t i = 0; i < view.rows * view.cols; ++i) view.data[i] *= 2;
  const auto whole =
      candor::implicit_rewards(model.network(), other.network(), records, {.beta = 0.5, .per_token = false})
          .front();
  const auto each =
      candor::implicit_rewards(model.network(), other.network(), records, {.beta = 0.5}).front();
  const auto scored =
      candor::score(model.network(), std::span<const candor::encoded_record* const>(records)).front();
  for (std::size_t a = 0; a < 2; ++a) {
    CHECK(whole[a] != 0.0);
    CHECK(each[a] == Approx(whole[a] / static_cast<double>(scored[a].size())));
  }
  CHECK(candor::best_of(each) == (each[1] > each[0] ? 1u : 0u));

  // As pairwise judge: the preference that DPO fits, whatever the order and the parts.
  const scratch_folder scratch;
  scenes::write_images(scratch.path(), test.scenes);
  const candor::answer_contest contest{{scratch / "images" / scenes::image_name(0)},
                                       scenes::prompt(scenes::caption_style::brief),
                                       {answers[0]},
                                       {answers[1]}};
  auto parts = contest;
  parts.first = {answers[0].substr(0, 10), answers[0].substr(10)};
  const std::vector<candor::answer_contest> contests{contest, candor::swapped(contest), parts};
  candor::implicit_judge judge(model, other, {.beta = 0.5});
  const auto verdicts = judge.compare(contests);
  REQUIRE(verdicts.size() == 3);
  CHECK(verdicts[0].first == Approx(1 / (1 + std::exp(each[1] - each[0]))).epsilon(1e-4));
  CHECK(verdicts[0].first + verdicts[0].second == Approx(1));
  CHECK(verdicts[1].second == Approx(verdicts[0].first));
  CHECK(verdicts[2].first == Approx(verdicts[0].first));
  CHECK(candor::best_of(std::vector<double>{1, 3, 3}) == 1);
  CHECK_THROWS_AS(candor::best_of({}), candor::usage_error);
}
