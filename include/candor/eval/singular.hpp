// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The singular of an English noun by suffix rules, as classic CHAIR needs it.

#include <candor/core/config.hpp>

#include <string>
#include <string_view>

namespace CANDOR_NS {

/// The same as `singularize` of Python's pattern.en 2.6 (De Smedt and Daelemans 2012), which CHAIR calls for
/// every word, nouns or not: "dogs" -> "dog", "people" -> "person", but also "bus" -> "bu" and "glass" ->
/// "glas". CHAIR's figures depend on such slips, so they are kept. `word` is in lower case.
std::string singular(std::string_view word);

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/eval/singular_impl.hpp>
#endif
