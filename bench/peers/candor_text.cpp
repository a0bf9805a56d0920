// SPDX-License-Identifier: Apache-2.0
/// @file
/// candor's side of the comparison of texts with transformers: a process that is told what to do line by
/// line, as torch_text.py is.
///
///     peer_candor_text MODEL TEXT.safetensors f32|bf16 THREADS
///
///     greedy N     the N likeliest tokens in turn
///     questions    P(yes) and P(no) of each question
///     samples N L  seconds for N samples of L tokens
///     ask          seconds for all questions
///     profile      where the time of 10 samples of 128 tokens goes, on stderr

#include <candor/backend/host/host.hpp>
#include <candor/core/config.hpp>
#include <candor/model/compiled.hpp>

#include "peers/read.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>

namespace {

using candor::host;
using candor_bench::read;
using clock_type = std::chrono::steady_clock;

template <class T>
class writer {
 public:
  writer(const std::filesystem::path& model, const std::filesystem::path& data, int threads)
      : cpu_({.threads = threads, .profile = &profile_}), network_(cpu_, candor::read_llava_config(model)) {
    candor::load_weights(network_, model);
    const candor::safetensors_file file(data);
    prompt_.tree.segments.push_back(image());
    add(prompt_.tree.segments[0], read<std::int32_t>(file, "question"));
    asked_.tree.segments.push_back(image());
    const auto questions = read<std::int32_t>(file, "questions").front();
    for (std::int32_t i = 0; i < questions; ++i)
      asked_.tree.segments.push_back(
          {.tokens = read<std::int32_t>(file, candor::text("question.", i)), .parent = 0});
    for (auto* r : {&prompt_, &asked_}) {
      r->pixels = read<float>(file, "pixel_values");
      r->tree.images = 1;
      r->tree.feature_rows = network_.config().image_tokens();
    }
    words_ = {read<std::int32_t>(file, "yes"), read<std::int32_t>(file, "no")};
  }

  std::string answer(const std::string& line) {
    std::istringstream words(line);
    std::string command;
    std::int64_t first = 0, second = 0;
    words >> command >> first >> second;
    if (command == "greedy")
      return "{\"tokens\": " + list(texts({.max_new_tokens = first, .stop_token = -1})[0].tokens) + "}";
    if (command == "questions") return "{\"answers\": " + answers() + "}";
    if (command == "samples") return seconds([&] { texts(sampled(first, second)); });
    if (command == "ask") return seconds([&] { answers(); });
    if (command == "profile") {
      profile_.clear();
      texts(sampled(10, 128));
      for (const auto& [name, e] : profile_.entries())
        std::fprintf(stderr, "%-28s %7llu calls %8.3f s %8.1f GFLOP/s\n", name.c_str(),
                     static_cast<unsigned long long>(e.calls), e.seconds, e.flops / e.seconds / 1e9);
      return "{}";
    }
    candor::fail<candor::usage_error>("unknown command ", command);
  }
  std::string greeting() const {
    return candor::text("{\"program\": \"candor ", CANDOR_VERSION, "\", \"threads\": ", cpu_.threads(), "}");
  }

 private:
  candor::segment image() const {
    candor::segment s;
    for (std::int32_t t = 0; t < network_.config().image_tokens(); ++t)
      s.tokens.push_back(candor::image_row(t));
    return s;
  }
  static void add(candor::segment& s, const std::vector<std::int32_t>& ids) {
    s.tokens.insert(s.tokens.end(), ids.begin(), ids.end());
  }
  static candor::generate_options sampled(std::int64_t samples, std::int64_t length) {
    return {.max_new_tokens = length,
            .temperature = 0.7,
            .samples = samples,
            .seed = 1,
            .stop_token = -1,
            .top_k = 50};
  }
  std::vector<candor::generated_text> texts(const candor::generate_options& options) {
    const candor::encoded_record* records[] = {&prompt_};
    return candor::generate_texts(network_, std::span<const candor::encoded_record* const>(records),
                                  options)[0];
  }
  std::string answers() {
    const candor::encoded_record* records[] = {&asked_};
    std::ostringstream out;
    out.precision(9);
    const auto all = candor::ask_yes_no(network_, std::span<const candor::encoded_record* const>(records),
                                        words_, candor::scoring_options{});
    for (const auto& a : all[0]) out << (out.tellp() > 0 ? ", [" : "[") << a.yes << ", " << a.no << "]";
    return "[" + out.str() + "]";
  }
  template <class Work>
  static std::string seconds(Work work) {
    const auto begin = clock_type::now();
    work();
    return candor::text("{\"seconds\": ", std::chrono::duration<double>(clock_type::now() - begin).count(),
                        "}");
  }
  static std::string list(const std::vector<std::int32_t>& ids) {
    std::string out;
    for (const auto id : ids) out += (out.empty() ? "" : ", ") + std::to_string(id);
    return "[" + out + "]";
  }

  candor::operation_profile profile_;
  host cpu_;
  candor::llava_network<host, T> network_;
  candor::encoded_record prompt_, asked_;
  candor::yes_no_tokens words_;
};

template <class T>
void serve(char** arguments) {
  writer<T> w(arguments[1], arguments[2], std::atoi(arguments[4]));
  std::cout << w.greeting() << std::endl;
  for (std::string line; std::getline(std::cin, line);) std::cout << w.answer(line) << std::endl;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    candor::require<candor::usage_error>(argc == 5,
                                         "usage: peer_candor_text MODEL TEXT.safetensors f32|bf16 THREADS");
    std::string(argv[3]) == "bf16" ? serve<candor::bfloat16>(argv) : serve<float>(argv);
  } catch (const std::exception& failed) {
    std::fprintf(stderr, "peer_candor_text: %s\n", failed.what());
    return 1;
  }
}
