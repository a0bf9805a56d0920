// SPDX-License-Identifier: Apache-2.0
// A second model as reference: it counts with its adapters, and these are part of the fingerprint.
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/tiny_llava.hpp"

#include <candor/backend/host/host.hpp>
#include <candor/model/llava.hpp>
#include <candor/objective/dpo.hpp>
#include <candor/train/encode.hpp>
#include <candor/train/reference_log_probs.hpp>

#include <vector>

using model = candor::llava<candor::host, float>;

namespace {

/// Gives the second parts of all adapters the value.
void set_adapters(model& m, float value) {
  m.network().for_adapters([&](const std::string&, auto& adapter) {
    adapter.b.storage().copy_from(std::vector<float>(static_cast<std::size_t>(adapter.b.size()), value));
  });
}

}  // namespace

TEST_CASE("a second model is the reference with its adapters", "[train][reference]") {
  const candor_test::scratch_folder scratch;
  candor_test::write_tiny_llava(scratch / "model");
  candor_test::write_tiny_pictures(scratch / "images", 2);
  candor::write_atomically(
      scratch / "pairs.jsonl",
      R"({"image": "0.png", "question": "What is it?", "chosen": "a cat", "rejected": "a red dog"})"
      "\n"
      R"({"image": "1.png", "question": "Where?", "chosen": "left of it", "rejected": "right"})"
      "\n");
  const candor::preference_data data(scratch / "pairs.jsonl", {.images = scratch / "images"});
  candor::host cpu({.threads = 1});
  auto policy = candor::load_llava<float>(cpu, scratch / "model");
  auto second = candor::load_llava<float>(cpu, scratch / "model");
  second.add_lora({.rank = 2});
  set_adapters(second, 0.5f);

  const auto encode = [&](std::int64_t i, std::int64_t) {
    const auto record = data.record(i);
    const auto& p = policy.processor();
    return candor::training_item{{candor::preference_tree(p, record, candor::dpo{}), p.pixels(record.images)},
                                 i};
  };
  const candor::fit_options options{.quiet = true};
  candor::reference_log_probs<model, candor::dpo> reference(policy, &second, candor::dpo{}, data, options);
  reference.prepare(scratch / "reference.safetensors", false, 1, encode);

  const std::vector<candor::training_item> group{encode(0, 0), encode(1, 0)};
  const std::vector<const candor::encoded_record*> records{&group[0].record, &group[1].record};
  const auto with = candor::score(second.network(), std::span(records), {.adapters = true});
  const auto without = candor::score(second.network(), std::span(records), {.adapters = false});
  const auto found = reference.of(group);
  for (std::size_t r = 0; r < 2; ++r)
    for (std::size_t c = 0; c < 2; ++c) {
      CHECK(std::vector<float>(found[r][c].begin(), found[r][c].end()) == with[r][c]);
      CHECK(with[r][c] != without[r][c]);
    }

  const auto before = reference.print();
  set_adapters(second, 0.25f);
  CHECK(candor::first_difference(before, reference.print()) == "reference adapter");
}
