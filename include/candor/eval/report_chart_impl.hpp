// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Charts of a report as inline SVG, which takes its colours from the page.

#include <candor/core/error.hpp>
#include <candor/eval/report.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace CANDOR_NS::detail {

/// Round numbers that cover a range.
struct chart_axis {
  double low = 0, high = 1, step = 1;

  chart_axis(double least, double most, int ticks) {
    if (!(most > least)) {
      const double room = least == 0 ? 1 : std::abs(least) * 0.1;
      least -= room;
      most += room;
    }
    const double raw = (most - least) / ticks, power = std::pow(10.0, std::floor(std::log10(raw)));
    for (const double factor : {1.0, 2.0, 5.0, 10.0})
      if (raw <= (step = factor * power)) break;
    low = std::floor(least / step + 1e-9) * step;
    high = std::ceil(most / step - 1e-9) * step;
  }
  std::vector<double> ticks() const {
    std::vector<double> out;
    for (double i = std::ceil(low / step - 1e-9) + 0.0; i * step <= high + step * 1e-6; ++i)
      out.push_back(i * step + 0.0);  // no -0
    return out;
  }
  double share(double value) const { return (value - low) / (high - low); }
};

/// Places on the page, in SVG units.
struct chart_frame {
  static constexpr double width = 560, height = 250, left = 56, right = 14, top = 12, bottom = 34;
  chart_axis across, up;

  double x(double value) const { return left + across.share(value) * (width - left - right); }
  double y(double value) const { return height - bottom - up.share(value) * (height - top - bottom); }
};

/// A coordinate with one digit after the point.
inline std::string place(double v) { return text(std::round(v * 10) / 10); }

inline void append_axes(std::string& out, const chart_frame& f, const report_chart& chart) {
  using F = chart_frame;
  for (const double tick : f.up.ticks())
    out += text("<line class=\"grid\" x1=\"", F::left, "\" x2=\"", F::width - F::right, "\" y1=\"",
                place(f.y(tick)), "\" y2=\"", place(f.y(tick)),
                "\"/><text class=\"tick\" text-anchor=\"end\" x=\"", F::left - 8, "\" y=\"",
                place(f.y(tick) + 4), "\">", tick, "</text>");
  for (const double tick : f.across.ticks())
    out += text("<text class=\"tick\" text-anchor=\"middle\" x=\"", place(f.x(tick)), "\" y=\"",
                F::height - F::bottom + 16, "\">", tick, "</text>");
  for (const double border : chart.borders)
    out += text("<line class=\"border\" x1=\"", place(f.x(border)), "\" x2=\"", place(f.x(border)),
                "\" y1=\"", F::top, "\" y2=\"", F::height - F::bottom, "\"/>");
  out += text("<text class=\"tick\" text-anchor=\"end\" x=\"", F::width - F::right, "\" y=\"", F::height - 4,
              "\">", html_escaped(chart.x_label), "</text>");
}

/// A series as a line with gaps; few points are marked, and say their values where the pointer rests.
inline void append_series(std::string& out, const chart_frame& f, const report_series& s,
                          std::size_t colour) {
  const std::size_t stride = std::max<std::size_t>(1, (s.x.size() + 599) / 600);
  std::string path, marks;
  bool open = false;
  for (std::size_t i = 0; i < s.x.size(); ++i) {
    if (i % stride != 0 && i + 1 != s.x.size()) continue;
    if (!std::isfinite(s.y[i])) {
      open = false;
      continue;
    }
    path += text(open ? "L" : "M", place(f.x(s.x[i])), " ", place(f.y(s.y[i])));
    open = true;
    if (s.x.size() <= 200)
      marks +=
          text("<circle class=\"mark\" cx=\"", place(f.x(s.x[i])), "\" cy=\"", place(f.y(s.y[i])),
               "\" r=\"5\"><title>", html_escaped(s.name), ", ", s.x[i], ": ", s.y[i], "</title></circle>");
  }
  out += text("<g class=\"s", colour % 5, "\"><path class=\"curve\" d=\"", path, "\"/>", marks, "</g>");
}

/// A chart with its title and legend; empty where no point is finite.
inline std::string chart_html(const report_chart& chart) {
  constexpr double far = std::numeric_limits<double>::infinity();
  double x_low = far, x_high = -far, y_low = far, y_high = -far;
  for (const auto& s : chart.series) {
    require<usage_error>(s.x.size() == s.y.size(), "the series ", s.name, " of the chart ", chart.title,
                         " has ", s.x.size(), " x and ", s.y.size(), " y");
    for (std::size_t i = 0; i < s.x.size(); ++i) {
      if (!std::isfinite(s.x[i]) || !std::isfinite(s.y[i])) continue;
      x_low = std::min(x_low, s.x[i]);
      x_high = std::max(x_high, s.x[i]);
      y_low = std::min(y_low, s.y[i]);
      y_high = std::max(y_high, s.y[i]);
    }
  }
  if (x_low > x_high) return {};
  chart_frame frame{chart_axis(x_low, x_high, 6), chart_axis(y_low, y_high, 4)};
  frame.across.low = x_low;  // curves fill the width; ticks stay round
  frame.across.high = std::max(x_high, x_low + 1e-9);
  std::string legend, lines;
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    append_series(lines, frame, chart.series[i], i);
    legend += text("<span class=\"s", i % 5, "\"><i></i>", html_escaped(chart.series[i].name), "</span>");
  }
  std::string axes;
  append_axes(axes, frame, chart);
  return text("<figure class=\"chart\"><figcaption><b>", html_escaped(chart.title), "</b>", legend,
              "</figcaption><svg viewBox=\"0 0 ", chart_frame::width, " ", chart_frame::height,
              "\" role=\"img\" aria-label=\"", html_escaped(chart.title), "\">", axes, lines,
              "</svg></figure>\n");
}

}  // namespace CANDOR_NS::detail
