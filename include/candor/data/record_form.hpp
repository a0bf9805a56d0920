// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The forms that the field gives its records. A form is known by the keys that a record has, never by the
/// name of its file, and one file may mix them.

#include <candor/core/config.hpp>

#include <cstdint>
#include <string_view>

namespace CANDOR_NS {

enum class record_form : std::uint8_t {
  rlhf_v,         ///< question, chosen, rejected: RLHF-V's and RLAIF-V's texts
  packed_rlhf_v,  ///< the same in one JSON text under `text`: RLHF-V's parquet file
  trl,            ///< prompt, chosen, rejected as texts or messages; messages may lack the prompt
  povid,          ///< conversations, rejected_conversations (V-DPO: contrastive_conversations)
  llava_rlhf,     ///< conversations, output_1, output_2, preference 1 or 2
  llama_factory,  ///< conversations or messages, or instruction and input, with chosen and rejected
  ms_swift,       ///< messages, or query and response, with rejected_response; or rejected_messages
  vlfeedback,     ///< prompt, completions with responses and annotations: several pairs a record
  v_dpo,          ///< two images for one text: the answer is preferred under the first
  llava,          ///< conversations, for fine-tuning
  messages,       ///< messages, for fine-tuning
  answer          ///< question, prompt, instruction or query with one answer, for fine-tuning
};

/// "RLHF-V", "RLHF-V's packed texts", "TRL", ...
std::string_view name_of(record_form form);

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/data/record_form_impl.hpp>
#endif
