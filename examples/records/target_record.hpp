// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// One record in the form that it is written in.

#include <nlohmann/json.hpp>

#include "records/convert.hpp"

#include <string>
#include <vector>

namespace records {

/// A form that cannot hold a record; the text says why.
struct unsuited {
  std::string reason;
};

/// A dialog with its marks: where the texts have none, those of the images begin the first one, as the chat
/// template puts them.
std::vector<candor::turn> marked_dialog(const candor::preference_record& r, bool chosen);

/// The record as an object; `images` are the names of its pictures. Throws `unsuited`.
nlohmann::ordered_json target_record(const candor::preference_record& r, target_form to,
                                     const std::vector<std::string>& images);

}  // namespace records
