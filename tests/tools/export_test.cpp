// SPDX-License-Identifier: Apache-2.0
/// `export` on a tiny model: whatever is written, `score` reads it back to the same numbers.

#include "support/split_tower.hpp"
#include "tools/tool_world.hpp"

using namespace candor_test;

TEST_CASE("A folder in each naming scores the same", "[tools][export]") {
  const tool_world w;
  const auto expected = w.lines("score");
  for (const char* naming : {"hf", "hf_old", "llava"}) {
    const auto folder = w.exported(naming, {"--naming", naming, "--dtype", "f32"});
    CHECK(candor::tensor_names(candor::model_folder(folder).names(), "").scheme() ==
          candor::parse_naming(naming));
    CHECK(w.lines("score", {}, folder) == expected);
    CHECK(std::distance(std::filesystem::directory_iterator(w.results), {}) > 1);
    for (const auto& item : std::filesystem::directory_iterator(w.results))
      CHECK(item.path().string().find(".tmp.") == std::string::npos);
  }
}

TEST_CASE("bf16 and f16 are rounded once and kept by the next export", "[tools][export]") {
  const tool_world w;
  const auto expected = w.lines("score");
  for (const auto& [name, type] :
       {std::pair{"bf16", candor::dtype::bf16}, std::pair{"f16", candor::dtype::f16}}) {
    const auto folder = w.exported(name, {"--dtype", name});
    const candor::model_folder weights(folder);
    for (const auto& tensor : weights.names()) CHECK(weights.at(tensor).type == type);
    const auto rounded = w.lines("score", {}, folder);
    CHECK(difference(rounded, expected) > 0);
    CHECK(difference(rounded, expected) < 0.1);
    const auto end =
        run_program("export", {"--model", folder, "--output", w.results / "again", "--naming", "hf"});
    REQUIRE(end.code == 0);
    CHECK(candor::model_folder(w.results / "again").at("language_model.lm_head.weight").type == type);
    CHECK(w.lines("score", {}, w.results / "again") == rounded);
    std::filesystem::remove_all(w.results / "again");
  }
}

TEST_CASE("Shards of a given size hold the same model", "[tools][export]") {
  const tool_world w;
  const auto folder = w.exported("shards", {"--max-shard-size", "40KB"});
  CHECK(std::filesystem::exists(folder / "model.safetensors.index.json"));
  CHECK(!std::filesystem::exists(folder / "model.safetensors"));
  for (const auto& item : std::filesystem::directory_iterator(folder)) CHECK(item.file_size() < 45'000);
  CHECK(w.lines("score", {}, folder) == w.lines("score"));
}

namespace {

/// A folder as original LLaVA's code leaves it: a tokenizer without `<image>`, no template, no image
/// transform.
tiny_llava_options original_options(const std::filesystem::path& tokenizer, int vocabulary) {
  std::filesystem::copy_file(candor_test::examples_folder() / "scenes/base/tokenizer.model", tokenizer,
                             std::filesystem::copy_options::overwrite_existing);
  return {.tokenizer = tokenizer.parent_path(), .vocabulary = vocabulary, .naming = candor::naming::llava};
}

}  // namespace

TEST_CASE("An original LLaVA folder becomes one for transformers, with <image>, template and transform",
          "[tools][export]") {
  const scratch_folder tokenizer;
  const tool_world w(original_options(tokenizer / "tokenizer.model", 192));
  std::filesystem::remove(w.model / "preprocessor_config.json");
  const auto expected = w.lines("score");
  CHECK(w.lines("score", {"--template", "vicuna_v1", "--image-transform", "pad"}) == expected);
  const auto folder = w.exported("hf", {"--naming", "hf"});
  const auto config = candor::read_llava_config(folder);
  CHECK(config.image_token_index == 181);
  CHECK(config.text.pad_token_id == 182);
  CHECK(config.text.vocab_size == 192);
  CHECK(candor::tokenizer(folder).image() == 181);
  CHECK(w.lines("score", {}, folder) == expected);
}

TEST_CASE("A vocabulary without room for <image> grows by the mean of its rows", "[tools][export]") {
  const scratch_folder tokenizer;
  const tool_world w(original_options(tokenizer / "tokenizer.model", 181));
  const auto folder = w.exported("hf", {});
  CHECK(candor::read_llava_config(folder).text.vocab_size == 192);
  const candor::model_folder weights(folder);
  const auto head = weights.read_as<float>("language_model.lm_head.weight");
  const std::size_t width = 16;
  REQUIRE(head.size() == 192 * width);
  for (const std::size_t column : {std::size_t{0}, width - 1}) {
    double mean = 0;
    for (std::size_t row = 0; row < 181; ++row) mean += static_cast<double>(head[row * width + column]) / 181;
    for (std::size_t row = 181; row < 192; ++row)
      CHECK(head[row * width + column] == Approx(mean).margin(1e-6));
  }
  const auto before = w.lines("score"), after = w.lines("score", {}, folder);
  CHECK(difference(after, before) < 0.2);  // the new rows take a little of each softmax
  const auto x = all_log_probs(before), y = all_log_probs(after);
  for (std::size_t i = 0; i < x.size(); ++i) CHECK(y[i] < x[i]);
}

TEST_CASE("An adapter with its projector is merged into a language model as peft does it",
          "[tools][export]") {
  const scratch_folder scratch;
  const auto published = golden("model/published"), folder = scratch / "merged";
  const auto end = run_program(
      "export", {"--model", published / "language", "--adapter", published / "adapter", "--vision-tower",
                 published / "clip", "--output", folder, "--naming", "llava", "--dtype", "f32", "--quiet"});
  INFO(end.err);
  REQUIRE(end.code == 0);
  const candor::model_folder weights(folder);
  const candor::safetensors_file expected(published / "expected.safetensors");
  int compared = 0;
  for (const auto& t : expected.tensors()) {
    if (!t.name.starts_with("merged.")) continue;
    INFO(t.name);
    const auto name = candor::from_canonical(t.name.substr(7), candor::naming::llava);
    const auto merged = expected.read_as<float>(t), found = weights.read_as<float>(name);
    REQUIRE(found.size() == merged.size());
    for (std::size_t i = 0; i < found.size(); ++i) CHECK(std::abs(found[i] - merged[i]) < 1e-6f);
    ++compared;
  }
  CHECK(compared >= 8);
  CHECK(!std::filesystem::exists(folder / "adapter_config.json"));
  CHECK_NOTHROW(candor::llava_weights({.model = folder}));  // it has its tower now

  const auto without = run_program("export", {"--model", published / "llava", "--output", scratch / "no"});
  CHECK(without.code == 3);
  CHECK_THAT(without.err, contains("--vision-tower"));
}

TEST_CASE("A model without a tower scores and exports as the whole one, given the tower's folder",
          "[tools][export]") {
  const tool_world w({.naming = candor::naming::llava});
  const auto expected = w.lines("score");
  const auto part = w.scratch / "part", clip = w.scratch / "clip";
  split_tower(w.model, part, clip);

  const auto refused = w.run("score", "none.jsonl", {}, part);
  CHECK(refused.code == 3);
  CHECK_THAT(refused.err, contains("--vision-tower"));
  CHECK(w.lines("score", {"--vision-tower", clip}, part) == expected);
  CHECK(w.lines("score", {"--vision-tower", clip}, w.model) == expected);  // its own goes first
  const auto folder = w.exported("hf", {"--model", part, "--vision-tower", clip, "--naming", "hf"});
  CHECK(w.lines("score", {}, folder) == expected);
}

TEST_CASE("export refuses what it cannot write and leaves nothing behind", "[tools][export]") {
  const tool_world w;
  const auto refused = [&](int code, const std::string& part, const std::string& output,
                           const std::vector<std::string>& options) {
    const auto end = w.export_to(output, options);
    INFO(end.err);
    CHECK(end.code == code);
    CHECK_THAT(end.err, contains("export: "));
    CHECK_THAT(end.err, contains(part));
    for (const auto& item : std::filesystem::directory_iterator(w.results))
      CHECK(item.path().filename() == "full");
  };
  std::filesystem::create_directories(w.results / "full");
  candor::write_atomically(w.results / "full" / "notes.txt", "mine");
  refused(2, "exists and is not empty", "full", {});
  CHECK(candor::read_file(w.results / "full" / "notes.txt") == "mine");
  refused(2, "--dtype", "new", {"--dtype", "f8"});
  refused(2, "--naming", "new", {"--naming", "gguf"});
  refused(2, "--max-shard-size", "new", {"--max-shard-size", "many"});
  refused(3, "does not exist", "new", {"--adapter", w.scratch / "nowhere"});
  refused(5, "create the folder", "full/notes.txt/new", {});

  auto other = w.config;
  other.text.hidden_size = 32;
  write_tiny_adapter(w.scratch / "wide", other);
  refused(3, "is for a weight of", "new", {"--adapter", w.scratch / "wide"});
  other = w.config;
  other.text.num_hidden_layers = 3;
  write_tiny_adapter(w.scratch / "deep", other);
  refused(3, "layers.2.", "new", {"--adapter", w.scratch / "deep"});

  const auto config = w.model / "config.json";
  const std::string text = candor::read_file(config);
  candor::write_atomically(config, std::string(text).replace(text.find("\"intermediate_size\": 32"), 23,
                                                             "\"intermediate_size\": 48"));
  refused(3, "shape", "new", {});
}
