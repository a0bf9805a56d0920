// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The report of a run as one HTML file that needs no other file, no network and no script: curves,
/// hallucination before and after, pictures with the answers of two models, pairs, options.

#include <candor/core/config.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace CANDOR_NS {

/// One line of a chart. Points whose y is not finite leave a gap.
struct report_series {
  std::string name;
  std::vector<double> x, y;  ///< of equal length
};

struct report_chart {
  std::string title;
  std::string x_label;  ///< "step"
  std::vector<report_series> series;
  std::vector<double> borders;  ///< x of dashed lines, where a new round begins
};

enum class better { lower, higher, neither };

struct report_figure {
  std::string name;  ///< "mentions that are lies, %"
  double value = 0;
  better is = better::neither;
};

/// A model's figures: "base", "round 1", ...
struct report_stage {
  std::string name;
  std::vector<report_figure> figures;
};

enum class claim_verdict { right, wrong, unsure };

struct report_claim {
  std::string text;
  claim_verdict verdict = claim_verdict::unsure;
};

/// What a model said. Claims that stand in the text are coloured there, the others below it.
struct report_answer {
  std::string label;  ///< "base", "aligned"
  std::string text;
  std::vector<report_claim> claims;
  std::optional<double> score;
};

struct report_picture {
  std::string image;  ///< the bytes of a PNG, JPEG, GIF or WebP file; empty for none
  std::string question;
  std::vector<report_answer> answers;
};

/// A preference pair is a picture with two answers, the chosen one first.
struct report {
  std::string title = "candor run";
  std::string subtitle;
  std::vector<report_stage> stages;
  bool stages_beside = false;  ///< all stages are made of the first one, none of the stage before
  std::vector<report_chart> charts;
  std::vector<report_picture> gallery;
  std::vector<report_picture> pairs;
  std::string pairs_note;  ///< "the first 12 of 442"
  std::vector<std::pair<std::string, std::vector<std::pair<std::string, std::string>>>>
      options;                     ///< by group
  std::vector<std::string> notes;  ///< what was looked for and not found
};

/// The page, in UTF-8. Every text is escaped; bytes that are no UTF-8 become U+FFFD. Sections without content
/// are left out. usage_error where a series has not as many x as y.
std::string report_html(const report& r);

/// The text as content of an element or of a quoted attribute.
std::string html_escaped(std::string_view text);

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/eval/report_impl.hpp>
#endif
