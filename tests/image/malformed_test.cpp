// SPDX-License-Identifier: Apache-2.0
#include <candor/core/error.hpp>
#include <candor/image/decode.hpp>
#include <candor/image/header_scan.hpp>
#include <candor/image/png_scan.hpp>

#include "image/golden_images.hpp"
#include "support/catch.hpp"

#include <functional>

namespace {

using candor_test::golden_image_named;
using namespace std::string_literals;

std::string jpeg(const char* name = "baseline_420") { return golden_image_named("decode_jpeg", name).file; }
std::string png(const char* name = "rgb_8") { return golden_image_named("decode_png", name).file; }

/// The offset of the n-th marker of this kind in front of the first scan's data, or of the scan header
/// itself.
std::size_t marker(const std::string& file, int kind, int n = 0) {
  for (std::size_t at = 2;;) {
    const int found = static_cast<unsigned char>(file.at(at + 1));
    if (found == kind && n-- == 0) return at;
    at +=
        2 + static_cast<unsigned char>(file.at(at + 2)) * 256u + static_cast<unsigned char>(file.at(at + 3));
  }
}

std::string put(std::string file, std::size_t at, std::string_view bytes) {
  return file.replace(at, bytes.size(), bytes);
}
std::string insert(std::string file, std::size_t at, std::string_view bytes) {
  return file.insert(at, bytes);
}
std::string segment(char kind, std::string_view payload) {
  const auto size = payload.size() + 2;
  return "\xFF"s + kind + static_cast<char>(size >> 8) + static_cast<char>(size & 255) + std::string(payload);
}
std::string without(std::string file, int kind) {
  const auto at = marker(file, kind);
  const auto size =
      static_cast<unsigned char>(file[at + 2]) * 256u + static_cast<unsigned char>(file[at + 3]);
  return file.erase(at, 2 + size);
}

std::string chunk(std::string_view type, std::string_view payload) {
  std::string out;
  candor::detail::append_png_chunk(out, type, std::as_bytes(std::span(payload.data(), payload.size())));
  return out;
}
/// The PNG with its chunks given to `edit`, check sums made anew.
std::string rebuilt(const std::string& file,
                    const std::function<std::string(std::string, std::string)>& edit) {
  std::string out = file.substr(0, 8);
  for (std::size_t at = 8; at < file.size();) {
    std::size_t size = 0;
    for (std::size_t i = 0; i < 4; ++i) size = size << 8 | static_cast<unsigned char>(file[at + i]);
    out += edit(file.substr(at + 4, 4), file.substr(at + 8, size));
    at += size + 12;
  }
  return out;
}
std::string with_header(std::size_t at, std::string_view bytes, const char* name = "rgb_8") {
  return rebuilt(png(name), [&](const std::string& type, const std::string& payload) {
    return chunk(type, type == "IHDR" ? put(payload, at, bytes) : payload);
  });
}
std::string with_data(const std::function<std::string(std::string)>& edit, const char* name = "rgb_8") {
  return rebuilt(png(name), [&](const std::string& type, const std::string& payload) {
    return chunk(type, type == "IDAT" ? edit(payload) : payload);
  });
}
std::string before_chunk(std::string_view which, const std::string& added, const char* name = "rgb_8") {
  return rebuilt(png(name), [&](const std::string& type, const std::string& payload) {
    return (type == which ? added : ""s) + chunk(type, payload);
  });
}
std::string without_chunk(std::string_view which, const char* name) {
  return rebuilt(png(name), [&](const std::string& type, const std::string& payload) {
    return type == which ? ""s : chunk(type, payload);
  });
}

struct malformed {
  const char* name;
  std::string file;
  const char* message;
};

std::vector<malformed> wrong_types() {
  return {
      {"empty", "", "the file is empty"},
      {"one byte", "\xFF", "neither JPEG nor PNG"},
      {"text", "hello, world", "neither JPEG nor PNG, it begins with the bytes 68 65 6c 6c 6f"},
      {"webp", "RIFF\x10\0\0\0WEBPVP8 "s, "this is WebP"},
      {"gif", "GIF89a\1\0\1\0", "this is GIF"},
      {"bmp", "BM\x36\0\0\0"s, "this is BMP"},
      {"tiff", "II*\0\x08\0\0\0"s, "this is TIFF"},
      {"avif", "\0\0\0\x1C"s + "ftypavif", "this is AVIF"},
      {"heic", "\0\0\0\x18"s + "ftypheic", "this is HEIC"},
      {"jpeg 2000", "\xFF\x4F\xFF\x51\0\0"s, "this is JPEG 2000"},
      {"jpeg xl", "\xFF\x0A\0\0"s, "this is JPEG XL"},
      {"web page", "<!DOCTYPE html><html>", "this is HTML"},
      {"git lfs pointer", "version https://git-lfs.github.com/spec/v1\n", "this is a Git LFS pointer"},
      {"zeros", std::string(100, '\0'), "neither JPEG nor PNG"},
      {"png with line ends changed", "\x89PNG\n\x1A\n\0\0\0"s, "neither JPEG nor PNG"},
  };
}

std::vector<malformed> jpegs() {
  const std::string file = jpeg(), progressive = jpeg("progressive_420");
  const auto dht = marker(file, 0xC4), sof = marker(file, 0xC0), sos = marker(file, 0xDA),
             dqt = marker(file, 0xDB);
  const auto sof2 = marker(progressive, 0xC2), sos2 = marker(progressive, 0xDA);
  // The table builder of stb_image 2.27 writes one entry a code: 16 lengths of 255 codes go far beyond its
  // 257.
  const std::string full_table = std::string(1, '\0') + std::string(16, '\xFF') + std::string(4080, 'x');
  const std::string table_257 =
      "\0"s + std::string(7, '\0') + "\x80\x81" + std::string(7, '\0') + std::string(257, 'x');
  const std::string exif = "Exif\0\0"s + file;  // a thumbnail holds a whole JPEG with its own end marker
  std::vector<malformed> cases = {
      {"only the start marker", "\xFF\xD8", "ends here without its end marker"},
      {"start and end only", "\xFF\xD8\xFF\xD9", "without a frame header"},
      {"no scan", file.substr(0, sos) + "\xFF\xD9", "without pixel data of component"},
      {"Huffman table of 4080 codes", insert(file, dht, segment('\xC4', full_table)),
       "at most 256 are possible"},
      {"Huffman table of 257 codes", insert(file, dht, segment('\xC4', table_257)),
       "a Huffman table of 257 codes"},
      {"Huffman table of 4080 codes between scans",
       insert(progressive, progressive.size() - 2, segment('\xC4', full_table)), "at most 256 are possible"},
      {"more short codes than there are", put(file, dht + 5, "\5"), "more codes of 1 bits than there are"},
      {"Huffman symbols beyond the segment",
       insert(file, dht, segment('\xC4', "\0\0\0\7"s + std::string(13, '\0') + "abc")),
       "codes, its segment has 3 bytes left"},
      {"Huffman table cut to its head", insert(file, dht, segment('\xC4', "\0\1\2\3"s)), "needs 17 bytes"},
      {"Huffman table number 4", put(file, dht + 4, "\4"), "Huffman table 4 of class 0"},
      {"Huffman class 2", put(file, dht + 4, "\x20"), "Huffman table 0 of class 2"},
      {"no Huffman tables", without(without(without(without(file, 0xC4), 0xC4), 0xC4), 0xC4),
       "was not defined"},
      {"quantisation table number 4", put(file, dqt + 4, "\4"), "quantisation table 4"},
      {"quantisation table cut", insert(file, dqt, segment('\xDB', std::string(40, '\0'))), "needs 65 bytes"},
      {"no quantisation tables", without(without(file, 0xDB), 0xDB), "quantisation table 0 is used"},
      {"segment length 0", put(file, dqt + 2, "\0\0"s), "has length 0"},
      {"segment length 1", put(file, dqt + 2, "\0\1"s), "has length 1"},
      {"segment length beyond the file", put(file, dqt + 2, "\xFF\xFF"), "claims 65535 bytes"},
      {"width 0", put(file, sof + 7, "\0\0"s), "both sides must be at least 1"},
      {"height 0", put(file, sof + 5, "\0\0"s), "both sides must be at least 1"},
      {"65535 x 65535", put(file, sof + 5, "\xFF\xFF\xFF\xFF"),
       "65535 x 65535 pixels, a side may have at most"},
      {"16000 x 16000", put(file, sof + 5, "\x3E\x80\x3E\x80"), "256000000 pixels, at most 40000000"},
      {"larger than its pixel data", put(file, sof + 5, "\x02\0\x02\0"s), "pixel data"},
      {"12 bits a sample", put(file, sof + 4, "\x0C"), "samples of 12 bits"},
      {"2 components", put(file, sof + 9, "\2"), "2 components, 1 (grey), 3 (colour) or 4 (CMYK)"},
      {"5 components", put(file, sof + 9, "\5"), "5 components"},
      {"4 components in the room of 3", put(file, sof + 9, "\4"), "bytes for 4 components"},
      {"sampling factor 0", put(file, sof + 11, "\x02"), "with sampling 0 x 2"},
      {"sampling factor 5", put(file, sof + 11, "\x51"), "with sampling 5 x 1"},
      {"sampling of 18 blocks", put(put(file, sof + 11, "\x44"), sof + 14, "\x11"),
       "at most 10 are possible"},
      {"components of one name", put(file, sof + 13, file.substr(sof + 10, 1)),
       "two components with identifier"},
      {"frame header cut", put(file, sof + 2, "\0\5"s), "a frame header of 3 bytes"},
      {"two frame headers", insert(file, sof, file.substr(sof, 19)), "a second frame header"},
      {"lossless", put(file, sof + 1, "\xC3"), "this JPEG is lossless"},
      {"hierarchical", put(file, sof + 1, "\xC5"), "this JPEG is hierarchical"},
      {"arithmetic coded", put(file, sof + 1, "\xC9"), "this JPEG is arithmetic coded"},
      {"scan before the frame", file.substr(0, 2) + file.substr(sos), "pixel data before the frame header"},
      {"scan of no component", put(file, sos + 4, "\0"s), "for 0 components"},
      {"scan of an unknown component", put(file, sos + 5, "\x77"), "component 119 of a scan is unknown"},
      {"scan that names one twice", put(file, sos + 7, file.substr(sos + 5, 1)), "unknown or named twice"},
      {"scan with table 9", put(file, sos + 6, "\x99"), "Huffman table 9"},
      {"scan from coefficient 1", put(file, sos + 11, "\1"), "a scan of coefficients 1 to 63"},
      {"a component scanned twice", insert(file, file.size() - 2, file.substr(sos, file.size() - 2 - sos)),
       "is coded twice"},
      {"progressive bits out of order", put(progressive, sos2 + 13, "\x31"), "a scan of coefficients"},
      {"progressive scan of 64 coefficients", put(progressive, sos2 + 12, "\x40"),
       "a scan of coefficients 0 to 64"},
      {"restart interval of 3 bytes", insert(file, sof, segment('\xDD', "abc")),
       "a restart interval of 3 bytes"},
      {"restart marker outside of data", insert(file, sof, "\xFF\xD0"), "marker FF D0 is not possible here"},
      {"second start marker", insert(file, sof, "\xFF\xD8"), "marker FF D8 is not possible here"},
      {"height given later", insert(file, file.size() - 2, segment('\xDC', "\0\x1D"s)),
       "marker FF DC is not possible"},
      {"cut in pixel data", file.substr(0, file.size() - 200), "cut off"},
      {"end marker cut off", file.substr(0, file.size() - 2), "inside its pixel data"},
      {"cut in pixel data, thumbnail whole",
       (file.substr(0, 2) + segment('\xE1', exif) + file.substr(2)).substr(0, exif.size() + sos + 40),
       "inside its pixel data"},
      {"pixel data replaced by the end marker", file.substr(0, sos + 14) + "\xFF\xD9", "pixel data"},
      {"pixel data cut, end marker in place", file.substr(0, file.size() - 150) + "\xFF\xD9", "pixel data"},
      {"progressive data cut, end marker in place", progressive.substr(0, sos2 + 20) + "\xFF\xD9",
       "pixel data"},
      {"marker inside of pixel data", put(file, file.size() - 200, "\xFF\xD3"), "pixel data"},
      {"wrong restart marker",
       [] {
         std::string f = jpeg("restarts");
         const auto at = f.find("\xFF\xD1", marker(f, 0xDA));
         return put(f, at + 1, "\xD5");
       }(),
       "pixel data"},
      {"pixel data of ones",
       put(file, file.size() - 102,
           [] {
             std::string ones;
             for (int i = 0; i < 50; ++i) ones += "\xFF\0"s;
             return ones;
           }()),
       "pixel data"},
  };
  std::string scans = progressive.substr(0, progressive.size() - 2);
  const std::string refinement = "\xFF\xDA\0\x08\1\1\0\0\0\x10"s;
  for (int i = 0; i < 120; ++i) scans += refinement + "\x55\x55";
  cases.push_back({"120 more scans", scans + "\xFF\xD9", "more than 100 scans"});
  cases.push_back({"progressive without its first scan",
                   progressive.substr(0, sos2) + refinement + "\x55\xFF\xD9",
                   "is refined before its first scan"});
  cases.push_back(
      {"progressive size 0", put(progressive, sof2 + 5, "\0\0\0\0"s), "both sides must be at least 1"});
  return cases;
}

std::vector<malformed> pngs() {
  const std::string file = png();
  const auto halved = [](const std::string& data) { return data.substr(0, data.size() / 2); };
  return {
      {"signature only", file.substr(0, 8), "without its end chunk"},
      {"cut in the header", file.substr(0, 20), "chunk IHDR claims 13 bytes"},
      {"cut in pixel data", file.substr(0, file.size() - 40), "only"},
      {"end chunk cut off", file.substr(0, file.size() - 12), "without its end chunk"},
      {"width 0", with_header(0, "\0\0\0\0"s), "both sides must be at least 1"},
      {"height 0", with_header(4, "\0\0\0\0"s), "both sides must be at least 1"},
      {"width of 2^31", with_header(0, "\x80\0\0\0"s), "a side may have at most"},
      {"width of 2^32 - 1", with_header(0, "\xFF\xFF\xFF\xFF"), "4294967295 x 14"},
      {"16384 x 16384", with_header(0, "\0\0\x40\0\0\0\x40\0"s), "268435456 pixels, at most"},
      {"taller than its pixel data", with_header(4, "\0\0\x40\0"s), "pixel data"},
      {"3 bits a sample", with_header(8, "\3"), "colour type 2 with 3 bits"},
      {"palette of 16 bits", with_header(8, "\x10\3"), "colour type 3 with 16 bits"},
      {"colour type 1", with_header(9, "\1"), "colour type 1 with 8 bits"},
      {"colour type 5", with_header(9, "\5"), "colour type 5 with 8 bits"},
      {"colour type 7", with_header(9, "\7"), "colour type 7 with 8 bits"},
      {"compression method 1", with_header(10, "\1"), "compression method 1"},
      {"filter method 9", with_header(11, "\x09"), "filter method 9"},
      {"interlace method 2", with_header(12, "\2"), "interlace method 2"},
      {"wrong check sum of the header", put(file, 30, "\x55"), "the check sum of chunk IHDR is wrong"},
      {"wrong check sum of pixel data", put(file, file.size() - 20, "\x55"),
       "the check sum of chunk IDAT is wrong"},
      {"wrong check sum of the end", put(file, file.size() - 2, "\x55"),
       "the check sum of chunk IEND is wrong"},
      {"chunk length beyond the file", put(file, 33, "\x7F\xFF\xFF\xFF"), "claims 2147483647 bytes"},
      {"chunk length of 2^32 - 1", put(file, 33, "\xFF\xFF\xFF\xFF"), "claims 4294967295 bytes"},
      {"chunk name of digits", put(file, 37, "1234"), "no PNG chunk name"},
      {"header of 12 bytes",
       rebuilt(file,
               [](const std::string& type, const std::string& payload) {
                 return chunk(type, type == "IHDR" ? payload.substr(0, 12) : payload);
               }),
       "IHDR with 12 bytes"},
      {"no header", without_chunk("IHDR", "rgb_8"), "the first chunk is IDAT"},
      {"Apple's variant", before_chunk("IHDR", chunk("CgBI", "\x50\0\x20\6"s)), "Apple's variant"},
      {"two headers", before_chunk("IDAT", chunk("IHDR", file.substr(16, 13))), "a second header"},
      {"no pixel data", without_chunk("IDAT", "rgb_8"), "no pixel data"},
      {"no palette", without_chunk("PLTE", "palette_8"), "has no palette"},
      {"two palettes", before_chunk("IDAT", chunk("PLTE", "abcdef"), "palette_8"),
       "a palette (PLTE) is not allowed here"},
      {"palette of a grey image", before_chunk("IDAT", chunk("PLTE", "abc"), "grey_8"),
       "a palette (PLTE) is not allowed"},
      {"palette of 4 bytes", before_chunk("IDAT", chunk("PLTE", "abcd")), "a palette of 4 bytes"},
      {"palette of 257 colours", before_chunk("IDAT", chunk("PLTE", std::string(771, 'x'))),
       "a palette of 771 bytes"},
      {"empty palette", before_chunk("IDAT", chunk("PLTE", "")), "a palette of 0 bytes"},
      {"unknown chunk that is needed", before_chunk("IDAT", chunk("ABCD", "")), "chunk ABCD is needed"},
      {"end chunk with content",
       rebuilt(file, [](const std::string& type,
                        const std::string& payload) { return chunk(type, type == "IEND" ? "x"s : payload); }),
       "is not empty"},
      {"pixel data in two places",
       before_chunk("IEND", chunk("tEXt", std::string("a\0b", 3)) + chunk("IDAT", "x")),
       "goes on after another chunk"},
      {"half of the pixel data", with_data(halved), "pixel data"},
      {"half of the interlaced data", with_data(halved, "rgba_8_interlaced"), "pixel data"},
      {"empty pixel data", with_data([](const std::string&) { return ""s; }), "pixel data"},
      {"pixel data that is no zlib stream",
       with_data([](const std::string& d) { return std::string(d.size(), 'x'); }), "pixel data"},
      {"pixel data damaged",
       with_data([](const std::string& d) { return put(d, d.size() / 2, "\xFF\xFF\xFF\xFF\xFF\xFF"); }),
       "pixel data"},
  };
}

void refuse_all(const std::vector<malformed>& cases) {
  for (const bool prefer_stb : {false, true}) {
    for (const auto& c : cases) {
      INFO(c.name << (prefer_stb ? ", stb_image" : ""));
      const auto bytes = std::as_bytes(std::span(c.file.data(), c.file.size()));
      const auto decode = [&] { candor::decode_image(bytes, "photos/bad.img", {.prefer_stb = prefer_stb}); };
      CHECK_THROWS_AS(decode(), candor::input_error);
      CHECK_THROWS_WITH(decode(), Catch::Contains(c.message) && Catch::StartsWith("photos/bad.img: "));
    }
  }
}

}  // namespace

TEST_CASE("What is no JPEG and no PNG is refused by its name", "[image][malformed]") {
  refuse_all(wrong_types());
}
TEST_CASE("Malformed JPEG files are refused by both decoders", "[image][malformed]") {
  CHECK(jpegs().size() == 61);
  refuse_all(jpegs());
}
TEST_CASE("Malformed PNG files are refused by both decoders", "[image][malformed]") {
  CHECK(pngs().size() == 43);
  refuse_all(pngs());
}

TEST_CASE("A file that is cut anywhere is refused", "[image][malformed]") {
  for (const auto& file :
       {jpeg(), jpeg("progressive_444"), jpeg("cmyk"), png("palette_8"), png("rgba_16_interlaced")})
    for (std::size_t size = 0; size < file.size(); ++size) {
      const auto bytes = std::as_bytes(std::span(file.data(), size));
      INFO(size);
      CHECK_THROWS_AS(candor::scan_image(bytes, "cut"), candor::input_error);
    }
}

TEST_CASE("A JPEG whose pixel data is cut is refused by both decoders though it has an end marker",
          "[image][malformed]") {
  for (const char* name : {"baseline_444", "progressive_420", "restarts"}) {
    const std::string file = jpeg(name);
    const auto sos = marker(file, 0xDA);
    for (std::size_t size = sos + 16; size + 12 < file.size(); size += 7) {
      if (file[size - 1] == '\xFF') continue;  // not in the middle of a marker
      if (file[size] == '\xFF' && file[size + 1] != '\0')
        continue;  // a whole number of scans is a whole image
      const std::string cut = file.substr(0, size) + "\xFF\xD9";
      const auto bytes = std::as_bytes(std::span(cut.data(), cut.size()));
      INFO(name << " " << size);
      CHECK_THROWS_AS(candor::decode_image(bytes, "cut"), candor::input_error);
      CHECK_THROWS_AS(candor::decode_image(bytes, "cut", {.prefer_stb = true}), candor::input_error);
    }
  }
}

TEST_CASE("Limits are options, and the number of bytes is one of them", "[image][malformed]") {
  const std::string file = png();  // 21 x 14
  const auto bytes = std::as_bytes(std::span(file.data(), file.size()));
  CHECK_NOTHROW(candor::decode_image(bytes, "a.png", {.limits = {.max_pixels = 294, .max_side = 21}}));
  CHECK_THROWS_WITH(candor::decode_image(bytes, "a.png", {.limits = {.max_pixels = 293}}),
                    Catch::Contains("293"));
  CHECK_THROWS_WITH(candor::decode_image(bytes, "a.png", {.limits = {.max_side = 20}}),
                    Catch::Contains("at most 20"));
  CHECK_THROWS_WITH(candor::decode_image(bytes, "a.png", {.limits = {.max_bytes = 100}}),
                    Catch::Contains("100"));
}

TEST_CASE("Random damage never does more than an input error", "[image][malformed]") {
  std::uint32_t state = 12345;
  const auto random = [&] { return state = state * 1664525u + 1013904223u, state >> 8; };
  int decoded = 0;
  for (const char* name : {"baseline_422", "progressive_420", "cmyk_progressive", "restarts", "grey"}) {
    const std::string file = jpeg(name);
    for (int i = 0; i < 400; ++i) {
      std::string damaged = file;
      for (unsigned n = 0; n < 1 + i % 4u; ++n)
        damaged[random() % damaged.size()] = static_cast<char>(random());
      for (const bool prefer_stb : {false, true}) {
        try {
          candor::decode_image(std::as_bytes(std::span(damaged.data(), damaged.size())), name,
                               {.prefer_stb = prefer_stb});
          ++decoded;
        } catch (const candor::input_error&) {}
      }
    }
  }
  CHECK(decoded > 0);
}
