// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of report.hpp.

#include <candor/core/error.hpp>
#include <candor/eval/report.hpp>
#include <candor/eval/report_chart_impl.hpp>
#include <candor/eval/report_style_impl.hpp>
#include <candor/io/base64.hpp>
#include <candor/text/utf8.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace CANDOR_NS {
namespace detail {

/// At most two digits after the point, none where the number is whole.
CANDOR_INLINE std::string two_decimals(double value) {
  if (!std::isfinite(value)) return "–";
  char digits[400];
  std::string out(digits,
                  std::to_chars(digits, digits + sizeof digits, value, std::chars_format::fixed, 2).ptr);
  while (out.ends_with('0')) out.pop_back();
  if (out.ends_with('.')) out.pop_back();
  return out == "-0" ? "0" : out;
}

CANDOR_INLINE std::string_view class_of(claim_verdict verdict) {
  return verdict == claim_verdict::right ? "right" : verdict == claim_verdict::wrong ? "wrong" : "unsure";
}

/// " −82 %", good or bad; nothing where the figure is missing among those of before, or much the same.
CANDOR_INLINE std::string change_html(const report_figure& now, const report_stage& before) {
  for (const auto& was : before.figures) {
    if (was.name != now.name || was.value == 0) continue;
    const double change = now.value - was.value;
    const double percent = std::round(std::abs(100 * change / was.value));
    if (percent == 0) return {};
    const bool good = now.is == better::lower ? change < 0 : change > 0;
    const std::string_view kind = now.is == better::neither ? "" : good ? "up" : "down";
    return text(" <span class=\"", kind, "\">", change < 0 ? "−" : "+", two_decimals(percent), " %</span>");
  }
  return {};
}

/// The first and the last value of each figure.
CANDOR_INLINE std::string cards_html(const std::vector<report_stage>& stages) {
  std::string out;
  for (const auto& now : stages.back().figures) {
    out += text("<div class=\"card\"><div class=\"name\">", html_escaped(now.name),
                "</div><div class=\"now\">", two_decimals(now.value), "</div>");
    for (const auto& was : stages.front().figures) {
      if (was.name != now.name || stages.size() < 2) continue;
      out += text("<div class=\"was\">", html_escaped(stages.front().name), " ", two_decimals(was.value),
                  change_html(now, stages.front()), "</div>");
    }
    out += "</div>";
  }
  return "<div class=\"cards\">" + out + "</div>\n";
}

/// A row a stage, a column a figure of any of them, with its change since the first stage.
CANDOR_INLINE std::string stages_html(const std::vector<report_stage>& stages) {
  std::vector<std::string> names;
  for (const auto& stage : stages)
    for (const auto& figure : stage.figures)
      if (std::find(names.begin(), names.end(), figure.name) == names.end()) names.push_back(figure.name);
  std::string out = "<div class=\"scroll\"><table><thead><tr><th></th>";
  for (const auto& name : names) out += "<th>" + html_escaped(name) + "</th>";
  out += "</tr></thead><tbody>";
  for (const auto& stage : stages) {
    out += "<tr><td>" + html_escaped(stage.name) + "</td>";
    for (const auto& name : names) {
      const auto at = std::find_if(stage.figures.begin(), stage.figures.end(),
                                   [&](const report_figure& f) { return f.name == name; });
      out += "<td>";
      if (at != stage.figures.end()) out += two_decimals(at->value);
      if (at != stage.figures.end() && &stage != &stages.front()) out += change_html(*at, stages.front());
      out += "</td>";
    }
    out += "</tr>";
  }
  return out + "</tbody></table></div>\n";
}

CANDOR_INLINE std::string image_html(const std::string& bytes, const std::string& alt) {
  using namespace std::string_view_literals;
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kinds{
      {{"\x89PNG"sv, "png"}, {"\xFF\xD8\xFF"sv, "jpeg"}, {"GIF8"sv, "gif"}, {"RIFF"sv, "webp"}}};
  for (const auto& [magic, type] : kinds)
    if (bytes.starts_with(magic))
      return text("<img", bytes.size() < 16384 && type == "png" ? " class=\"small\"" : "", " alt=\"",
                  html_escaped(alt), "\" src=\"data:image/", type, ";base64,", base64(bytes), "\">");
  return {};
}

/// The text with the claims that stand in it, in their order, marked; the others in a list.
CANDOR_INLINE std::string answer_html(const report_answer& answer) {
  std::string marked, list;
  std::size_t at = 0;
  for (const auto& claim : answer.claims) {
    const auto mark = text("<mark class=\"", class_of(claim.verdict), "\" title=\"", class_of(claim.verdict),
                           "\">", html_escaped(claim.text), "</mark>");
    const std::size_t found = claim.text.empty() ? std::string::npos : answer.text.find(claim.text, at);
    if (found == std::string::npos) {
      list += "<li>" + mark + "</li>";
      continue;
    }
    marked += html_escaped(std::string_view(answer.text).substr(at, found - at)) + mark;
    at = found + claim.text.size();
  }
  marked += html_escaped(std::string_view(answer.text).substr(at));
  std::string out = "<div class=\"answer\"><h4>" + html_escaped(answer.label);
  if (answer.score) out += "<span>" + two_decimals(*answer.score) + "</span>";
  out += "</h4><p>" + marked + "</p>";
  if (!list.empty()) out += "<ul class=\"claims\">" + list + "</ul>";
  return out + "</div>";
}

CANDOR_INLINE std::string pictures_html(const std::vector<report_picture>& pictures) {
  std::string out = "<div class=\"gallery\">";
  for (const auto& p : pictures) {
    const std::string image = image_html(p.image, p.question);
    out += text("<div class=\"shown", image.empty() ? " bare" : "", "\">", image,
                "<div><p class=\"question\">", html_escaped(p.question), "</p><div class=\"answers\">");
    for (const auto& answer : p.answers) out += answer_html(answer);
    out += "</div></div></div>\n";
  }
  return out + "</div>\n";
}

CANDOR_INLINE bool has_claims(const std::vector<report_picture>& pictures) {
  for (const auto& p : pictures)
    for (const auto& a : p.answers)
      if (!a.claims.empty()) return true;
  return false;
}

CANDOR_INLINE std::string options_html(const report& r) {
  std::string out;
  for (const auto& [group, options] : r.options) {
    out += text("<details", out.empty() ? " open" : "", "><summary>", html_escaped(group), "</summary><dl>");
    for (const auto& [name, value] : options)
      out += "<div><dt>" + html_escaped(name) + "</dt><dd>" + html_escaped(value) + "</dd></div>";
    out += "</dl></details>\n";
  }
  return out;
}

}  // namespace detail

CANDOR_INLINE std::string html_escaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t n = utf8_length(text.substr(i));
    const auto c = static_cast<unsigned char>(text[i]);
    if (n == 0 || (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
      out += "\uFFFD";
    else if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else if (c == '\'')
      out += "&#39;";
    else
      out += text.substr(i, n);
    i += std::max<std::size_t>(n, 1);
  }
  return out;
}

CANDOR_INLINE std::string report_html(const report& r) {
  std::string out = text(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src "
      "'unsafe-inline'\">\n<title>",
      html_escaped(r.title), "</title>\n<style>", detail::report_style,
      "</style>\n</head>\n<body>\n<main>\n<h1>", html_escaped(r.title), "</h1>\n");
  if (!r.subtitle.empty()) out += "<p class=\"sub\">" + html_escaped(r.subtitle) + "</p>\n";
  if (!r.stages.empty())
    out += "<section id=\"figures\"><h2>Hallucination before and after</h2>\n" +
           (r.stages_beside ? std::string() : detail::cards_html(r.stages)) + detail::stages_html(r.stages) +
           "</section>\n";
  std::string charts;
  for (const auto& chart : r.charts) charts += detail::chart_html(chart);
  if (!charts.empty())
    out += "<section id=\"curves\"><h2>Curves</h2>\n<div class=\"charts\">\n" + charts + "</div></section>\n";
  const std::string key =
      "<p class=\"key\"><span><mark class=\"right\">so it is</mark></span><span><mark class=\"wrong\">not "
      "so</mark>"
      "</span><span><mark class=\"unsure\">not checked, or unsure</mark></span></p>\n";
  if (!r.gallery.empty())
    out += "<section id=\"gallery\"><h2>Pictures and answers</h2>\n" +
           (detail::has_claims(r.gallery) ? key : std::string()) + detail::pictures_html(r.gallery) +
           "</section>\n";
  if (!r.pairs.empty()) {
    out += "<section id=\"pairs\"><h2>Preference pairs</h2>\n";
    if (!r.pairs_note.empty()) out += "<p class=\"note\">" + html_escaped(r.pairs_note) + "</p>\n";
    out += detail::pictures_html(r.pairs) + "</section>\n";
  }
  if (!r.options.empty())
    out += "<section id=\"options\"><h2>Configuration in effect</h2>\n" + detail::options_html(r) +
           "</section>\n";
  for (const auto& note : r.notes) out += "<p class=\"note\">" + html_escaped(note) + "</p>\n";
  return out +
         "<footer>Made by candor. One file, no network, no scripts.</footer>\n</main>\n</body>\n</html>\n";
}

}  // namespace CANDOR_NS
