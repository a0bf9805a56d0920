// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A record as the model will see it: its tokens, and which of them are scored with which weight.

#include <candor/data/forest.hpp>
#include <candor/model/processor.hpp>

#include <string>
#include <vector>

namespace training {

/// A table of runs of tokens that have the same part and weight; the span of an image is one line.
///   part       tokens   weight  pieces
///   prompt       0-4         -  <s> ▁USER :
///   prompt     5-580         -  (image, 576 tokens)
///   chosen       0-9         1  ▁The ▁dog ▁is
/// `parts` names the forest's first segments.
std::string preview(const candor::processor& processor, const candor::forest& tree,
                    const std::vector<std::string>& parts);

}  // namespace training
