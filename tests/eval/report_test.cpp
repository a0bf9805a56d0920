// SPDX-License-Identifier: Apache-2.0
/// The report: escaped, well formed, complete, and drawn by a real browser.

#include "eval/browser.hpp"
#include "eval/eval_world.hpp"
#include "support/program.hpp"

#include <candor/eval/report.hpp>
#include <candor/image/write_png.hpp>

#include <limits>

using namespace candor_test;
using candor::claim_verdict;

namespace {

std::string plain_picture(std::uint8_t red, std::uint8_t green, std::uint8_t blue, int side = 200) {
  candor::image out{side, side, {}};
  for (int i = 0; i < side * side; ++i) out.rgb.insert(out.rgb.end(), {red, green, blue});
  return candor::encode_png(out);
}

candor::report full_report() {
  const std::string evil = "<script>alert('x')</script>\"&";
  candor::report r;
  r.title = evil;
  r.subtitle = evil;
  r.stages = {{evil, {{evil, 20, candor::better::lower}}}, {"after", {{evil, 5, candor::better::lower}}}};
  r.charts = {{"Loss" + evil, evil, {{evil, {1, 2, 3}, {3, 2, 1}}, {"two", {1, 2, 3}, {1, 2, 2}}}, {2}}};
  r.gallery = {{plain_picture(255, 0, 255),
                evil,
                {{evil, "a red fish", {{"fish", claim_verdict::wrong}}, 0.5},
                 {"after", "nothing", {{evil, claim_verdict::right}}, {}}}}};
  r.pairs = {{plain_picture(0, 255, 255), evil, {{"chosen", evil, {}, {}}, {"rejected", "b", {}, {}}}}};
  r.pairs_note = evil;
  r.options = {{evil, {{evil, evil}}}};
  r.notes = {evil};
  return r;
}

/// The tags that are open where they should not be; empty for a page whose elements nest.
std::string nesting_mistake(const std::string& page) {
  std::vector<std::string> open;
  for (std::size_t at = page.find('<'); at != page.npos; at = page.find('<', at + 1)) {
    const std::size_t end = page.find('>', at);
    if (end == page.npos) return "a tag without end";
    const std::string tag = page.substr(at + 1, end - at - 1);
    const std::string name = tag.substr(tag.starts_with('/') ? 1 : 0,
                                        tag.find_first_of(" />", 1) - (tag.starts_with('/') ? 1 : 0));
    if (tag.starts_with('!') || tag.ends_with('/') || name == "meta" || name == "img") continue;
    if (!tag.starts_with('/')) {
      open.push_back(name);
    } else if (open.empty() || open.back() != tag.substr(1)) {
      return tag + " after " + (open.empty() ? "nothing" : open.back());
    } else {
      open.pop_back();
    }
    if (name == "style" && !tag.starts_with('/')) at = page.find("</style", at) - 1;
  }
  return open.empty() ? "" : open.back() + " is not closed";
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + part.size())) ++n;
  return n;
}

}  // namespace

TEST_CASE("A report escapes every text and nests its elements", "[eval][report]") {
  const std::string page = candor::report_html(full_report());
  CHECK(page.find("<script") == page.npos);
  CHECK(page.find("alert('x')") == page.npos);
  CHECK(count_of(page, "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;") >= 14);
  CHECK(nesting_mistake(page).empty());
  for (const char* section : {"figures", "curves", "gallery", "pairs", "options"})
    CHECK(holds(page, std::string("<section id=\"") + section + "\">"));
  CHECK(page.find("http://") == page.npos);  // nothing is fetched
  CHECK(page.find("https://") == page.npos);
  CHECK(candor::html_escaped("a\xFFz\x01") == "a\uFFFDz\uFFFD");
}

TEST_CASE("A report shows how each stage differs from the first", "[eval][report]") {
  candor::report r;
  const auto figures = [](double lies, double recall) -> std::vector<candor::report_figure> {
    return {{"lies", lies, candor::better::lower}, {"recall", recall, candor::better::higher}};
  };
  r.stages = {{"base", figures(20, 80)}, {"one", figures(5, 84)}, {"two", figures(25, 80)}};
  const std::string page = candor::report_html(r);
  CHECK(holds(page,
              "<td>one</td><td>5 <span class=\"up\">−75 %</span></td><td>84 <span class=\"up\">+5 %</span>"));
  CHECK(holds(page, "<td>two</td><td>25 <span class=\"down\">+25 %</span></td><td>80</td>"));
  CHECK(holds(page, "<td>base</td><td>20</td><td>80</td>"));
  CHECK(count_of(page, "<div class=\"card\">") == 2);
  // Beside each other, the last one is no more the result than the others.
  r.stages_beside = true;
  CHECK(count_of(candor::report_html(r), "<div class=\"card\">") == 0);
  CHECK(holds(candor::report_html(r), "<td>two</td><td>25 <span"));
}

TEST_CASE("A report leaves out what it has not", "[eval][report]") {
  const std::string page = candor::report_html({});
  CHECK(page.find("<section") == page.npos);
  CHECK(nesting_mistake(page).empty());
}

TEST_CASE("Charts have gaps, borders and round ticks", "[eval][report]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  candor::report r;
  r.charts = {{"Loss", "step", {{"a", {0, 10, 20, 30}, {0.1, nan, 0.3, 0.42}}}, {15}}};
  const std::string page = candor::report_html(r);
  CHECK(count_of(page, "class=\"border\"") == 1);
  CHECK(count_of(page, "<circle") == 3);
  const std::string path =
      page.substr(page.find("<path"), page.find("/>", page.find("<path")) - page.find("<path"));
  CHECK(count_of(path, "M") == 2);  // two strokes
  CHECK(count_of(path, "L") == 1);
  for (const char* tick : {">0.1<", ">0.2<", ">0.5<", ">30<"}) CHECK(holds(page, tick));
  CHECK(page.find(">-0<") == page.npos);

  r.charts = {{"Loss", "step", {{"a", {1, 2}, {nan, nan}}}, {}}};
  CHECK(candor::report_html(r).find("<svg") == std::string::npos);
  r.charts = {{"Loss", "step", {{"a", {5}, {7}}}, {}}};
  CHECK_THAT(candor::report_html(r), contains("<svg"));  // one point
  r.charts = {{"Loss", "step", {{"a", {1, 2}, {1}}}, {}}};
  CHECK_THAT(thrown_by([&] { candor::report_html(r); }), contains("has 2 x and 1 y"));
}

TEST_CASE("Claims are marked where they stand, and listed where they do not", "[eval][report]") {
  candor::report r;
  r.gallery = {{"no picture",
                "?",
                {{"base",
                  "a cat, a cat and a dog",
                  {{"a cat", claim_verdict::right},
                   {"a cat", claim_verdict::wrong},
                   {"a bird", claim_verdict::unsure}},
                  {}}}}};
  const std::string page = candor::report_html(r);
  CHECK(holds(page,
              "<p><mark class=\"right\" title=\"right\">a cat</mark>, <mark class=\"wrong\" "
              "title=\"wrong\">a cat</mark> and a dog</p>"));
  CHECK(holds(page, "<li><mark class=\"unsure\" title=\"unsure\">a bird</mark></li>"));
  CHECK(page.find("<img") == page.npos);
}

TEST_CASE("A browser draws the report, its pictures and its curves", "[eval][report][browser]") {
  if (!has_browser()) CANDOR_SKIP("needs chromium");
  const scratch_folder folder;
  candor::write_atomically(folder / "report.html", candor::report_html(full_report()));
  const auto page = draw_report(folder.path());
  CHECK(page.console.empty());
  CHECK(page.of(0xff00ff) > 20'000);  // both pictures, some 176 pixels wide
  CHECK(page.of(0x00ffff) > 20'000);
  CHECK(page.of(0x2563c9) > 200);   // a curve
  CHECK(page.pixels.size() > 100);  // letters
}
