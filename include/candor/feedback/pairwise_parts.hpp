// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Two answers cut into parts that belong together, so that a judge can read them in turns (PORTIA, arXiv
/// 2310.01432). Cuts are at ends of sentences; the parts of an answer, one after the other, are the answer.

#include <candor/core/config.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace CANDOR_NS {

struct aligned_parts {
  std::vector<std::string> first, second;  ///< the same number of parts, none empty
};

/// Each answer in `parts` parts of about the same length: cut i of n is the end of a sentence that is nearest
/// to i / n of its bytes. As many parts as the shorter answer has sentences where these are fewer.
aligned_parts parts_by_length(std::string_view first, std::string_view second, int parts);

/// The cuts for which parts say the same: those that maximise the sum over parts of
///     2 |A_i and B_i| / (|A_i| + |B_i|)          words in lower case, as often as they occur
/// over all ways to cut both answers. Of an answer of more than 32 sentences, neighbours are taken together.
aligned_parts parts_by_words(std::string_view first, std::string_view second, int parts);

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/feedback/pairwise_parts_impl.hpp>
#endif
