// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of clip_tokenizer.hpp.

#include <candor/core/error.hpp>
#include <candor/text/clip_tokenizer.hpp>
#include <candor/text/clip_tokenizer_files_impl.hpp>
#include <candor/text/unicode_impl.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <queue>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace CANDOR_NS {
namespace detail {

/// A text as CLIP's merges see it: NFC, runs of white space as one space, lower case.
CANDOR_INLINE std::u32string clip_normal_form(std::string_view s) {
  std::u32string out;
  for (const char32_t c : unicode_compose(code_points_of(s))) {
    if (!is_unicode_space(c))
      out.push_back(c);
    else if (out.empty() || out.back() != U' ')
      out.push_back(U' ');
  }
  return unicode_lower(out);
}

/// The end of the word that begins at `at`: an English ending, letters, one number, or signs.
CANDOR_INLINE std::size_t clip_word_end(std::u32string_view s, std::size_t at) {
  for (const std::u32string_view ending : {U"'s", U"'t", U"'re", U"'ve", U"'m", U"'ll", U"'d"})
    if (s.substr(at).starts_with(ending)) return at + ending.size();
  if (is_unicode_number(s[at])) return at + 1;
  const bool letters = is_unicode_letter(s[at]);
  std::size_t end = at + 1;
  while (end < s.size() &&
         (letters ? is_unicode_letter(s[end])
                  : !is_unicode_letter(s[end]) && !is_unicode_number(s[end]) && !is_unicode_space(s[end])))
    ++end;
  return end;
}

/// The character that stands for a byte in vocabularies: itself where it can be seen, else one of U+0100...
CANDOR_INLINE std::array<std::string, 256> byte_characters() {
  std::array<std::string, 256> out;
  char32_t other = 256;
  for (char32_t b = 0; b < 256; ++b) {
    const bool seen = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
    append_utf8(out[b], seen ? b : other++);
  }
  return out;
}

struct clip_vocabulary {
  struct pair_hash {
    std::size_t operator()(const std::pair<std::int32_t, std::int32_t>& p) const {
      return std::hash<std::uint64_t>()(static_cast<std::uint64_t>(static_cast<std::uint32_t>(p.first))
                                            << 32 |
                                        static_cast<std::uint32_t>(p.second));
    }
  };
  struct merge {
    std::int32_t rank, id;
  };

  std::int32_t bos = -1, eos = -1, unk = -1;
  std::size_t size = 0;
  std::array<std::int32_t, 256> inner, last;  // ids of bytes inside a word and at its end
  std::unordered_map<std::pair<std::int32_t, std::int32_t>, merge, pair_hash> merges;
  std::vector<clip_added_token> added;  // longest first
  std::string hash;

  /// The ids of one word: of all merges that apply the first is made, the leftmost place first.
  void encode_word(std::u32string_view word, std::vector<std::int32_t>& out) const {
    std::string bytes;
    for (const char32_t c : word) append_utf8(bytes, c);
    const std::size_t count = bytes.size();
    std::vector<std::int32_t> ids(count);
    std::vector<std::size_t> before(count), after(count);  // the parts that are left form a list
    for (std::size_t i = 0; i < count; ++i) {
      ids[i] = (i + 1 == count ? last : inner)[static_cast<unsigned char>(bytes[i])];
      before[i] = i - 1;
      after[i] = i + 1;
    }
    using candidate =
        std::tuple<std::int32_t, std::size_t, std::int32_t, std::int32_t>;  // rank, place, both ids
    std::priority_queue<candidate, std::vector<candidate>, std::greater<>> open;
    const auto consider = [&](std::size_t at) {
      if (at >= count || after[at] >= count) return;
      const auto found = merges.find({ids[at], ids[after[at]]});
      if (found != merges.end()) open.emplace(found->second.rank, at, ids[at], ids[after[at]]);
    };
    for (std::size_t i = 0; i < count; ++i) consider(i);
    while (!open.empty()) {
      const auto [rank, at, left, right] = open.top();
      open.pop();
      const std::size_t next = after[at];
      if (ids[at] != left || next >= count || ids[next] != right) continue;  // one of them is gone
      ids[at] = merges.at({left, right}).id;
      ids[next] = -1;
      after[at] = after[next];
      if (after[at] < count) before[after[at]] = at;
      consider(before[at]);
      consider(at);
    }
    for (std::size_t i = 0; i < count; i = after[i]) out.push_back(ids[i]);
  }

  void encode_plain(std::u32string_view s, std::vector<std::int32_t>& out) const {
    for (std::size_t at = 0; at < s.size();) {
      if (is_unicode_space(s[at])) {
        ++at;
        continue;
      }
      const std::size_t end = clip_word_end(s, at);
      encode_word(s.substr(at, end - at), out);
      at = end;
    }
  }

  /// Added tokens in a text become their ids; `plain` takes what is between them.
  template <class String, class Name, class Plain>
  void split_added(const String& s, bool normalized, const Name& name_of, const Plain& plain,
                   std::vector<std::int32_t>& out) const {
    std::size_t begin = 0;
    for (std::size_t at = 0; at < s.size();) {
      const auto found = std::find_if(added.begin(), added.end(), [&](const clip_added_token& t) {
        return t.normalized == normalized && s.substr(at).starts_with(name_of(t));
      });
      if (found == added.end()) {
        ++at;
        continue;
      }
      plain(s.substr(begin, at - begin));
      out.push_back(found->id);
      begin = at += name_of(*found).size();
    }
    plain(s.substr(begin));
  }

  std::vector<std::int32_t> encode(std::string_view text) const {
    std::vector<std::int32_t> out;
    const auto raw = [](const clip_added_token& t) { return std::string_view(t.text); };
    const auto normal = [](const clip_added_token& t) { return std::u32string_view(t.normal_form); };
    split_added(
        text, false, raw,
        [&](std::string_view part) {
          const std::u32string s = clip_normal_form(part);
          split_added(
              std::u32string_view(s), true, normal, [&](std::u32string_view p) { encode_plain(p, out); },
              out);
        },
        out);
    return out;
  }
};

CANDOR_INLINE std::shared_ptr<const clip_vocabulary> load_clip_vocabulary(
    const std::filesystem::path& folder) {
  const clip_tokenizer_files files = read_clip_tokenizer_files(folder);
  const auto out = std::make_shared<clip_vocabulary>();
  std::unordered_map<std::string_view, std::int32_t> ids;
  const auto add = [&](std::string_view word, std::int32_t id) {
    const auto [at, fresh] = ids.emplace(word, id);
    require<input_error>(fresh || at->second == id, files.place, ": ", in_quotes(word), " has the ids ",
                         at->second, " and ", id);
    out->size = std::max(out->size, static_cast<std::size_t>(id) + 1);
  };
  for (const auto& [word, id] : files.words) add(word, id);
  for (const auto& t : files.added) add(t.text, t.id);
  const auto id_of = [&](std::string_view word) {
    const auto found = ids.find(word);
    return found == ids.end() ? -1 : found->second;
  };
  const auto special = [&](std::string_view what, std::string_view word) {
    const auto id = id_of(word);
    require<input_error>(id >= 0, files.place, ": the ", what, " ", in_quotes(word),
                         " is not in the vocabulary");
    return id;
  };
  out->bos = special("begin of a text", files.bos);
  out->eos = special("end of a text", files.eos);
  out->unk = special("unknown token", files.unk);
  const auto characters = byte_characters();
  for (std::size_t b = 0; b < 256; ++b) {
    const auto inner = id_of(characters[b]), last = id_of(characters[b] + "</w>");
    out->inner[b] = inner < 0 ? out->unk : inner;
    out->last[b] = last < 0 ? out->unk : last;
  }
  for (std::size_t i = 0; i < files.merges.size(); ++i) {
    const auto& [left, right] = files.merges[i];
    const auto a = id_of(left), b = id_of(right), whole = id_of(left + right);
    require<input_error>(a >= 0 && b >= 0 && whole >= 0, files.place, ": merge ", i, " of ", in_quotes(left),
                         " and ", in_quotes(right), " needs or makes a word that is not in the vocabulary");
    out->merges.insert_or_assign({a, b}, clip_vocabulary::merge{static_cast<std::int32_t>(i), whole});
  }
  out->added = files.added;
  if (out->added.empty())
    for (const auto& name : {files.bos, files.eos}) out->added.push_back({id_of(name), name, false, {}});
  for (auto& t : out->added) t.normal_form = clip_normal_form(t.text);
  std::stable_sort(out->added.begin(), out->added.end(),
                   [](const auto& x, const auto& y) { return x.text.size() > y.text.size(); });
  out->hash = files.content.hex();
  return out;
}

}  // namespace detail

CANDOR_INLINE clip_tokenizer::clip_tokenizer(const std::filesystem::path& folder)
    : vocabulary_(detail::load_clip_vocabulary(folder)) {}

CANDOR_INLINE std::vector<std::int32_t> clip_tokenizer::encode(std::string_view text,
                                                               std::size_t max_length) const {
  require<usage_error>(max_length >= 2, "[clip_tokenizer] ", max_length,
                       " ids leave no room for the begin and the end of a text");
  auto ids = vocabulary_->encode(text);
  ids.resize(std::min(ids.size(), max_length - 2));
  ids.insert(ids.begin(), bos());
  ids.push_back(eos());
  return ids;
}

CANDOR_INLINE std::size_t clip_tokenizer::size() const { return vocabulary_->size; }
CANDOR_INLINE std::int32_t clip_tokenizer::bos() const { return vocabulary_->bos; }
CANDOR_INLINE std::int32_t clip_tokenizer::eos() const { return vocabulary_->eos; }
CANDOR_INLINE const std::string& clip_tokenizer::content_hash() const { return vocabulary_->hash; }

}  // namespace CANDOR_NS
