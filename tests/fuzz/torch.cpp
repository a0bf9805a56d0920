// SPDX-License-Identifier: Apache-2.0
// Opening one of torch's own files, zip or old, and reading every tensor of one that was accepted.
#include <candor/io/torch_file.hpp>

#include "fuzz/fuzz.hpp"
#include "fuzz/zip_mutator.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace candor_fuzz;
  accepted("a file", [&] {
    const candor::torch_file file(candor::byte_source(bytes_of(data, size), "a file"));
    for (const auto& tensor : file.tensors()) {
      promise(file.find(tensor.name) == &tensor, "a tensor is found by its name");
      if (tensor.bytes() > std::uint64_t{1} << 20) continue;  // a view may repeat a small storage
      std::string copy(tensor.bytes(), '\0');
      file.read(tensor, std::as_writable_bytes(std::span(copy)));
    }
  });
  return 0;
}
