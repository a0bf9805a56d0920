// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of text/english.hpp.

#include <candor/text/english.hpp>

#include <string>
#include <string_view>
#include <unordered_set>

namespace CANDOR_NS::english {
namespace detail {

using word_set = std::unordered_set<std::string_view>;

/// The words of a list that is written with spaces.
CANDOR_INLINE word_set words_of(std::string_view list) {
  word_set out;
  while (!list.empty()) {
    const auto space = list.find(' ');
    if (space != 0) out.insert(list.substr(0, space));
    list.remove_prefix(space == std::string_view::npos ? list.size() : space + 1);
  }
  return out;
}

/// Base forms of verbs that say what is seen. Left out: words that are nouns in most descriptions (wave,
/// sign, park, light, boat).
CANDOR_INLINE const word_set& verbs() {
  static const word_set set = words_of(
      "have do go wear hold stand sit lie hang show depict feature display contain include capture present "
      "portray "
      "look gaze stare smile lean run walk ride play eat drink face point wait drive fly swim jump read "
      "write watch cover reflect "
      "name lead flank surround rest cross bend give spell say sport make move grow appear seem enjoy use "
      "take "
      "reach stretch extend fill pose carry pull push kick throw catch hit swing serve cut cook prepare "
      "pour talk speak listen sing dance perform sleep kneel crouch climb fall float sail surf skate "
      "travel head approach follow lay set place come turn open close keep leave get feed pet "
      "graze roam perch overlook connect separate dominate complement suggest indicate add create provide "
      "consist belong remain continue start begin try want need work touch raise lift wrap hug kiss shake "
      "share "
      "gather line adorn decorate describe roll bloom shine glow sparkle burn melt drip slope lurk "
      "blend contrast match balance hover land tower loom protrude emerge peek peer glance laugh cry scream "
      "yawn bark lick chew bite sniff chase");
  return set;
}

/// What stays when an ending is taken off: "carries" -> "carry", "reaches" -> "reach", "holds" -> "hold".
CANDOR_INLINE std::string without_s(std::string_view w) {
  if (w == "has") return "have";
  if (w == "does") return "do";
  if (w == "goes") return "go";
  if (w.size() > 4 && w.ends_with("ies") && verbs().contains(std::string(w.substr(0, w.size() - 3)) + "y"))
    return std::string(w.substr(0, w.size() - 3)) + "y";
  if (w.size() > 3 && w.ends_with("es") && verbs().contains(w.substr(0, w.size() - 2)))
    return std::string(w.substr(0, w.size() - 2));
  if (w.size() > 2 && w.ends_with("s")) return std::string(w.substr(0, w.size() - 1));
  return std::string(w);
}

}  // namespace detail

CANDOR_INLINE bool is_determiner(std::string_view w) {
  static const auto set = detail::words_of(
      "a an the this that these those his her its their my our your some any no each every another both all "
      "many "
      "several few most more other various numerous multiple one two three four five six seven eight nine "
      "ten eleven twelve "
      "dozen dozens lots plenty only what which");
  return set.contains(w) || (!w.empty() && w[0] >= '0' && w[0] <= '9');
}

CANDOR_INLINE bool is_preposition(std::string_view w) {
  static const auto set = detail::words_of(
      "in on at of with by for from to into onto over under above below behind beside besides between among "
      "around "
      "across along near next inside outside through against toward towards beneath underneath atop within "
      "without "
      "beyond off upon amid amidst during before after as like down up out about closest close opposite "
      "alongside throughout via");
  return set.contains(w);
}

CANDOR_INLINE bool is_pronoun(std::string_view w) {
  static const auto set =
      detail::words_of("he she it they we you i there one others this that these those who everyone someone");
  return set.contains(w);
}

CANDOR_INLINE bool is_adjective(std::string_view w) {
  static const auto set = detail::words_of(
      "red green blue yellow purple white black orange pink brown grey gray beige tan golden gold silver "
      "cream turquoise teal "
      "maroon navy violet cyan magenta dark light bright pale deep vivid colourful colorful "
      "large small big little tiny huge tall short long wide narrow thick thin high low giant massive "
      "round square rectangular oval circular curved flat straight empty full open closed old young new "
      "modern "
      "antique vintage wooden metal metallic plastic concrete brick stone leather woolen "
      "plain striped checkered patterned shiny fluffy furry soft hard smooth rough clean dirty wet dry cold "
      "hot warm cool "
      "sunny cloudy rainy snowy sandy grassy rocky leafy lush busy quiet calm cozy cosy bare clear beautiful "
      "lovely delicious fresh juicy ripe sliced shredded mixed assorted single different same similar "
      "close-up "
      "happy sad serious casual formal elegant professional blond blonde brunette curly good great nice oozy "
      "wavy swirling gloomy");
  return set.contains(w);
}

CANDOR_INLINE bool is_auxiliary(std::string_view w) {
  static const auto set =
      detail::words_of("is are was were can could may might must will would should isn't aren't");
  return set.contains(w);
}

CANDOR_INLINE bool is_participle(std::string_view w) {
  static const auto set = detail::words_of(
      "seen made worn held shown hung set built drawn written known taken cut lit laid put painted worn "
      "flown ridden "
      "driven eaten broken spread sewn woven been spelt");
  static const auto nouns = detail::words_of("red bed shed weed seed feed speed reed breed steed sled");
  return set.contains(w) ||
         (w.size() > 4 && w.ends_with("ed") && !nouns.contains(w) && w != "hundred" && !is_adjective(w));
}

CANDOR_INLINE bool is_ing_form(std::string_view w) {
  static const auto nouns = detail::words_of(
      "building ring king wing string spring ceiling clothing wedding painting drawing morning evening "
      "railing "
      "something anything everything nothing during string pudding icing lightning shelving bedding awning "
      "parking "
      "crossing being swirling living dining writing string topping dressing stuffing setting filling "
      "lighting seating thing surfing sibling duckling");
  return w.size() > 4 && w.ends_with("ing") && !nouns.contains(w);
}

CANDOR_INLINE bool is_plural(std::string_view w) {
  static const auto irregular = detail::words_of(
      "people men women children sheep feet teeth geese mice fish policemen firemen fishermen snowmen others "
      "adults");
  static const auto singular = detail::words_of(
      "bus gas lens glass dress grass class mass canvas christmas tennis cactus "
      "octopus walrus hippopotamus campus circus its this is was has as gas chess news species yes atlas "
      "iris us");
  if (irregular.contains(w)) return w != "fish" && w != "sheep";
  return w.size() > 2 && w.ends_with("s") && !w.ends_with("ss") && !w.ends_with("'s") &&
         !singular.contains(w);
}

CANDOR_INLINE bool is_singular_verb(std::string_view w) {
  if (w == "is" || w == "was" || w == "can" || w == "isn't" || w == "will") return true;
  if (w == "sat" || w == "stood" || w == "wore" || w == "held" || w == "had") return true;
  return w.ends_with("s") && !w.ends_with("ss") && detail::verbs().contains(detail::without_s(w));
}

CANDOR_INLINE bool is_plural_verb(std::string_view w) {
  if (w == "are" || w == "were" || w == "can" || w == "aren't" || w == "will") return true;
  if (w == "sat" || w == "stood" || w == "wore" || w == "held" || w == "had") return true;
  return detail::verbs().contains(w);
}

CANDOR_INLINE std::string base_form(std::string_view w) {
  if (w == "sat") return "sit";
  if (w == "stood") return "stand";
  if (w == "wore") return "wear";
  if (w == "held") return "hold";
  if (w == "had") return "have";
  return is_singular_verb(w) ? detail::without_s(w) : std::string(w);
}

}  // namespace CANDOR_NS::english
