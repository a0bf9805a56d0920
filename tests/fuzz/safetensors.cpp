// SPDX-License-Identifier: Apache-2.0
// Opening a safetensors file, and reading every tensor of one that was accepted.
#include <candor/io/safetensors.hpp>

#include "fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace candor_fuzz;
  accepted("a file: ", [&] {
    const candor::safetensors_file file(candor::byte_source(bytes_of(data, size), "a file"));
    std::uint64_t at = 0;
    for (const auto& tensor : file.tensors()) {
      promise(tensor.begin == at && tensor.end >= at && tensor.end <= size,
              "tensors lie one after the other");
      at = tensor.end;
      promise(file.find(tensor.name) == &tensor, "a tensor is found by its name");
      std::string copy(tensor.bytes(), '\0');
      file.read(tensor, std::as_writable_bytes(std::span(copy)));
      if (!candor::is_floating(tensor.type) || tensor.extents.rank() != static_cast<int>(tensor.dims.size()))
        continue;
      if (tensor.type_name == candor::name_of(tensor.type))
        promise(file.read_as<float>(tensor).size() == tensor.elements(), "each element becomes a number");
    }
  });
  return 0;
}
