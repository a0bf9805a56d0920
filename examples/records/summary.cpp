// SPDX-License-Identifier: Apache-2.0
#include "records/summary.hpp"

#include <candor/core/error.hpp>
#include <candor/core/fingerprint.hpp>
#include <candor/train/table.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_set>

namespace records {
namespace {

using candor::fixed;
using candor::preference_record;

std::int64_t words_in(const std::string& text) {
  std::int64_t n = 0;
  bool inside = false;
  for (const char c : text) {
    const bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    n += !space && !inside;
    inside = !space;
  }
  return n;
}

/// Lengths of prompt, chosen and rejected.
using part_lengths = std::array<std::int64_t, 3>;

part_lengths words_of(const preference_record& r) {
  part_lengths out{words_in(r.question), words_in(r.chosen), words_in(r.rejected)};
  for (const auto& t : r.earlier) out[0] += words_in(t.user) + words_in(t.assistant);
  for (const auto& t : r.chosen_later) out[1] += words_in(t.user) + words_in(t.assistant);
  for (const auto& t : r.rejected_later) out[2] += words_in(t.user) + words_in(t.assistant);
  return out;
}

part_lengths tokens_of(const preference_record& r, const candor::processor& processor,
                       std::int64_t image_tokens) {
  std::vector<candor::dialog_path> paths{{r.chosen, r.chosen_later}};
  if (!r.rejected.empty()) paths.push_back({r.rejected, r.rejected_later});
  const auto branches = processor.chat().encode_branches(processor.words(), r.earlier, r.question, paths,
                                                         r.shown_images(), r.source);
  part_lengths out{static_cast<std::int64_t>(branches.stem.length(static_cast<std::size_t>(image_tokens))), 0,
                   0};
  for (std::size_t a = 0; a < branches.answers.size(); ++a) {
    out[a + 1] = static_cast<std::int64_t>(branches.answers[a].ids.size());
    if (a < branches.later.size())
      for (const auto& part : branches.later[a]) out[a + 1] += static_cast<std::int64_t>(part.ids.size());
  }
  return out;
}

/// A digest of everything that a record says, its id and place apart.
std::string content_of(const preference_record& r) {
  std::string all;
  const auto add = [&](const std::string& part) { all += candor::text(part.size(), ':', part); };
  for (const auto& image : r.images) add(image.name());
  for (const auto* turns : {&r.earlier, &r.chosen_later, &r.rejected_later}) {
    add(std::to_string(turns->size()));
    for (const auto& t : *turns) {
      add(t.user);
      add(t.assistant);
    }
  }
  for (const auto* part : {&r.question, &r.chosen, &r.rejected}) add(*part);
  return candor::hash_bytes(all);
}

/// The reason without what differs from record to record: names in quotes, paths and numbers.
std::string kind_of(const std::string& reason) {
  std::string out;
  for (std::size_t i = 0; i < reason.size(); ++i) {
    if (reason[i] == '"') {
      const auto end = reason.find('"', i + 1);
      out += "\"...\"";
      i = end == std::string::npos ? reason.size() : end;
    } else if (std::isdigit(static_cast<unsigned char>(reason[i])) != 0) {
      if (out.empty() || out.back() != 'N') out += 'N';
    } else {
      out += reason[i];
    }
  }
  const auto missing = out.find(" does not exist");
  if (out.find("the image ") != std::string::npos && missing != std::string::npos)
    out = "the image" + out.substr(missing);
  return out;
}

std::string share_of(std::int64_t part, std::int64_t all) {
  return candor::text(part, " (",
                      fixed(all > 0 ? 100.0 * static_cast<double>(part) / static_cast<double>(all) : 0.0, 1),
                      " %)");
}

}  // namespace

length_figures figures_of(std::vector<std::int64_t> lengths) {
  length_figures out;
  if (lengths.empty()) return out;
  std::sort(lengths.begin(), lengths.end());
  const auto last = static_cast<double>(lengths.size() - 1);
  for (std::size_t i = 0; i < out.shares.size(); ++i)
    out.at_share[i] = lengths[static_cast<std::size_t>(std::llround(out.shares[i] * last))];
  out.mean = static_cast<double>(std::accumulate(lengths.begin(), lengths.end(), std::int64_t{0})) /
             static_cast<double>(lengths.size());
  return out;
}

summary summarise(const candor::preference_data& data, const candor::processor* processor,
                  std::int64_t max_length, std::int64_t image_tokens) {
  summary s;
  s.records = data.size();
  s.without_pair = data.without_pair();
  s.unit = processor != nullptr ? "tokens" : "words";
  for (const auto& bad : data.skipped()) ++s.skipped[kind_of(bad.reason)];
  std::array<std::vector<std::int64_t>, 3> lengths;
  std::unordered_set<std::string> seen;
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const auto r = data.record(i);
    ++s.forms[r.form];
    ++s.images[r.images.size()];
    s.several_turns += !r.earlier.empty() || !r.chosen_later.empty() || !r.rejected_later.empty();
    s.with_margin += !std::isnan(r.margin);
    s.with_others += !r.others.empty();
    s.repeated += !seen.insert(content_of(r)).second;
    const part_lengths n = processor != nullptr ? tokens_of(r, *processor, image_tokens) : words_of(r);
    for (std::size_t part = 0; part < 3; ++part)
      if (part < 2 || !r.rejected.empty()) lengths[part].push_back(n[part]);
    s.chosen_longer += !r.rejected.empty() && n[1] > n[2];
    s.rejected_longer += !r.rejected.empty() && n[2] > n[1];
    s.too_long += processor != nullptr && n[0] + std::max(n[1], n[2]) > max_length;
  }
  s.prompt = figures_of(std::move(lengths[0]));
  s.chosen = figures_of(std::move(lengths[1]));
  s.rejected = figures_of(std::move(lengths[2]));
  return s;
}

std::string summary_text(const summary& s, const std::filesystem::path& path) {
  std::string out = path.string() + "\n";
  const auto line = [&](const std::string& name, const std::string& value) {
    out += "  " + name + std::string(name.size() < 22 ? 22 - name.size() : 1, ' ') + value + "\n";
  };
  line("records", std::to_string(s.records));
  for (const auto& [form, count] : s.forms)
    line("form", candor::text(name_of(form), ": ", share_of(count, s.records)));
  for (const auto& [images, count] : s.images)
    line("images a record", candor::text(images, ": ", share_of(count, s.records)));
  if (s.several_turns > 0) line("several turns", share_of(s.several_turns, s.records));
  if (s.with_margin > 0) line("with a margin", share_of(s.with_margin, s.records));
  if (s.with_others > 0) line("with further answers", share_of(s.with_others, s.records));
  line("said twice", share_of(s.repeated, s.records));
  const std::int64_t pairs = s.chosen_longer + s.rejected_longer;
  if (s.rejected.at_share.back() > 0) {
    line("chosen is longer", share_of(s.chosen_longer, s.records));
    line("rejected is longer", share_of(s.rejected_longer, s.records));
    line("equally long", share_of(s.records - pairs, s.records));
  }
  if (s.unit == "tokens") line("too long", share_of(s.too_long, s.records));
  if (s.without_pair > 0) line("without a pair", candor::text(s.without_pair, " records of rated answers"));
  std::int64_t bad = 0;
  for (const auto& [reason, count] : s.skipped) bad += count;
  line("bad", std::to_string(bad));
  for (const auto& [reason, count] : s.skipped) out += candor::text("    ", count, "  ", reason, "\n");

  candor::table lengths({s.unit, "mean", "least", "5 %", "half", "95 %", "most"});
  const auto row = [&](const std::string& name, const length_figures& f) {
    std::vector<std::string> cells{name, fixed(f.mean, 1)};
    for (const std::int64_t n : f.at_share) cells.push_back(std::to_string(n));
    lengths.add(cells);
  };
  row("prompt", s.prompt);
  row("chosen", s.chosen);
  if (s.rejected.at_share.back() > 0) row("rejected", s.rejected);
  return out + "\n" + lengths.str();
}

}  // namespace records
