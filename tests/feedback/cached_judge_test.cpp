// SPDX-License-Identifier: Apache-2.0
/// A judge whose verdicts are kept: a run that ends early asks nothing twice.

#include "support/catch.hpp"
#include "support/child.hpp"

#include <candor/core/error.hpp>
#include <candor/feedback/cached_judge.hpp>
#include <candor/io/atomic_file.hpp>

#include <string>
#include <vector>

using namespace candor_test;

namespace {

/// Says yes as likely as the question is long, and fails when it was asked about `most` pictures.
struct failing_judge {
  std::size_t most, pictures = 0, questions = 0;
  std::vector<std::vector<candor::yes_no_answer>> judge(std::span<const candor::picture_questions> asked) {
    std::vector<std::vector<candor::yes_no_answer>> out;
    for (const auto& picture : asked) {
      if (pictures++ == most) candor::fail<candor::io_error>("the power went out");
      auto& mine = out.emplace_back();
      for (const auto& q : picture.questions) mine.push_back({static_cast<double>(q.size()) / 100, 0.25});
      questions += picture.questions.size();
    }
    return out;
  }
};
using judge_type = candor::cached_judge<failing_judge>;
static_assert(candor::claim_judge<judge_type>);

std::vector<candor::picture_questions> questions_about(const scratch_folder& scratch, int pictures) {
  std::vector<candor::picture_questions> out;
  for (int p = 0; p < pictures; ++p) {
    const auto file = scratch / ("picture-" + std::to_string(p) + ".png");
    candor::write_atomically(file, "picture " + std::to_string(p));
    out.push_back({{file}, {"Is there a sun?", "Is it red?", "Is there a " + std::string(5, 'x') + "?"}});
  }
  out[1].questions.clear();
  return out;
}

}  // namespace

TEST_CASE("what a local judge has said is kept over the end of the run", "[judge][cache]") {
  const scratch_folder scratch;
  const auto asked = questions_about(scratch, 10);
  {
    candor::verdict_cache cache(scratch / "verdicts.jsonl");
    failing_judge judge{.most = 7};
    judge_type kept(judge, cache, {.judge = "base", .pictures = 3});
    CHECK_THROWS_AS(kept.judge(asked), candor::io_error);
    CHECK(cache.size() == 3 * 5);  // two batches of three pictures, one of them without questions
  }
  candor::verdict_cache cache(scratch / "verdicts.jsonl");
  failing_judge judge{.most = 100};
  judge_type kept(judge, cache, {.judge = "base", .pictures = 3});
  const auto verdicts = kept.judge(asked);
  CHECK(kept.asked() == 3 * 9 - 3 * 5);
  CHECK(judge.questions == 3 * 9 - 3 * 5);
  REQUIRE(verdicts.size() == 10);
  CHECK(verdicts[1].empty());
  for (std::size_t p = 0; p < verdicts.size(); ++p) {
    REQUIRE(verdicts[p].size() == asked[p].questions.size());
    for (std::size_t q = 0; q < verdicts[p].size(); ++q)
      CHECK(verdicts[p][q].yes == static_cast<double>(asked[p].questions[q].size()) / 100);
  }
  // A new question about a known picture is asked alone; another judge is asked everything.
  auto more = asked;
  more[0].questions.insert(more[0].questions.begin() + 1, "Is there a moon?");
  const auto again = kept.judge(more);
  CHECK(kept.asked() == 3 * 9 - 3 * 5 + 1);
  CHECK(again[0][1].yes == 0.16);
  CHECK(again[0][3].yes == verdicts[0][2].yes);
  judge_type other(judge, cache, {.judge = "another"});
  other.judge(asked);
  CHECK(other.asked() == 3 * 9);
}
