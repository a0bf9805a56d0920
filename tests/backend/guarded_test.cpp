// SPDX-License-Identifier: Apache-2.0
// Nothing that the library does follows a pointer into a backend's memory, hands a row program memory of the
// host, or depends on the order of elements or on memory that nobody wrote: training, scoring and generation
// give on the guarded backend what they give on the host, but for the compiler's choice of fused operations.
#include "backend/guarded.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/tiny_llava.hpp"

#include <candor/io/safetensors.hpp>
#include <candor/model/generate.hpp>
#include <candor/model/llava.hpp>
#include <candor/objective/dense_dpo.hpp>
#include <candor/train/trainer.hpp>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <map>
#include <string>
#include <vector>

using candor::bfloat16;
using candor_test::contains;
using candor_test::guarded;

namespace {

const char* const pairs =
    R"({"image": "0.png", "question": "describe the picture .", "chosen": "a red circle and a tree .", "rejected": "a blue square ."})"
    "\n"
    R"({"image": "1.png", "question": "is there a dog ?", "chosen": "yes", "rejected": "no"})"
    "\n"
    R"({"image": "2.png", "question": "what is there ?", "chosen": "a green tree", "rejected": "a green house"})"
    "\n";

struct training {
  int rank = 0;  // of LoRA, 0: all weights
  bool stochastic_rounding = false, recompute = false;
};

/// Everything that a run leaves, by name.
using result = std::map<std::string, std::vector<double>>;

template <class X>
void append(std::vector<double>& to, const std::vector<X>& values) {
  for (const X v : values) to.push_back(static_cast<double>(v));
}

struct world {
  candor_test::scratch_folder scratch;

  explicit world(const candor_test::tiny_llava_options& options = {}) {
    candor_test::write_tiny_llava(scratch / "model", options);
    candor_test::write_tiny_pictures(scratch / "images", 3);
    candor::write_atomically(scratch / "pairs.jsonl", pairs);
  }

  template <class T, class B>
  result train(B& backend, const training& how) const {
    const std::string folder = std::string(B::name) + "_run";
    std::filesystem::remove_all(scratch / folder);
    auto policy = candor::load_llava<T>(backend, scratch / "model");
    if (how.rank > 0) policy.add_lora({.rank = how.rank, .alpha = 4.0, .dropout = 0.25, .seed = 3});
    const candor::preference_data data(scratch / "pairs.jsonl", {.images = scratch / "images"});
    // With an epsilon beyond the moments a step is a multiple of the gradient, and not of its sign.
    const candor::adamw optimizer{
        .learning_rate = 1e-2, .epsilon = 1.0, .stochastic_rounding = how.stochastic_rounding};
    candor::trainer trainer(policy, candor::dense_dpo{.beta = 0.1, .gamma = 5.0}, optimizer);
    const auto run = trainer.fit(data, {.run_folder = scratch / folder,
                                        .max_steps = 3,
                                        .batch_size = 2,
                                        .eval_fraction = 0.34,
                                        .tensorboard = false,
                                        .save_steps = 3,
                                        .recompute = how.recompute,
                                        .quiet = true});
    result out{{"loss", {run.loss}}};
    const auto keep = [&](const std::string& name, auto& p) { append(out[name], p.storage().to_vector()); };
    policy.network().for_adapters([&](const std::string& path, auto& adapter) {
      keep(path + ".a", adapter.a);
      keep(path + ".b", adapter.b);
    });
    const candor::safetensors_file states(scratch / folder / "checkpoint-3/optimizer.safetensors");
    for (const auto& t : states.tensors()) append(out[t.name], states.read_as<float>(t));
    policy.network().merge_adapters();
    policy.network().for_parameters([&](auto& p) { keep(p.name(), p); });
    return out;
  }

  template <class T, class B>
  result infer(B& backend) const {
    auto model = candor::load_llava<T>(backend, scratch / "model");
    const candor::preference_data data(scratch / "pairs.jsonl", {.images = scratch / "images"});
    std::vector<candor::encoded_record> records, prompts;
    for (std::int64_t i = 0; i < data.size(); ++i) {
      const auto r = data.record(i);
      records.push_back({candor::preference_tree(model.processor(), r, candor::dense_dpo{}),
                         model.processor().pixels(r.images)});
      prompts.push_back(model.processor().prompt(r.question, r.images, r.source));
      prompts.back().tree.key = static_cast<std::uint64_t>(i);
    }
    const auto pointers = [](const auto& all) {
      std::vector<const candor::encoded_record*> out;
      for (const auto& r : all) out.push_back(&r);
      return out;
    };
    result out;
    for (const auto& record :
         candor::score(model.network(), std::span<const candor::encoded_record* const>(pointers(records))))
      for (const auto& cell : record) append(out["log-probs"], cell);
    for (const double temperature : {0.0, 1.0})
      for (const auto& prompt : candor::generate(
               model.network(), std::span<const candor::encoded_record* const>(pointers(prompts)),
               {.max_new_tokens = 6, .temperature = temperature, .samples = 2, .seed = 5}))
        for (const auto& ids : prompt) append(out["texts"], ids);
    if (!std::is_same_v<T, float>) out.erase("texts");  // a step of bf16 may decide between two tokens
    return out;
  }
};

/// Compares with the largest number of each tensor, or with 0.01 where all are smaller.
void check_same(const result& expected, const result& found, double tolerance) {
  REQUIRE(expected.size() == found.size());
  for (const auto& [name, numbers] : expected) {
    INFO(name);
    REQUIRE(found.contains(name));
    const auto& others = found.at(name);
    REQUIRE(!numbers.empty());
    REQUIRE(numbers.size() == others.size());
    double largest = 0.01, worst = 0;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      largest = std::max(largest, std::abs(numbers[i]));
      const double difference = std::abs(numbers[i] - others[i]);
      if (!(difference <= worst)) worst = difference;  // NaN counts
    }
    CHECK(worst <= tolerance * largest);
  }
}

template <class T>
constexpr double tolerance = std::is_same_v<T, float> ? 2e-5 : 0.05;

/// Writes to a row through whatever pointer it was given.
struct pointing_program {
  std::int32_t* out;
  template <class Team>
  CANDOR_HD void operator()(const Team&, std::int64_t row) const {
    out[row] = static_cast<std::int32_t>(row);
  }
};

}  // namespace

TEST_CASE("the guarded backend finds what a device would not run", "[backend][guarded]") {
  guarded backend({.threads = 1});
  candor::tensor<guarded, std::int32_t> there(backend, {4});
  std::vector<std::int32_t> here(4);

  backend.rows(4, 1, pointing_program{there.view().data});
  CHECK(there.to_vector() == std::vector<std::int32_t>{0, 1, 2, 3});
  CHECK_THROWS_WITH(backend.rows(4, 1, pointing_program{here.data()}),
                    contains("pointing_program") && contains("a pointer to the host's memory"));
  std::int32_t on_stack[4];
  CHECK_THROWS_AS(backend.rows(4, 1, pointing_program{on_stack}), candor_test::guard_error);

  CHECK_THROWS_AS(backend.copy_in(there.view().data, there.view().data, 16), candor_test::guard_error);
  CHECK_THROWS_AS(backend.copy_out(here.data(), here.data(), 16), candor_test::guard_error);
  CHECK_THROWS_AS(backend.zero(here.data(), 16), candor_test::guard_error);

  const candor::tensor<guarded, float> fresh(backend, {1});
  CHECK(std::isnan(fresh.to_vector()[0]));
#if !defined(__SANITIZE_ADDRESS__)  // which has its own way to end
  const auto end = candor_test::in_child([&] {
    std::signal(SIGSEGV, SIG_DFL);  // not the test framework's
    there.view().data[0] = 1;
  });
  CHECK(end.signal == SIGSEGV);
#endif
}

TEST_CASE("training needs nothing that a device lacks", "[backend][guarded]") {
  const world w;
  candor::host cpu({.threads = 1});
  guarded backend({.threads = 1});
  const auto check = [&]<class T>(T, const training& how) {
    check_same(w.train<T>(cpu, how), w.train<T>(backend, how), tolerance<T>);
  };
  SECTION("all weights in fp32") { check(float(), {}); }
  SECTION("all weights in fp32, layers computed again") { check(float(), {.recompute = true}); }
  SECTION("adapters with dropout in fp32") { check(float(), {.rank = 2}); }
  SECTION("adapters with dropout in bf16") { check(bfloat16(), {.rank = 2}); }
  SECTION("all weights in bf16 with a master copy") { check(bfloat16(), {}); }
  SECTION("all weights in bf16, rounded at random") { check(bfloat16(), {.stochastic_rounding = true}); }
}

TEST_CASE("scoring and generation need nothing that a device lacks", "[backend][guarded]") {
  const world w;
  candor::host cpu({.threads = 1});
  guarded backend({.threads = 1});
  check_same(w.infer<float>(cpu), w.infer<float>(backend), tolerance<float>);
  check_same(w.infer<bfloat16>(cpu), w.infer<bfloat16>(backend), tolerance<bfloat16>);
}
