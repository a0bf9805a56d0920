// SPDX-License-Identifier: Apache-2.0
#include "program/device_options.hpp"

#include <candor/core/error.hpp>

#include <CLI/CLI.hpp>

#include <charconv>

namespace program {

std::optional<int> cuda_device_of(std::string_view word) {
  if (word == "cpu") return std::nullopt;
  if (word == "cuda") return 0;
  int number = -1;
  if (word.starts_with("cuda:")) {
    const auto digits = word.substr(5);
    const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (end.ec != std::errc() || end.ptr != digits.data() + digits.size() || number < 0) number = -1;
  }
  candor::require<candor::usage_error>(number >= 0, "--device ", word,
                                       " is unknown: use cpu, cuda or cuda:N, as cuda:1");
  return number;
}

void add_device_options(CLI::App& app, device_options& o) {
  app.add_option("--device", o.device, "cpu, cuda (the first device) or cuda:N")
      ->type_name("{cpu,cuda,cuda:N}");
  app.add_option("--memory-limit", o.memory_limit, "most memory to take, as 76GiB; 0: what there is")
      ->transform(CLI::AsSizeValue(false))
      ->type_name("BYTES");
  app.add_option("--tf32", o.tf32,
                 "products of f32 on a CUDA device in TF32: faster, less exact: true or false");
  app.add_option("--deterministic", o.deterministic,
                 "the same bits in every run on a CUDA device: true or false");
  app.add_option("--products", o.product_file,
                 "file of the quickest algorithm of each product on a CUDA device, timed on first use")
      ->type_name("FILE");
  app.add_option("--cudnn", o.cudnn,
                 "attention of the vision tower by cuDNN, in a build that has it: true or false");
}

}  // namespace program
