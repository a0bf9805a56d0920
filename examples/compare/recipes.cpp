// SPDX-License-Identifier: Apache-2.0
#include "compare/recipes.hpp"

#include <candor/core/error.hpp>

#include <algorithm>
#include <cmath>

namespace compare {
namespace {

constexpr recipe all[] = {
    {"rlhf_v", "RLHF-V", "dense DPO on segments that an annotator has corrected (arXiv 2312.00849)",
     run_rlhf_v},
    {"mdpo", "mDPO",
     "RLHF-V's pairs; the picture over a crop of it, and an anchor, beside DPO (arXiv 2406.11839)", run_mdpo},
    {"v_dpo", "V-DPO",
     "RLHF-V's pairs; DPO on what the picture adds to a blank one's likelihood (arXiv 2411.02712)",
     run_v_dpo},
    {"chip", "CHiP",
     "RLHF-V's pairs; DPO by answer, segment and token, and over a noisy picture (arXiv 2501.16629)",
     run_chip},
    {"povid_text", "POVID, text stage",
     "DPO on true captions over the same with injected lies (arXiv 2402.11411)", run_povid_text},
    {"povid", "POVID",
     "the text stage, then over what the model says of a noisy picture, as its code was released", run_povid},
    {"povid_published", "POVID, as published",
     "the same with the paper's single sigmoid, lies scored under the noisy picture", run_povid_published},
    {"rlaif_v", "RLAIF-V",
     "two rounds of DPO on the model's own verdicts about its claims (arXiv 2405.17220)", run_rlaif_v},
    {"csr", "CSR",
     "two rounds of DPO on the best and the worst answer of a search that CLIP ranks (arXiv 2405.14622)",
     run_csr},
    {"silkie", "Silkie", "DPO on all pairs of four answers that were rated (arXiv 2312.10665)", run_silkie},
    {"synth_align", "Synth-Align", "DPO on the best and the worst of eight answers (arXiv 2412.17417)",
     run_synth_align},
    {"illume", "ILLUME", "two rounds of fine-tuning on own answers that were picked (arXiv 2208.08241)",
     run_illume},
    {"aligner", "Aligner, behind the base", "a second model corrects what the base says (arXiv 2402.02416)",
     run_aligner},
    {"aligner_pairs", "Aligner's pairs", "DPO of the base on what the correction model changes",
     run_aligner_pairs},
    {"sena", "SENA",
     "DPO on own questions: described before answering over answered under noise (arXiv 2412.15650)",
     run_sena},
};

}  // namespace

std::int64_t recipe_context::scaled(std::int64_t count) const {
  return std::max<std::int64_t>(8, std::llround(static_cast<double>(count) * fraction));
}

std::span<const recipe> recipes() { return all; }

const recipe& recipe_named(std::string_view name) {
  const auto found =
      std::find_if(std::begin(all), std::end(all), [&](const recipe& r) { return r.name == name; });
  if (found != std::end(all)) return *found;
  std::string names;
  for (const auto& r : all) names += (names.empty() ? "" : ", ") + std::string(r.name);
  candor::fail<candor::usage_error>("--recipes ", name, " is unknown: use ", names, ", or all");
}

}  // namespace compare
