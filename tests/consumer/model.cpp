// SPDX-License-Identifier: Apache-2.0
// A program of a project that links candor::compiled: it loads a whole model and lets it write.
#include <candor/candor.hpp>

#include <iostream>
#include <span>
#include <string>

int main(int argc, char** argv) {
  if (argc != 2) return std::cerr << "usage: " << argv[0] << " examples/scenes/base\n", 2;
  candor::host cpu;
  auto model = candor::load_llava<float>(cpu, argv[1]);
  const candor::encoded_record prompt = model.processor().prompt("What is in the picture?", {});
  const candor::encoded_record* const prompts[] = {&prompt};
  const candor::generate_options options{.max_new_tokens = 12, .stop_token = model.processor().stop_token()};
  const auto ids = candor::generate(model.network(), std::span<const candor::encoded_record* const>(prompts),
                                    options)[0][0];
  const std::string text = model.processor().words().decode(ids, true);
  std::cout << text << "\n";
  return text.empty() ? 1 : 0;
}
