// SPDX-License-Identifier: Apache-2.0
/// Pairwise judges that prefer a place, and what mends them.

#include "feedback/http_server.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"

#include <candor/core/error.hpp>
#include <candor/core/random.hpp>
#include <candor/feedback/http.hpp>
#include <candor/feedback/pairwise_orders.hpp>
#include <candor/feedback/pairwise_parts.hpp>
#include <candor/feedback/remote_judge.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/text/sentences.hpp>

#include <nlohmann/json.hpp>

#include <cmath>
#include <map>
#include <numeric>
#include <string>
#include <vector>

using namespace candor_test;
using candor::answer_contest;
using candor::pairwise_verdict;
using candor::winner;
using nlohmann::json;

namespace {

std::string joined(const std::vector<std::string>& parts) {
  return std::accumulate(parts.begin(), parts.end(), std::string());
}

/// A judge for whom the longer answer is better, but only where it looks: `fair(parts)`; else the first place
/// wins.
struct place_lover {
  bool (*fair)(const answer_contest&);
  std::size_t asked = 0;
  std::vector<pairwise_verdict> compare(std::span<const answer_contest> contests) {
    std::vector<pairwise_verdict> out;
    asked += contests.size();
    for (const auto& c : contests) {
      const auto first = joined(c.first).size(), second = joined(c.second).size();
      out.push_back(!fair(c)         ? pairwise_verdict{0.9, 0.1}
                    : first > second ? pairwise_verdict{0.7, 0.2}
                                     : pairwise_verdict{0.2, 0.7});
    }
    return out;
  }
};
static_assert(candor::pairwise_judge<place_lover>);
static_assert(candor::pairwise_judge<candor::both_orders<place_lover>>);
static_assert(candor::pairwise_judge<candor::split_and_merge<candor::both_orders<place_lover>>>);
static_assert(candor::pairwise_judge<candor::remote_pairwise_judge>);

answer_contest contest(const std::string& first, const std::string& second) {
  return {{}, "What is there?", {first}, {second}};
}

/// Sentences of a few words each, now and then of a word that both texts have.
std::string random_text(candor::random_stream& dice, int sentences) {
  const char* words[] = {"sun", "moon", "boat", "tree", "red", "blue", "one", "two"};
  std::string out;
  for (int s = 0; s < sentences; ++s) {
    out += s > 0 ? " It" : "It";
    for (int w = 0; w < 3; ++w) out += " " + std::string(words[dice.below(8)]);
    out += ".";
  }
  return out;
}

/// Twice the words that two texts share, over all their words.
double likeness(const std::string& a, const std::string& b) {
  std::map<std::string, int> in_a, in_b;
  int all = 0, both = 0;
  for (const auto& [text, counts] : {std::pair(&a, &in_a), {&b, &in_b}})
    for (const auto& w : candor::split_words(*text))
      if (!w.mark) {
        ++(*counts)[w.lower];
        ++all;
      }
  for (const auto& [word, n] : in_a) both += std::min(n, in_b[word]);
  return 2.0 * both / all;
}

/// The greatest sum of likenesses over all ways to cut two texts into two parts.
double best_in_two(const std::string& a, const std::string& b) {
  const auto cuts = [](const std::string& s) {
    std::vector<std::size_t> out;
    const auto all = candor::sentences(s);
    for (std::size_t i = 0; i + 1 < all.size(); ++i)
      out.push_back(static_cast<std::size_t>(all[i].data() - s.data()) + all[i].size());
    return out;
  };
  double best = 0;
  for (const auto i : cuts(a))
    for (const auto j : cuts(b))
      best = std::max(best, likeness(a.substr(0, i), b.substr(0, j)) + likeness(a.substr(i), b.substr(j)));
  return best;
}

}  // namespace

TEST_CASE("parts of answers are the answers, as many on both sides", "[pairwise]") {
  candor::random_stream dice(7, 0);
  for (int round = 0; round < 40; ++round) {
    const auto a = random_text(dice, 1 + static_cast<int>(dice.below(9))),
               b = "- " + random_text(dice, 1 + static_cast<int>(dice.below(9))) + "\n\nIt ends here";
    const auto least = std::min(candor::sentences(a).size(), candor::sentences(b).size());
    for (int parts = 1; parts <= 4; ++parts)
      for (const auto& cut : {candor::parts_by_length(a, b, parts), candor::parts_by_words(a, b, parts)}) {
        CHECK(joined(cut.first) == a);
        CHECK(joined(cut.second) == b);
        CHECK(cut.first.size() == std::min<std::size_t>(static_cast<std::size_t>(parts), least));
        CHECK(cut.second.size() == cut.first.size());
        for (const auto& part : cut.first) CHECK(!part.empty());
        for (const auto& part : cut.second) CHECK(!part.empty());
      }
    const auto words = candor::parts_by_words(a, b, 2);
    if (words.first.size() == 2)
      CHECK(likeness(words.first[0], words.second[0]) + likeness(words.first[1], words.second[1]) ==
            Approx(best_in_two(a, b)));
  }
  const auto even =
      candor::parts_by_length("One. Two. Three is a long sentence indeed.", "A bird. A cat.", 2);
  CHECK(even.first == std::vector<std::string>{"One. Two.", " Three is a long sentence indeed."});
  const auto alike = candor::parts_by_words("A sun. A sun. A dog.", "A sun. A dog. A dog.", 2);
  CHECK(alike.first == std::vector<std::string>{"A sun.", " A sun. A dog."});
  CHECK(alike.second == std::vector<std::string>{"A sun.", " A dog. A dog."});
  CHECK(candor::parts_by_length("", "x", 3).first == std::vector<std::string>{""});
  CHECK_THROWS_AS(candor::parts_by_length("a", "b", 0), candor::usage_error);
}

TEST_CASE("an answer of a thousand sentences is cut in time", "[pairwise]") {
  candor::random_stream dice(8, 0);
  const auto a = random_text(dice, 1000), b = random_text(dice, 700);
  const auto cut = candor::parts_by_words(a, b, 3);
  CHECK(joined(cut.first) == a);
  CHECK(cut.second.size() == 3);
}

TEST_CASE("asking in both orders finds a judge that loves a place", "[pairwise]") {
  const std::vector<answer_contest> contests{contest("Short.", "Much longer."),
                                             contest("Much longer.", "Short.")};
  place_lover unfair{[](const answer_contest&) { return false; }};
  candor::both_orders mended(unfair);
  for (const auto& v : mended.compare(contests)) CHECK(v.better() == winner::tie);
  CHECK(mended.counts().contests == 2);
  CHECK(mended.counts().consistent() == 0);
  CHECK(mended.counts().first_preferred == 2);

  place_lover fair{[](const answer_contest&) { return true; }};
  candor::both_orders same(fair);
  const auto verdicts = same.compare(contests);
  CHECK(verdicts[0].better() == winner::second);
  CHECK(verdicts[1].better() == winner::first);
  CHECK(verdicts[1].first == Approx(0.7));
  CHECK(same.counts().consistent() == 2);
}

TEST_CASE("split and merge asks again, in parts, only where the orders disagreed", "[pairwise]") {
  const std::vector<answer_contest> contests{
      contest("A sun. A dog. It is a big one.", "A sun. It shines. A dog."),  // unfair when whole
      contest("One sentence that is longer.", "One sentence.")};              // unfair, and cannot be cut
  place_lover when_cut{[](const answer_contest& c) { return c.first.size() > 1; }};
  candor::split_and_merge by_length(when_cut);
  const auto verdicts = by_length.compare(contests);
  CHECK(verdicts[0].better() == winner::first);
  CHECK(verdicts[1].better() == winner::tie);
  CHECK(by_length.counts().by_length == 1);
  CHECK(by_length.counts().by_words == 0);
  CHECK(by_length.counts().consistent() == 1);
  CHECK(when_cut.asked == 2 * 2 + 2);

  // Fair only where both first parts are the sun alone, which equal lengths do not give.
  place_lover when_aligned{[](const answer_contest& c) {
    return c.first.size() == 2 && c.first[0] == "A sun." && c.second[0] == "A sun.";
  }};
  const std::vector<answer_contest> one{
      contest("A sun. A dog sits there all day. A dog.", "A sun. A dog sits there.")};
  candor::split_and_merge by_words(when_aligned, {.parts = 2});
  CHECK(by_words.compare(one)[0].better() == winner::first);
  CHECK(by_words.counts().by_words == 1);
  place_lover again = when_aligned;
  candor::split_and_merge without(again, {.parts = 2, .by_words = false});
  CHECK(without.compare(one)[0].better() == winner::tie);
}

TEST_CASE("the prompt shows parts in turns", "[pairwise]") {
  auto c = contest("A sun.", "A moon.");
  CHECK_THAT(candor::pairwise_prompt(c), contains("### Answer A\nA sun.\n\n### Answer B\nA moon.\n"));
  c.first.emplace_back("A dog.");
  CHECK_THROWS_AS(candor::pairwise_prompt(c), candor::usage_error);
  c.second.emplace_back("A cat.");
  CHECK_THAT(candor::pairwise_prompt(c),
             contains("### Answer A, part 1 of 2\nA sun.\n\n### Answer B, part 1 of 2\nA moon.\n\n"
                      "### Answer A, part 2 of 2\nA dog.\n\n### Answer B, part 2 of 2\nA cat.\n"));
}

TEST_CASE("a served model compares answers, and is asked nothing twice", "[pairwise][remote]") {
  if (!candor::has_http()) CANDOR_SKIP("built without libcurl");
  const scratch_folder scratch;
  const http_server server([](int, const http_seen& request) {
    const auto text = json::parse(request.body)["messages"][0]["content"][0]["text"].get<std::string>();
    if (text.find("nonsense") != std::string::npos)
      return http_answer(R"({"choices": [{"message": {"content": "Hard to say"}}]})");
    const bool first = text.find("### Answer A\nlong long") != std::string::npos;
    const auto alternatives = json::array({{{"token", first ? "A" : " B"}, {"logprob", std::log(0.8)}},
                                           {{"token", first ? "B" : "A"}, {"logprob", std::log(0.1)}}});
    return http_answer(
        json{{"choices",
              {{{"message", {{"content", "A"}}},
                {"logprobs", {{"content", {{{"token", "A"}, {"top_logprobs", alternatives}}}}}}}}}}
            .dump());
  });
  const std::vector<answer_contest> contests{contest("short", "long long"), contest("long long", "short"),
                                             contest("nonsense", "short")};
  for (const int run : {0, 1}) {
    candor::remote_pairwise_judge judge({.url = server.url(), .model = "m"}, scratch / "verdicts.jsonl");
    const auto verdicts = judge.compare(contests);
    CHECK(verdicts[0].second == Approx(0.8));
    CHECK(verdicts[1].first == Approx(0.8));
    CHECK(verdicts[2].better() == winner::tie);
    CHECK(judge.counts().unreadable == (run == 0 ? 1 : 0));
  }
  CHECK(server.seen().size() == 3);
}
