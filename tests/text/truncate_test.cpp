// SPDX-License-Identifier: Apache-2.0
#include <candor/core/error.hpp>
#include <candor/text/truncate.hpp>

#include "support/catch.hpp"

#include <string>
#include <vector>

using namespace candor;
using Catch::Matchers::Contains;
using ids = std::vector<std::int32_t>;

namespace {

/// BOS and two ids of the template, question 10..14 with an image between, two ids of the template; an
/// answer 20..23, eos.
encoded_dialog small() {
  return {{{.ids = {1, 3, 4, 10, image_mark, 11, 12, 13, 14, 5, 6}, .head = 3, .tail = 2},
           {.ids = {20, 21, 22, 23, 2}, .answer = true}}};
}

}  // namespace

TEST_CASE("a dialog that fits stays as it is", "[text][truncate]") {
  auto dialog = small();
  const auto length = dialog.length(4);
  CHECK(length == 19);
  const auto result = shorten(dialog, {.max_length = 19, .image_tokens = 4});
  CHECK(result.questions == 0);
  CHECK(dialog.segments == small().segments);
}

TEST_CASE("the question is shortened first and images and template words stay", "[text][truncate]") {
  auto end = small(), start = small(), all = small();
  CHECK(shorten(end, {.max_length = 17, .image_tokens = 4}).questions == 2);
  CHECK(end.segments[0].ids == ids{1, 3, 4, image_mark, 12, 13, 14, 5, 6});
  CHECK(shorten(start, {.max_length = 17, .image_tokens = 4, .questions = keep_part::start}).questions == 2);
  CHECK(start.segments[0].ids == ids{1, 3, 4, 10, image_mark, 11, 12, 5, 6});
  CHECK(shorten(all, {.max_length = 14, .image_tokens = 4}).answers == 0);
  CHECK(all.segments[0].ids == ids{1, 3, 4, image_mark, 5, 6});
  CHECK(all.segments[1].ids == small().segments[1].ids);
}

TEST_CASE("then the answer is cut and loses its end mark", "[text][truncate]") {
  auto dialog = small();
  const auto result = shorten(dialog, {.max_length = 11, .image_tokens = 4});
  CHECK(result.questions == 5);
  CHECK(result.answers == 3);
  CHECK(dialog.segments[1].ids == ids{20, 21});
  CHECK(dialog.length(4) == 11);
}

TEST_CASE("the oldest question is shortened first, or the newest", "[text][truncate]") {
  const encoded_dialog two{{{.ids = {1, 10, 11, 5}, .head = 1, .tail = 1},
                            {.ids = {20, 2}, .answer = true},
                            {.ids = {3, 12, 13, 5}, .head = 1, .tail = 1},
                            {.ids = {21, 2}, .answer = true}}};
  auto end = two, start = two;
  shorten(end, {.max_length = 9});
  CHECK(end.ids() == ids{1, 5, 20, 2, 3, 13, 5, 21, 2});
  shorten(start, {.max_length = 9, .questions = keep_part::start});
  CHECK(start.ids() == ids{1, 10, 5, 20, 2, 3, 5, 21, 2});
}

TEST_CASE("branches keep one prompt and are cut one by one", "[text][truncate]") {
  encoded_branches branches{{{small().segments[0]}},
                            {{.ids = {20, 2}, .answer = true}, {.ids = ids(9, 7), .answer = true}}};
  const auto result = shorten(branches, {.max_length = 13, .image_tokens = 4});
  CHECK(result.questions == 5);
  CHECK(result.answers == 5);
  CHECK(branches.answers[0].ids == ids{20, 2});
  CHECK(branches.answers[1].ids.size() == 4);
  CHECK(branches.stem.length(4) + 4 == 13);
}

TEST_CASE("turns that do not fit are left out whole, the last ones first", "[text][truncate]") {
  const segment_tokens question{.ids = {3, 12, 5}, .head = 1, .tail = 1},
      answer{.ids = {21, 2}, .answer = true};
  const encoded_branches whole{{{small().segments[0]}},
                               {{.ids = {20, 2}, .answer = true}, {.ids = {22, 2}, .answer = true}},
                               {{question, answer, question, answer}, {question, answer}}};
  const std::size_t stem = whole.stem.length(4);  // 14
  auto cut = whole;
  const auto result = shorten(cut, {.max_length = stem + 8, .image_tokens = 4});
  CHECK(result.answers == 5);
  CHECK(result.questions == 0);
  CHECK(cut.stem.segments == whole.stem.segments);
  CHECK(cut.later[0] == std::vector<segment_tokens>{question, answer});
  CHECK(cut.later[1] == whole.later[1]);
  auto alone = whole;
  CHECK(shorten(alone, {.max_length = stem + 1, .image_tokens = 4}).questions == 1);
  CHECK(alone.later[0].empty());
  CHECK(alone.answers == whole.answers);
  auto kept = whole;
  CHECK(shorten(kept, {.max_length = stem + 12, .image_tokens = 4, .cut_answers = false}).answers == 0);
  CHECK(kept.later == whole.later);
  CHECK_THROWS_WITH(
      shorten(kept, {.max_length = stem + 11, .image_tokens = 4, .cut_answers = false}, "povid.json:3"),
      Contains("povid.json:3: the dialog needs 26 tokens; the maximum is 25"));
}

TEST_CASE("what cannot fit is refused with the numbers and what to do", "[text][truncate]") {
  auto dialog = small();
  CHECK_THROWS_WITH(
      shorten(dialog, {.max_length = 9, .image_tokens = 4}, "pairs.jsonl:3"),
      Contains("pairs.jsonl:3: the record needs 19 tokens, 1 x 4 of them for images; the maximum is 9") &&
          Contains("no room for an answer") && Contains("Raise the maximum length"));
  auto kept = small();
  CHECK_THROWS_WITH(shorten(kept, {.max_length = 12, .image_tokens = 4, .cut_answers = false}),
                    Contains("allow to cut more"));
  auto whole = small();
  CHECK_THROWS_AS(
      shorten(whole, {.max_length = 18, .image_tokens = 4, .cut_questions = false, .cut_answers = false}),
      input_error);
  auto answer_only = small();
  CHECK(shorten(answer_only, {.max_length = 18, .image_tokens = 4, .cut_questions = false}).answers == 1);
  CHECK(answer_only.segments[0].ids == small().segments[0].ids);
  auto least = small();
  CHECK_THROWS_AS(shorten(least, {.max_length = 11, .image_tokens = 4, .min_answer = 3}), input_error);
  encoded_dialog prompt_only{{small().segments[0]}};
  CHECK_THROWS_AS(shorten(prompt_only, {.max_length = 8, .image_tokens = 4}), input_error);
}
