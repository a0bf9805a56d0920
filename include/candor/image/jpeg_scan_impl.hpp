// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of jpeg_scan.hpp. Where libjpeg and stb_image differ in what they accept, the stricter one is
/// followed.

#include <candor/core/error.hpp>
#include <candor/image/header_scan.hpp>
#include <candor/image/jpeg_scan.hpp>

#include <algorithm>
#include <string>

namespace CANDOR_NS::detail {

/// The state of the walk: what has been defined so far.
struct jpeg_walk {
  std::span<const std::byte> bytes;
  std::string_view name;
  const image_limits& limits;
  jpeg_layout layout{};
  bool frame = false;
  std::array<bool, 4> quantizer{}, dc_table{}, ac_table{}, decoded{};  // tables; components with a DC scan
  int scans = 0;

  int byte(std::size_t at) const { return static_cast<int>(bytes[at]); }
  int word(std::size_t at) const { return byte(at) << 8 | byte(at + 1); }
  template <class... Parts>
  void check(bool holds, std::size_t at, const Parts&... parts) const {
    require<input_error>(holds, name, ": byte ", at, ": ", parts...);
  }

  std::size_t next_marker(std::size_t at);
  jpeg_segment segment_at(std::size_t at) const;
  void quantizers(const jpeg_segment& s);
  void huffman_tables(const jpeg_segment& s);
  void frame_header(const jpeg_segment& s);
  void scan_header(const jpeg_segment& s);
  std::size_t end_of_data(std::size_t at) const;
};

CANDOR_INLINE std::string marker_name(int marker) {
  constexpr char hex[] = "0123456789ABCDEF";
  return {'F', 'F', ' ', hex[marker >> 4], hex[marker & 15]};
}

/// The offset of the marker's last 0xFF; stray bytes before it are stepped over, as libjpeg and Pillow do.
CANDOR_INLINE std::size_t jpeg_walk::next_marker(std::size_t at) {
  const std::size_t start = at;
  while (at < bytes.size() && byte(at) != 0xFF) ++at;
  if (at != start) layout.clean = false;
  while (at + 1 < bytes.size() && byte(at + 1) == 0xFF) ++at;
  check(at + 1 < bytes.size(), bytes.size(), "the JPEG file ends here without its end marker (FF D9)",
        "; it is cut off, fetch it again");
  return at;
}

CANDOR_INLINE jpeg_segment jpeg_walk::segment_at(std::size_t at) const {
  const int marker = byte(at + 1);
  check(bytes.size() - at >= 4, at, "the JPEG file ends inside marker ", marker_name(marker),
        "; it is cut off, fetch it again");
  const auto length = static_cast<std::size_t>(word(at + 2));
  check(length >= 2, at + 2, "segment ", marker_name(marker), " has length ", length,
        ", at least 2 is possible; the file is damaged");
  check(length <= bytes.size() - at - 2, at + 2, "segment ", marker_name(marker), " claims ", length,
        " bytes, only ", bytes.size() - at - 2, " are left; the file is cut off, fetch it again");
  return {marker, at, at + 4, at + 2 + length, at + 2 + length};
}

CANDOR_INLINE void jpeg_walk::quantizers(const jpeg_segment& s) {
  for (std::size_t at = s.begin; at < s.end;) {
    const int precision = byte(at) >> 4, table = byte(at) & 15;
    check(precision <= 1 && table <= 3, at, "quantisation table ", table, " of precision ", precision,
          "; 0 to 3 of 0 or 1 are possible; the file is damaged");
    const std::size_t size = precision == 1 ? 129 : 65;
    check(s.end - at >= size, at, "a quantisation table needs ", size, " bytes, its segment has ", s.end - at,
          " left; the file is damaged");
    quantizer[static_cast<std::size_t>(table)] = true;
    at += size;
  }
}

CANDOR_INLINE void jpeg_walk::huffman_tables(const jpeg_segment& s) {
  for (std::size_t at = s.begin; at < s.end;) {
    const int kind = byte(at) >> 4, table = byte(at) & 15;
    check(kind <= 1 && table <= 3, at, "Huffman table ", table, " of class ", kind,
          "; 0 to 3 of 0 or 1 are possible; the file is damaged");
    check(s.end - at >= 17, at, "a Huffman table needs 17 bytes, its segment has ", s.end - at,
          " left; the file is damaged");
    int count = 0, code = 0;
    for (std::size_t bits = 1; bits <= 16; ++bits) count += byte(at + bits);
    check(count <= 256, at, "a Huffman table of ", count, " codes, at most 256 are possible",
          "; the file is damaged or made to break decoders");
    for (std::size_t bits = 1; bits <= 16; ++bits) {
      code = (code << 1) + byte(at + bits);
      check(byte(at + bits) == 0 || code < (1 << bits), at, "a Huffman table with more codes of ", bits,
            " bits than there are; the file is damaged");
    }
    check(s.end - at - 17 >= static_cast<std::size_t>(count), at, "a Huffman table of ", count,
          " codes, its segment has ", s.end - at - 17, " bytes left; the file is damaged");
    (kind == 0 ? dc_table : ac_table)[static_cast<std::size_t>(table)] = true;
    at += 17 + static_cast<std::size_t>(count);
  }
}

CANDOR_INLINE void jpeg_walk::frame_header(const jpeg_segment& s) {
  check(s.marker <= 0xC2, s.offset, "this JPEG is ",
        s.marker >= 0xC9   ? "arithmetic coded"
        : s.marker == 0xC3 ? "lossless"
                           : "hierarchical",
        " (", marker_name(s.marker),
        "), baseline and progressive ones are read; save it again as one of them");
  check(!frame, s.offset, "a second frame header; the file is damaged");
  check(s.end - s.begin >= 6, s.offset, "a frame header of ", s.end - s.begin, " bytes; the file is damaged");
  check(byte(s.begin) == 8, s.begin, "samples of ", byte(s.begin),
        " bits, JPEG is read with 8; save it again");
  const int height = word(s.begin + 1), width = word(s.begin + 3), count = byte(s.begin + 5);
  require_image_size(static_cast<std::uint32_t>(width), static_cast<std::uint32_t>(height), s.begin + 1, name,
                     limits);
  check(count == 1 || count == 3 || count == 4, s.begin + 5, count,
        " components, 1 (grey), 3 (colour) or 4 (CMYK) are possible; the file is damaged");
  check(s.end - s.begin == 6 + 3 * static_cast<std::size_t>(count), s.offset, "a frame header of ",
        s.end - s.begin, " bytes for ", count, " components, ", 6 + 3 * count,
        " were expected; the file is damaged");
  for (int i = 0; i < count; ++i) {
    const std::size_t at = s.begin + 6 + 3 * static_cast<std::size_t>(i);
    const jpeg_component c{byte(at), byte(at + 1) >> 4, byte(at + 1) & 15, byte(at + 2)};
    check(c.h >= 1 && c.h <= 4 && c.v >= 1 && c.v <= 4 && c.quantizer <= 3, at, "component ", c.id,
          " with sampling ", c.h, " x ", c.v, " and quantisation table ", c.quantizer,
          "; the file is damaged");
    for (const auto& other : layout.components)
      check(other.id != c.id, at, "two components with identifier ", c.id, "; the file is damaged");
    layout.components.push_back(c);
  }
  layout.header = {image_format::jpeg, width, height, count, 8, s.marker == 0xC2};
  frame = true;
}

CANDOR_INLINE jpeg_scan_header read_scan_header(std::span<const std::byte> bytes, const jpeg_segment& segment,
                                                const std::vector<jpeg_component>& components) {
  const auto byte = [&](std::size_t at) { return static_cast<int>(bytes[segment.begin + at]); };
  jpeg_scan_header scan;
  scan.count = byte(0);
  for (std::size_t i = 0; i < static_cast<std::size_t>(scan.count); ++i) {
    const auto found = std::find_if(components.begin(), components.end(),
                                    [&](const jpeg_component& c) { return c.id == byte(1 + 2 * i); });
    scan.index[i] = static_cast<int>(found - components.begin());
    scan.dc[i] = byte(2 + 2 * i) >> 4;
    scan.ac[i] = byte(2 + 2 * i) & 15;
  }
  const std::size_t tail = 1 + 2 * static_cast<std::size_t>(scan.count);
  scan.first = byte(tail);
  scan.last = byte(tail + 1);
  scan.high = byte(tail + 2) >> 4;
  scan.low = byte(tail + 2) & 15;
  return scan;
}

CANDOR_INLINE void jpeg_walk::scan_header(const jpeg_segment& s) {
  check(frame, s.offset, "pixel data before the frame header; the file is damaged");
  check(++scans <= limits.max_scans, s.offset, "more than ", limits.max_scans,
        " scans; the file is made to be slow, or raise image_limits");
  const int count = s.end > s.begin ? byte(s.begin) : 0;
  check(count >= 1 && count <= layout.header.components &&
            s.end - s.begin == 4 + 2 * static_cast<std::size_t>(count),
        s.offset, "a scan header of ", s.end - s.begin, " bytes for ", count,
        " components; the file is damaged");
  const auto scan = read_scan_header(bytes, s, layout.components);
  const bool progressive = layout.header.progressive;
  check(progressive
            ? (scan.first == 0 ? scan.last == 0 : scan.last <= 63 && scan.first <= scan.last && count == 1) &&
                  scan.low <= 13 && (scan.high == 0 || scan.high == scan.low + 1)
            : scan.first == 0 && scan.last == 63 && scan.high == 0 && scan.low == 0,
        s.offset, "a scan of coefficients ", scan.first, " to ", scan.last, ", bits ", scan.high, " to ",
        scan.low, " of ", count, " components, which this kind of JPEG cannot have; the file is damaged");
  const bool needs_dc = !progressive || (scan.first == 0 && scan.high == 0),
             needs_ac = !progressive || scan.first > 0;
  int blocks = 0;
  std::array<bool, 4> seen{};
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    const auto c = static_cast<std::size_t>(scan.index[i]);
    check(c < layout.components.size() && !seen[c], s.offset, "component ", byte(s.begin + 1 + 2 * i),
          " of a scan is unknown or named twice; the file is damaged");
    seen[c] = true;
    const auto& component = layout.components[c];
    blocks += component.h * component.v;
    check(quantizer[static_cast<std::size_t>(component.quantizer)], s.offset, "quantisation table ",
          component.quantizer, " is used and was not defined; the file is damaged");
    check(!needs_dc || (scan.dc[i] <= 3 && dc_table[static_cast<std::size_t>(scan.dc[i])]), s.offset,
          "Huffman table ", scan.dc[i], " (DC) is used and was not defined; the file is damaged");
    check(!needs_ac || (scan.ac[i] <= 3 && ac_table[static_cast<std::size_t>(scan.ac[i])]), s.offset,
          "Huffman table ", scan.ac[i], " (AC) is used and was not defined; the file is damaged");
    check(scan.dc[i] <= 3 && scan.ac[i] <= 3, s.offset, "Huffman tables ", scan.dc[i], " and ", scan.ac[i],
          ", 0 to 3 are possible; the file is damaged");
    check(decoded[c] != needs_dc, s.offset, "component ", component.id,
          needs_dc ? " is coded twice" : " is refined before its first scan", "; the file is damaged");
    decoded[c] = true;
  }
  check(count == 1 || blocks <= 10, s.offset, blocks, " blocks in a unit, at most 10 are possible",
        "; the file is damaged");
}

/// The first marker after entropy-coded data; stuffed bytes and restart markers belong to the data.
CANDOR_INLINE std::size_t jpeg_walk::end_of_data(std::size_t at) const {
  for (; at + 1 < bytes.size(); ++at) {
    if (byte(at) != 0xFF) continue;
    const int next = byte(at + 1);
    if (next != 0 && next != 0xFF && (next < 0xD0 || next > 0xD7)) return at;
  }
  check(false, bytes.size(), "the JPEG file ends here, inside its pixel data; it is cut off, fetch it again");
  return bytes.size();
}

CANDOR_INLINE jpeg_layout scan_jpeg(std::span<const std::byte> bytes, std::string_view name,
                                    const image_limits& limits) {
  jpeg_walk walk{bytes, name, limits};
  for (std::size_t at = 2;;) {
    at = walk.next_marker(at);
    const int marker = walk.byte(at + 1);
    if (marker == 0xD9) {
      walk.check(walk.frame, at, "the JPEG file ends without a frame header");
      for (std::size_t c = 0; c < walk.layout.components.size(); ++c)
        walk.check(walk.decoded[c], at, "the JPEG file ends without pixel data of component ",
                   walk.layout.components[c].id, "; it is cut off, fetch it again");
      return std::move(walk.layout);
    }
    const bool known = (marker >= 0xC0 && marker <= 0xCF && marker != 0xC8) ||
                       (marker >= 0xDA && marker <= 0xDD) || marker >= 0xE0;
    walk.check(known && marker != 0xDC, at, "marker ", marker_name(marker), " is not possible here; ",
               "the file is damaged");
    jpeg_segment segment = walk.segment_at(at);
    if (marker == 0xDB) {
      walk.quantizers(segment);
    } else if (marker == 0xC4) {
      walk.huffman_tables(segment);
    } else if (marker == 0xDD) {
      walk.check(segment.end - segment.begin == 2, at, "a restart interval of ", segment.end - segment.begin,
                 " bytes, 2 were expected; the file is damaged");
    } else if (marker == 0xDA) {
      walk.scan_header(segment);
      segment.data_end = walk.end_of_data(segment.end);
    } else if (marker <= 0xCF && marker != 0xCC) {
      walk.frame_header(segment);
    } else if (marker == 0xEE && segment.end - segment.begin >= 12) {
      const auto tag = bytes.subspan(segment.begin, 5);
      if (std::string_view(reinterpret_cast<const char*>(tag.data()), 5) == "Adobe")
        walk.layout.adobe_transform = walk.byte(segment.begin + 11);
    }
    walk.layout.segments.push_back(segment);
    at = segment.data_end;
  }
}

CANDOR_INLINE std::vector<std::byte> essential_jpeg(std::span<const std::byte> bytes,
                                                    const jpeg_layout& layout, bool add_adobe) {
  std::vector<std::byte> out{std::byte{0xFF}, std::byte{0xD8}};
  out.reserve(bytes.size() + 32);
  if (add_adobe && layout.header.components == 4 && layout.adobe_transform < 0)
    for (const int b : {0xFF, 0xEE, 0, 14, 0x41, 0x64, 0x6F, 0x62, 0x65, 0, 100, 0, 0, 0, 0, 0})
      out.push_back(static_cast<std::byte>(b));
  for (const auto& s : layout.segments) {
    const bool colour = (s.marker == 0xE0 && s.end - s.begin >= 14) || s.marker == 0xEE;  // JFIF and Adobe
    if (s.marker >= 0xE0 && !colour) continue;
    const auto part = bytes.subspan(s.offset, s.data_end - s.offset);
    out.insert(out.end(), part.begin(), part.end());
  }
  out.push_back(std::byte{0xFF});
  out.push_back(std::byte{0xD9});
  return out;
}

}  // namespace CANDOR_NS::detail
