// SPDX-License-Identifier: Apache-2.0
#include <candor/core/error.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/io/safetensors.hpp>
#include <candor/io/torch_file.hpp>

#include "io/torch_malformed.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"

#include <cstring>
#include <set>
#include <thread>

using namespace candor;
using candor_test::contains;
using candor_test::golden;

namespace {

torch_file in_memory(const std::string& bytes) {
  return torch_file(byte_source(std::as_bytes(std::span(bytes.data(), bytes.size())), "m.bin"));
}

/// Both files hold the same tensors with the same bytes.
void check_equal(const tensor_file& found, const tensor_file& expected) {
  REQUIRE(found.tensors().size() == expected.tensors().size());
  for (const auto& t : expected.tensors()) {
    INFO(t.name);
    const tensor_info* own = found.find(t.name);
    REQUIRE(own != nullptr);
    CHECK(own->type == t.type);
    CHECK(own->type_name == t.type_name);
    CHECK(own->dims == t.dims);
    CHECK(own->extents == t.extents);
    REQUIRE(own->bytes() == t.bytes());
    std::vector<std::byte> a(t.bytes()), b(t.bytes());
    found.read(*own, a);
    expected.read(t, b);
    CHECK(a == b);
  }
}

}  // namespace

TEST_CASE("torch.save's files hold what safetensors hold, in all types", "[io][torch]") {
  check_equal(torch_file(golden("io/torch/types.bin")), safetensors_file(golden("io/types.safetensors")));
}

TEST_CASE("views of storages are read row by row, in the new form and in that from before torch 1.6",
          "[io][torch]") {
  const safetensors_file expected(golden("io/torch/views.safetensors"));
  for (const char* name : {"io/torch/views.bin", "io/torch/views_old.bin"}) {
    INFO(name);
    const torch_file file(golden(name));
    check_equal(file, expected);
    for (const auto& t : expected.tensors()) {
      INFO(t.name);
      CHECK(file.read_as<float>(*file.find(t.name)) == expected.read_as<float>(t));
      CHECK(file.read_as<double>(*file.find(t.name)) == expected.read_as<double>(t));
    }
  }
}

TEST_CASE("the model is found among what a training program saved", "[io][torch]") {
  check_equal(torch_file(golden("io/torch/nested.pt")),
              safetensors_file(golden("io/torch/nested.safetensors")));
  const torch_file module(golden("io/torch/module.pt"));
  REQUIRE(module.tensors().size() == 2);
  CHECK(module.read_as<float>(*module.find("a")) == std::vector<float>{1});
  CHECK(module.read_as<float>(*module.find("inner.b")) == std::vector<float>{2, 2});
}

TEST_CASE("every malformed or malicious torch file is refused for its reason", "[io][torch]") {
  auto cases = candor_test::malformed_pickles();
  for (auto& c : candor_test::malformed_archives()) cases.push_back(std::move(c));
  REQUIRE(cases.size() >= 120);
  std::set<std::string> names;
  for (const auto& c : cases) {
    INFO(c.name);
    CHECK(names.insert(c.name).second);
    CHECK_THROWS_WITH(in_memory(c.bytes), contains(c.error) && contains("m.bin: "));
    CHECK_THROWS_AS(in_memory(c.bytes), input_error);
  }
}

TEST_CASE("odd but valid torch files are read", "[io][torch]") {
  using namespace candor_test;
  const auto field64 = [](const std::string& numbers) { return le16(1) + le16(numbers.size()) + numbers; };
  const std::vector<std::pair<const char*, std::string>> cases = {
      {"as torch writes it", torch_file_of(good_pickle())},
      {"without zip64 records", torch_ended([](zip_end& e) { e.is64 = false; })},
      {"with a comment", torch_ended([](zip_end& e) { e.comment = "from here"; })},
      {"with the end's mark in the comment",
       torch_ended([](zip_end& e) { e.comment = "PK\5\6 and more, so long"; })},
      {"packed again by another program", torch_changed(2, [](zip_part& p) { p.flags = 0; })},
      {"numbers in zip64 fields", torch_changed(2,
                                                [&](zip_part& p) {
                                                  p.central_size = p.central_packed = 0xFFFFFFFF;
                                                  p.extra = le16(0x5455) + le16(1) + "x" +
                                                            field64(le64(16) + le64(16));
                                                })},
      {"numbers in zip64 fields of both headers", torch_changed(2,
                                                                [&](zip_part& p) {
                                                                  p.central_size = p.central_packed =
                                                                      0xFFFFFFFF;
                                                                  p.local_size = 0xFFFFFFFF;
                                                                  p.extra = p.local_extra =
                                                                      field64(le64(16) + le64(16));
                                                                })},
      {"a descriptor of 64 bits", torch_changed(2,
                                                [](zip_part& p) {
                                                  const auto crc = detail::crc32(
                                                      std::as_bytes(std::span(p.data.data(), p.data.size())));
                                                  p.descriptor = "PK\7\x8" + le32(crc) + le64(16) + le64(16);
                                                })},
      {"counts only in the zip64 record", torch_ended([](zip_end& e) {
         e.old_count = 0xFFFF;
         e.old_size = e.old_central = 0xFFFFFFFF;
       })},
      {"an entry that no tensor uses", make_zip([] {
         auto parts = torch_parts(good_pickle());
         parts.push_back({"m/.data/serialization_id", "1"});
         return parts;
       }())},
      {"a state dictionary with attributes",
       torch_file_of(pickle_of(ordered_dict + "(" + pickled("a") +
                               tensor_of(storage_of("0", 4), 0, {2, 2}, {2, 1}) + "u}" +
                               pickled("_metadata") + ordered_dict + "sb"))},
  };
  for (const auto& [name, bytes] : cases) {
    INFO(name);
    const auto file = in_memory(bytes);
    REQUIRE(file.tensors().size() == 1);
    CHECK(file.read_as<float>(file.tensors()[0]) == std::vector<float>{1, 2, 3, 4});
  }
}

TEST_CASE("a torch file cut at any byte is refused", "[io][torch]") {
  for (const char* name : {"io/torch/views.bin", "io/torch/views_old.bin"}) {
    const std::string whole = read_file(golden(name));
    for (std::size_t length = 0; length < whole.size(); ++length) {
      INFO(name << " " << length);
      CHECK_THROWS_AS(in_memory(whole.substr(0, length)), input_error);
    }
    CHECK_THROWS_AS(in_memory(whole + '\0'), input_error);
  }
}

TEST_CASE("a byte that changed is found before it is used, wherever it matters", "[io][torch]") {
  const std::string whole = read_file(golden("io/torch/module.pt"));
  const auto expected = in_memory(whole);
  int refused = 0;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    INFO(i);
    std::string changed = whole;
    changed[i] = static_cast<char>(changed[i] ^ 0x10);
    try {
      check_equal(in_memory(changed), expected);  // padding, dates
    } catch (const input_error&) {
      ++refused;
    }
  }
  CHECK(refused > static_cast<int>(whole.size()) / 3);
}

TEST_CASE("a storage's check sum is verified when one of its tensors is read", "[io][torch]") {
  std::string bytes = read_file(golden("io/torch/module.pt"));
  const auto at = bytes.find(std::string("\0\0\0\x40\0\0\0\x40", 8));  // the two elements of inner.b
  REQUIRE(at != bytes.npos);
  bytes[at] = '\1';
  const auto file = in_memory(bytes);
  CHECK(file.read_as<float>(*file.find("a")) == std::vector<float>{1});
  CHECK_THROWS_WITH(file.read_as<float>(*file.find("inner.b")), contains("the file is damaged"));
  CHECK_THROWS_AS(file.read_as<float>(*file.find("inner.b")), input_error);
}

TEST_CASE("a torch file on disk is moved, and read by several threads", "[io][torch]") {
  torch_file opened(golden("io/torch/views.bin"));
  const torch_file file = std::move(opened);
  const auto expected = file.read_as<float>(*file.find("transposed"));
  std::vector<std::vector<float>> results(4);
  std::vector<std::thread> readers;
  for (auto& r : results) readers.emplace_back([&] { r = file.read_as<float>(*file.find("transposed")); });
  for (auto& t : readers) t.join();
  for (const auto& r : results) CHECK(r == expected);

  const candor_test::scratch_folder scratch;
  const auto path = scratch / "cut.pt";
  write_atomically(path, read_file(golden("io/torch/module.pt")));
  const torch_file shrinks(path);
  std::filesystem::resize_file(path, 100);
  CHECK_THROWS_WITH(shrinks.read_as<float>(*shrinks.find("a")), contains("something shortened it"));
  CHECK_THROWS_AS(torch_file(scratch / "none.bin"), io_error);
  CHECK_THROWS_WITH(torch_file(scratch.path()), contains("not a regular file"));
}
