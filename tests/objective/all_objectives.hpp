// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Every objective of the library once or more, with the header it stands in. The laws run over this list,
/// and a test compares it with the folder, so that a new objective cannot be forgotten.

#include <candor/objective/dense_dpo.hpp>
#include <candor/objective/dpo.hpp>
#include <candor/objective/hinge.hpp>
#include <candor/objective/ipo.hpp>
#include <candor/objective/sft.hpp>

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
  f("sft.hpp", "sft per token", candor::sft{.weight = 0.5, .per_token = true});
  f("sft.hpp", "dpo with sft", candor::with_sft{candor::dpo{}, {.weight = 0.2}});
  f("sft.hpp", "hinge with sft per token",
    candor::with_sft{candor::hinge{}, {.weight = 1, .per_token = true}});
}

}  // namespace candor_test
