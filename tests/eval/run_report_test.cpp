// SPDX-License-Identifier: Apache-2.0
/// The program `report` on run folders of rlhf_v's and rlaif_v's form.

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
