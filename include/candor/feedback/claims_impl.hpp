// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of feedback/claims.hpp.

#include <candor/feedback/claims.hpp>
#include <candor/feedback/clauses_impl.hpp>

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace CANDOR_NS {
namespace detail {

/// What pronouns stand for: the person or animal, the thing and the several that were named last.
class topics {
 public:
  void name(words_view noun) {
    if (noun.empty() || (noun.size() > 1 && noun[1].lower == "of")) return;
    const auto bare = bare_noun(noun, 0, noun.size());
    if (bare.empty()) return;
    (names_several(noun) ? several_ : is_living(bare) ? living_ : thing_) = "the " + small_first(bare);
  }
  /// "the man" for "he", or the pronoun where nothing was named.
  std::string named_by(const std::string& pronoun) const {
    const std::string& named = pronoun == "they"                    ? several_
                               : pronoun == "it" && !thing_.empty() ? thing_
                                                                    : living_;
    return named.empty() ? pronoun : named;
  }

 private:
  static bool is_living(words_view noun) {
    return any_of(
        noun.back().lower,
        {"man",         "woman",   "boy",  "girl",  "person", "child", "kid",    "lady",    "guy",
         "gentleman",   "player",  "baby", "rider", "surfer", "skier", "worker", "chef",    "skateboarder",
         "snowboarder", "toddler", "dog",  "cat",   "horse",  "bird",  "bear",   "elephant"});
  }
  std::string living_, thing_, several_;
};

/// Divides the clauses of an answer, one after the other.
class claim_writer {
 public:
  void sentence(std::string_view text) {
    words_ = split_words(text);
    while (!words_.empty() && words_.back().mark) words_.pop_back();
    if (words_.size() > 2 && words_[1].text == "," && any_of(words_[0].lower, {"yes", "no", "well", "sure"}))
      words_.erase(words_.begin(), words_.begin() + 2);
    for (const auto clause : split_clauses(words_)) divide(clause);
  }
  std::vector<std::string> take() { return std::move(claims_); }

 private:
  /// What follows a place where a clause is cut: "and a cat", "including a cat", "and sleeps", ", sleeping",
  /// ", on a bed", "with a tail".
  enum class part { none, item, example, predicate, participle, place, attribute };

  void add(std::string claim) {
    while (!claim.empty() && (claim.back() == ',' || claim.back() == ' ')) claim.pop_back();
    if (!claim.empty()) claims_.push_back(capitalised(std::move(claim)) + ".");
  }
  /// "There is a dog", with an article where the words have none.
  std::string there_is(words_view noun, bool article_too) const {
    const bool several = names_several(noun);
    return std::string(several ? "There are " : "There is ") +
           (article_too && !several && !is_possessive(noun.front().lower) ? article(noun.front().text) + " "
                                                                          : "") +
           small_first(noun);
  }

  void divide(words_view w) {
    if (w.empty()) return;
    parts_ = parse_clause(w);
    if (parts_.verb == no_word) return divide_phrase(w);
    several_ =
        english::is_plural_verb(w[parts_.verb].lower) && !english::is_singular_verb(w[parts_.verb].lower);
    std::string lead = name_subject(w);
    cut(w, parts_.object, std::move(lead), parts_.verb);
  }

  /// A clause without a verb: "two dogs and a cat on a sofa".
  void divide_phrase(words_view w) {
    parts_.there = true;
    several_ = names_several(w);
    subject_.clear();
    cut(w, 0, {}, 0);
  }

  /// Sets what stands for the subject in later claims, and gives the words before the verb in the first one.
  std::string name_subject(words_view w) {
    about_picture_ = false;
    const auto front = w.first(parts_.subject);
    if (parts_.there || parts_.inverted) {
      subject_.clear();
      topics_.name(w.subspan(parts_.object));
      return join(w.first(parts_.verb));
    }
    const auto whole = w.subspan(parts_.subject, parts_.verb - parts_.subject);
    const std::string place = front.empty() ? "" : join(front) + " ";
    if (whole.size() == 1 && any_of(whole[0].lower, {"he", "she", "they", "it"})) {
      subject_ = topics_.named_by(whole[0].lower);
      return place + (subject_ == whole[0].lower ? join(whole) : subject_);
    }
    // Two subjects share a plural verb; the second one is a claim by itself.
    if (several_)
      for (std::size_t i = 1; i + 1 < whole.size(); ++i)
        if (whole[i].lower == "and" && english::is_determiner(whole[i + 1].lower) &&
            !std::any_of(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(i),
                         [](const word_token& t) { return t.lower == "of" || t.lower == "with"; })) {
          add(there_is(whole.subspan(i + 1), false));
          subject_ = "they";
          return place + small_first(whole.first(i));
        }
    subject_ = short_subject(whole);
    about_picture_ = is_the_picture(whole) && tells_contents(w[parts_.verb].lower);
    if (about_picture_)
      topics_.name(w.subspan(parts_.object));
    else
      topics_.name(whole);
    const std::size_t core = noun_phrase_end(whole, 0, whole.size());
    const bool hung = core + 1 < whole.size() &&
                      any_of(whole[0].lower, {"a", "an", "one", "two", "three", "several"}) &&
                      (any_of(whole[core].lower, {"with", "who"}) || english::is_ing_form(whole[core].lower));
    if (!hung) return place + small_first(whole);
    add(there_is(whole, false));
    return place + subject_;
  }

  /// "the dog" of "a brown dog with a collar"; "the girl on the right" stays as it is.
  static std::string short_subject(words_view whole) {
    if (is_possessive(whole[0].lower) || (whole.size() > 1 && whole[1].lower == "of"))
      return small_first(whole.first(noun_phrase_end(whole, 0, whole.size())));
    if (whole[0].lower == "the") {
      const std::size_t core = noun_phrase_end(whole, 0, whole.size());
      if (core < whole.size() && english::is_preposition(whole[core].lower) && whole[core].lower != "with")
        return "the " + join({bare_noun(whole, 0, whole.size()).data(), whole.data() + whole.size()});
    }
    return "the " + small_first(bare_noun(whole, 0, whole.size()));
  }

  part kind_of(words_view w, std::size_t at, std::size_t next, bool comma) const {
    if (next >= w.size()) return part::none;
    const auto& word = w[next].lower;
    if (!comma && word == "with") return part::none;
    if (w[next].mark || is_relative_at(w, next + 1)) return part::none;  // ", of which"
    const bool verb = several_ ? english::is_plural_verb(word) : english::is_singular_verb(word);
    if (verb && !subject_.empty() && next + 1 < w.size() && !w[next + 1].mark &&
        !english::is_adjective(w[at - 1].lower))
      return part::predicate;
    if (any_of(word, {"including", "featuring"})) return part::example;
    if (english::is_ing_form(word)) return subject_.empty() ? part::none : part::participle;
    if (word == "with") return comma && about_picture_ ? part::example : part::attribute;
    if (english::is_preposition(word))
      return next + 1 < w.size() && placed_ && !subject_.empty() ? part::place : part::none;
    if (english::is_participle(word) && !english::is_plural(w[w.size() - 1].lower) && comma)
      return part::none;
    return is_item(w, at, next, comma) ? part::item : part::none;
  }

  /// Whether a noun phrase of its own begins at `next`; adjectives that are joined are none.
  bool is_item(words_view w, std::size_t at, std::size_t next, bool comma) const {
    std::size_t i = next;
    if (is_adverb(w[i].lower)) return false;
    const bool determined = english::is_determiner(w[i].lower);
    if (determined) ++i;
    if (i < w.size() && english::is_preposition(w[i].lower)) return false;  // "all in bright light"
    if (!determined && english::is_adjective(w[at - 1].lower)) return false;
    const std::size_t noun = i;
    while (i < w.size() && english::is_adjective(w[i].lower)) ++i;
    const bool only_adjectives = i > noun && (i == w.size() || w[i].mark || is_conjunction(w[i]) ||
                                              english::is_preposition(w[i].lower));
    if (only_adjectives || i >= w.size() || w[i].mark) return false;
    if (determined || comma || listed_) return true;
    const std::size_t end = noun_phrase_end(w, next, w.size());
    const bool like_the_first =
        english::is_plural(w[at - 1].lower) || noun < i;  // "bottles and jars", "a top and dark shorts"
    return end > next && english::is_plural(w[end - 1].lower) && like_the_first;
  }

  /// Cuts the clause behind its verb. `lead` is what stands before the verb in the first claim, and `from`
  /// where the first claim's own words begin.
  void cut(words_view w, std::size_t object, std::string lead, std::size_t from) {
    main_ = parts_.there || parts_.inverted ? "" : subject_ + " " + join(w.subspan(from, object - from));
    context_ = main_;
    current_ = std::move(lead);
    owner_.clear();
    exists_ = parts_.there && from == object;
    listed_ = false;
    placed_ = object > from + 1 || is_be(w[from].lower);
    std::size_t begin = from;
    for (std::size_t i = object + 1; i < w.size(); ++i) {
      const bool comma = is_comma(w[i]);
      std::size_t next = comma ? i + 1 : i;
      if (next < w.size() && is_conjunction(w[next])) ++next;
      const bool boundary = next > i;
      part kind = part::none;
      if (boundary && !is_relative_at(w, next))
        kind = kind_of(w, i, next, comma);
      else if (boundary || (w[i].lower == "with" && follows_noun(w, i)) || is_relative_at(w, i))
        kind = part::attribute;
      if (kind == part::attribute) {
        const bool again =
            w[next].lower != "with" && !owner_.empty();  // "a man with a hat who smiles": the man
        const std::string whose = again ? owner_ : owner(w, object, i, next, comma);
        if (whose.empty()) continue;
        owner_ = whose;
      }
      if (kind == part::none) {
        if (boundary) i = next - 1;
        continue;
      }
      close(w.subspan(begin, i - begin));
      begin = i = open(w, kind, next, comma, object, from);
    }
    close(w.subspan(std::min(begin, w.size())));
  }

  /// Ends a claim with these words of its own.
  void close(words_view own) {
    if (own.empty()) return;
    const bool phrase = english::is_preposition(own.front().lower) || english::is_ing_form(own.front().lower);
    if (exists_ && !phrase)
      add(there_is(own, false));
    else
      add(current_.empty() || exists_ ? join(own) : current_ + " " + join(own));
  }

  /// Sets what the claim that begins at `next` shares with the others; gives where its own words begin.
  std::size_t open(words_view w, part kind, std::size_t next, bool comma, std::size_t object,
                   std::size_t from) {
    const std::string verbs = join(w.subspan(next, verb_group_end(w, next) - next));
    exists_ = false;
    if (kind == part::item) {
      listed_ = listed_ || comma;
      if (comma) context_ = main_;
      exists_ = context_.empty();
      current_ = context_;
    } else if (kind == part::example) {
      main_ = context_ = current_ = "";
      exists_ = true;
      return next + 1;
    } else if (kind == part::predicate) {
      current_ = subject_;
      context_ = subject_ + " " + verbs;
    } else if (kind == part::participle) {
      current_ = subject_ + (several_ ? " are" : " is");
      context_ = current_ + " " + verbs;
    } else if (kind == part::place) {
      const bool longer =
          is_be(w[from].lower) && from + 1 < object && !english::is_preposition(w[from + 1].lower);
      current_ = subject_ + " " + join(w.subspan(from, longer ? 2 : 1));
    } else {
      current_ = owner_;
      context_ = owner_ + " " + join(w.subspan(next, 1));
    }
    return next;
  }

  static bool follows_noun(words_view w, std::size_t i) {
    const auto& before = w[i - 1].lower;
    return i + 1 < w.size() && !w[i - 1].mark && !english::is_participle(before) &&
           !english::is_ing_form(before) && !english::is_preposition(before) &&
           !english::is_determiner(before) &&
           !any_of(before,
                   {"together", "forward", "ahead", "back", "away", "it", "him", "her", "them", "along"}) &&
           !(english::is_singular_verb(before) && !english::is_plural(before));
  }

  /// "There is a truck", whose attribute begins at `next`: the noun phrase before the place of the cut, or
  /// the subject.
  std::string owner(words_view w, std::size_t object, std::size_t at, std::size_t next, bool comma) const {
    if (english::is_preposition(w[at - 1].lower)) return "";  // "of whom"
    const bool of_subject = next + 1 < w.size() && any_of(w[next + 1].lower, {"his", "her", "their"});
    if ((of_subject || (comma && w[next].lower == "with")) && !subject_.empty()) return subject_owner();
    std::size_t begin = no_word;
    for (std::size_t i = at; i-- > object;) {
      if (w[i].mark || is_conjunction(w[i])) break;
      if (english::is_determiner(w[i].lower)) {
        begin = i;
        break;
      }
      if (english::is_preposition(w[i].lower) && w[i].lower != "of") break;
      begin = i;
    }
    if (begin == no_word || english::is_adjective(w[at - 1].lower))
      return subject_.empty() ? "" : subject_owner();
    const auto noun = bare_noun(w, begin, at);
    if (noun.empty()) return subject_.empty() ? "" : subject_owner();
    return there_is(noun, true);
  }
  std::string subject_owner() const {
    if (!subject_.starts_with("the ")) return subject_ + (several_ ? " are" : " is");
    const std::string noun = subject_.substr(4);
    return several_ ? "There are " + noun : "There is " + article(noun) + " " + noun;
  }

  std::vector<word_token> words_;
  topics topics_;
  // Of the clause:
  clause_parts parts_;
  std::string subject_;         ///< short; empty where it has none
  bool several_ = false;        ///< the subject is several
  bool about_picture_ = false;  ///< "the picture shows"
  bool placed_ = false;         ///< its verb goes along with places: "is", "stands on"
  // Of the claim that is being written:
  std::string main_;     ///< subject and verb, for the items of a list; empty: "there is"
  std::string context_;  ///< what an item after "and" goes on from
  std::string current_;  ///< what stands before the claim's own words
  std::string owner_;    ///< "There is a man", whose attributes follow
  bool exists_ = false;  ///< the claim is that its words are there
  bool listed_ = false;  ///< a comma list has begun
  std::vector<std::string> claims_;
};

/// What the writer feels is no fact about the picture.
inline bool is_opinion(std::string_view claim) {
  std::string lower(claim);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const std::string_view mark : {"evoke", "atmosphere", "ambiance", "sense of", "overall", "i think",
                                      "seems to suggest", "adding a touch", "mood"})
    if (lower.find(mark) != std::string::npos) return true;
  return false;
}

}  // namespace detail

CANDOR_INLINE std::vector<std::string> split_claims(std::string_view answer) {
  detail::claim_writer writer;
  for (const auto sentence : sentences(answer)) writer.sentence(sentence);
  return writer.take();
}

CANDOR_INLINE std::vector<std::vector<std::string>> rule_splitter::split(
    std::span<const answered> answers) const {
  std::vector<std::vector<std::string>> out;
  for (const auto& a : answers) {
    auto& kept = out.emplace_back();
    for (auto& claim : split_claims(a.answer))
      if (!detail::is_opinion(claim)) kept.push_back(std::move(claim));
  }
  return out;
}

}  // namespace CANDOR_NS
