// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Samples of preference records as one HTML file for a browser without network: pictures, both answers with
/// what differs marked, and which tokens a training would score with which weight.

#include <candor/data/preference_data.hpp>
#include <candor/model/processor.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace records {

struct page_options {
  std::int64_t samples = 24;  ///< spread over the file
  int thumbnail = 224;        ///< pixels of a picture's longer side, at most
  double gamma = 1.0;         ///< weight of changed tokens, as dense DPO has it; 1: all weigh the same
};

/// `numbers` stand at the head of the page. Tokens are shown where there is a processor. A picture that
/// cannot be decoded, and a record that is too long, are told in their places.
std::string page_html(const candor::preference_data& data, std::string_view numbers,
                      const candor::processor* processor, const page_options& options = {});

/// The texts of two answers in HTML, escaped, with the words of each that the other does not have marked.
struct marked_texts {
  std::string chosen, rejected;
};
marked_texts mark_differences(std::string_view chosen, std::string_view rejected);

}  // namespace records
