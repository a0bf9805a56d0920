// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of singular.hpp: rules and exceptions as pattern.en has them, in its order.

#include <candor/eval/singular.hpp>

#include <array>
#include <utility>

namespace CANDOR_NS {
namespace detail {

using word_pair = std::pair<std::string_view, std::string_view>;

/// A word that one of these ends with stays as it is; "ears" is left alone because of "shears".
inline constexpr std::array unchanged_words = std::to_array<std::string_view>(
    {"bison",         "debris",   "headquarters", "pincers",  "trout",       "bream",       "diabetes",
     "herpes",        "pliers",   "tuna",         "breeches", "djinn",       "high-jinks",  "proceedings",
     "whiting",       "britches", "eland",        "homework", "rabies",      "wildebeest",  "carp",
     "elk",           "innings",  "salmon",       "chassis",  "flounder",    "jackanapes",  "scissors",
     "christmas",     "gallows",  "mackerel",     "series",   "clippers",    "georgia",     "measles",
     "shears",        "cod",      "graffiti",     "mews",     "species",     "contretemps", "mumps",
     "swine",         "corps",    "news",         "swiss",    "advice",      "equipment",   "happiness",
     "luggage",       "software", "bread",        "fruit",    "information", "mathematics", "progress",
     "understanding", "butter",   "furniture",    "ketchup",  "mayonnaise",  "research",    "water",
     "cheese",        "garbage",  "knowledge",    "meat",     "rice",        "electricity", "gravel",
     "love",          "mustard",  "sand"});

/// A word that ends with one of these and an s stays as it is, too.
inline constexpr std::array words_in_ie = std::to_array<std::string_view>(
    {"alergie", "cutie",   "hoagie",  "newbie",  "softie",  "veggie",  "auntie", "doggie",   "hottie",
     "nightie", "sortie",  "weenie",  "beanie",  "eyrie",   "indie",   "oldie",  "stoolie",  "yuppie",
     "birdie",  "freebie", "junkie",  "sweetie", "zombie",  "bogie",   "goonie", "laddie",   "pixie",
     "techie",  "bombie",  "groupie", "laramie", "quickie", "collie",  "hankie", "lingerie", "reverie",
     "toughie", "cookie",  "hippie",  "meanie",  "rookie",  "valkyrie"});

inline constexpr std::array irregular_endings =
    std::to_array<word_pair>({{"atlantes", "atlas"}, {"atlases", "atlas"},    {"axes", "axe"},
                              {"beeves", "beef"},    {"brethren", "brother"}, {"children", "child"},
                              {"corpora", "corpus"}, {"corpuses", "corpus"},  {"ephemerides", "ephemeris"},
                              {"feet", "foot"},      {"ganglia", "ganglion"}, {"geese", "goose"},
                              {"genera", "genus"},   {"genii", "genie"},      {"graffiti", "graffito"},
                              {"helves", "helve"},   {"kine", "cow"},         {"leaves", "leaf"},
                              {"loaves", "loaf"},    {"men", "man"},          {"mongooses", "mongoose"},
                              {"monies", "money"},   {"moves", "move"},       {"mythoi", "mythos"},
                              {"numena", "numen"},   {"occipita", "occiput"}, {"octopodes", "octopus"},
                              {"opera", "opus"},     {"opuses", "opus"},      {"our", "my"},
                              {"oxen", "ox"},        {"penes", "penis"},      {"penises", "penis"},
                              {"people", "person"},  {"sexes", "sex"},        {"soliloquies", "soliloquy"},
                              {"teeth", "tooth"},    {"testes", "testis"},    {"trilbys", "trilby"},
                              {"turves", "turf"},    {"zoa", "zoon"}});

/// An ending, what it becomes, and of which characters one must stand before it: empty for none, "*" for
/// any, "^..." for any other than these.
struct singular_rule {
  std::string_view ending, becomes, before;
};

inline constexpr std::array singular_rules = std::to_array<singular_rule>({{"ae", "a", "*"},
                                                                           {"itis", "itis", "*"},
                                                                           {"eaux", "eau", "*"},
                                                                           {"quizzes", "quiz", ""},
                                                                           {"matrices", "matrix", ""},
                                                                           {"apices", "apex", ""},
                                                                           {"vertices", "vertex", ""},
                                                                           {"indices", "index", ""},
                                                                           {"aliases", "alias", ""},
                                                                           {"statuses", "status", ""},
                                                                           {"i", "us", "octp|vir"},
                                                                           {"crises", "crisis", ""},
                                                                           {"axes", "axis", ""},
                                                                           {"testes", "testis", ""},
                                                                           {"shoes", "shoe", ""},
                                                                           {"oes", "o", ""},
                                                                           {"buses", "bus", ""},
                                                                           {"ice", "ouse", "m|l"},
                                                                           {"xes", "x", ""},
                                                                           {"ches", "ch", ""},
                                                                           {"sses", "ss", ""},
                                                                           {"shes", "sh", ""},
                                                                           {"movies", "movie", ""},
                                                                           {"ombies", "ombie", "*"},
                                                                           {"series", "series", ""},
                                                                           {"ies", "y", "^aeiouy"},
                                                                           {"quies", "quy", ""},
                                                                           {"lves", "lf", "aeo"},
                                                                           {"eaves", "eaf", "^d"},
                                                                           {"arves", "arf", ""},
                                                                           {"erves", "erve", ""},
                                                                           {"ives", "ife", "nlw"},
                                                                           {"ves", "f", "lr"},
                                                                           {"ves", "ve", "aeo"},
                                                                           {"sives", "sive", ""},
                                                                           {"tives", "tive", ""},
                                                                           {"hives", "hive", ""},
                                                                           {"ves", "fe", "^f"},
                                                                           {"analyses", "analyasis", "*"},
                                                                           {"analyses", "analysis", ""},
                                                                           {"bases", "basis", ""},
                                                                           {"diagnoses", "diagnosis", ""},
                                                                           {"parentheses", "parenthesis", ""},
                                                                           {"prognoses", "prognosis", ""},
                                                                           {"synopses", "synopsis", ""},
                                                                           {"theses", "thesis", ""},
                                                                           {"opses", "opsis", "*"},
                                                                           {"yses", "ysis", "*"},
                                                                           {"hoses", "hose", ""},
                                                                           {"doses", "dose", ""},
                                                                           {"roses", "rose", ""},
                                                                           {"ooses", "oose", ""},
                                                                           {"noses", "nose", ""},
                                                                           {"boses", "bose", ""},
                                                                           {"closes", "close", ""},
                                                                           {"poses", "pose", ""},
                                                                           {"oses", "osis", "*"},
                                                                           {"a", "um", "ti"},
                                                                           {"news", "news", ""},
                                                                           {"s", "", ""}});

/// "mothers-in-law": the first part is the noun where one of these follows.
inline constexpr std::array prepositions = std::to_array<std::string_view>(
    {"about",  "above",   "across", "after",   "among",   "around",  "at",     "athwart", "before", "behind",
     "below",  "beneath", "beside", "besides", "between", "betwixt", "beyond", "but",     "by",     "during",
     "except", "for",     "from",   "in",      "into",    "near",    "of",     "off",     "on",     "onto",
     "out",    "over",    "since",  "till",    "to",      "under",   "until",  "unto",    "upon",   "with"});

CANDOR_INLINE bool stands_before(const singular_rule& rule, std::string_view head) {
  if (rule.before.empty()) return true;
  if (head.empty()) return false;
  if (rule.before == "*") return true;
  const bool listed = rule.before.find(head.back()) != std::string_view::npos;
  return rule.before.starts_with('^') ? !listed : listed;
}

}  // namespace detail

CANDOR_INLINE std::string singular(std::string_view word) {
  const auto with_ending = [&](std::string_view ending, std::string_view becomes) {
    return std::string(word.substr(0, word.size() - ending.size())) + std::string(becomes);
  };
  if (const std::size_t hyphen = word.find('-'); hyphen != word.npos) {
    const auto rest = word.substr(hyphen + 1);
    const auto second = rest.substr(0, rest.find('-'));
    for (const auto& preposition : detail::prepositions)
      if (second == preposition) return singular(word.substr(0, hyphen)) + std::string(word.substr(hyphen));
  }
  if (word.ends_with('\'')) return singular(word.substr(0, word.size() - 1)) + "'s";
  for (const auto& whole : detail::unchanged_words)
    if (whole.ends_with(word)) return std::string(word);
  for (const auto& ie : detail::words_in_ie)
    if (word.ends_with('s') && word.substr(0, word.size() - 1).ends_with(ie)) return std::string(word);
  for (const auto& [ending, becomes] : detail::irregular_endings)
    if (word.ends_with(ending)) return with_ending(ending, becomes);
  for (const auto& rule : detail::singular_rules)
    if (word.ends_with(rule.ending) &&
        detail::stands_before(rule, word.substr(0, word.size() - rule.ending.size())))
      return with_ending(rule.ending, rule.becomes);
  return std::string(word);
}

}  // namespace CANDOR_NS
