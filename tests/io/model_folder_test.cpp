// SPDX-License-Identifier: Apache-2.0
#include <candor/core/error.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/io/json_impl.hpp>
#include <candor/io/model_folder.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"

#include <unistd.h>

#include <functional>
#include <set>

using namespace candor;
using candor_test::contains;
using candor_test::golden;
using candor_test::scratch_folder;
namespace fs = std::filesystem;

namespace {

constexpr const char* index_name = "model.safetensors.index.json";
constexpr const char* first_shard = "model-00001-of-00003.safetensors";

/// Copies the sharded golden model.
void copy_sharded(const fs::path& to) {
  fs::copy(golden("io/llava_sharded"), to, fs::copy_options::recursive);
}

/// Changes the index of a folder.
void edit_index(const fs::path& folder, const std::function<void(detail::json&)>& edit) {
  auto document = detail::read_json_file(folder / index_name);
  edit(document);
  detail::write_json_file(folder / index_name, document);
}

std::vector<tensor_source> three_tensors(const std::vector<float>& values) {
  return {source_of<float>("c", {4}, std::span(values).first(4)),
          source_of<float>("a", {2, 3}, std::span(values).first(6)),
          source_of<float>("b", {5}, std::span(values).first(5))};
}

}  // namespace

TEST_CASE("folders with one file or shards, of safetensors or of torch, hold the same model",
          "[io][model_folder]") {
  const model_folder whole(golden("io/llava"));
  const auto names =
      detail::read_json_file(golden("io/names.json"))["stored"].get<std::vector<std::string>>();
  CHECK(whole.names() == names);
  for (const char* other : {"io/llava_sharded", "io/torch/whole", "io/torch/sharded"}) {
    const model_folder same(golden(other));
    CHECK(same.names() == names);
    CHECK(same.bytes() == whole.bytes());
    for (const auto& name : names) {
      INFO(other << " " << name);
      CHECK(whole.at(name).extents == same.at(name).extents);
      CHECK(whole.read_as<float>(name) == same.read_as<float>(name));
    }
  }
  for (const char* sharded : {"io/llava_sharded", "io/torch/sharded"}) {
    const model_folder shards(golden(sharded));
    std::set<fs::path> files;
    for (const auto& name : names) files.insert(shards.file_of(name).path());
    CHECK(files.size() == 3);
  }
}

TEST_CASE("a missing or wrong tensor is named with what was asked for", "[io][model_folder]") {
  const model_folder folder(golden("io/llava"));
  CHECK(folder.find("nothing") == nullptr);
  CHECK_THROWS_WITH(folder.at("nothing"), contains("has no tensor \"nothing\"; it holds 64 tensors"));
  CHECK_THROWS_AS(folder.read_as<float>("nothing"), input_error);
  CHECK_NOTHROW(folder.at("language_model.lm_head.weight", {24, 8}));
  CHECK_THROWS_WITH(folder.at("language_model.lm_head.weight", {24, 16}),
                    contains("has the shape (24, 8), config.json asks for (24, 16)"));
}

TEST_CASE("a folder that is no model is refused with what is missing", "[io][model_folder]") {
  scratch_folder scratch;
  CHECK_THROWS_WITH(model_folder(scratch / "none"), contains("does not exist"));
  CHECK_THROWS_AS(model_folder(scratch / "none"), input_error);
  CHECK_THROWS_WITH(model_folder(golden("io/names.json")), contains("is not a folder"));
  CHECK_THROWS_WITH(model_folder(scratch.path()), contains("has neither model.safetensors nor"));
  write_atomically(scratch / "pytorch_model.bin", "x");
  CHECK_THROWS_WITH(model_folder(scratch.path()), contains("pytorch_model.bin: not a file of torch.save"));
}

TEST_CASE("safetensors go before torch's files, and torch's index and shards must agree",
          "[io][model_folder]") {
  scratch_folder scratch;
  fs::copy(golden("io/torch/sharded"), scratch / "m", fs::copy_options::recursive);
  write_atomically(scratch / "m/model.safetensors", read_file(golden("io/types.safetensors")));
  CHECK(model_folder(scratch / "m").names().front() == "brain");
  fs::remove(scratch / "m/model.safetensors");
  fs::rename(scratch / "m/pytorch_model-00001-of-00003.bin", scratch / "kept");
  CHECK_THROWS_WITH(model_folder(scratch / "m"),
                    contains("named by pytorch_model.bin.index.json, is missing"));
  fs::copy(scratch / "m/pytorch_model-00002-of-00003.bin", scratch / "m/pytorch_model-00001-of-00003.bin");
  CHECK_THROWS_WITH(model_folder(scratch / "m"), contains("where pytorch_model.bin.index.json places it"));
}

TEST_CASE("an index and its shards must agree", "[io][model_folder]") {
  struct bad {
    const char* name;
    std::function<void(const fs::path&)> spoil;
    const char* error;
  };
  const auto with_index = [](std::function<void(detail::json&)> edit) {
    return [edit](const fs::path& folder) { edit_index(folder, edit); };
  };
  const std::string known = "language_model.lm_head.weight";
  const std::vector<bad> cases = {
      {"shard missing", [](const fs::path& f) { fs::remove(f / first_shard); },
       "is missing; copy the whole model"},
      {"shard truncated", [](const fs::path& f) { fs::resize_file(f / first_shard, 3000); }, "truncated"},
      {"shard is a folder",
       [](const fs::path& f) {
         fs::remove(f / first_shard);
         fs::create_directory(f / first_shard);
       },
       "not a regular file"},
      {"no weight_map", with_index([](auto& d) { d.erase("weight_map"); }),
       "the key \"weight_map\" is missing"},
      {"weight_map is a list", with_index([](auto& d) { d["weight_map"] = {1}; }),
       "weight_map: expected an object"},
      {"shard name is a number", with_index([&](auto& d) { d["weight_map"][known] = 1; }),
       "expected a string"},
      {"shard name with a folder", with_index([&](auto& d) { d["weight_map"][known] = "sub/x.safetensors"; }),
       "must be the plain name of a file"},
      {"shard name leaves the folder",
       with_index([&](auto& d) { d["weight_map"][known] = "../x.safetensors"; }),
       "must be the plain name of a file"},
      {"shard name is absolute", with_index([&](auto& d) { d["weight_map"][known] = "/etc/passwd"; }),
       "must be the plain name of a file"},
      {"shard name is two dots", with_index([&](auto& d) { d["weight_map"][known] = ".."; }),
       "plain name of a file"},
      {"shard name is empty", with_index([&](auto& d) { d["weight_map"][known] = ""; }),
       "plain name of a file"},
      {"shard name with a NUL", with_index([&](auto& d) { d["weight_map"][known] = std::string("a\0b", 3); }),
       "plain name of a file"},
      {"tensor not in its shard", with_index([](auto& d) { d["weight_map"]["extra.weight"] = first_shard; }),
       "the tensor \"extra.weight\" is not in"},
      {"tensor in another shard",
       with_index([&](auto& d) { d["weight_map"][known] = "model-00003-of-00003.safetensors"; }),
       "is not in"},
      {"tensor not in the index", with_index([&](auto& d) { d["weight_map"].erase(known); }),
       "does not name"},
      {"index is not JSON", [](const fs::path& f) { write_atomically(f / index_name, "{"); },
       "not valid JSON"},
      {"index with a name twice",
       [](const fs::path& f) { write_atomically(f / index_name, R"({"weight_map":{"a":"x","a":"y"}})"); },
       "the key \"a\" appears twice"},
  };
  for (const auto& c : cases) {
    INFO(c.name);
    scratch_folder scratch;
    copy_sharded(scratch / "m");
    c.spoil(scratch / "m");
    CHECK_THROWS_WITH(model_folder(scratch / "m"), contains(c.error));
    CHECK_THROWS_AS(model_folder(scratch / "m"), input_error);
  }
}

TEST_CASE("an unreadable shard is an error of the system", "[io][model_folder]") {
  if (::geteuid() == 0) CANDOR_SKIP("root reads every file");
  scratch_folder scratch;
  copy_sharded(scratch / "m");
  fs::permissions(scratch / "m" / first_shard, fs::perms::none);
  CHECK_THROWS_AS(model_folder(scratch / "m"), io_error);
}

TEST_CASE("a model is written whole or in shards and read back", "[io][model_folder]") {
  const std::vector<float> values = {0.5f, 1.f, -2.f, 3.f, 4.f, 5.f};
  const auto tensors = three_tensors(values);
  for (const std::uint64_t limit : {1000u, 40u, 24u, 1u}) {
    INFO(limit);
    scratch_folder scratch;
    write_model_folder(scratch / "new" / "model", tensors, limit);
    const model_folder folder(scratch / "new" / "model");
    CHECK(folder.names() == std::vector<std::string>{"a", "b", "c"});
    CHECK(folder.at("a").extents == shape{2, 3});
    CHECK(folder.read_as<float>("a") == values);
    CHECK(folder.read_as<double>("c") == std::vector<double>{0.5, 1, -2, 3});
    const auto files = std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator());
    CHECK(files == (limit == 1000u ? 1 : limit == 40u ? 3 : 4));
    if (limit == 1u) {
      const auto index = detail::read_json_file(folder.path() / index_name);
      CHECK(index["metadata"]["total_size"] == 60);
      CHECK(index["weight_map"]["c"] == first_shard);
      CHECK(index["weight_map"]["b"] == "model-00003-of-00003.safetensors");
    }
    CHECK_THROWS_WITH(write_model_folder(folder.path(), tensors, limit),
                      contains("already; choose an empty folder"));
  }
  scratch_folder scratch;
  const auto twice = std::vector<tensor_source>{tensors[0], tensors[0]};
  CHECK_THROWS_AS(write_model_folder(scratch / "w", twice, 1), usage_error);
  CHECK_THROWS_AS(write_model_folder(scratch / "x", twice), usage_error);
  write_atomically(scratch / "file", "");
  CHECK_THROWS_AS(write_model_folder(scratch / "file", tensors), io_error);
}

TEST_CASE("a moved folder still reads", "[io][model_folder]") {
  model_folder first(golden("io/llava_sharded"));
  const auto name = first.names().front();
  const auto values = first.read_as<float>(name);
  const model_folder second = std::move(first);
  CHECK(second.read_as<float>(name) == values);
}
