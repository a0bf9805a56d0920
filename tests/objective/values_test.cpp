// SPDX-License-Identifier: Apache-2.0
#include "objective/all_objectives.hpp"
#include "objective/support.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>
#include <string>

using namespace candor_test;

namespace {

void check_loss(double found, double expected) { CHECK(std::abs(found - expected) < 1e-6); }

}  // namespace

// a = 3, c = -2, d = a - c = 5, beta = 0.1, z = beta d = 0.5; ls = log sigmoid.

TEST_CASE("dpo has its golden values", "[objective][dpo]") {
  check_loss(run(candor::dpo{}, golden_item()).loss, 0.474077);  // -ls(0.5)
  check_loss(run(candor::dpo{.label_smoothing = 0.1}, golden_item()).loss,
             0.524077);  // -.9 ls(.5) - .1 ls(-.5)
  const auto r = run(candor::dpo{}, golden_item());
  CHECK(r.d_sums[0] == Approx(-0.1 * 0.3775406687981454));  // -beta sigmoid(-z)
  CHECK(r.d_sums[1] == Approx(+0.1 * 0.3775406687981454));
  CHECK(r.reward_chosen == Approx(0.3));  // beta a
  CHECK(r.reward_rejected == Approx(-0.2));
}

TEST_CASE("dense dpo is dpo on weighted sums, divided by the weights where normalised",
          "[objective][dense_dpo]") {
  check_loss(run(candor::dense_dpo{.beta = 0.1}, golden_item()).loss, 0.474077);
  // -ls(beta (a / n_w - c / n_l)), TRL's sigmoid_norm, where all weights are 1
  check_loss(run(candor::dense_dpo{.beta = 0.1, .normalise = true}, golden_item()).loss, 0.681713);
  auto weighted = golden_item();
  weighted.weights = {60, 50};  // -ls(0.5 (3 / 60 + 2 / 50)) = log(1 + exp(-0.045))
  check_loss(run(candor::dense_dpo{.beta = 0.5, .normalise = true}, weighted).loss,
             std::log1p(std::exp(-0.045)));
  CHECK(run(candor::dense_dpo{.beta = 0.5, .normalise = true}, weighted).reward_chosen ==
        Approx(0.5 * 3 / 60));
}

TEST_CASE("dense dpo asks for its token weights and other objectives for none", "[objective][dense_dpo]") {
  const auto w = candor::token_weights_of(candor::dense_dpo{
      .gamma = 1.1, .scope = candor::change_region::full, .min_match = 4, .autojunk = false});
  CHECK(w.gamma == 1.1);
  CHECK(w.whole_sequence);
  CHECK(w.min_match == 4);
  CHECK_FALSE(w.autojunk);
  CHECK_FALSE(w.weight_insertions);
  CHECK(candor::token_weights_of(candor::with_sft{candor::dense_dpo{.gamma = 3}, {}}).gamma == 3);
  CHECK(candor::token_weights_of(candor::dpo{}).gamma == 1);
}

TEST_CASE("ipo has its golden values", "[objective][ipo]") {
  check_loss(run(candor::ipo{}, golden_item()).loss, 22.752900);              // (3/20 + 2/25 - 5)^2
  check_loss(run(candor::ipo{.normalise = false}, golden_item()).loss, 0.0);  // (5 - 5)^2
}

TEST_CASE("hinge has its golden value and is flat beyond the margin", "[objective][hinge]") {
  check_loss(run(candor::hinge{}, golden_item()).loss, 0.5);  // max(0, 1 - 0.5)
  auto far = golden_item();
  far.sums[0] += 10;
  const auto r = run(candor::hinge{}, far);
  CHECK(r.loss == 0.0);
  CHECK(r.d_sums == std::vector<double>{0, 0});
}

TEST_CASE("the sft term adds the chosen answer's likelihood, summed or per token", "[objective][sft]") {
  check_loss(run(candor::sft{.average = candor::sft_average::record}, golden_item()).loss, 1.5);  // 30 / 20
  check_loss(run(candor::sft{}, golden_item()).loss, 30.0);
  check_loss(run(candor::with_sft{candor::dpo{}, {.weight = 0.2}}, golden_item()).loss, 0.474077 + 0.2 * 30);
  const auto r = run(candor::with_sft{candor::dpo{}, {.weight = 0.2, .average = candor::sft_average::record}},
                     golden_item());
  check_loss(r.loss, 0.474077 + 0.2 * 1.5);
  CHECK(r.d_sums[0] == Approx(-0.1 * 0.3775406687981454 - 0.2 / 20));
  CHECK(r.d_sums[1] == Approx(+0.1 * 0.3775406687981454));
  CHECK(r.reward_chosen == Approx(0.3));
  CHECK(candor::cells_in<candor::sft> == 1);
  CHECK_FALSE(candor::reads_reference(candor::sft{}));
  CHECK(candor::reads_reference(candor::with_sft<candor::dpo>{}));
}

TEST_CASE("every objective's derivatives equal finite differences", "[objective][law]") {
  for_each_objective([](const char*, const char* name, const auto& objective) {
    // Half a value with a whole derivative: pairwise_test compares it over a batch.
    if constexpr (std::is_same_v<decltype(objective), const candor::aot_unpaired&>) return;
    INFO(name);
    check_gradient(objective, golden_item());
    check_gradient(objective, {{-90, -61}, {-70, -66}, {31, 8}, {43, 12}});
    check_gradient(objective, {{-12, -250}, {-50, -220}, {5, 90}, {5, 98}});
  });
}

TEST_CASE("every objective is finite at log-ratios of 1e4 nats", "[objective][law]") {
  for_each_objective([](const char*, const char* name, const auto& objective) {
    for (const double chosen : {-1e4, 0.0, 1e4})
      for (const double rejected : {-1e4, 0.0, 1e4}) {
        INFO(name << " at " << chosen << ", " << rejected);
        const auto r = run(objective, {{chosen - 50, rejected - 60}, {-50, -60}, {20, 25}, {20, 25}});
        CHECK(std::isfinite(r.loss));
        CHECK(std::isfinite(r.reward_chosen));
        for (const double d : r.d_sums) CHECK(std::isfinite(d));
      }
  });
}

TEST_CASE("every objective hands a sum that is not finite on to the loss", "[objective][law]") {
  for_each_objective([](const char*, const char* name, const auto& objective) {
    INFO(name);
    auto broken = golden_item();
    broken.sums[0] = std::nan("");
    CHECK_FALSE(std::isfinite(run(objective, broken).loss));
  });
}

TEST_CASE("no objective falls when the chosen answer becomes less likely within the margin",
          "[objective][law]") {
  for_each_objective([](const char*, const char* name, const auto& objective) {
    if constexpr (std::is_same_v<decltype(objective), const candor::apo_down&>) return;  // it means to
    INFO(name);
    auto x = golden_item();
    x.sums[0] = -34;  // inside the margin of each
    CHECK(run(objective, x).d_sums[0] < 0);
  });
}

TEST_CASE("dpo at the reference is ln 2 with opposite derivatives", "[objective][law]") {
  for (const double beta : {0.01, 0.1, 0.5}) {
    const candor_test::item x{{-31, -77}, {-31, -77}, {20, 25}, {20, 25}};
    CHECK(run(candor::dpo{.beta = beta}, x).loss == Approx(0.6931471805599453).epsilon(1e-14));
    CHECK(run(candor::dense_dpo{.beta = beta}, x).loss == Approx(0.6931471805599453).epsilon(1e-14));
    CHECK(run(candor::dpo{.beta = beta}, x).d_sums[0] == Approx(-beta / 2));
    CHECK(run(candor::dpo{.beta = beta}, x).d_sums[1] == Approx(beta / 2));
  }
}

TEST_CASE("losses on margins do not see a shift of policy and reference together", "[objective][law]") {
  for_each_objective([](const char*, const char* name, const auto& objective) {
    using O = std::remove_cvref_t<decltype(objective)>;
    if constexpr (std::is_same_v<O, candor::dpo> || std::is_same_v<O, candor::dense_dpo> ||
                  std::is_same_v<O, candor::ipo> || std::is_same_v<O, candor::hinge>) {
      INFO(name);
      auto x = golden_item();
      for (int c = 0; c < 2; ++c) x.sums[std::size_t(c)] -= 7 + c, x.references[std::size_t(c)] -= 7 + c;
      CHECK(run(objective, x).loss == Approx(run(objective, golden_item()).loss).margin(1e-12));
    }
  });
}

TEST_CASE("swapping the answers mirrors dpo's margin", "[objective][law]") {
  const candor_test::item swapped{{-42, -30}, {-40, -33}, {25, 20}, {25, 20}};
  const auto a = run(candor::dpo{}, golden_item()), b = run(candor::dpo{}, swapped);
  CHECK(std::exp(-a.loss) + std::exp(-b.loss) == Approx(1.0).epsilon(1e-14));  // sigmoid(z) + sigmoid(-z)
}

TEST_CASE("the list of objectives names every objective header", "[objective][law]") {
  const std::set<std::string> not_objectives{"divergence.hpp", "loss_type.hpp", "objective.hpp",
                                             "objective_program.hpp", "pair.hpp"};
  std::set<std::string> found, listed;
  for (const auto& entry :
       std::filesystem::directory_iterator(candor_test::tests_folder() / "../include/candor/objective"))
    if (!not_objectives.count(entry.path().filename().string()))
      found.insert(entry.path().filename().string());
  for_each_objective([&](const char* header, const char*, const auto&) { listed.insert(header); });
  CHECK(found == listed);
}
