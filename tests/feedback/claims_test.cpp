// SPDX-License-Identifier: Apache-2.0
/// The splitter on sentences whose claims are known, on the photographs' answers with their wrong phrases,
/// and on captions that InstructBLIP wrote.

#include "support/catch.hpp"

#include <candor/core/error.hpp>
#include <candor/core/random.hpp>
#include <candor/feedback/claims.hpp>
#include <candor/feedback/questions.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/text/sentences.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <set>
#include <sstream>
#include <string>
#include <vector>

using namespace candor_test;
using nlohmann::json;
using texts = std::vector<std::string>;

namespace {

/// " a man sits ", to look for words in a row.
std::string plain(std::string_view text) {
  std::string out = " ";
  for (const auto& w : candor::split_words(text))
    if (!w.mark) out += w.lower + " ";
  return out;
}

std::set<std::string> words_in(const texts& lines) {
  std::set<std::string> out;
  for (const auto& line : lines)
    for (const auto& w : candor::split_words(line)) out.insert(w.lower);
  return out;
}

texts questions_of(const texts& claims) { return candor::rule_questioner{}.ask(claims); }

std::vector<json> lines_of(const std::filesystem::path& path) {
  std::istringstream in(candor::read_file(path));
  std::vector<json> out;
  for (std::string line; std::getline(in, line);)
    if (!line.empty()) out.push_back(json::parse(line));
  return out;
}

}  // namespace

TEST_CASE("claims are what a sentence says, each with its subject", "[claims]") {
  CHECK(candor::split_claims("The picture shows a red sun, a blue boat and a green star.") ==
        texts{"The picture shows a red sun.", "The picture shows a blue boat.",
              "The picture shows a green star."});
  CHECK(candor::split_claims("He wears a blue shirt, brown shorts and a cap.") ==
        texts{"He wears a blue shirt.", "He wears brown shorts.", "He wears a cap."});
  CHECK(
      candor::split_claims("A man with a red hat sits on a bench, smiling at the camera. He holds a cup.") ==
      texts{"There is a man with a red hat.", "The man sits on a bench.", "The man is smiling at the camera.",
            "The man holds a cup."});
  CHECK(candor::split_claims(
            "The vehicle is a silver pickup truck with its windows closed and a driver inside.") ==
        texts{"The vehicle is a silver pickup truck.", "There is a pickup truck with its windows closed.",
              "There is a pickup truck with a driver inside."});
  CHECK(candor::split_claims("A grey parrot is perched on a branch and faces the camera.") ==
        texts{"A grey parrot is perched on a branch.", "The parrot faces the camera."});
  CHECK(
      candor::split_claims(
          "The table is filled with various items, including a pizza and two cups of coffee.") ==
      texts{"The table is filled with various items.", "There is a pizza.", "There are two cups of coffee."});
  CHECK(candor::split_claims("2 couches and a coffee table in a living room") ==
        texts{"There are 2 couches.", "There is a coffee table in a living room."});
}

TEST_CASE("what belongs together is not cut", "[claims]") {
  for (const char* whole :
       {"A floor of black and white tiles is seen.", "The flag is striped in red, white and blue.",
        "The man is playing with a football.", "A person stands behind it with a leash."})
    CHECK(candor::split_claims(whole) == texts{whole});
}

TEST_CASE("claims become questions for yes or no", "[claims]") {
  const std::vector<std::pair<const char*, const char*>> known{
      {"The picture shows a red sun.", "Is there a red sun?"},
      {"The image features two dogs on a sofa.", "Are there two dogs on a sofa?"},
      {"There are several people.", "Are there several people?"},
      {"At the top left is a red sun.", "Is there a red sun at the top left?"},
      {"Behind him there is a field.", "Is there a field behind him?"},
      {"The man is holding a can.", "Is the man holding a can?"},
      {"He wears a cap.", "Does he wear a cap?"},
      {"The dogs carry a stick.", "Do the dogs carry a stick?"},
      {"The bird has a raised crest.", "Does the bird have a raised crest?"},
      {"On the card, a player holds a bat.", "Does a player hold a bat on the card?"},
      {"A row of houses can be seen in the distance.", "Can a row of houses be seen in the distance?"},
      {"Two dogs in the snow.", "Are there two dogs in the snow?"}};
  for (const auto& [claim, question] : known) CHECK(candor::polar_question(claim) == question);
}

TEST_CASE("opinions of the writer are no claims", "[claims]") {
  const std::vector<candor::answered> answers{
      {"Describe it.", "A dog sleeps. The overall atmosphere is cosy. The scene evokes a sense of calm."},
      {"And?", ""}};
  const auto claims = candor::rule_splitter{}.split(answers);
  REQUIRE(claims.size() == 2);
  CHECK(claims[0] == texts{"A dog sleeps."});
  CHECK(claims[1].empty());
}

TEST_CASE("any words give claims and questions, and lose none but those that they share", "[claims]") {
  const texts vocabulary{"a",     "the", "man",  "dog", "red",  "wears", "is",      "are",
                         "with",  "and", ",",    "on",  "who",  "that",  "there",   "his",
                         "of",    "he",  "they", "in",  "two",  "stand", "holding", "parked",
                         "while", ";",   "it",   "can", "seen", "one",   "which"};
  for (std::uint64_t round = 0; round < 20'000; ++round) {
    candor::random_stream dice(7, round);
    std::string sentence;
    for (std::uint64_t n = 1 + dice.below(16); n > 0; --n)
      sentence += vocabulary[dice.below(vocabulary.size())] + " ";
    const auto claims = candor::split_claims(sentence + ".");
    for (const auto& question : questions_of(claims)) CHECK(question.ends_with("?"));
    const auto kept = words_in(claims);
    for (const char* noun : {"man", "dog"})
      if (plain(sentence).find(candor::text(" ", noun, " ")) != std::string::npos) {
        INFO(sentence);
        CHECK(kept.count(noun) == 1);
      }
  }
}

TEST_CASE("the photographs' wrong phrases lie in one claim each", "[claims][photos]") {
  const auto path = shared_data("photos/pairs.jsonl");
  if (path.empty()) CANDOR_SKIP("the photographs are absent");
  std::size_t phrases = 0, in_one = 0, alone = 0, claims = 0, words = 0, sentences = 0;
  for (const auto& record : lines_of(path)) {
    const std::string answer = record["rejected"];
    const auto split = candor::split_claims(answer);
    claims += split.size();
    sentences += candor::sentences(answer).size();
    for (const auto& c : split) words += candor::split_words(c).size();
    std::vector<int> wrong(split.size(), 0);
    std::vector<std::vector<std::size_t>> places;
    for (const auto& phrase : record["hallucinated"]) {
      auto& found = places.emplace_back();
      for (std::size_t c = 0; c < split.size(); ++c)
        if (plain(split[c]).find(plain(phrase.get<std::string>())) != std::string::npos) {
          found.push_back(c);
          ++wrong[c];
        }
    }
    phrases += places.size();
    for (const auto& found : places) {
      in_one += found.size() == 1;
      alone += found.size() == 1 && wrong[found[0]] == 1;
    }
  }
  std::printf(
      "%zu of %zu wrong phrases in exactly one claim, %zu alone in it; %zu claims of %zu sentences, %.1f "
      "words each\n",
      in_one, phrases, alone, claims, sentences, static_cast<double>(words) / static_cast<double>(claims));
  CHECK(phrases == 79);
  CHECK(in_one * 100 >= phrases * 95);
  CHECK(alone * 100 >= phrases * 95);
  CHECK(claims >= 2 * sentences);  // sentences are divided, not only cut apart
}

TEST_CASE("no object word of InstructBLIP's captions is lost", "[claims]") {
  const auto captions = shared_data("pope/captions_instructblip.json"),
             list = shared_data("chair/synonyms_refine.txt");
  if (captions.empty() || list.empty()) CANDOR_SKIP("POPE's captions or CHAIR's words are absent");
  std::set<std::string> objects;
  std::string names = candor::read_file(list);
  std::replace(names.begin(), names.end(), ',', ' ');
  std::istringstream in(names);
  for (std::string word; in >> word;) objects.insert(word);

  std::size_t seen = 0, count = 0;
  for (const auto& record : lines_of(captions)) {
    ++count;
    const std::string caption = record["text"];
    const auto claims = candor::split_claims(caption);
    const auto in_claims = words_in(claims), in_questions = words_in(questions_of(claims));
    for (const auto& w : candor::split_words(caption)) {
      const auto singular = w.lower.ends_with("s") ? w.lower.substr(0, w.lower.size() - 1) : w.lower;
      if (objects.count(w.lower) == 0 && objects.count(singular) == 0) continue;
      ++seen;
      INFO(caption << ": " << w.lower);
      CHECK(in_claims.count(w.lower) == 1);
      CHECK(in_questions.count(w.lower) == 1);
    }
  }
  std::printf("%zu object words of %zu captions\n", seen, count);
  CHECK(count >= 500);
  CHECK(seen >= 1000);
}
