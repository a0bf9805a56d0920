// SPDX-License-Identifier: Apache-2.0
// The losses over several images: against PyTorch's autograd on the papers' formulas
// (golden/make_image_losses.py), mDPO's gradient facts, and what is computed for which options.
#include "objective/support.hpp"

#include <candor/io/safetensors.hpp>
#include <candor/objective/image_preference.hpp>

#include <cmath>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

using namespace candor_test;

namespace {

/// Losses and gradients of the objective on all golden items, and those of the same loss chosen at run time.
template <class O>
void check_golden(const candor::safetensors_file& file, const std::string& name, const O& objective,
                  const candor::image_preference& chosen) {
  INFO(name);
  const auto read = [&](const std::string& key) { return file.read_as<double>(*file.find(key)); };
  const auto sums = read("sums"), references = read("references"), losses = read(name + "/loss"),
             gradients = read(name + "/gradient");
  const auto places = candor::places_of(objective);
  REQUIRE(losses.size() == 40);
  for (std::size_t i = 0; i < losses.size(); ++i) {
    item x;
    for (std::size_t c = 0; c < 5; ++c) {
      const bool scored = c < places.size() && places[c].used() && places[c].policy;
      x.sums.push_back(scored ? sums[5 * i + c] : 0);
      x.references.push_back(references[5 * i + c]);
      x.tokens.push_back(c == 1 || c == 3 ? 25 : 20);  // the rejected answer is longer
      x.weights.push_back(20);
    }
    for (const auto& r : {run(objective, x), run(chosen, x)}) {
      CHECK(r.loss == Approx(losses[i]).epsilon(1e-12));
      for (std::size_t c = 0; c < r.d_sums.size(); ++c)
        CHECK(r.d_sums[c] == Approx(gradients[5 * i + c]).epsilon(1e-9).margin(1e-14));
    }
    CHECK(run(chosen, x).reward_chosen == Approx(run(objective, x).reward_chosen).epsilon(1e-14));
  }
}

}  // namespace

TEST_CASE("the losses over images are their papers' formulas", "[objective][images]") {
  using candor::image_loss;
  const candor::safetensors_file file(candor_test::tests_folder() /
                                      "objective/golden/image_losses.safetensors");
  const auto mdpo = [&](const char* name, const candor::mdpo& o) {
    check_golden(file, name, o, {.type = image_loss::mdpo, .mdpo = o});
  };
  mdpo("mdpo", {});
  mdpo("mdpo, other options",
       {.beta = 0.3, .conditional_weight = 0.7, .anchor_weight = 0.5, .anchor_margin = 0.4});
  const auto v_dpo = [&](const char* name, const candor::v_dpo& o) {
    check_golden(file, name, o, {.type = image_loss::v_dpo, .v_dpo = o});
  };
  v_dpo("v_dpo", {});
  v_dpo("v_dpo, dynamic", {.gamma = 1.2, .label_smoothing = 0.1, .dynamic = true});
  v_dpo("v_dpo, bias", {.label_smoothing = 0.1, .bias_weight = 0.6});
  v_dpo("v_dpo, ipo", {.ipo = true});
  v_dpo("v_dpo, ipo, dynamic", {.gamma = 1.2, .dynamic = true, .ipo = true});
  v_dpo("v_dpo, gamma 1", {.gamma = 1});
  v_dpo("v_dpo, image contrast", {.image_contrast = true});
  v_dpo("v_dpo, image contrast, bias", {.label_smoothing = 0.1, .bias_weight = 0.6, .image_contrast = true});
  const auto sym_mpo = [&](const char* name, const candor::sym_mpo& o) {
    check_golden(file, name, o, {.type = image_loss::sym_mpo, .sym_mpo = o});
  };
  sym_mpo("sym_mpo", {});
  sym_mpo("s_vco", {.response_weight = 0.5, .consistency_weight = 0, .image_weight = 1});
  const auto opa_dpo = [&](const char* name, const candor::opa_dpo& o) {
    check_golden(file, name, o, {.type = image_loss::opa_dpo, .opa_dpo = o});
  };
  opa_dpo("opa_dpo", {});
  opa_dpo("opa_dpo, released anchor", {.lower_revised_anchor = true});
}

TEST_CASE("mDPO pulls each cell with the share of its terms", "[objective][images]") {
  const item x{{-30, -42, -45}, {-33, -40, -44}, {20, 25, 20}, {20, 25, 20}};  // a = 3, c = -2, a~ = -1
  const auto r = run(candor::mdpo{}, x);
  CHECK(std::abs(r.loss - 1.541447) < 1e-6);
  const auto sigmoid = [](double z) { return 1 / (1 + std::exp(-z)); };
  const double u = sigmoid(-0.5), p = sigmoid(-0.4), q = sigmoid(-0.3);
  CHECK(r.d_sums[0] == Approx(-0.1 * (u + p + q)).epsilon(1e-12));
  CHECK(r.d_sums[1] == Approx(0.1 * u).epsilon(1e-12));
  CHECK(r.d_sums[2] == Approx(0.1 * p).epsilon(1e-12));
}

TEST_CASE("V-DPO computes what its options read and no more", "[objective][images]") {
  const auto used = [](const candor::v_dpo& o) {
    std::string out;
    for (const auto& p : candor::places_of(o)) out += !p.used() ? '-' : p.policy ? 'p' : 'r';
    return out;
  };
  CHECK(used({}) == "pprr");
  CHECK(used({.dynamic = true}) == "pppp");
  CHECK(used({.gamma = 1}) == "pp--");
  CHECK(used({.bias_weight = 1}) == "pppr");
  CHECK(used({.gamma = 1, .bias_weight = 1}) == "ppp-");
  CHECK(used({.image_contrast = true}) == "pp--");
  CHECK(used({.dynamic = true, .bias_weight = 1, .image_contrast = true}) == "ppp-");
  const auto contrast = candor::places_of(candor::v_dpo{.image_contrast = true});
  CHECK(contrast[1].branch == 0);
  CHECK(contrast[1].image == "other");
  CHECK(candor::imageless_cell(contrast) == 1);
  CHECK(candor::imageless_cell(candor::places_of(candor::v_dpo{})) == -1);
  CHECK(candor::imageless_cell(candor::places_of(candor::v_dpo{.bias_weight = 1})) == 2);
  CHECK(candor::imageless_cell(candor::places_of(candor::mdpo{})) == 2);
}

TEST_CASE("a loss chosen at run time uses the cells of that loss", "[objective][images]") {
  for (const auto type : {candor::image_loss::mdpo, candor::image_loss::v_dpo, candor::image_loss::sym_mpo,
                          candor::image_loss::opa_dpo}) {
    CHECK(candor::image_loss_named(candor::name_of(type)) == type);
    std::size_t used = 0;
    for (const auto& p : candor::places_of(candor::image_preference{.type = type})) used += p.used();
    CHECK(used == (type == candor::image_loss::mdpo ? 3 : type == candor::image_loss::opa_dpo ? 5 : 4));
  }
  CHECK_FALSE(candor::image_loss_named("dpo").has_value());
}
