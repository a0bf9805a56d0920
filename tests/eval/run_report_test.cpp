// SPDX-License-Identifier: Apache-2.0
/// The program `report` on run folders of rlhf_v's and rlaif_v's form.

#include "eval/browser.hpp"
#include "eval/eval_world.hpp"
#include "support/program.hpp"

#include <candor/image/write_png.hpp>

using namespace candor_test;

namespace {

json metrics(int step) {
  return {{"loss", 1.0 / step},
          {"rewards/margins", 0.1 * step},
          {"rewards/accuracies", nullptr},
          {"logps/chosen", -step},
          {"global_step", step}};
}

void write_picture(const std::filesystem::path& file) {
  std::filesystem::create_directories(file.parent_path());
  candor::write_png(file, {2, 2, std::vector<std::uint8_t>(12, 99)});
}

/// 200 x 200 pixels of one colour.
void write_plain_picture(const std::filesystem::path& file, const std::vector<std::uint8_t>& colour) {
  candor::image picture{200, 200, {}};
  for (int i = 0; i < 200 * 200; ++i) picture.rgb.insert(picture.rgb.end(), colour.begin(), colour.end());
  std::filesystem::create_directories(file.parent_path());
  candor::write_png(file, picture);
}

std::string page_of(const std::filesystem::path& folder) {
  const auto end = run_program("report", {folder});
  INFO(end.err);
  REQUIRE(end.code == 0);
  return candor::read_file(folder / "report.html");
}

/// A run as rlhf_v leaves it.
struct rlhf_v_run {
  scratch_folder scratch;
  std::filesystem::path folder = scratch / "mine";
  rlhf_v_run() {
    std::filesystem::create_directories(folder / "run");
    write_lines(folder / "run/metrics.jsonl", {metrics(1), metrics(2), metrics(3)});
    candor::write_atomically(folder / "run/config.json", R"({"beta": "0.1"})");
    candor::write_atomically(folder / "run/options.toml", "# beta\nbeta=0.25\ndata=\"\"\nlora-r = 64\n");
    write_picture(folder / "data/images/a.png");
    write_lines(folder / "data/pairs.jsonl", {{{"image", "a.png"},
                                               {"question", "Describe."},
                                               {"chosen", "A red sun and a boat."},
                                               {"rejected", "A red sun and a fish."}}});
    write_picture(folder / "gallery/0.png");
    write_lines(folder / "gallery.jsonl", {{{"image", "gallery/0.png"},
                                            {"question", "What?"},
                                            {"answers",
                                             {{{"label", "base"},
                                               {"text", "a fish"},
                                               {"claims", {{{"text", "fish"}, {"verdict", "wrong"}}}}}}}}});
    write_lines(
        folder / "figures.jsonl",
        {{{"stage", "base"}, {"figures", {{{"name", "lies, %"}, {"value", 20}, {"better", "lower"}}}}},
         {{"stage", "aligned"}, {"figures", {{{"name", "lies, %"}, {"value", 5}, {"better", "lower"}}}}}});
  }
};

}  // namespace

TEST_CASE("A run of rlhf_v becomes a report", "[eval][report][program]") {
  const rlhf_v_run run;
  const std::string page = page_of(run.folder);
  for (const char* part :
       {"<title>Run mine</title>", "<b>Loss</b>", "<b>Rewards, nats</b>", "<b>Log-probs, nats</b>",
        "<div class=\"now\">5</div><div class=\"was\">base 20 <span class=\"up\">−75 %</span>",
        "<mark class=\"wrong\" title=\"wrong\">fish</mark>",
        "<mark class=\"right\" title=\"right\">boat.</mark>", "1 of 1 pairs of", "<dt>lora-r</dt><dd>64</dd>",
        "<dt>beta</dt><dd>0.25</dd>", "<dt>beta</dt><dd>0.1</dd>"})
    CHECK(holds(page, part));
  CHECK(page.find("<b>Accuracy") == page.npos);  // null in every line
  CHECK(page.find("<dt>data</dt>") == page.npos);
  const std::string image = "<img class=\"small\" alt=\"Describe.\" src=\"data:image/png;base64,iVBOR";
  CHECK(holds(page, image));
}

TEST_CASE("A run of rlaif_v becomes a report, with its rounds in a row", "[eval][report][program]") {
  const scratch_folder scratch;
  const auto folder = scratch / "run";
  for (const char* round : {"round-1", "round-2", "round-10"}) {
    std::filesystem::create_directories(folder / round / "run");
    write_lines(folder / round / "run/metrics.jsonl", {metrics(1), metrics(2)});
    candor::write_atomically(folder / round / "evaluation.json",
                             R"({"greedy": [50, 100, 10, 8, 120, 90, 600], "labels_right": 95.5})");
  }
  write_picture(folder / "data/images/a.png");
  const auto answer = [](int id, const char* text, double no) {
    return json{
        {"question_id", id}, {"image_path", "a.png"},        {"raw_question", "Describe."},
        {"answer", text},    {"facts", {"There is a sun."}}, {"scores", {{{"yes", 0.5}, {"no", no}}}}};
  };
  write_lines(folder / "round-10/verdicts.jsonl",
              {answer(0, "first", 0.9), answer(1, "best", 0.1), answer(2, "other", 0.4)});
  write_lines(
      folder / "round-10/pairs.jsonl",
      {json::parse(R"({"image_path": "a.png", "question": "Describe.", "chosen": "good", "rejected": "bad",
                "org_infos": {"scores": {"chosen": {"judge": {"Is it?": "1"}, "score": 0.0},
                                         "rejected": {"judge": {"Is that?": "0"}, "score": -1.0}}}})")});
  const std::string page = page_of(folder);
  for (const char* part :
       {"<td>round-1</td><td>10</td><td>16</td><td>75</td><td>95.5</td>", "<td>round-10</td>", ">best</p>",
        ">first</p>", "<li><mark class=\"wrong\" title=\"wrong\">There is a sun.</mark></li>",
        "<h4>rejected<span>-1</span></h4>", "<li><mark class=\"right\" title=\"right\">Is it?</mark></li>"})
    CHECK(holds(page, part));
  CHECK(page.find("round-10</td>") > page.find("round-2</td>"));
  CHECK(holds(page, ", 6: 0.5</title>"));  // the last step of the last round
}

namespace {

/// A line of verdicts.jsonl: an answer of these claims, each confirmed or not.
json judged(const char* image, const std::string& text,
            const std::vector<std::pair<std::string, bool>>& claims) {
  json out{{"question_id", 0}, {"ds_question_id", "1"}, {"image_path", image}, {"raw_question", "Describe."},
           {"answer", text},   {"finished", true}};
  for (const auto& [claim, holds] : claims) {
    out["facts"].push_back(claim);
    out["scores"].push_back({{"yes", holds ? 0.8 : 0.1}, {"no", holds ? 0.1 : 0.8}});
  }
  return out;
}

/// A run of rlaif_v on a checkpoint folder, with --questions, as it leaves it.
struct file_run {
  scratch_folder scratch;
  std::filesystem::path folder = scratch / "served";
  file_run() {
    write_plain_picture(scratch / "photos/a.png", {255, 0, 255});
    write_plain_picture(scratch / "photos/b.png", {0, 255, 255});
    for (const char* part :
         {"before", "round-1/run", "round-1/evaluation", "round-2/run", "round-2/evaluation"})
      std::filesystem::create_directories(folder / part);
    candor::write_atomically(folder / "options.toml",
                             "beta=0.5\nimages=\"" + (scratch / "photos").string() + "\"\nrounds=2\n");
    for (const char* round : {"round-1", "round-2"})
      write_lines(folder / round / "run/metrics.jsonl",
                  {{{"loss", 0.7}, {"rewards/chosen", 0}, {"rewards/rejected", 0}, {"global_step", 1}},
                   {{"loss", 0.5}, {"rewards/chosen", 1}, {"rewards/rejected", -4}, {"global_step", 2}}});
    write_lines(folder / "before/verdicts.jsonl",
                {judged("a.png", "A sun and a boat.", {{"a sun", true}, {"a boat", false}}),
                 judged("b.png", "A dog.", {{"A dog", false}}), judged("c.png", "Only before.", {})});
    write_lines(
        folder / "round-1/evaluation/verdicts.jsonl",
        {judged("a.png", "A sun.", {{"A sun", true}}), judged("b.png", "A cat.", {{"A cat", false}})});
    write_lines(
        folder / "round-2/evaluation/verdicts.jsonl",
        {judged("b.png", "A bird.", {{"A bird", true}}), judged("a.png", "The sun.", {{"The sun", true}})});
  }
};

}  // namespace

TEST_CASE("A run on a checkpoint folder becomes a report with base and aligned answers side by side",
          "[eval][report][program]") {
  const file_run run;
  const std::string page = page_of(run.folder);
  for (const char* part :
       {"<td>before</td><td>66.67</td><td>66.67</td><td>1</td><td>0</td>",
        "<td>round-1</td><td>50 <span class=\"up\">−25 %</span></td>",
        "<td>round-2</td><td>0 <span class=\"up\">−100 %</span></td>", "<h4>base</h4>",
        "<h4>aligned, round-2</h4>", "A sun and <mark class=\"wrong\" title=\"wrong\">a boat</mark>.",
        "<mark class=\"right\" title=\"right\">The sun</mark>.",
        "<mark class=\"right\" title=\"right\">A bird</mark>.", "<b>KL to the reference, nats</b>",
        "estimate: mean log", ", 4: 3</title>", "<dt>rounds</dt><dd>2</dd>"})
    CHECK(holds(page, part));
  CHECK(page.find("Only before.") == page.npos);  // nothing to set beside it
  CHECK(page.find("No figures of hallucination") == page.npos);

  // Where the reward is no log-ratio of the answer, nothing is said of the KL.
  for (const char* other : {"loss-type=\"simpo\"\n", "gamma=5\n"}) {
    candor::write_atomically(run.folder / "options.toml", std::string("beta=0.5\n") + other);
    CHECK(page_of(run.folder).find("KL to the reference") == std::string::npos);
  }
}

TEST_CASE("A browser draws the report of a run on a checkpoint folder", "[eval][report][browser][program]") {
  if (!has_browser()) CANDOR_SKIP("needs chromium");
  const file_run run;
  page_of(run.folder);
  const auto page = draw_report(run.folder, 2600);
  CHECK(page.console.empty());
  CHECK(page.of(0xff00ff) > 5'000);  // both photographs of the gallery
  CHECK(page.of(0x00ffff) > 5'000);
  CHECK(page.of(0x2563c9) > 200);  // curves
  CHECK(page.of(0xfde3e1) > 200);  // the claim that is wrong
  CHECK(page.of(0xdff3e6) > 200);  // those that are right
}

TEST_CASE("report refuses what is no run, and files that cannot be used", "[eval][report][program][bad]") {
  const auto refused = [](const std::vector<std::string>& line, int code, const char* part) {
    const auto end = run_program("report", line);
    CHECK(end.code == code);
    CHECK_THAT(end.err, contains("report: ") && contains(part));
  };
  const scratch_folder empty;
  refused({empty.path()}, 2, "holds no run");
  refused({empty / "nowhere"}, 2, "is no folder");
  refused({}, 2, "run_folder is required");
  const rlhf_v_run run;
  candor::write_atomically(run.folder / "run/metrics.jsonl", "{\"loss\": 1}\n{\"loss\":");
  refused({run.folder}, 3, "metrics.jsonl:2");
  CHECK_FALSE(std::filesystem::exists(run.folder / "report.html"));
  write_lines(run.folder / "run/metrics.jsonl", {metrics(1)});
  write_lines(run.folder / "gallery.jsonl",
              {{{"answers",
                 {{{"label", "a"}, {"text", "b"}, {"claims", {{{"text", "b"}, {"verdict", "maybe"}}}}}}}}});
  refused({run.folder}, 3, "gallery.jsonl:1: answers[0].claims[0].verdict: expected right, wrong or unsure");
  std::filesystem::remove(run.folder / "gallery.jsonl");
  write_lines(run.folder / "figures.jsonl", {{{"stage", "base"}}});
  refused({run.folder}, 3, "figures.jsonl:1: the key \"figures\" is missing");
  std::filesystem::remove(run.folder / "figures.jsonl");
  CHECK_THAT(page_of(run.folder), contains("No figures of hallucination"));
  const auto help = run_program("report", {"--help"});
  CHECK_THAT(help.out, contains("Example:"));
}
