// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Classes of English words by short lists and endings, as far as descriptions of pictures need them. All
/// words are given in lower case.

#include <candor/core/config.hpp>

#include <string>
#include <string_view>

namespace CANDOR_NS::english {

bool is_determiner(std::string_view word);   ///< a, the, his, several, two, 12, another, ...
bool is_preposition(std::string_view word);  ///< in, on, next, behind, ...
bool is_pronoun(std::string_view word);      ///< as a subject: he, it, there, one, others, ...
bool is_adjective(std::string_view word);    ///< colours, sizes, shapes, materials and the like
bool is_auxiliary(
    std::string_view word);  ///< is, are, was, were, can, ...: what moves to the front of a question
bool is_participle(std::string_view word);  ///< parked, seen, made, ...
bool is_ing_form(std::string_view word);    ///< sitting, holding; not "building", "ring"
bool is_plural(std::string_view noun);      ///< dogs, people; not "glass", "bus"

/// Whether the word can be a finite verb in the third person singular ("wears", "has") or plural ("wear").
bool is_singular_verb(std::string_view word);
bool is_plural_verb(std::string_view word);

/// "wear" of "wears", "carry" of "carries", "have" of "has"; a word that is no known verb comes back as it
/// is.
std::string base_form(std::string_view verb);

}  // namespace CANDOR_NS::english

#if CANDOR_DEFINES
#include <candor/text/english_impl.hpp>
#endif
