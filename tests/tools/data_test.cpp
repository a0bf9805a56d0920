// SPDX-License-Identifier: Apache-2.0
/// `data` looks at records of any form and writes them in others; what comes back is what was written.

#include "tools/tool_world.hpp"

#include "records/convert.hpp"
#include "records/page.hpp"
#include "records/summary.hpp"

#include <candor/image/image_source.hpp>

#include <cstdlib>
#include <regex>
#include <set>

using namespace candor_test;
using records::target_form;

namespace {

/// Images a.png and b.png, and a file of records.
struct data_world {
  scratch_folder scratch;
  std::filesystem::path images = scratch / "images", input = scratch / "in.jsonl", output = scratch / "out";

  data_world() {
    write_tiny_pictures(images, 2);
    std::filesystem::rename(images / "0.png", images / "a.png");
    std::filesystem::rename(images / "1.png", images / "b.png");
  }
  candor::preference_data open(std::string_view lines, candor::data_options options = {}) const {
    candor::write_atomically(input, lines);
    options.images = images;
    return candor::preference_data(input, options);
  }
  candor::preference_data form(const std::string& name, candor::data_options options = {}) const {
    options.images = images;
    return candor::preference_data(golden("data/forms/" + name), options);
  }
  records::conversion convert(const candor::preference_data& data, target_form to,
                              const candor::data_options& source = {},
                              const std::filesystem::path& save = {}) const {
    return records::convert(data, source,
                            {.to = to, .output = output, .images = images, .save_images = save});
  }
  program_end run(std::vector<std::string> options) const {
    options.insert(options.begin(), {input, "--images", images});
    return run_program("data", options);
  }
};

using losses = std::map<std::string, std::int64_t>;

const std::string three_pairs =
    R"({"idx": 0, "image": "a.png", "question": "one two three", "chosen": "a b c d", "rejected": "a b"})"
    "\n"
    R"({"idx": 1, "image": "b.png", "question": "one", "chosen": "a", "rejected": "b c"})"
    "\n"
    R"({"idx": 2, "image": "a.png", "question": "one two three", "chosen": "a b c d", "rejected": "a b"})"
    "\n";

}  // namespace

TEST_CASE("data counts records, lengths, repetitions and what is bad", "[tools][data]") {
  const data_world w;
  const auto s = records::summarise(w.open(three_pairs), nullptr, 0, 0);
  CHECK(s.records == 3);
  CHECK(s.forms == std::map<candor::record_form, std::int64_t>{{candor::record_form::rlhf_v, 3}});
  CHECK(s.repeated == 1);
  CHECK(s.chosen_longer == 2);
  CHECK(s.rejected_longer == 1);
  CHECK(s.unit == "words");
  CHECK(s.chosen.mean == 3.0);
  CHECK(s.prompt.at_share == std::array<std::int64_t, 5>{1, 1, 3, 3, 3});
  CHECK(records::figures_of({5, 1, 2, 4, 3}).at_share == std::array<std::int64_t, 5>{1, 1, 3, 5, 5});
  CHECK(records::figures_of({}).mean == 0.0);

  candor::write_atomically(
      w.input, three_pairs + R"({"image": "c.png", "question": "q", "chosen": "a", "rejected": "b"})"
                             "\n"
                             R"({"image": "d.png", "question": "q", "chosen": "a", "rejected": "b"})"
                             "\n"
                             R"({"image": "a.png", "question": "q", "chosen": "a", "rejected": "a"})"
                             "\n");
  const auto end = w.run({"--bad", w.scratch / "bad.jsonl"});
  INFO(end.err);
  REQUIRE(end.code == 0);
  CHECK_THAT(end.out, contains("records               3\n"));
  CHECK_THAT(end.out, contains("form                  RLHF-V: 3 (100.0 %)"));
  CHECK_THAT(end.out, contains("said twice            1 (33.3 %)"));
  CHECK_THAT(end.out, contains("    2  the image does not exist"));
  CHECK_THAT(end.out, contains("    1  chosen and rejected are equal"));
  const auto bad = read_json_lines(w.scratch / "bad.jsonl");
  REQUIRE(bad.size() == 3);
  CHECK(bad[0].at("record") == w.input.string() + ":4");
  CHECK_THAT(bad[2].at("reason").get<std::string>(), contains("chosen and rejected are equal"));
}

TEST_CASE("data refuses what it cannot read, and decodes pictures where that is asked for",
          "[tools][data][bad]") {
  const data_world w;
  candor::write_atomically(w.input, three_pairs);
  candor::write_atomically(w.images / "b.png", "no picture");
  CHECK_THAT(w.run({}).out, contains("bad                   0\n"));
  const auto checked = w.run({"--check-images"});
  CHECK_THAT(checked.out, contains("bad                   1\n"));
  CHECK_THAT(checked.out, contains("records               2\n"));
  CHECK(w.run({"--to", "tsv", "--output", w.output}).code == 2);
  CHECK_THAT(w.run({"--to", "tsv", "--output", w.output}).err,
             contains("expected one of rlhf-v, trl, povid"));
  CHECK_THAT(w.run({"--to", "vlfeedback", "--output", w.output}).err,
             contains("the form vlfeedback is read, not written"));
  CHECK_THAT(w.run({"--to", "trl"}).err, contains("--to needs --output"));
  candor::write_atomically(w.input, "{}\n");
  const auto none = w.run({});
  CHECK(none.code == 3);
  CHECK_THAT(none.err, contains("all 1 records are left out"));
}

TEST_CASE("records go from each form into each other and back without a loss", "[tools][data]") {
  const data_world w;
  const auto from = GENERATE(as<std::string>{}, "rlhf_v.jsonl", "trl.jsonl", "povid.json", "opa_dpo.jsonl",
                             "vlfeedback.jsonl");
  const auto to = GENERATE(target_form::rlhf_v, target_form::trl, target_form::povid,
                           target_form::llama_factory, target_form::ms_swift);
  INFO(from << " to " << static_cast<int>(to));
  const auto data = w.form(from);
  const auto result = w.convert(data, to);
  CHECK(result.written == data.size());
  CHECK(result.left_out.empty());
  CHECK(result.changed.empty());
  // The comparison is not blind: the texts, ids and margins are there.
  const candor::preference_data back(w.output, {.images = w.images});
  for (std::int64_t i = 0; i < data.size(); ++i) {
    CHECK(back.record(i).id == data.record(i).id);
    CHECK(back.record(i).chosen == data.record(i).chosen);
    CHECK(back.record(i).rejected == data.record(i).rejected);
  }
}

TEST_CASE("dialogs go into the forms that hold them and back, but for line breaks behind marks",
          "[tools][data]") {
  const data_world w;
  const auto from = GENERATE(as<std::string>{}, "llava_rlhf.json", "llama_factory_sharegpt.json",
                             "llama_factory_alpaca.json");
  const auto to =
      GENERATE(target_form::trl, target_form::llava_rlhf, target_form::llama_factory, target_form::ms_swift);
  INFO(from << " to " << static_cast<int>(to));
  const auto data = w.form(from);
  const auto result = w.convert(data, to);
  CHECK(result.written == data.size());
  CHECK(result.left_out.empty());
  // LLaMA-Factory's marks stand in the text as written; TRL's parts put a line break behind each, and LLaVA's
  // code behind a mark that is alone.
  losses expected;
  if (from.starts_with("llama") && to == target_form::trl)
    expected["question or chosen answer"] = data.size();
  if (from.starts_with("llama") && to == target_form::llava_rlhf) expected["question or chosen answer"] = 1;
  CHECK(result.changed == expected);
  const candor::preference_data back(w.output, {.images = w.images});
  for (std::int64_t i = 0; i < data.size(); ++i) {
    CHECK(back.record(i).chosen == data.record(i).chosen);
    CHECK(back.record(i).rejected == data.record(i).rejected);
    REQUIRE(back.record(i).earlier.size() == data.record(i).earlier.size());
    for (std::size_t t = 0; t < back.record(i).earlier.size(); ++t)
      CHECK(back.record(i).earlier[t].assistant == data.record(i).earlier[t].assistant);
  }
}

TEST_CASE("data gives lengths in a model's tokens", "[tools][data]") {
  const tool_world w;
  const std::vector<std::vector<std::string>> texts{
      {"describe the picture .", "a red circle .", "a blue circle and a dog ."},
      {"is there a dog ?", "yes", "no , there is a star"},
      {"what is there ?", "a green tree", "a star"}};
  std::string lines;
  const candor::processor processor(w.model, w.config);
  std::array<std::vector<std::int64_t>, 3> lengths;
  for (const auto& t : texts) {
    lines += json{{"image", "0.png"}, {"question", t[0]}, {"chosen", t[1]}, {"rejected", t[2]}}.dump() + "\n";
    // As training sees them: a stem with its image's rows, and a branch for each answer.
    const auto tree = processor.tree(processor.encode(t[0], std::vector{t[1], t[2]}, 1));
    REQUIRE(tree.segments.size() == 3);
    for (std::size_t part = 0; part < 3; ++part)
      lengths[part].push_back(static_cast<std::int64_t>(tree.segments[part].tokens.size()));
  }
  candor::write_atomically(w.input, lines);
  const candor::preference_data data(w.input, {.images = w.images});
  const std::int64_t longest = lengths[0][0] + std::max(lengths[1][0], lengths[2][0]);
  const auto s = records::summarise(data, &processor, longest - 1, w.config.image_tokens());
  CHECK(s.unit == "tokens");
  const records::length_figures* figures[] = {&s.prompt, &s.chosen, &s.rejected};
  for (std::size_t part = 0; part < 3; ++part) {
    auto sorted = lengths[part];
    std::sort(sorted.begin(), sorted.end());
    CHECK(figures[part]->mean == Approx(static_cast<double>(sorted[0] + sorted[1] + sorted[2]) / 3));
    CHECK(figures[part]->at_share ==
          std::array<std::int64_t, 5>{sorted[0], sorted[0], sorted[1], sorted[2], sorted[2]});
  }
  // "yes" is two pieces, and </s> follows; the prompt has the image's rows.
  CHECK(s.chosen.at_share[0] == 3);
  CHECK(s.prompt.at_share[0] > w.config.image_tokens());
  CHECK(s.chosen_longer + s.rejected_longer <= 3);
  CHECK(s.too_long == 1);
  CHECK(records::summarise(data, &processor, longest, w.config.image_tokens()).too_long == 0);

  const auto end = run_program("data", {w.input, "--images", w.images, "--model", w.model, "--max-length",
                                        std::to_string(longest - 1)});
  INFO(end.out << end.err);
  REQUIRE(end.code == 0);
  CHECK_THAT(end.out, contains("too long              1 (33.3 %)"));
}

TEST_CASE("data tells what a form cannot hold", "[tools][data]") {
  const data_world w;
  const auto swift = w.form("ms_swift.jsonl");  // one with two images, two with several turns
  auto result = w.convert(swift, target_form::rlhf_v);
  CHECK(result.written == 1);
  CHECK(result.left_out == losses{{"several turns", 2}});
  CHECK(w.convert(swift, target_form::ms_swift).changed.empty());
  CHECK(w.convert(swift, target_form::llama_factory).changed.empty());
  // POVID's training scores the earlier answers too, and LLaVA's code puts a line break behind a mark.
  CHECK(w.convert(swift, target_form::povid).changed ==
        losses{{"answers that are scored", 2}, {"question or chosen answer", 2}});
  // For fine-tuning the rejected answers go, and all answers of a dialog are scored.
  result = w.convert(swift, target_form::llava);
  CHECK(result.left_out == losses{{"an image behind the first answer", 1}});
  CHECK(result.changed ==
        losses{{"answers that are scored", 1}, {"question or chosen answer", 1}, {"rejected answer", 2}});

  const candor::data_options asked{.image_pairs = true};
  const auto images = w.form("v_dpo.json", asked);
  CHECK(w.convert(images, target_form::povid, asked).changed.empty());
  CHECK(w.convert(images, target_form::ms_swift, asked).changed.empty());
  CHECK(w.convert(images, target_form::rlhf_v, asked).left_out == losses{{"no rejected answer", 1}});
  CHECK(w.convert(images, target_form::llava_rlhf, asked).left_out == losses{{"no rejected answer", 1}});

  const auto later = w.open(
      R"({"image": "a.png", "conversations": [{"from": "human", "value": "<image>\nq"}, {"from": "gpt", "value": "a"}, {"from": "human", "value": "r"}, {"from": "gpt", "value": "s"}], "rejected_conversations": [{"from": "human", "value": "<image>\nq"}, {"from": "gpt", "value": "b"}, {"from": "human", "value": "r"}, {"from": "gpt", "value": "t"}]})");
  for (const auto to : {target_form::trl, target_form::povid, target_form::ms_swift})
    CHECK(w.convert(later, to).changed.empty());
  CHECK_THROWS_WITH(w.convert(later, target_form::llama_factory),
                    contains("the form holds none of its 1 records: turns after the answers"));

  // A mark in the middle of a text cannot be told in TRL's parts as candor reads them.
  const auto middle =
      w.open(R"({"image": "a.png", "question": "What is <image> this?", "chosen": "a", "rejected": "b"})");
  CHECK(w.convert(middle, target_form::trl).changed == losses{{"question or chosen answer", 1}});
  CHECK(w.convert(middle, target_form::ms_swift).changed.empty());
}

TEST_CASE("data writes pictures into a folder, each once", "[tools][data]") {
  const data_world w;
  const auto data = w.open(three_pairs);
  const auto result = w.convert(data, target_form::trl, {}, w.scratch / "saved");
  CHECK(result.changed.empty());
  std::set<std::string> saved;
  for (const auto& entry : std::filesystem::directory_iterator(w.scratch / "saved"))
    saved.insert(candor::read_file(entry.path()));
  CHECK(saved ==
        std::set<std::string>{candor::read_file(w.images / "a.png"), candor::read_file(w.images / "b.png")});
}

TEST_CASE("words that only one answer has are marked, and texts are escaped", "[tools][data]") {
  const auto marked = records::mark_differences("A <b>cat</b> sits on a mat.", "A dog sits on a red mat.");
  CHECK(marked.chosen == "A <mark class=\"chosen\">&lt;b&gt;cat&lt;/b&gt;</mark> sits on a mat.");
  CHECK(marked.rejected ==
        "A <mark class=\"rejected\">dog</mark> sits on a <mark class=\"rejected\">red</mark> mat.");
  CHECK(records::mark_differences("same", "same").chosen == "same");
  CHECK(records::mark_differences("", "new").rejected == "<mark class=\"rejected\">new</mark>");
}

TEST_CASE("the page of samples shows pictures, differences and the scored tokens, and needs no network",
          "[tools][data]") {
  const tool_world w;
  candor::write_atomically(
      w.input,
      R"({"image": "0.png", "question": "describe the picture <script>alert(1)</script>", "chosen": "a red circle .", "rejected": "a blue circle ."})"
      "\n"
      R"({"image": "gone.png", "question": "is there a dog ?", "chosen": "yes", "rejected": "no"})"
      "\n"
      R"({"image": "1.png", "question": "is there a dog ?", "chosen": "yes", "rejected": "no"})"
      "\n");
  const auto page = w.scratch / "page.html";
  const auto end = run_program("data", {w.input, "--images", w.images, "--model", w.model, "--html", page,
                                        "--gamma", "5", "--thumbnail", "16"});
  INFO(end.err);
  REQUIRE(end.code == 0);
  CHECK_THAT(end.out, contains("tokens "));
  const std::string html = candor::read_file(page);
  CHECK_THAT(html, contains("&lt;script&gt;alert(1)"));
  CHECK(html.find("<script") == html.npos);
  CHECK(html.find("http") == html.find("http-equiv"));  // nothing is fetched
  CHECK(html.find("http", html.find("http-equiv") + 1) == html.npos);
  CHECK_THAT(html, contains("src=\"data:image/png;base64,"));
  CHECK_THAT(html, contains("<mark class=\"chosen\">red</mark>"));
  CHECK_THAT(html, contains("<mark class=\"rejected\">blue</mark>"));
  CHECK_THAT(html, contains("2 of 2 records"));
  // Each token of the four answers is one box, </s> among them; those that differ weigh 5.
  const candor::processor processor(w.model, w.config);
  std::size_t tokens = 0;
  for (const char* answer : {"a red circle .", "a blue circle .", "yes", "no"}) {
    const std::string one[] = {answer};
    tokens += processor.encode("describe", one, 1).answers[0].ids.size();
  }
  const std::regex box("<[su] title=\"id [0-9]+, weight [0-9]+\">"), heavy("weight 5\"");
  const auto count = [&](const std::regex& what) {
    return static_cast<std::size_t>(
        std::distance(std::sregex_iterator(html.begin(), html.end(), what), std::sregex_iterator()));
  };
  CHECK(count(box) == tokens);
  CHECK(count(heavy) >= 2);
  CHECK(count(heavy) < tokens);
}

TEST_CASE("a browser draws the page of samples", "[tools][data][browser]") {
  if (std::system("command -v chromium >/dev/null 2>&1") != 0) CANDOR_SKIP("needs chromium");
  const data_world w;
  candor::write_png(w.images / "a.png", {.width = 300, .height = 200, .rgb = [] {
                                           std::vector<std::uint8_t> magenta;
                                           for (int i = 0; i < 300 * 200; ++i)
                                             magenta.insert(magenta.end(), {255, 0, 255});
                                           return magenta;
                                         }()});
  candor::write_atomically(w.scratch / "page.html",
                           records::page_html(w.open(three_pairs), "numbers", nullptr));
  const std::string command =
      "cd " + w.scratch.path().string() +
      " && timeout 120 chromium --headless --no-sandbox --disable-gpu --hide-scrollbars "
      "--user-data-dir=profile"
      " --enable-logging=stderr --blink-settings=preferredColorScheme=1 --window-size=1200,1400"
      " --screenshot=page.png file://$PWD/page.html >log.txt 2>&1";
  REQUIRE(std::system(command.c_str()) == 0);
  CHECK(candor::read_file(w.scratch / "log.txt").find("CONSOLE") == std::string::npos);
  const auto drawn = candor::load_image(w.scratch / "page.png");
  std::size_t magenta = 0, green = 0;
  for (std::size_t i = 0; i + 2 < drawn.rgb.size(); i += 3) {
    magenta += drawn.rgb[i] == 255 && drawn.rgb[i + 1] == 0 && drawn.rgb[i + 2] == 255;
    green += drawn.rgb[i] == 0xdf && drawn.rgb[i + 1] == 0xf3 && drawn.rgb[i + 2] == 0xe6;
  }
  CHECK(magenta > 60'000);  // twice 224 x 149 pixels
  CHECK(green > 300);       // the words that only chosen answers have
}
