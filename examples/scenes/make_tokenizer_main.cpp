// SPDX-License-Identifier: Apache-2.0
/// @file
/// make_tokenizer FOLDER: trains the embedded world's tokenizer and writes its files into the folder. The
/// ones in examples/scenes/base were made by it.

#include <candor/core/error.hpp>

#include <scenes/tokenizer.hpp>

#include <cstdio>
#include <exception>
#include <filesystem>

int main(int argc, char** argv) try {
  candor::require<candor::usage_error>(argc == 2 && argv[1][0] != '-', "usage: make_tokenizer FOLDER");
  std::filesystem::create_directories(argv[1]);
  const auto made = scenes::write_tokenizer(argv[1]);
  std::printf("%s: %d pieces, <image> is %d, <pad> is %d\n", argv[1], made.pieces, made.image_id,
              made.pad_id);
  return 0;
} catch (const candor::error& e) {
  std::fprintf(stderr, "make_tokenizer: %s\n", e.what());
  return e.exit_code();
} catch (const std::exception& e) {
  std::fprintf(stderr, "make_tokenizer: %s\n", e.what());
  return 5;
}
