// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Every objective of the library once or more, with the header it stands in. The laws run over this list,
/// and a test compares it with the folder, so that a new objective cannot be forgotten.

#include <candor/objective/aot.hpp>
#include <candor/objective/apo.hpp>
#include <candor/objective/bco_pair.hpp>
#include <candor/objective/chip.hpp>
#include <candor/objective/cpo.hpp>
#include <candor/objective/dense_dpo.hpp>
#include <candor/objective/discopop.hpp>
#include <candor/objective/dpo.hpp>
#include <candor/objective/exo_pair.hpp>
#include <candor/objective/hinge.hpp>
#include <candor/objective/image_preference.hpp>
#include <candor/objective/ipo.hpp>
#include <candor/objective/kto.hpp>
#include <candor/objective/kto_pair.hpp>
#include <candor/objective/mdpo.hpp>
#include <candor/objective/nca_pair.hpp>
#include <candor/objective/opa_dpo.hpp>
#include <candor/objective/orpo.hpp>
#include <candor/objective/pairwise.hpp>
#include <candor/objective/povid.hpp>
#include <candor/objective/robust_dpo.hpp>
#include <candor/objective/sft.hpp>
#include <candor/objective/sigmoid_norm.hpp>
#include <candor/objective/simpo.hpp>
#include <candor/objective/sppo_hard.hpp>
#include <candor/objective/sym_mpo.hpp>
#include <candor/objective/v_dpo.hpp>

namespace candor_test {

/// Calls f(header, name, objective) for each.
template <class F>
void for_each_objective(F f) {
  f("dpo.hpp", "dpo", candor::dpo{.beta = 0.1});
  f("dpo.hpp", "dpo with label smoothing", candor::dpo{.beta = 0.1, .label_smoothing = 0.1});
  f("dense_dpo.hpp", "dense dpo", candor::dense_dpo{.beta = 0.5, .gamma = 5});
  f("dense_dpo.hpp", "dense dpo, normalised", candor::dense_dpo{.beta = 0.5, .gamma = 5, .normalise = true});
  f("ipo.hpp", "ipo, normalised", candor::ipo{.beta = 0.1});
  f("ipo.hpp", "ipo", candor::ipo{.beta = 0.1, .normalise = false});
  f("hinge.hpp", "hinge", candor::hinge{.beta = 0.1});
  f("sft.hpp", "sft", candor::sft{});
  f("sft.hpp", "sft per token", candor::sft{.weight = 0.5, .average = candor::sft_average::record});
  f("sft.hpp", "dpo with sft", candor::with_sft{candor::dpo{}, {.weight = 0.2}});
  f("sft.hpp", "hinge with sft per token",
    candor::with_sft{candor::hinge{}, {.weight = 1, .average = candor::sft_average::record}});
  using divergence = candor::divergence_kind;
  f("dpo.hpp", "dpo, forward KL", candor::dpo{.score = {divergence::forward_kl}});
  f("dpo.hpp", "dpo, JS", candor::dpo{.score = {divergence::js}});
  f("dpo.hpp", "dpo, alpha", candor::dpo{.score = {divergence::alpha, 0.5}});
  f("exo_pair.hpp", "exo", candor::exo_pair{});
  f("nca_pair.hpp", "nca", candor::nca_pair{});
  f("robust_dpo.hpp", "robust dpo", candor::robust_dpo{});
  f("bco_pair.hpp", "bco", candor::bco_pair{});
  f("sppo_hard.hpp", "sppo", candor::sppo_hard{});
  f("aot.hpp", "aot", candor::aot{});
  f("aot.hpp", "aot, unpaired", candor::aot_unpaired{.label_smoothing = 0.1});
  f("apo.hpp", "apo, zero", candor::apo_zero{});
  f("apo.hpp", "apo, down", candor::apo_down{});
  f("discopop.hpp", "discopop", candor::discopop{});
  f("sigmoid_norm.hpp", "sigmoid_norm", candor::sigmoid_norm{});
  f("simpo.hpp", "simpo", candor::simpo{});
  f("orpo.hpp", "orpo", candor::orpo{});
  f("cpo.hpp", "cpo", candor::cpo{});
  f("kto.hpp", "kto", candor::kto{});
  f("kto_pair.hpp", "kto on pairs", candor::kto_pair{});
  f("chip.hpp", "chip", candor::chip{});
  f("chip.hpp", "chip, summed", candor::chip{.fused = false});
  f("mdpo.hpp", "mdpo", candor::mdpo{});
  f("v_dpo.hpp", "v_dpo", candor::v_dpo{.label_smoothing = 0.1});
  f("sym_mpo.hpp", "sym_mpo", candor::sym_mpo{});
  f("sym_mpo.hpp", "S-VCO",
    candor::sym_mpo{.response_weight = 0, .consistency_weight = 0, .image_weight = 1});
  f("opa_dpo.hpp", "opa_dpo", candor::opa_dpo{});
  f("image_preference.hpp", "a loss over images",
    candor::image_preference{.type = candor::image_loss::opa_dpo});
  f("povid.hpp", "povid", candor::povid{});
  f("povid.hpp", "povid, one sigmoid",
    candor::povid{.loss = candor::povid::form::single, .score_noisy = true});
  f("povid.hpp", "povid, text alone", candor::povid{.loss = candor::povid::form::text_only});
  f("pairwise.hpp", "MPO",
    candor::pairwise{.terms = {{candor::loss_type::sigmoid, 0.8}, {candor::loss_type::bco_pair, 0.2}}});
}

}  // namespace candor_test
