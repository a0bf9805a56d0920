// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Named safetensors files made in code: malformed ones with a part of the error that they must give, and odd
/// ones that are valid.

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace candor_test {

struct safetensors_case {
  std::string name;
  std::string bytes;
  std::string error;  ///< a part of the message; empty where the file is valid
};

/// Writes a file at once and without syncing: hundreds are written.
inline void put(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

inline std::string le64(std::uint64_t n) {
  std::string out(8, '\0');
  for (char& c : out) {
    c = static_cast<char>(n & 0xff);
    n >>= 8;
  }
  return out;
}

/// A file with this header and so many bytes of data.
inline std::string with_header(std::string_view header, std::size_t data = 0) {
  return le64(header.size()) + std::string(header) + std::string(data, '\1');
}

/// A file with one tensor "a" of these members, and data.
inline std::string one(std::string_view members, std::size_t data = 4) {
  return with_header("{\"a\":{" + std::string(members) + "}}", data);
}

/// A file with one F32 tensor of this shape and these offsets.
inline std::string shaped(std::string_view dims, std::string_view offsets, std::size_t data = 4) {
  return one("\"dtype\":\"F32\",\"shape\":[" + std::string(dims) + "],\"data_offsets\":[" +
                 std::string(offsets) + "]",
             data);
}

inline std::string entry(std::string_view name, std::string_view type, std::string_view dims,
                         std::size_t begin, std::size_t end) {
  return "\"" + std::string(name) + "\":{\"dtype\":\"" + std::string(type) + "\",\"shape\":[" +
         std::string(dims) + "],\"data_offsets\":[" + std::to_string(begin) + "," + std::to_string(end) +
         "]}";
}

inline std::string repeated(std::string_view part, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += part;
  return out;
}

inline std::vector<safetensors_case> malformed_safetensors() {
  const std::string good = shaped("1", "0,4");
  const std::string a = entry("a", "F32", "1", 0, 4);
  std::vector<safetensors_case> cases = {
      // length of the file and of the header
      {"empty file", "", "0 bytes are too few"},
      {"one byte", "x", "1 bytes are too few"},
      {"seven bytes", std::string(7, '\0'), "7 bytes are too few"},
      {"header of length 0", le64(0), "not valid JSON"},
      {"header of length 0 before data", le64(0) + "{}", "not valid JSON"},
      {"header of length 1", le64(1) + "{", "not valid JSON"},
      {"header one byte longer than the file", le64(3) + "{}", "header length 3 exceeds the 2 bytes"},
      {"header at the cap, beyond the file", le64(100'000'000) + "{}", "exceeds the 2 bytes"},
      {"header beyond the cap", le64(100'000'001) + "{}", "exceeds the limit of 100000000"},
      {"header of 2^63", le64(std::uint64_t{1} << 63) + "{}", "exceeds the limit"},
      {"header of 2^64-1", le64(~std::uint64_t{0}) + "{}", "exceeds the limit"},
      {"header whose end overflows", le64(~std::uint64_t{0} - 7) + "{}", "exceeds the limit"},
      {"text file", "This is not a safetensors file at all.", "exceeds the limit"},
      {"eight bytes and nothing else", le64(2), "header length 2 exceeds the 0 bytes"},
      {"header length with its bytes reversed", std::string("\0\0\0\0\0\0\0\2{}", 10), "exceeds the limit"},
      // not JSON
      {"byte order mark", with_header("\xEF\xBB\xBF{}"), "byte order mark"},
      {"NUL padding", with_header(std::string("{}\0\0\0\0\0\0", 8)), "byte 10: not valid JSON: a NUL byte"},
      {"junk after the object", with_header("{} x"), "not valid JSON"},
      {"two objects", with_header("{}{}"), "not valid JSON"},
      {"truncated object", with_header("{" + a, 4), "not valid JSON"},
      {"trailing comma", with_header("{" + a + ",}", 4), "not valid JSON"},
      {"comment", with_header("{/* */}"), "not valid JSON"},
      {"single quotes", with_header("{'a':1}"), "not valid JSON"},
      {"only spaces", with_header("        "), "not valid JSON"},
      {"invalid UTF-8 in a name", with_header("{" + entry("\xff", "F32", "1", 0, 4) + "}", 4),
       "not valid JSON"},
      {"overlong UTF-8 in a name", with_header("{" + entry("\xC0\xAF", "F32", "1", 0, 4) + "}", 4),
       "not valid JSON"},
      {"UTF-8 of a surrogate", with_header("{" + entry("\xED\xA0\x80", "F32", "1", 0, 4) + "}", 4),
       "not valid JSON"},
      {"lone surrogate escape", with_header("{" + entry("\\ud800", "F32", "1", 0, 4) + "}", 4),
       "not valid JSON"},
      {"raw newline in a name", with_header("{" + entry("a\nb", "F32", "1", 0, 4) + "}", 4),
       "not valid JSON"},
      {"NaN in a shape", shaped("NaN", "0,4"), "not valid JSON"},
      {"number beyond double", shaped("1e999", "0,4"), "not valid JSON"},
      {"leading zero", shaped("01", "0,4"), "not valid JSON"},
      {"plus sign", shaped("+1", "0,4"), "not valid JSON"},
      {"hexadecimal number", shaped("0x1", "0,4"), "not valid JSON"},
      {"number without a whole part", shaped(".5", "0,4"), "not valid JSON"},
      {"trailing comma in a shape", shaped("1,", "0,4"), "not valid JSON"},
      {"UTF-16", with_header(std::string("{\0}\0", 4)), "NUL byte"},
      {"unfinished string", with_header("{\"a"), "not valid JSON"},
      {"unfinished escape", with_header("{\"\\u00\":1}"), "not valid JSON"},
      {"unknown escape", with_header("{" + entry("\\x61", "F32", "1", 0, 4) + "}", 4), "not valid JSON"},
      {"form feed around the header", with_header("\f{}"), "not valid JSON"},
      {"no-break space around the header", with_header("\xC2\xA0{}"), "not valid JSON"},
      {"UTF-8 beyond U+10FFFF", with_header("{" + entry("\xF4\x90\x80\x80", "F32", "1", 0, 4) + "}", 4),
       "not valid JSON"},
      {"UTF-8 cut in a name", with_header("{" + entry("\xE4\xBD", "F32", "1", 0, 4) + "}", 4),
       "not valid JSON"},
      {"name without quotes", with_header("{a:{}}"), "not valid JSON"},
      // not the right structure
      {"top-level array", with_header("[]"), "the header must be an object, found an array"},
      {"top-level string", with_header("\"a\""), "the header must be an object, found a string"},
      {"top-level number", with_header("12"), "the header must be an object, found a number"},
      {"top-level null", with_header("null"), "the header must be an object, found null"},
      {"tensor is a number", with_header("{\"a\":1}"), "tensor \"a\" must be an object, found a number"},
      {"tensor is null", with_header("{\"a\":null}"), "tensor \"a\" must be an object, found null"},
      {"tensor is an array", with_header("{\"a\":[\"F32\",[1],[0,4]]}", 4),
       "must be an object, found an array"},
      {"tensor is a string", with_header("{\"a\":\"F32\"}"),
       "tensor \"a\" must be an object, found a string"},
      {"tensor is true", with_header("{\"a\":true}"), "tensor \"a\" must be an object, found true"},
      {"deep nesting in an unknown key", one("\"x\":" + repeated("[", 100) + repeated("]", 100)),
       "nested deeper than 4"},
      {"deep nesting at the top", with_header(repeated("[", 100000)), "must be an object"},
      {"deep objects", with_header(repeated("{\"a\":", 50)), "nested deeper than 4"},
      // twice
      {"tensor name twice", with_header("{" + a + "," + a + "}", 4), "the tensor \"a\" appears twice"},
      {"tensor name twice, other data", with_header("{" + a + "," + entry("a", "F32", "1", 4, 8) + "}", 8),
       "the tensor \"a\" appears twice"},
      {"tensor name twice, once escaped",
       with_header("{" + a + "," + entry("\\u0061", "F32", "1", 4, 8) + "}", 8),
       "the tensor \"a\" appears twice"},
      {"dtype twice", one("\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]"),
       "tensor \"a\" has the key \"dtype\" twice"},
      {"shape twice", one("\"dtype\":\"F32\",\"shape\":[1],\"shape\":[1],\"data_offsets\":[0,4]"),
       "has the key \"shape\" twice"},
      {"offsets twice", one("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"data_offsets\":[0,4]"),
       "has the key \"data_offsets\" twice"},
      {"metadata twice", with_header("{\"__metadata__\":{},\"__metadata__\":{}}"),
       "__metadata__ appears twice"},
      {"metadata key twice", with_header("{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}"),
       "has the key \"k\" twice"},
      // dtype
      {"no dtype", one("\"shape\":[1],\"data_offsets\":[0,4]"), "tensor \"a\" has no dtype"},
      {"unknown dtype", one("\"dtype\":\"F31\",\"shape\":[1],\"data_offsets\":[0,4]"),
       "unknown dtype \"F31\""},
      {"lower-case dtype", one("\"dtype\":\"f32\",\"shape\":[1],\"data_offsets\":[0,4]"),
       "unknown dtype \"f32\""},
      {"empty dtype", one("\"dtype\":\"\",\"shape\":[1],\"data_offsets\":[0,4]"), "unknown dtype \"\""},
      {"dtype is a number", one("\"dtype\":7,\"shape\":[1],\"data_offsets\":[0,4]"),
       "dtype must be a string"},
      {"dtype is an object", one("\"dtype\":{},\"shape\":[1],\"data_offsets\":[0,4]"),
       "dtype must be a string"},
      {"dtype is null", one("\"dtype\":null,\"shape\":[1],\"data_offsets\":[0,4]"), "dtype must be a string"},
      {"dtype is a list", one("\"dtype\":[\"F32\"],\"shape\":[1],\"data_offsets\":[0,4]"),
       "dtype must be a string"},
      {"dtype with a space", one("\"dtype\":\"F32 \",\"shape\":[1],\"data_offsets\":[0,4]"),
       "unknown dtype \"F32 \""},
      {"torch's name of a type", one("\"dtype\":\"float32\",\"shape\":[1],\"data_offsets\":[0,4]"),
       "unknown dtype \"float32\""},
      {"three quarters of a byte", one("\"dtype\":\"F6_E2M3\",\"shape\":[1],\"data_offsets\":[0,1]", 1),
       "do not end at a byte"},
      {"sub-byte type that ends inside a byte",
       one("\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,2]", 2), "do not end at a byte"},
      // shape
      {"no shape", one("\"dtype\":\"F32\",\"data_offsets\":[0,4]"), "tensor \"a\" has no shape"},
      {"shape is a number", one("\"dtype\":\"F32\",\"shape\":1,\"data_offsets\":[0,4]"),
       "shape must be an array"},
      {"shape is a string", one("\"dtype\":\"F32\",\"shape\":\"1\",\"data_offsets\":[0,4]"),
       "shape must be an array"},
      {"shape is null", one("\"dtype\":\"F32\",\"shape\":null,\"data_offsets\":[0,4]"),
       "shape must be an array"},
      {"shape is an object", one("\"dtype\":\"F32\",\"shape\":{\"0\":1},\"data_offsets\":[0,4]"),
       "shape must be an array"},
      {"shape with a negative extent", shaped("-1", "0,4"),
       "shape must hold integers from 0 to 2^63-1, found -1"},
      {"shape with minus zero", shaped("-0", "0,0", 0), "shape must hold integers from 0"},
      {"shape with a fraction", shaped("1.0", "0,4"), "shape must hold integers from 0 to 2^63-1, found 1.0"},
      {"shape with an exponent", shaped("1e3", "0,4000", 4000),
       "shape must hold integers from 0 to 2^63-1, found 1e3"},
      {"shape with a string", shaped("\"1\"", "0,4"), "shape must hold integers, found a string"},
      {"shape with null", shaped("null", "0,4"), "shape must hold integers, found null"},
      {"shape with true", shaped("true", "0,4"), "shape must hold integers, found true or false"},
      {"shape within a shape", shaped("[1]", "0,4"), "shape must hold integers, found an array"},
      {"extent of 2^63", shaped("9223372036854775808", "0,4"), "found 9223372036854775808"},
      {"extent of 2^64-2", shaped("18446744073709551614", "0,4"), "found 18446744073709551614"},
      {"extent beyond 64 bits", shaped("36893488147419103232", "0,4"), "found 36893488147419103232"},
      {"product overflows", shaped("4294967296,4294967296", "0,4"), "the product of its shape overflows"},
      {"product overflows to the right size", shaped("4294967296,4294967296,1", "0,0", 0), "overflows"},
      {"product of three overflows", shaped("2097152,2097152,4194304", "0,4"),
       "the product of its shape overflows"},
      {"bytes overflow", shaped("4611686018427387904", "0,0", 0), "its size in bytes overflows"},
      {"overflow before a zero", shaped("9223372036854775807,4,0", "0,0", 0), "overflows"},
      {"10,000 axes of 2", shaped("2" + repeated(",2", 9999), "0,4"), "the product of its shape overflows"},
      // offsets
      {"no offsets", one("\"dtype\":\"F32\",\"shape\":[1]"), "tensor \"a\" has no data_offsets"},
      {"no members at all", one(""), "tensor \"a\" has no dtype"},
      {"offsets empty", shaped("1", ""), "data_offsets must hold two numbers, found 0"},
      {"one offset", shaped("1", "4"), "data_offsets must hold two numbers, found 1"},
      {"three offsets", shaped("1", "0,4,4"), "data_offsets must hold two numbers"},
      {"offsets are a string", one("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":\"0,4\""),
       "data_offsets must be an array"},
      {"offsets reversed", shaped("1", "4,0"), "run backwards"},
      {"offset negative", shaped("1", "-4,0"), "data_offsets must hold integers from 0 to 2^63-1, found -4"},
      {"offset with a fraction", shaped("1", "0,4.5"), "found 4.5"},
      {"offsets are null", one("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":null"),
       "data_offsets must be an array"},
      {"offset is a string", shaped("1", "0,\"4\""), "data_offsets must hold integers, found a string"},
      {"offset with an exponent", shaped("1", "0,4e0"), "found 4e0"},
      {"offset beyond 64 bits", shaped("1", "0,18446744073709551620"), "data_offsets must hold integers"},
      {"end beyond the file", shaped("2", "0,8"),
       "ends at 8, but the file has 4 bytes of data: it is truncated"},
      {"end far beyond the file", shaped("2305843009213693950", "0,9223372036854775800"), "it is truncated"},
      {"data missing", shaped("1", "0,4", 0), "it is truncated"},
      {"not from 0", shaped("1", "4,8", 8), "begins at 4, but the data before it ends at 0: a hole"},
      {"overlap", with_header("{" + a + "," + entry("b", "F32", "1", 2, 6) + "}", 6),
       "inside another that ends at 4"},
      {"two tensors on one range", with_header("{" + a + "," + entry("b", "F32", "1", 0, 4) + "}", 4),
       "inside another that ends at 4"},
      {"empty tensor inside another", with_header("{" + a + "," + entry("b", "F32", "0", 2, 2) + "}", 4),
       "inside another"},
      {"hole", with_header("{" + a + "," + entry("b", "F32", "1", 8, 12) + "}", 12),
       "tensor \"b\" begins at 8, but the data before it ends at 4: a hole"},
      {"hole of one byte", with_header("{" + a + "," + entry("b", "F32", "1", 5, 9) + "}", 9), "a hole"},
      {"tensor around another",
       with_header("{" + entry("b", "F32", "3", 0, 12) + "," + entry("c", "F32", "1", 4, 8) + "}", 12),
       "inside another that ends at 12"},
      {"second tensor reversed", with_header("{" + a + "," + entry("b", "F32", "1", 8, 4) + "}", 8),
       "run backwards"},
      {"second tensor cut off", with_header("{" + a + "," + entry("b", "F32", "1", 4, 8) + "}", 7),
       "it is truncated"},
      {"one trailing byte", shaped("1", "0,4", 5), "1 bytes follow the last tensor"},
      {"trailing bytes with no tensor", with_header("{}", 4), "4 bytes follow the last tensor"},
      // size against shape and type
      {"one byte too few", shaped("1", "0,3", 3),
       "tensor \"a\" has 3 bytes, its shape and type F32 ask for 4"},
      {"one byte too many", shaped("1", "0,5", 5), "has 5 bytes, its shape and type F32 ask for 4"},
      {"scalar with no bytes", shaped("", "0,0", 0), "has 0 bytes, its shape and type F32 ask for 4"},
      {"empty tensor with bytes", shaped("0", "0,4"), "has 4 bytes, its shape and type F32 ask for 0"},
      {"type of another size", one("\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,4]"),
       "type F64 ask for 8"},
      // metadata
      {"metadata with a number", with_header("{\"__metadata__\":{\"k\":1}}"),
       "__metadata__ value of \"k\" must be a string, found a number"},
      {"metadata with null", with_header("{\"__metadata__\":{\"k\":null}}"), "must be a string, found null"},
      {"metadata with an object", with_header("{\"__metadata__\":{\"k\":{}}}"),
       "must be a string, found an object"},
      {"metadata is a string", with_header("{\"__metadata__\":\"k\"}"), "__metadata__ must be an object"},
      {"metadata is an array", with_header("{\"__metadata__\":[]}"), "__metadata__ must be an object"},
      {"metadata with true", with_header("{\"__metadata__\":{\"k\":true}}"), "found true or false"},
      {"metadata with a list", with_header("{\"__metadata__\":{\"k\":[\"v\"]}}"),
       "must be a string, found an array"},
      {"metadata is a number", with_header("{\"__metadata__\":1}"), "__metadata__ must be an object"},
      {"metadata that looks like a tensor",
       with_header("{\"__metadata__\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4),
       "__metadata__ value of \"shape\" must be a string, found an array"},
      // many tensors on one range
      {"a thousand tensors on one range", "", "inside another"},
  };
  std::string many = "{" + a;
  for (int i = 0; i < 1000; ++i) many += "," + entry("t" + std::to_string(i), "F32", "1", 0, 4);
  cases.back().bytes = with_header(many + "}", 4);
  return cases;
}

inline std::vector<safetensors_case> odd_safetensors() {
  const std::string a = entry("a", "F32", "1", 0, 4);
  return {
      {"no tensors", with_header("{}"), ""},
      {"no tensors, padded", with_header("{}      "), ""},
      {"white space around the header", with_header(" \n\t\r{" + a + "}\n  ", 4), ""},
      {"metadata alone", with_header("{\"__metadata__\":{\"format\":\"pt\"}}"), ""},
      {"metadata of null", with_header("{\"__metadata__\":null," + a + "}", 4), ""},
      {"metadata last", with_header("{" + a + ",\"__metadata__\":{\"k\":\"v\"}}", 4), ""},
      {"scalar", with_header("{" + entry("a", "F32", "", 0, 4) + "}", 4), ""},
      {"empty tensor", with_header("{" + entry("a", "F32", "0", 0, 0) + "}"), ""},
      {"huge extent beside a zero", with_header("{" + entry("a", "F32", "0,9223372036854775807", 0, 0) + "}"),
       ""},
      {"empty tensors between others",
       with_header("{" + entry("z", "F32", "0", 4, 4) + "," + a + "," + entry("y", "F32", "3,0", 0, 0) + "}",
                   4),
       ""},
      {"order of names is not that of data",
       with_header("{" + entry("b", "F32", "1", 4, 8) + "," + a + "}", 8), ""},
      {"unaligned data",
       with_header("{" + entry("u", "U8", "3", 0, 3) + "," + entry("f", "F32", "1", 3, 7) + "}", 7), ""},
      {"unknown keys in a tensor",
       one("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":{\"dtype\":[1]}"), ""},
      {"keys of a tensor in another order", one("\"data_offsets\":[0,4],\"shape\":[1],\"dtype\":\"F32\""),
       ""},
      {"empty name", with_header("{" + entry("", "F32", "1", 0, 4) + "}", 4), ""},
      {"name with a slash and dots", with_header("{" + entry("../../etc/x", "F32", "1", 0, 4) + "}", 4), ""},
      {"name with an escaped NUL", with_header("{" + entry("a\\u0000b", "F32", "1", 0, 4) + "}", 4), ""},
      {"name in several scripts",
       with_header("{" + entry("g\xC3\xA9\xE4\xBD\xA0\xF0\x9F\x98\x80", "F32", "1", 0, 4) + "}", 4), ""},
      {"name of a megabyte", with_header("{" + entry(std::string(1'000'000, 'n'), "F32", "1", 0, 4) + "}", 4),
       ""},
      {"six axes", with_header("{" + entry("a", "F32", "1,1,1,1,1,1", 0, 4) + "}", 4), ""},
      {"unknown key twice", one("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":1,\"x\":2"),
       ""},
      {"escaped keys of a tensor", one("\"d\\u0074ype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]"), ""},
      {"metadata of a megabyte",
       with_header("{\"__metadata__\":{\"k\":\"" + std::string(1'000'000, 'v') + "\"}}"), ""},
      {"metadata with an empty key", with_header("{\"__metadata__\":{\"\":\"\"}}"), ""},
      {"a hundred axes", with_header("{" + entry("a", "F32", "1" + repeated(",1", 99), 0, 4) + "}", 4), ""},
      {"offsets before the shape overflow nothing",
       with_header("{" + entry("a", "U8", "0,0,9223372036854775807", 0, 0) + "}"), ""},
      {"ten thousand empty tensors",
       with_header("{" +
                   [] {
                     std::string all;
                     for (int i = 0; i < 10'000; ++i)
                       all += (i == 0 ? "" : ",") + entry("t" + std::to_string(i), "F32", "0", 0, 0);
                     return all;
                   }() +
                   "}"),
       ""},
      {"types that nothing computes with",
       with_header("{" + entry("a", "F8_E4M3", "2", 0, 2) + "," + entry("b", "U32", "1", 2, 6) + "," +
                       entry("c", "F4", "4", 6, 8) + "}",
                   8),
       ""},
  };
}

}  // namespace candor_test
