// SPDX-License-Identifier: Apache-2.0
#include <candor/core/error.hpp>
#include <candor/io/json_field_impl.hpp>
#include <candor/io/json_impl.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"

using namespace candor;
using candor_test::contains;
using Catch::Matchers::StartsWith;
using detail::json_field;
using detail::parse_json;

TEST_CASE("a document is parsed as it stands", "[io][json]") {
  const auto d =
      parse_json(R"( {"a": [1, -2, 3.5, null, true], "b": {"c": "gé\u00e9"}, "": {}} )", {.file = "x"});
  CHECK(d["a"].size() == 5);
  CHECK(d["a"][1] == -2);
  CHECK(d["b"]["c"] == "géé");
  CHECK(d[""].empty());
  CHECK(parse_json("7", {.file = "x"}) == 7);
}

TEST_CASE("a malformed document is refused with its place", "[io][json]") {
  struct bad {
    std::string text, error;
  };
  const std::vector<bad> cases = {
      {"", "x.json:1:1: not valid JSON: "},
      {"{\"a\": 1,\n \"b\": tru}", "x.json:2:10: not valid JSON"},
      {"{\"a\": 1,}", "x.json:1:9: not valid JSON"},
      {"{\"a\": 1} {}", "x.json:1:10: not valid JSON"},
      {"{\"a\": 1,\n\"b\": 2,\n  \"a\": 3}", "x.json:3:5: the key \"a\" appears twice in one object"},
      {"{\"a\": {\"b\": 1, \"b\": 1}}", "the key \"b\" appears twice"},
      {"[{\"a\": 1, \"\\u0061\": 1}]", "the key \"a\" appears twice"},
      {"\xEF\xBB\xBF{}", "x.json:1:1: begins with a byte order mark"},
      {std::string("{\"a\": 1}\0", 9), "x.json:1:8: not valid JSON: a NUL byte"},
      {"[\"\xff\"]", "x.json:1:3: not valid JSON"},
      {"[\"\xC0\x80\"]", "not valid JSON"},
      {"[\"\\ud800x\"]", "not valid JSON"},
      {"[\"a\nb\"]", "not valid JSON"},
      {"[NaN]", "not valid JSON"},
      {"[1e999]", "not valid JSON"},
      {"[01]", "not valid JSON"},
      {"// no\n{}", "not valid JSON"},
      {std::string(65, '[') + std::string(65, ']'), "x.json:1:65: nested deeper than 64 levels"},
      {std::string(1'000'000, '['), "nested deeper than 64 levels"},
  };
  for (const auto& c : cases) {
    INFO(c.text.substr(0, 60));
    CHECK_THROWS_WITH(parse_json(c.text, {.file = "x.json"}), contains(c.error));
    CHECK_THROWS_AS(parse_json(c.text, {.file = "x.json"}), input_error);
  }
  CHECK_NOTHROW(parse_json(std::string(64, '[') + std::string(64, ']'), {.file = "x.json"}));
}

TEST_CASE("a record of a JSONL file is named by its line, a part of a binary file by its byte",
          "[io][json]") {
  CHECK_THROWS_WITH(parse_json("{\"a\":}", {.file = "p.jsonl", .first_line = 17}),
                    StartsWith("p.jsonl:17:6: "));
  CHECK_THROWS_WITH(parse_json("{\"a\":}", {.file = "m.bin", .count_bytes = true, .first_byte = 8}),
                    StartsWith("m.bin: byte 14: "));
}

TEST_CASE("an error's text stays short and printable", "[io][json]") {
  const std::string name(100'000, 'n');
  std::string message;
  try {
    parse_json("{\"" + name + "\": 1, \"" + name + "\n\": 2}", {.file = "x"});
  } catch (const input_error& e) {
    message = e.what();
  }
  CHECK(message.size() < 400);
  CHECK(message.find('\n') == std::string::npos);
  CHECK(detail::in_quotes(std::string("a\0\n\x1b\xff", 5)) == "\"a\\u0000\\n\\u001b\xEF\xBF\xBD\"");
}

TEST_CASE("fields are checked for kind and range and named by their path", "[io][json]") {
  const auto d =
      parse_json(R"({"n": 5, "big": 18446744073709551615, "f": 1.5, "s": "text", "b": true, "z": null,
                               "o": {"list": [1, "two"]}})",
                 {.file = "c.json"});
  const json_field c(d, "c.json");
  CHECK(c["n"].integer() == 5);
  CHECK(c["n"].integer(5, 5) == 5);
  CHECK(c["n"].number() == 5.0);
  CHECK(c["f"].number() == 1.5);
  CHECK(c["s"].string() == "text");
  CHECK(c["b"].boolean());
  CHECK(c.integer_or("z", 9) == 9);  // null is absent
  CHECK(c.integer_or("none", 9) == 9);
  CHECK(c.string_or("s", "") == "text");
  CHECK_FALSE(c.has("z"));
  CHECK(c["o"]["list"].items().size() == 2);
  CHECK_THROWS_WITH(c["n"].integer(6, 9), "c.json: n: expected an integer from 6 to 9, found 5");
  CHECK_THROWS_WITH(c["big"].integer(), "c.json: big: expected an integer, found 18446744073709551615");
  CHECK_THROWS_WITH(c["f"].integer(), "c.json: f: expected an integer, found 1.5");
  CHECK_THROWS_WITH(c["s"].number(), "c.json: s: expected a number, found \"text\"");
  CHECK_THROWS_WITH(c["f"].number(0, 1), "c.json: f: expected a number from 0 to 1, found 1.5");
  CHECK_THROWS_WITH(c["o"].string(), "c.json: o: expected a string, found an object");
  CHECK_THROWS_WITH(c["n"].boolean(), "c.json: n: expected true or false, found 5");
  CHECK_THROWS_WITH(c["n"].find("x"), "c.json: n: expected an object, found 5");
  CHECK_THROWS_WITH(c["z"], "c.json: the key \"z\" is missing");
  CHECK_THROWS_WITH(c["o"]["list"].items()[1].integer(),
                    "c.json: o.list[1]: expected an integer, found \"two\"");
}

TEST_CASE("a written document is read again", "[io][json]") {
  candor_test::scratch_folder folder;
  const detail::json d = {{"b", 1}, {"a", {1.5, "é"}}};
  detail::write_json_file(folder / "d.json", d);
  CHECK(detail::read_json_file(folder / "d.json") == d);
  CHECK_THROWS_AS(detail::read_json_file(folder / "none.json"), io_error);
  CHECK_THROWS_AS(detail::read_json_file(folder / "d.json", 3), input_error);
}
