// SPDX-License-Identifier: Apache-2.0
#include "feedback/http_server.hpp"
#include "support/catch.hpp"

#include <candor/feedback/prompted.hpp>

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

using namespace candor_test;
using nlohmann::json;
using texts = std::vector<std::string>;

namespace {

/// Completes with what it was given.
struct canned {
  texts answers;
  texts* seen;
  texts operator()(std::span<const std::string> prompts) const {
    seen->insert(seen->end(), prompts.begin(), prompts.end());
    return {answers.begin(), answers.begin() + static_cast<std::ptrdiff_t>(prompts.size())};
  }
};
static_assert(candor::claim_splitter<candor::prompted_splitter<canned>>);
static_assert(candor::claim_splitter<candor::rule_splitter>);
static_assert(candor::claim_questioner<candor::prompted_questioner<canned>>);
static_assert(candor::claim_questioner<candor::rule_questioner>);

}  // namespace

TEST_CASE("lists are read as RLAIF-V's released code reads them", "[prompted]") {
  CHECK(candor::parse_list("### Facts:\n- A dog sits.\n\n-  The sky is blue. \n") ==
        texts{"A dog sits.", "The sky is blue."});
  CHECK(candor::parse_list("1. A dog sits.\n12) A cat.\n* A bird.") ==
        texts{"A dog sits.", "A cat.", "A bird."});
  CHECK(candor::parse_list("").empty());
  CHECK(candor::parse_list("### Facts:\n-\n- \n").empty());
}

TEST_CASE("a language model divides answers and asks", "[prompted]") {
  texts seen;
  candor::prompted_splitter splitter(canned{{"### Facts:\n- A dog sits.\n- It is red.", ""}, &seen});
  const std::vector<candor::answered> answers{{"What is there?", "A red dog sits."}, {"And?", "Nothing."}};
  const auto claims = splitter.split(answers);
  REQUIRE(claims.size() == 2);
  CHECK(claims[0] == texts{"A dog sits.", "It is red."});
  CHECK(claims[1].empty());
  CHECK_THAT(seen.at(0), contains("### Answer:\nA red dog sits."));

  candor::prompted_questioner questioner(canned{{"### Modified sentences:\n- Does a dog sit?"}, &seen});
  const texts two{"A dog sits.", "The dog is red."};
  CHECK(questioner.ask(two) == texts{"Does a dog sit?", "Is the dog red?"});  // the second by rules
  CHECK_THAT(seen.at(2), contains("- The dog is red.\n"));
  CHECK(questioner.ask({}).empty());
}

TEST_CASE("a served model completes prompts without a picture", "[prompted][remote]") {
  if (!candor::has_http()) CANDOR_SKIP("built without libcurl");
  const http_server server([](int, const http_seen& request) {
    const auto body = json::parse(request.body);
    const auto text = body["messages"][0]["content"][0]["text"].get<std::string>();
    return http_answer(json{{"choices", {{{"message", {{"content", "- " + text}}}}}}}.dump());
  });
  const texts prompts{"one", "two"};
  CHECK(candor::complete_remotely({.url = server.url(), .model = "m"}, prompts) == texts{"- one", "- two"});
}
