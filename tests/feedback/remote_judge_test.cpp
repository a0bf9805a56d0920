// SPDX-License-Identifier: Apache-2.0
/// The remote judge against a server that behaves, and against one that does not.

#include "feedback/http_server.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"

#include <candor/core/error.hpp>
#include <candor/feedback/remote_judge.hpp>
#include <candor/io/atomic_file.hpp>

#include <nlohmann/json.hpp>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

using namespace candor_test;
using nlohmann::json;

namespace {

/// A reply with log-probs of the first token.
std::string reply(const std::vector<std::pair<const char*, double>>& probabilities) {
  json alternatives = json::array();
  for (const auto& [token, p] : probabilities)
    alternatives.push_back({{"token", token}, {"logprob", std::log(p)}});
  return json{{"choices",
               {{{"message", {{"role", "assistant"}, {"content", "Yes"}}},
                 {"finish_reason", "length"},
                 {"logprobs",
                  {{"content", {{{"token", "Yes"}, {"logprob", -0.1}, {"top_logprobs", alternatives}}}}}}}}}}
      .dump();
}
std::string said(const std::string& word) {
  return json{{"choices", {{{"message", {{"content", word}}}, {"finish_reason", "stop"}}}}}.dump();
}
const std::string yes = reply({{"Yes", 0.6}, {" yes", 0.1}, {"No", 0.2}, {" no", 0.05}, {"Maybe", 0.05}});

candor::endpoint_options endpoint(const http_server& server) {
  candor::endpoint_options o{.url = server.url(), .model = "judge-34b"};
  o.http.backoff = 0.01;
  o.http.timeout = 5;
  return o;
}

/// Pictures that are files of some bytes, with so many questions each.
std::vector<candor::picture_questions> pictures(const scratch_folder& scratch, int count, int questions) {
  std::vector<candor::picture_questions> out;
  for (int p = 0; p < count; ++p) {
    const auto file = scratch / ("picture-" + std::to_string(p) + ".jpg");
    candor::write_atomically(file, "\xFF\xD8 picture " + std::to_string(p));
    out.push_back({{file}, {}});
    for (int q = 0; q < questions; ++q)
      out.back().questions.push_back("Is there a thing " + std::to_string(q) + "?");
  }
  return out;
}

template <class Error>
std::string failure(candor::remote_judge& judge, const std::vector<candor::picture_questions>& asked) {
  try {
    judge.judge(asked);
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

}  // namespace

#define NEEDS_HTTP \
  if (!candor::has_http()) CANDOR_SKIP("built without libcurl")

TEST_CASE("the remote judge sends the picture and sums variants of yes and no", "[remote]") {
  NEEDS_HTTP;
  const scratch_folder scratch;
  ::setenv("CANDOR_TEST_KEY", "secret-key", 1);
  const http_server server([](int, const http_seen&) { return http_answer(yes); });
  auto options = endpoint(server);
  options.http.key_variable = "CANDOR_TEST_KEY";
  candor::remote_judge judge(options);
  const auto asked = pictures(scratch, 2, 3);
  const auto verdicts = judge.judge(asked);
  REQUIRE(verdicts.size() == 2);
  for (const auto& picture : verdicts) {
    REQUIRE(picture.size() == 3);
    for (const auto& v : picture) {
      CHECK(v.yes == Approx(0.7));
      CHECK(v.no == Approx(0.25));
    }
  }
  CHECK(judge.counts().asked == 6);
  CHECK(judge.counts().without_log_probs == 0);
  const auto seen = server.seen();
  REQUIRE(seen.size() == 6);
  CHECK_THAT(seen[0].head, contains("Authorization: Bearer secret-key"));
  const auto body = json::parse(seen[0].body);
  CHECK(body["model"] == "judge-34b");
  CHECK(body["max_tokens"] == 1);
  CHECK(body["logprobs"] == true);
  const auto& content = body["messages"][0]["content"];
  CHECK_THAT(content[0]["image_url"]["url"].get<std::string>(),
             contains("data:image/jpeg;base64,/9ggcGljdHVyZSA"));
  CHECK_THAT(content[1]["text"].get<std::string>(), contains("Please answer yes or no."));
}

TEST_CASE("the remote judge keeps some requests in flight", "[remote]") {
  NEEDS_HTTP;
  const scratch_folder scratch;
  const http_server server([](int, const http_seen&) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return http_answer(yes);
  });
  auto options = endpoint(server);
  options.http.in_flight = 4;
  candor::remote_judge judge(options);
  judge.judge(pictures(scratch, 1, 12));
  CHECK(server.most_at_once() <= 4);
  CHECK(server.most_at_once() >= 2);
}

TEST_CASE("without log-probs the word counts, and nonsense confirms nothing", "[remote]") {
  NEEDS_HTTP;
  const scratch_folder scratch;
  const http_server server([](int, const http_seen& request) {
    const bool first = request.body.find("thing 0") != std::string::npos,
               second = request.body.find("thing 1") != std::string::npos;
    return http_answer(said(first ? "Yes, there is." : second ? " no" : "I am a teapot"));
  });
  candor::remote_judge judge(endpoint(server));
  const auto v = judge.judge(pictures(scratch, 1, 3)).front();
  CHECK(v[0].confirmed());
  CHECK((v[1].no == 1.0 && !v[1].confirmed()));
  CHECK(!v[2].confirmed());
  CHECK(judge.counts().without_log_probs == 3);
  CHECK(judge.counts().unreadable == 1);
}

TEST_CASE("what may pass is tried again", "[remote]") {
  NEEDS_HTTP;
  const scratch_folder scratch;
  const std::vector<std::string> bad{
      http_answer("slow down", "429 Too Many Requests", "Retry-After: 0\r\n"),
      http_answer("oops", "500 Internal Server Error"),
      "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"choices\": [",  // half a body
      http_answer("{\"choices\": ["),
      http_answer("[1, 2]"),
      http_answer("{\"choices\": []}"),
      ""};
  for (const auto& first : bad) {
    const http_server server([&](int n, const http_seen&) { return n < 2 ? first : http_answer(yes); });
    candor::remote_judge judge(endpoint(server));
    CHECK(judge.judge(pictures(scratch, 1, 1)).front().front().yes == Approx(0.7));
    CHECK(server.requests() == 3);
  }
}

TEST_CASE("a judge that stays bad is told, with its URL and what it said", "[remote]") {
  NEEDS_HTTP;
  const scratch_folder scratch;
  const auto asked = pictures(scratch, 1, 1);
  struct fault {
    std::string answer, told;
    int requests;
  };
  const std::vector<fault> faults{
      {http_answer("out of order", "503 Service Unavailable"), "status 503: out of order", 3},
      {http_answer("who are you", "401 Unauthorized"), "status 401", 1},
      {http_answer("", "302 Found", "Location: http://127.0.0.1:1/elsewhere\r\n"),
       "redirects to http://127.0.0.1:1/elsewhere", 1},
      {http_answer(std::string(std::size_t{10} << 20, 'x')), "longer than", 1},
      {http_answer("not JSON"), "not valid JSON", 3}};
  for (const auto& f : faults) {
    const http_server server([&](int, const http_seen&) { return f.answer; });
    auto options = endpoint(server);
    options.http.retries = 2;
    candor::remote_judge judge(options);
    const auto told = failure<candor::io_error>(judge, asked);
    CHECK_THAT(told, contains(f.told));
    CHECK_THAT(told, contains(server.url()));
    CHECK(server.requests() == f.requests);
  }
}

TEST_CASE("a judge that is down, slow, or speaks no TLS is told", "[remote]") {
  NEEDS_HTTP;
  const scratch_folder scratch;
  const auto asked = pictures(scratch, 1, 1);
  std::string gone;
  {
    const http_server server([](int, const http_seen&) { return http_answer(yes); });
    gone = server.url();
    auto options = endpoint(server);
    options.url = server.url("https");
    candor::remote_judge judge(options);
    CHECK_THAT(failure<candor::io_error>(judge, asked), contains("try 1 of"));
  }
  candor::endpoint_options options{.url = gone, .model = "m"};
  options.http.retries = 1;
  options.http.backoff = 0.01;
  candor::remote_judge down(options);
  CHECK_THAT(failure<candor::io_error>(down, asked), contains("try 2 of 2"));

  const http_server slow([](int, const http_seen&) {
    std::this_thread::sleep_for(std::chrono::milliseconds(400));
    return http_answer(yes);
  });
  options.url = slow.url();
  options.http.timeout = 0.1;
  candor::remote_judge late(options);
  CHECK_THAT(failure<candor::io_error>(late, asked), contains("imeout"));
  options.url = "file:///etc/passwd";
  candor::remote_judge file(options);
  CHECK_THAT(failure<candor::usage_error>(file, asked), contains("http://"));
}

TEST_CASE("pictures that are too large are refused, and work can be stopped", "[remote]") {
  NEEDS_HTTP;
  const scratch_folder scratch;
  const http_server server([](int, const http_seen&) { return http_answer("", "503 Service Unavailable"); });
  auto options = endpoint(server);
  options.max_image_bytes = 5;
  candor::remote_judge judge(options);
  CHECK_THAT(failure<candor::input_error>(judge, pictures(scratch, 1, 1)), contains("picture-0.jpg"));
  options = endpoint(server);
  options.http.backoff = 60;
  int polls = 0;
  options.http.poll = [&] {
    if (++polls > 3) throw candor::interrupted("asked to stop");
  };
  candor::remote_judge patient(options);
  CHECK(failure<candor::interrupted>(patient, pictures(scratch, 1, 1)) == "asked to stop");
}

TEST_CASE("what a cache knows is asked no more, also after a kill", "[remote][verdict_cache]") {
  NEEDS_HTTP;
  const scratch_folder scratch;
  const auto cache = scratch / "verdicts.jsonl";
  auto asked = pictures(scratch, 2, 4);
  {
    const http_server server([](int n, const http_seen&) {
      return n < 5 ? http_answer(yes) : http_answer("", "400 Bad Request");
    });
    auto options = endpoint(server);
    options.http.in_flight = 1;
    candor::remote_judge judge(options, cache);
    CHECK_THAT(failure<candor::io_error>(judge, asked), contains("status 400"));
  }
  // Another server with the same model.
  const http_server server([](int, const http_seen&) { return http_answer(yes); });
  auto options = endpoint(server);
  candor::remote_judge judge(options, cache);
  CHECK(judge.judge(asked)[1].size() == 4);
  CHECK(judge.judge(asked)[1][3].yes == Approx(0.7));
  CHECK(server.requests() == 3);  // five were answered before
  const auto part = candor::line_log::partial(cache);
  const auto lines = candor::read_file(part);
  candor::write_atomically(part, lines + R"({"key": "half)");
  candor::remote_judge again(options, cache);
  again.judge(asked);
  CHECK(server.requests() == 3);
  candor::write_atomically(scratch / "picture-0.jpg", "\xFF\xD8 another picture");
  asked[1].questions.push_back("Is it new?");
  again.judge(asked);
  CHECK(server.requests() == 3 + 4 + 1);
  candor::write_atomically(part, "not JSON\n");
  CHECK_THROWS_AS(candor::verdict_cache(cache), candor::input_error);
}

TEST_CASE("answers are sampled from a server, each with a seed of its own", "[remote]") {
  NEEDS_HTTP;
  const scratch_folder scratch;
  const http_server server([](int, const http_seen& request) {
    const auto body = json::parse(request.body);
    return http_answer(
        json{{"choices",
              {{{"message", {{"content", "seed " + body["seed"].dump()}}}, {"finish_reason", "length"}}}}}
            .dump());
  });
  const auto prompts = pictures(scratch, 2, 1);
  const candor::remote_sampling how{.samples = 3, .temperature = 0.7, .max_new_tokens = 64, .seed = 5};
  const auto first = candor::sample_remotely(endpoint(server), prompts, how, 10);
  REQUIRE(first.size() == 2);
  REQUIRE(first[1].size() == 3);
  CHECK(first[0][0].text != first[0][1].text);
  CHECK(first[0][0].text != first[1][0].text);
  CHECK(!first[0][0].finished);
  const auto again = candor::sample_remotely(endpoint(server), std::span(prompts).subspan(1), how, 11);
  for (std::size_t s = 0; s < 3; ++s) CHECK(again[0][s].text == first[1][s].text);
}
