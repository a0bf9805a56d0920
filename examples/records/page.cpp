// SPDX-License-Identifier: Apache-2.0
#include "records/page.hpp"

#include <candor/core/error.hpp>
#include <candor/eval/report.hpp>
#include <candor/image/resize.hpp>
#include <candor/image/write_png.hpp>
#include <candor/io/base64.hpp>
#include <candor/train/encode.hpp>

#include "records/page_style.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>
#include <vector>

namespace records {
namespace {

using candor::html_escaped;
using candor::preference_record;
using candor::text;

/// The picture as an element, scaled down where it is larger than `side` pixels.
std::string picture_html(const candor::image_source& source, int side) try {
  auto picture = candor::load_image(source);
  const int longer = std::max(picture.width, picture.height);
  if (longer > side) {
    const auto scaled = [&](int n) { return std::max(1, static_cast<int>(std::int64_t{n} * side / longer)); };
    picture = candor::resize_bicubic(picture, scaled(picture.width), scaled(picture.height));
  }
  return text("<img alt=\"\" width=\"", picture.width, "\" height=\"", picture.height,
              "\" src=\"data:image/png;base64,", candor::base64(candor::encode_png(picture)), "\">");
} catch (const candor::error& problem) {
  return "<p class=\"fault\">" + html_escaped(problem.what()) + "</p>";
}

/// A piece as people read it: its space, and a visible line break.
std::string piece_html(std::string_view piece) {
  constexpr std::string_view space = "\xe2\x96\x81", line_break = "\xe2\x8f\x8e";
  if (piece == "<0x0A>" || piece == "\n") return std::string(line_break);
  std::string out;
  for (; piece.starts_with(space); piece.remove_prefix(space.size())) out += ' ';
  return html_escaped(out.append(piece));
}

/// The tokens of a run of segments; what is scored is a box, with a colour where its weight is not 1.
class token_writer {
 public:
  token_writer(const candor::processor& processor, std::string_view name)
      : words_(processor.words()), out_(text("<p class=\"tokens\"><b>", name, "</b>")) {}

  /// `weights` are those of the scored tokens; empty: all weigh 1.
  void add(const candor::segment_tokens& segment, bool scored, std::span<const float> weights = {}) {
    std::string plain;
    for (std::size_t i = 0; i < segment.ids.size(); ++i) {
      const std::int32_t id = segment.ids[i];
      const std::string piece = id == candor::image_mark ? "(image)" : piece_html(words_.piece(id));
      if (!scored) {
        plain += piece;
        continue;
      }
      const float weight = weights.empty() ? 1.0f : weights[i];
      const char* tag = weight == 1.0f ? "s" : "u";
      out_ += text("<", tag, " title=\"id ", id, ", weight ", weight, "\">", piece, "</", tag, ">");
    }
    if (!plain.empty()) out_ += "<i>" + plain + "</i>";
  }
  std::string take() { return std::move(out_) + "</p>"; }

 private:
  const candor::tokenizer& words_;
  std::string out_;
};

/// Prompt and answers as tokens, with what is scored.
std::string tokens_html(const preference_record& r, const candor::processor& processor, double gamma,
                        bool open) try {
  std::vector<candor::dialog_path> paths{{r.chosen, r.chosen_later}};
  if (!r.rejected.empty()) paths.push_back({r.rejected, r.rejected_later});
  const auto branches = processor.encode(r.earlier, r.question, paths, r.shown_images(), r.source);
  std::vector<std::vector<float>> weights(paths.size());
  if (gamma != 1.0 && paths.size() == 2) weights = candor::changed_weights(branches, {.gamma = gamma});

  token_writer prompt(processor, "prompt");
  for (const auto& segment : branches.stem.segments) prompt.add(segment, segment.answer && r.score_earlier);
  std::string out =
      text("<details", open ? " open" : "",
           "><summary>tokens: those in boxes are scored, coloured ones with another weight than 1</summary>",
           prompt.take());
  for (std::size_t a = 0; a < paths.size(); ++a) {
    token_writer answer(processor, a == 0 ? "chosen" : "rejected");
    std::span<const float> left = weights[a];
    const auto add = [&](const candor::segment_tokens& segment) {
      const std::size_t n = segment.answer && !left.empty() ? segment.ids.size() : 0;
      answer.add(segment, segment.answer, left.first(n));
      left = left.subspan(n);
    };
    add(branches.answers[a]);
    if (a < branches.later.size())
      for (const auto& segment : branches.later[a]) add(segment);
    out += answer.take();
  }
  return out + "</details>";
} catch (const candor::input_error& problem) {
  return "<p class=\"fault\">" + html_escaped(problem.what()) + "</p>";
}

std::string turns_html(const std::vector<candor::turn>& turns) {
  std::string out;
  for (const auto& t : turns)
    out += "<p class=\"turn\">" + html_escaped(t.user) + "</p><p class=\"turn\">— " +
           html_escaped(t.assistant) + "</p>";
  return out;
}

std::string answer_html(const char* name, const std::string& marked, const std::vector<candor::turn>& later) {
  return text("<div><h2>", name, "</h2><p>", marked, "</p>", turns_html(later), "</div>");
}

std::string record_html(const preference_record& r, const candor::processor* processor,
                        const page_options& options, bool open) {
  std::string out = "<section class=\"record\"><div>";
  for (const auto& image : r.images) out += picture_html(image, options.thumbnail);
  out += text("</div><div><p class=\"place\">", html_escaped(r.source), " · id ", html_escaped(r.id), " · ",
              name_of(r.form), std::isnan(r.margin) ? std::string() : text(" · margin ", r.margin), "</p>",
              turns_html(r.earlier), "<p class=\"question\">", html_escaped(r.question),
              "</p><div class=\"answers\">");
  const auto marked =
      r.rejected.empty() ? marked_texts{html_escaped(r.chosen), {}} : mark_differences(r.chosen, r.rejected);
  out += answer_html(r.rejected.empty() ? "answer" : "chosen", marked.chosen, r.chosen_later);
  if (!r.rejected.empty()) out += answer_html("rejected", marked.rejected, r.rejected_later);
  for (const auto& other : r.others) out += answer_html("further answer", html_escaped(other), {});
  out += "</div>";
  if (processor != nullptr) out += tokens_html(r, *processor, options.gamma, open);
  return out + "</div></section>\n";
}

}  // namespace

std::string page_html(const candor::preference_data& data, std::string_view numbers,
                      const candor::processor* processor, const page_options& options) {
  const std::string title = html_escaped(data.path().filename().string());
  std::string out = text(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src "
      "'unsafe-inline'\">\n<title>",
      title, "</title>\n<style>", page_style, "</style>\n</head>\n<body>\n<main>\n<h1>", title,
      "</h1>\n<pre>", html_escaped(numbers), "</pre>\n",
      "<p class=\"key\"><span><mark class=\"chosen\">only in chosen</mark></span>"
      "<span><mark class=\"rejected\">only in rejected</mark></span></p>\n");
  const std::int64_t count = std::min(options.samples, data.size());
  for (std::int64_t i = 0; i < count; ++i)
    out += record_html(data.record(i * data.size() / count), processor, options, i == 0);
  return out + text("<footer>", count, " of ", data.size(),
                    " records. Made by candor. One file, no network, no "
                    "scripts.</footer>\n</main>\n</body>\n</html>\n");
}

}  // namespace records
