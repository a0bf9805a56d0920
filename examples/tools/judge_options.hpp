// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The served model that judges for `evaluate`: its options, and the endpoint that they name.

#include <candor/core/error.hpp>
#include <candor/feedback/remote_judge.hpp>
#include <candor/train/signals.hpp>

#include <CLI/CLI.hpp>

#include <string>

namespace tools {

struct judge_options {
  std::string url, model;
  int in_flight = 8;  ///< requests at once
};

/// Adds --judge, --judge-model and --in-flight; `about` says what the judge is, and what for. Returns
/// --judge.
inline CLI::Option* add_judge_options(CLI::App& sub, judge_options& o, const std::string& about) {
  auto* judge = sub.add_option("--judge", o.url, about + "; a server's key is read from OPENAI_API_KEY")
                    ->type_name("URL");
  sub.add_option("--judge-model", o.model, "what the server calls it")->needs(judge);
  sub.add_option("--in-flight", o.in_flight, "requests at once")->check(CLI::PositiveNumber)->needs(judge);
  return judge;
}

/// What is to be known of figures under candor's own prompts.
inline constexpr const char* own_words_remark =
    "the judge was asked in candor's words: compare these figures with none but such (see --judge-prompt)";

/// The endpoint; waiting for it can be stopped by a signal. usage_error where its model has no name.
inline candor::endpoint_options endpoint_of(const judge_options& o) {
  candor::require<candor::usage_error>(!o.model.empty(),
                                       "--judge needs --judge-model: what the server calls the model");
  candor::endpoint_options out{.url = o.url, .model = o.model};
  out.http.in_flight = o.in_flight;
  out.http.poll = [] { candor::throw_if_stopped("waiting for the judge"); };
  return out;
}

}  // namespace tools
