// SPDX-License-Identifier: Apache-2.0
#include <candor/core/error.hpp>
#include <candor/text/sentencepiece_check.hpp>

#include <sentencepiece_processor.h>

#include "support/catch.hpp"

#include <bit>
#include <cstdio>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <vector>

using namespace candor;
using Catch::Matchers::Contains;

namespace {

// ---- A writer of the wire, with every liberty that a crafted file takes.
std::string varint(std::uint64_t v) {
  std::string out;
  for (; v >= 0x80; v >>= 7) out.push_back(static_cast<char>(v | 0x80));
  out.push_back(static_cast<char>(v));
  return out;
}
std::string tag(std::uint64_t field, unsigned kind) { return varint(field << 3 | kind); }
std::string number(unsigned field, std::uint64_t v) { return tag(field, 0) + varint(v); }
std::string block(unsigned field, const std::string& bytes) {
  return tag(field, 2) + varint(bytes.size()) + bytes;
}
std::string real(unsigned field, float v) {
  const auto bits = std::bit_cast<std::uint32_t>(v);
  std::string out = tag(field, 5);
  for (int k = 0; k < 4; ++k) out.push_back(static_cast<char>(bits >> (8 * k)));
  return out;
}
std::string piece(const std::string& text, float score = 0, std::uint64_t kind = 1) {
  return block(1, block(1, text) + real(2, score) + number(3, kind));
}
std::string byte_pieces(int count) {
  std::string out;
  for (int i = 0; i < count; ++i) {
    char name[16];
    std::snprintf(name, sizeof name, "<0x%02X>", static_cast<unsigned>(i));
    out += piece(name, 0, 6);
  }
  return out;
}
const std::string first = piece("<unk>", 0, 2) + piece("<s>", 0, 3) + piece("</s>", 0, 3);
const std::string letters = piece("a", -1) + piece("b", -2) + piece("ab", -0.5f) + piece("\xE2\x96\x81", -3);
const std::string bpe = block(2, number(3, 2));
const std::string plain_text = block(3, block(1, "identity") + number(4, 0));
const std::string valid = first + letters + bpe + plain_text;

// ---- A character map with one rule, x -> y, in three blocks of units.
struct character_map {
  std::vector<std::uint32_t> units = std::vector<std::uint32_t>(768, 0);
  std::string texts = std::string("y\0", 2);
  std::uint32_t size = 768 * 4;
  static constexpr std::uint32_t leaf_node = 256 ^ 'x';

  character_map() {
    units[0] = 256u << 10;
    units[leaf_node] = 'x' | 1u << 8 | (leaf_node ^ 512u) << 10;
    units[512] = 0x80000000u;
  }
  std::string str() const {
    std::string out(4 + units.size() * 4, '\0');
    std::memcpy(out.data(), &size, 4);
    std::memcpy(out.data() + 4, units.data(), units.size() * 4);
    return out + texts;
  }
  std::string model() const { return first + letters + bpe + block(3, block(2, str()) + number(4, 0)); }
};
std::string with_map(const std::function<void(character_map&)>& change) {
  character_map map;
  change(map);
  return map.model();
}

bool sentencepiece_loads(const std::string& bytes) {
  sentencepiece::SentencePieceProcessor p;
  return p.LoadFromSerializedProto(bytes).ok();
}
std::string message_of(const std::string& bytes) {
  try {
    check_sentencepiece(bytes, "crafted.model");
  } catch (const input_error& e) {
    return e.what();
  }
  return "(accepted)";
}

struct malformed {
  std::string name, bytes, says;
};

std::vector<malformed> malformed_models() {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  std::string chain, long_chain;
  for (std::size_t n = 1; n <= 33; ++n) chain += piece(std::string(n, 'q'), 0, 4);
  for (std::size_t n = 1; n <= 200; ++n) long_chain += piece(std::string(n, 'q'), 0, 4);
  const std::string fallback = block(2, number(3, 2) + number(35, 1));
  const auto deep_map =
      with_map([](character_map& m) {  // 40 rules x, xx, xxx, ...: each node has a block of its own
        m.units.assign(256 * 82, 0);
        m.size = static_cast<std::uint32_t>(m.units.size() * 4);
        std::uint32_t node = 0;
        for (std::uint32_t depth = 0; depth < 41; ++depth) {
          const std::uint32_t children = 256 * (depth + 1);
          m.units[node] = (depth == 0 ? 0u : 'x' | 1u << 8) | (node ^ children) << 10;
          if (depth > 0) m.units[children] = 0x80000000u;
          node = children ^ 'x';
        }
      });
  return {
      {"an empty file", "", "is empty"},
      {"text instead of a model", "version https://git-lfs.github.com/spec/v1\n", "byte 0"},
      {"a lone tag", "\x0A", "ends within a number"},
      {"a length beyond the file", tag(1, 2) + varint(1000) + "ab", "2 are left"},
      {"a length of 2^64 - 1", tag(1, 2) + varint(~0ull), "0 are left"},
      {"a length of 2^63", valid + tag(1, 2) + varint(1ull << 63), "0 are left"},
      {"a varint of eleven bytes", valid + tag(9, 0) + std::string(11, '\xFF'), "more than 64 bits"},
      {"a varint of 70 bits", valid + tag(9, 0) + std::string(9, '\xFF') + "\x02", "more than 64 bits"},
      {"field number zero", valid + std::string("\x00\x01", 2), "field number 0"},
      {"a field number beyond 2^29", valid + tag(1ull << 29, 0) + varint(1), "does not exist"},
      {"the start of a group", valid + tag(7, 3), "wire type 3"},
      {"the end of a group", valid + tag(7, 4), "wire type 4"},
      {"wire type 6", valid + tag(7, 6), "wire type 6"},
      {"wire type 7", valid + tag(7, 7), "wire type 7"},
      {"a piece that is a number", valid + number(1, 5), "field 1 has wire type 0"},
      {"a piece text that is a number", first + block(1, number(1, 5)) + bpe, "expected 2"},
      {"a score that is a varint", first + block(1, block(1, "a") + number(2, 7)) + bpe, "expected 5"},
      {"a kind that is a float", first + block(1, block(1, "a") + real(3, 1)) + bpe, "expected 0"},
      {"a piece text that leaves its message", first + block(1, tag(1, 2) + varint(9) + "a") + letters,
       "1 are left"},
      {"a score cut after two bytes", first + block(1, block(1, "a") + tag(2, 5) + "xx"),
       "ends within a number"},
      {"eight bytes cut after three", valid + tag(9, 1) + "xxx", "ends within a number"},
      {"no pieces", bpe + plain_text, "holds no pieces"},
      {"an empty piece", first + piece("") + bpe, "piece 3 is empty"},
      {"a piece without text", first + block(1, real(2, -1)) + bpe, "piece 3 is empty"},
      {"a piece of 4097 bytes", first + piece(std::string(4097, 'x')) + bpe, "4097 bytes"},
      {"a piece of 110 KB", first + piece(std::string(110'000, 'x')) + bpe, "crash sentencepiece"},
      {"a piece with NUL inside", first + piece(std::string("a\0b", 3)) + bpe, "NUL"},
      {"a piece of broken UTF-8", first + piece("\xC3") + bpe, "UTF-8"},
      {"a piece of overlong UTF-8", first + piece("\xC0\x80") + bpe, "UTF-8"},
      {"a piece with a surrogate", first + piece("\xED\xA0\x80") + bpe, "UTF-8"},
      {"a piece beyond U+10FFFF", first + piece("\xF4\x90\x80\x80") + bpe, "UTF-8"},
      {"a piece twice", first + letters + piece("ab") + bpe, "piece 7 repeats the text of piece 5"},
      {"a NaN score", first + piece("a", nan) + bpe, "not a finite number"},
      {"an infinite score", first + piece("a", inf) + bpe, "not a finite number"},
      {"a score of minus infinity", first + piece("a", -inf) + bpe, "not a finite number"},
      {"kind 0", first + piece("a", 0, 0) + bpe, "unknown kind 0"},
      {"kind 7", first + piece("a", 0, 7) + bpe, "unknown kind 7"},
      {"kind 2^40", first + piece("a", 0, 1ull << 40) + bpe, "unknown kind"},
      {"no unknown piece", piece("<s>", 0, 3) + letters + bpe, "none of the 5 pieces"},
      {"two unknown pieces", first + piece("<unk2>", 0, 2) + bpe,
       "second unknown piece; the first is piece 0"},
      {"model type 0", first + letters + block(2, number(3, 0)), "unknown model type 0"},
      {"model type 5", first + letters + block(2, number(3, 5)), "unknown model type 5"},
      {"a byte fallback without byte pieces", first + letters + fallback, "0 byte pieces; 256"},
      {"a byte fallback with 255 byte pieces", first + byte_pieces(255) + fallback, "255 byte pieces; 256"},
      {"byte pieces without the fallback", first + byte_pieces(256) + bpe, "without the byte fallback"},
      {"a byte piece in lower case", first + piece("<0xab>", 0, 6) + bpe, "<0x00> to <0xFF>"},
      {"33 user-defined pieces within each other", first + letters + chain + bpe, "prefixes of each other"},
      {"200 user-defined pieces within each other", first + letters + long_chain + bpe,
       "prefixes of each other"},
      {"a character map of three bytes", first + letters + block(3, block(2, "abc")), "has no length"},
      {"a character map's trie beyond its block", with_map([](auto& m) { m.size = 1u << 20; }), "are left"},
      {"a character map's trie of 2^32 - 1 bytes", with_map([](auto& m) { m.size = ~0u; }), "are left"},
      {"a character map's trie of 1023 bytes", with_map([](auto& m) { m.size = 1023; }), "whole blocks"},
      {"an empty trie", with_map([](auto& m) { m.size = 0; }), "whole blocks"},
      {"a root that points outside", with_map([](auto& m) { m.units[0] = 0x3FFFFFu << 10; }),
       "points to unit"},
      {"a root with the sign bit and all ones", with_map([](auto& m) { m.units[0] = ~0u; }),
       "points to unit"},
      {"a root that points into a partial block", with_map([](auto& m) {
         m.units.resize(700);
         m.size = 2800;
       }),
       "points to unit 767"},
      {"an inner node that points outside", with_map([](auto& m) {
         m.units[character_map::leaf_node] = 'x' | 1u << 8 | 1u << 9 | 0x1FFFFFu << 10;
       }),
       "points to unit"},
      {"a trie that runs in a circle", with_map([](auto& m) {
         m.units[character_map::leaf_node] = 'x' | (character_map::leaf_node ^ 256u) << 10;
       }),
       "circle"},
      {"a rule that points beyond the texts", with_map([](auto& m) { m.units[512] = 0x80000000u | 2u; }),
       "points to byte 2"},
      {"texts without NUL at the end", with_map([](auto& m) { m.texts = "y"; }), "not closed by NUL"},
      {"no texts", with_map([](auto& m) { m.texts.clear(); }), "not closed by NUL"},
      {"40 rules within each other", deep_map, "prefixes of each other"},
      {"a character map that is a number", first + letters + block(3, number(2, 1)), "expected 2"},
  };
}

}  // namespace

TEST_CASE("malformed sentencepiece models are refused with file and reason", "[text][sentencepiece]") {
  const auto cases = malformed_models();
  CHECK(cases.size() >= 60);
  for (const auto& c : cases) {
    INFO(c.name);
    const auto message = message_of(c.bytes);
    CHECK_THAT(message, Contains("crafted.model: ") && Contains(c.says));
  }
}

TEST_CASE("errors name the byte at which the fault lies", "[text][sentencepiece]") {
  const auto at = first.size();
  CHECK_THAT(message_of(first + block(1, block(1, "a") + number(3, 9))),
             Contains("byte " + std::to_string(at + 2 + 3) + ": piece 3 has the unknown kind 9"));
  const auto bad_root = with_map([](auto& m) { m.units[256 ^ 'x'] = 'x' | 1u << 8 | 0x1FFFFFu << 10; });
  const auto offset = bad_root.find(character_map().texts) - (768 - (256 ^ 'x')) * 4;
  CHECK_THAT(message_of(bad_root), Contains("byte " + std::to_string(offset) + ":"));
}

TEST_CASE("valid models pass, odd ones included, and sentencepiece loads what is kept",
          "[text][sentencepiece]") {
  const std::string fallback = block(2, number(3, 2) + number(35, 1));
  std::string chain;
  for (std::size_t n = 1; n <= 32; ++n) chain += piece(std::string(n, 'q'), 0, 4);
  const std::vector<std::pair<std::string, std::string>> odd = {
      {"plain", valid},
      {"unigram without a trainer block", first + letters},
      {"all byte pieces", first + byte_pieces(256) + letters + fallback},
      {"a piece of 4096 bytes", first + letters + piece(std::string(4096, 'x')) + bpe},
      {"32 user-defined pieces within each other", first + letters + chain + bpe},
      {"a character map", character_map().model()},
      {"unknown fields of every kind",
       valid + number(201, 1) + tag(202, 1) + std::string(8, 'x') + block(203, "x") + tag(204, 5) + "xxxx"},
      {"self tests, which would fail without the dummy prefix",
       valid + block(4, block(1, block(1, "a") + block(2, "b")))},
      {"the trainer block before the pieces", bpe + first + letters},
  };
  for (const auto& [name, bytes] : odd) {
    INFO(name);
    const auto content = check_sentencepiece(bytes, "odd.model");
    CHECK(content.unknown_id == 0);
    CHECK(sentencepiece_loads(write_sentencepiece(content)));
  }
  const auto content = check_sentencepiece(valid, "plain.model");
  REQUIRE(content.pieces.size() == 7);
  CHECK(content.pieces[5].text == "ab");
  CHECK(content.pieces[5].score == -0.5f);
  CHECK(content.pieces[1].kind == piece_kind::control);
  CHECK(content.model == sentencepiece_content::algorithm::bpe);
  CHECK_FALSE(content.remove_extra_whitespaces);
  CHECK(content.add_dummy_prefix);
}

TEST_CASE("a valid model cut at any byte is refused or is a valid shorter one", "[text][sentencepiece]") {
  std::size_t refused = 0;
  for (std::size_t n = 0; n < valid.size(); ++n) refused += message_of(valid.substr(0, n)) != "(accepted)";
  CHECK(refused >= valid.size() - 10);  // a cut between two fields leaves a model
}

TEST_CASE("caps can be set", "[text][sentencepiece]") {
  CHECK_THROWS_WITH(check_sentencepiece(valid, "m", {.pieces = 6}), Contains("more than 6 pieces"));
  CHECK_THROWS_WITH(check_sentencepiece(valid, "m", {.file_bytes = 20}), Contains("more than the 20"));
  CHECK_THROWS_WITH(check_sentencepiece(character_map().model(), "m", {.character_map_bytes = 100}),
                    Contains("at most 100"));
}

TEST_CASE("the LLaMA model passes", "[text][sentencepiece]") {
  const auto path = candor_test::shared_data("llama/tokenizer.model");
  if (path.empty()) CANDOR_SKIP("llama/tokenizer.model is absent");
  std::FILE* file = std::fopen(path.c_str(), "rb");
  std::string bytes(1 << 20, '\0');
  bytes.resize(std::fread(bytes.data(), 1, bytes.size(), file));
  std::fclose(file);
  const auto content = check_sentencepiece(bytes, path.string());
  CHECK(content.pieces.size() == 32000);
  CHECK(content.byte_fallback);
  CHECK_FALSE(content.has_character_map);
  CHECK_FALSE(content.remove_extra_whitespaces);
  CHECK(content.unknown_id == 0);
  CHECK(content.model == sentencepiece_content::algorithm::bpe);
}
