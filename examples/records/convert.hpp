// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Preference records from one form of the field into another, and what that costs: what is written is read
/// back and compared.

#include <candor/data/preference_data.hpp>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

namespace records {

enum class target_form : std::uint8_t {
  rlhf_v,         ///< JSON lines {"idx", "image", "question", "chosen", "rejected"}
  trl,            ///< JSON lines with messages
  povid,          ///< a JSON list with conversations and rejected_conversations
  llava,          ///< a JSON list with conversations, for fine-tuning: the chosen answers alone
  llava_rlhf,     ///< a JSON list with conversations, output_1, which is preferred, and output_2
  llama_factory,  ///< a JSON list as its sharegpt format, `ranking` true
  ms_swift        ///< JSON lines with messages and rejected_response
};

/// rlhf-v, trl, povid, llava, llava-rlhf, llama-factory or ms-swift; usage_error for other names.
/// (VLFeedback's records have a rating of each aspect of each answer, of which a pair keeps a difference of
/// means alone.)
target_form target_form_from(std::string_view name);

struct conversion_options {
  target_form to = target_form::rlhf_v;
  std::filesystem::path output;
  std::filesystem::path images;  ///< folder that image names start from
  std::filesystem::path
      save_images;  ///< folder that all pictures are written to; empty: they stay where they are
};

struct conversion {
  std::int64_t written = 0;
  std::map<std::string, std::int64_t> left_out;  ///< how many records the form cannot hold, by the reason
  std::map<std::string, std::int64_t>
      changed;  ///< how many records came back with another "id", "images", ...
};

/// Writes the file whole or not at all. `source` are the options that the data was opened with. usage_error
/// where pictures lie inside of the records and no folder is given for them; input_error where the form can
/// hold none of the records.
conversion convert(const candor::preference_data& data, const candor::data_options& source,
                   const conversion_options& options);

}  // namespace records
