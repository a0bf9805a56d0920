// SPDX-License-Identifier: Apache-2.0
// What a run's config tells apart of objectives: everything that decides the numbers, also what a pair alone
// does not show: margins, divergences, statistics of a step.
#include "support/catch.hpp"

#include <candor/objective/image_preference.hpp>
#include <candor/objective/pairwise.hpp>
#include <candor/objective/sft.hpp>
#include <candor/train/run_config.hpp>

#include <set>
#include <string>
#include <vector>

using candor::loss_type;

namespace {

template <class Objective>
std::string hash_of(const Objective& loss) {
  candor::run_config c;
  c.add_objective(loss);
  return c.hash();
}

/// All of them are different runs.
template <class Objective>
void check_apart(const std::vector<Objective>& losses) {
  std::set<std::string> hashes;
  for (const auto& loss : losses) hashes.insert(hash_of(loss));
  CHECK(hashes.size() == losses.size());
  for (const auto& loss : losses) CHECK(hash_of(loss) == hash_of(loss));
}

}  // namespace

TEST_CASE("a run's config tells pairwise losses apart by each of their options", "[train][config]") {
  const auto of = [](loss_type type) { return candor::pairwise{.terms = {{type}}}; };
  std::vector<candor::pairwise> losses;
  for (const auto& entry : candor::loss_table)
    if (entry.type != loss_type::none && entry.type != loss_type::robust) losses.push_back(of(entry.type));
  const auto change = [&](auto edit, loss_type type = loss_type::sigmoid) {
    losses.push_back(of(type));
    edit(losses.back());
  };
  change([](auto& l) { l.ld_alpha = 0.5; });
  change([](auto& l) { l.ld_alpha = 0.0; });
  change([](auto& l) { l.use_weighting = true; });
  change([](auto& l) { l.margin_weight = 0.1; });
  change([](auto& l) { l.margin_weight = 0.2; });
  change([](auto& l) { l.bco_shift = true; }, loss_type::bco_pair);
  change([](auto& l) { l.label_smoothing = 0.1; });
  change([](auto& l) { l.label_smoothing = 0.1; }, loss_type::robust);
  change([](auto& l) { l.label_smoothing = 0.1; }, loss_type::aot);
  change([](auto& l) { l.label_smoothing = 0.1; }, loss_type::aot_unpaired);
  change([](auto& l) { l.desirable_weight = 2; }, loss_type::kto);
  change([](auto& l) { l.undesirable_weight = 2; }, loss_type::kto_pair);
  change([](auto& l) { l.simpo_gamma = 2; }, loss_type::simpo);
  change([](auto& l) { l.discopop_tau = 0.1; }, loss_type::discopop);
  change([](auto& l) { l.terms[1] = {loss_type::sft, 0.5}; });
  check_apart(losses);
}

TEST_CASE("a run's config tells losses over images apart by each of their options", "[train][config]") {
  using candor::image_loss, candor::image_preference;
  std::vector<candor::with_sft<image_preference>> losses;
  const auto add = [&](image_preference loss, double sft = 0) { losses.push_back({loss, {.weight = sft}}); };
  for (const auto type :
       {image_loss::mdpo, image_loss::v_dpo, image_loss::sym_mpo, image_loss::opa_dpo, image_loss::chip})
    add({.type = type});
  for (const double alpha : {0.0, 0.2, 0.3}) add({.type = image_loss::chip, .chip = {.alpha = alpha}});
  add({.type = image_loss::chip, .chip = {.fused = false}});
  add({.type = image_loss::chip, .chip = {.gamma = 2}});
  add({.type = image_loss::mdpo, .mdpo = {.anchor_margin = 0.5}});
  add({.type = image_loss::mdpo}, 0.1);
  add({.type = image_loss::v_dpo, .v_dpo = {.gamma = 1.1}});
  add({.type = image_loss::v_dpo, .v_dpo = {.dynamic = true}});
  add({.type = image_loss::v_dpo, .v_dpo = {.ipo = true}});
  add({.type = image_loss::v_dpo, .v_dpo = {.bias_weight = 0.5}});
  add({.type = image_loss::opa_dpo, .opa_dpo = {.lower_revised_anchor = true}});
  add({.type = image_loss::sym_mpo, .sym_mpo = {.consistency_weight = 0.5}});
  check_apart(losses);
}
