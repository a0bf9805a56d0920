// SPDX-License-Identifier: Apache-2.0
// Whole models that are read, written and read again.
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/tiny_llava.hpp"

#include <candor/backend/host/host.hpp>
#include <candor/model/llava.hpp>

#include <map>
#include <vector>

namespace fs = std::filesystem;

namespace {

std::map<std::string, std::vector<float>> weights_of(candor::llava<candor::host, float>& model) {
  std::map<std::string, std::vector<float>> out;
  model.network().for_parameters([&](auto& p) { out[p.name()] = p.storage().to_vector(); });
  return out;
}

}  // namespace

TEST_CASE("a model that is saved as it came is the same model", "[model][llava]") {
  candor::host cpu({.threads = 1});
  for (const auto naming : {candor::naming::hf_old, candor::naming::hf, candor::naming::llava}) {
    const candor_test::scratch_folder root;
    candor_test::write_tiny_llava(root / "model", {.naming = naming});
    auto model = candor::load_llava<float>(cpu, root / "model");
    candor::save_llava(model, root / "saved");
    auto again = candor::load_llava<float>(cpu, root / "saved");
    CHECK(again.network().config() == model.network().config());
    CHECK(weights_of(again) == weights_of(model));
  }
}
