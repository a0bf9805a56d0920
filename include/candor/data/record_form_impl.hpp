// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of record_form.hpp.

#include <candor/data/record_form.hpp>

namespace CANDOR_NS {

CANDOR_INLINE std::string_view name_of(record_form form) {
  switch (form) {
    case record_form::rlhf_v: return "RLHF-V";
    case record_form::packed_rlhf_v: return "RLHF-V, texts packed as JSON";
    case record_form::trl: return "TRL";
    case record_form::povid: return "POVID";
    case record_form::llava_rlhf: return "LLaVA-RLHF";
    case record_form::llama_factory: return "LLaMA-Factory";
    case record_form::ms_swift: return "ms-swift";
    case record_form::vlfeedback: return "VLFeedback";
    case record_form::v_dpo: return "V-DPO, two images for one text";
    case record_form::llava: return "LLaVA";
    case record_form::messages: return "messages";
    case record_form::answer: return "question and answer";
  }
  return "unknown";
}

}  // namespace CANDOR_NS
