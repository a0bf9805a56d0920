// SPDX-License-Identifier: Apache-2.0
#include <candor/core/error.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/io/safetensors.hpp>

#include "io/safetensors_cases.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"

#include <sys/stat.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <thread>

using namespace candor;
namespace fs = std::filesystem;
using candor_test::contains;
using candor_test::put;

namespace {

tensor_source bytes_source(std::string name, dtype type, shape extents, std::string bytes) {
  return {std::move(name), type, extents, [bytes](std::span<std::byte> out) {
            REQUIRE(out.size() == bytes.size());
            std::memcpy(out.data(), bytes.data(), bytes.size());
          }};
}

}  // namespace

TEST_CASE("a safetensors file cut at any byte is refused", "[io][safetensors]") {
  candor_test::scratch_folder folder;
  const auto path = folder / "cut.safetensors";
  const std::string whole = read_file(candor_test::golden("io/types.safetensors"));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    INFO(length);
    put(path, std::string_view(whole).substr(0, length));
    CHECK_THROWS_AS(safetensors_file(path), input_error);
  }
  put(path, whole + '\0');
  CHECK_THROWS_WITH(safetensors_file(path), contains("1 bytes follow the last tensor"));
}

TEST_CASE("what Python's safetensors writes is read as numbers", "[io][safetensors]") {
  const safetensors_file file(candor_test::golden("io/types.safetensors"));
  CHECK(file.tensors().size() == 12);
  CHECK(file.metadata() == std::map<std::string, std::string>{{"format", "pt"}});
  CHECK(file.find("nothing") == nullptr);
  for (const char* name : {"double", "float", "half", "brain"}) {
    INFO(name);
    const tensor_info* t = file.find(name);
    REQUIRE(t != nullptr);
    CHECK(t->extents == shape{2, 3});
    const auto f = file.read_as<float>(*t);
    const auto d = file.read_as<double>(*t);
    const auto b = file.read_as<bfloat16>(*t);
    const std::vector<double> expected = {-1.5, -0.75, 0, 0.75, 1.5, 2.25};
    CHECK(d == expected);
    CHECK(std::vector<double>(f.begin(), f.end()) == expected);
    CHECK(std::vector<double>(b.begin(), b.end()) == expected);
  }
  CHECK(file.read_as<float>(*file.find("scalar")) == std::vector<float>{1.5f});
  CHECK(file.find("scalar")->extents.rank() == 0);
  CHECK(file.read_as<float>(*file.find("empty")).empty());
  CHECK(file.find("empty")->extents == shape{0, 4});
  std::int64_t longs[6];
  file.read(*file.find("long"), std::as_writable_bytes(std::span(longs)));
  CHECK(longs[0] == -1);
  CHECK(longs[5] == 2);
  CHECK_THROWS_WITH(file.read_as<float>(*file.find("long")), contains("has the type I64"));
  CHECK_THROWS_AS(file.read_as<float>(*file.find("flag")), input_error);
}

TEST_CASE("the writer gives the bytes of Python's safetensors", "[io][safetensors]") {
  candor_test::scratch_folder folder;
  const auto golden = candor_test::golden("io/types.safetensors");
  const safetensors_file file(golden);
  std::vector<tensor_source> sources;
  for (auto t = file.tensors().rbegin(); t != file.tensors().rend(); ++t)
    sources.push_back({t->name, t->type, t->extents,
                       [&file, info = *t](std::span<std::byte> out) { file.read(info, out); }});
  write_safetensors(folder / "same.safetensors", sources);
  CHECK(read_file(folder / "same.safetensors") == read_file(golden));
}

TEST_CASE("elements are rounded to nearest even between types", "[io][safetensors]") {
  candor_test::scratch_folder folder;
  const float inf = std::numeric_limits<float>::infinity();
  const std::vector<float> values = {0.f,           -0.f,    1.f,     1.00390625f,  1.01171875f,
                                     3.3895314e38f, 65519.f, 65520.f, 6e-8f,        2.9802322e-8f,
                                     -2.5f,         inf,     -inf,    std::nanf("")};
  const auto extents = shape{static_cast<std::int64_t>(values.size())};
  for (const auto type : {dtype::f64, dtype::f32, dtype::f16, dtype::bf16}) {
    const auto path = folder / "r.safetensors";
    write_safetensors(path, {source_of<float>("x", extents, values, type)});
    const safetensors_file file(path);
    const auto back = file.read_as<double>(*file.find("x"));
    REQUIRE(file.find("x")->type == type);
    for (std::size_t i = 0; i < values.size(); ++i) {
      INFO(std::string(name_of(type)) << " " << values[i]);
      const float expected = type == dtype::f16    ? static_cast<float>(half(values[i]))
                             : type == dtype::bf16 ? static_cast<float>(bfloat16(values[i]))
                                                   : values[i];
      if (std::isnan(values[i]))
        CHECK(std::isnan(back[i]));
      else
        CHECK(std::bit_cast<std::uint64_t>(back[i]) ==
              std::bit_cast<std::uint64_t>(static_cast<double>(expected)));
    }
  }
  const std::vector<double> fine = {1.0000000001, 1.0 / 3.0};
  write_safetensors(folder / "d.safetensors", {source_of<double>("x", {2}, fine)});
  const safetensors_file file(folder / "d.safetensors");
  CHECK(file.read_as<double>(*file.find("x")) == fine);
  CHECK(file.read_as<float>(*file.find("x")) == std::vector<float>{1.0f, 1.0f / 3.0f});
  CHECK(file.read_as<bfloat16>(*file.find("x"))[1].bits == bfloat16(1.0f / 3.0f).bits);
}

TEST_CASE("a tensor larger than the reader's buffer is converted whole", "[io][safetensors]") {
  candor_test::scratch_folder folder;
  std::vector<float> values(300'001);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 2048);
  write_safetensors(folder / "big.safetensors", {source_of<float>("x", {300'001}, values, dtype::f16),
                                                 source_of<float>("a", {300'001}, values)});
  safetensors_file opened(folder / "big.safetensors");
  const safetensors_file file = std::move(opened);
  CHECK(file.read_as<float>(*file.find("x")) == values);
  std::vector<std::thread> readers;
  std::vector<std::vector<float>> results(4);
  for (auto& r : results) readers.emplace_back([&file, &r] { r = file.read_as<float>(*file.find("x")); });
  for (auto& t : readers) t.join();
  for (const auto& r : results) CHECK(r == values);
  std::vector<float> wrong(5);
  CHECK_THROWS_WITH(file.read_as<float>(*file.find("x"), wrong),
                    contains("has 300001 elements, the destination has 5"));
}

TEST_CASE("tensors beyond four axes or of foreign types can be copied but not read as numbers",
          "[io][safetensors]") {
  candor_test::scratch_folder folder;
  using candor_test::entry;
  put(folder / "x.safetensors", candor_test::with_header("{" + entry("six", "F32", "1,1,1,1,1,1", 0, 4) +
                                                             "," + entry("eight", "F8_E4M3", "2", 4, 6) + "}",
                                                         6));
  const safetensors_file file(folder / "x.safetensors");
  const auto* six = file.find("six");
  CHECK(six->dims.size() == 6);
  std::byte bytes[4];
  CHECK_NOTHROW(file.read(*six, bytes));
  CHECK(bytes[3] == std::byte{1});
  CHECK_THROWS_WITH(file.read_as<float>(*six), contains("has 6 axes; at most 4"));
  CHECK_THROWS_WITH(file.read_as<float>(*file.find("eight")), contains("has the type F8_E4M3"));
}

TEST_CASE("what is no regular file is refused and not waited for", "[io][safetensors]") {
  candor_test::scratch_folder folder;
  CHECK_THROWS_WITH(safetensors_file(folder / "none.safetensors"), contains("ENOENT"));
  CHECK_THROWS_AS(safetensors_file(folder / "none.safetensors"), io_error);
  CHECK_THROWS_WITH(safetensors_file(folder.path()), contains("not a regular file"));
  REQUIRE(::mkfifo((folder / "pipe.safetensors").c_str(), 0600) == 0);
  CHECK_THROWS_WITH(safetensors_file(folder / "pipe.safetensors"), contains("not a regular file"));
  fs::create_symlink(candor_test::golden("io/types.safetensors"), folder / "link.safetensors");
  CHECK(safetensors_file(folder / "link.safetensors").tensors().size() ==
        12);  // as in the Hugging Face cache
}

TEST_CASE("a file that shrinks after it was opened gives an error and not a signal", "[io][safetensors]") {
  candor_test::scratch_folder folder;
  const auto path = folder / "s.safetensors";
  const std::vector<float> values(1000, 1.f);
  write_safetensors(path, {source_of<float>("x", {1000}, values)});
  const safetensors_file file(path);
  fs::resize_file(path, 500);
  CHECK_THROWS_WITH(file.read_as<double>(*file.find("x")), contains("something shortened it"));
}

TEST_CASE("a file of a terabyte with no data is refused at once", "[io][safetensors]") {
  candor_test::scratch_folder folder;
  const auto path = folder / "sparse.safetensors";
  put(path, candor_test::with_header("{}"));
  std::error_code code;
  fs::resize_file(path, std::uintmax_t{1} << 40, code);
  if (code) CANDOR_SKIP("the file system has no sparse files of a terabyte");
  CHECK_THROWS_WITH(safetensors_file(path), contains("bytes follow the last tensor"));
}

TEST_CASE("the writer refuses what would not be a valid file and leaves the old one", "[io][safetensors]") {
  candor_test::scratch_folder folder;
  const auto path = folder / "w.safetensors";
  write_safetensors(path, {bytes_source("a", dtype::u8, {2}, "xy")}, {});
  const std::string before = read_file(path);
  const auto a = bytes_source("a", dtype::u8, {1}, "z");
  CHECK_THROWS_WITH(write_safetensors(path, {a, a}), contains("\"a\" is given twice"));
  CHECK_THROWS_WITH(write_safetensors(path, {bytes_source("__metadata__", dtype::u8, {1}, "z")}),
                    contains("__metadata__"));
  CHECK_THROWS_WITH(write_safetensors(path, {bytes_source("\xff", dtype::u8, {1}, "z")}), contains("UTF-8"));
  const tensor_source failing{
      "b", dtype::u8, {1}, [](std::span<std::byte>) { fail<numeric_error>("no value"); }};
  CHECK_THROWS_AS(write_safetensors(path, {a, failing}), numeric_error);
  CHECK(read_file(path) == before);
  CHECK(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()) == 1);
  CHECK_THROWS_AS(write_safetensors(folder / "no/such/folder.safetensors", {a}), io_error);
  const std::vector<float> three(3);
  CHECK_THROWS_AS(source_of<float>("x", {2, 2}, three), shape_error);
}

TEST_CASE("a file with no tensors is what the reference writes", "[io][safetensors]") {
  candor_test::scratch_folder folder;
  write_safetensors(folder / "e.safetensors", {}, {});
  CHECK(read_file(folder / "e.safetensors") == candor_test::le64(8) + "{}      ");
  CHECK(safetensors_file(folder / "e.safetensors").tensors().empty());
}
