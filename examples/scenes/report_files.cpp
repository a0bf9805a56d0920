// SPDX-License-Identifier: Apache-2.0
#include "scenes/report_files.hpp"

#include <candor/image/write_png.hpp>
#include <candor/io/atomic_file.hpp>

#include <nlohmann/json.hpp>

#include "scenes/captions.hpp"

#include <cctype>
#include <string_view>

namespace scenes {
namespace {

using nlohmann::ordered_json;

/// Runs of words that are wrong, and the things that are right: "a red sun".
ordered_json claims_of(const scene& what, const std::string& caption) {
  auto out = ordered_json::array();
  const auto said = judge_words(what, caption);
  const auto add = [&](std::size_t begin, std::size_t end, const char* verdict) {
    std::string text;
    for (std::size_t i = begin; i < end; ++i) text += (text.empty() ? "" : " ") + said[i].text;
    while (!text.empty() && std::ispunct(static_cast<unsigned char>(text.back())) != 0) text.pop_back();
    out.push_back({{"text", text}, {"verdict", verdict}});
  };
  for (std::size_t i = 0; i < said.size(); ++i) {
    if (said[i].wrong) {
      std::size_t end = i;
      while (end < said.size() && said[end].wrong) ++end;
      add(i, end, "wrong");
      i = end - 1;
    } else if (i >= 2 && !said[i - 1].wrong && !read_caption(said[i].text).mentions.empty()) {
      add(i - 2, i + 1, "right");
    }
  }
  return out;
}

/// "a red sun and a blue boat"
std::string contents(const scene& what) {
  const std::string sentence = caption(caption_style::brief, what.objects);
  constexpr std::string_view beginning = "The picture shows ";
  return sentence.starts_with(beginning)
             ? sentence.substr(beginning.size(), sentence.rfind('.') - beginning.size())
             : sentence;
}

ordered_json figure(const std::string& name, double value, const std::string& better) {
  return {{"name", name}, {"value", value}, {"better", better}};
}

}  // namespace

void write_report_files(const std::filesystem::path& folder,
                        const std::vector<std::pair<std::string, evaluation>>& stages,
                        std::span<const told_scene> shown, bool beside) {
  std::string lines;
  for (const auto& [name, e] : stages) {
    const auto figures =
        ordered_json::array({figure("mentions that are lies, %", e.brief.mention_hallucination(), "lower"),
                             figure("captions with a lie, %", e.brief.response_hallucination(), "lower"),
                             figure("recall, %", e.brief.recall(), "higher"),
                             figure("yes/no questions right, %", e.yes_no, "higher"),
                             figure("words", e.brief.mean_words(), "neither")});
    lines += ordered_json{{"stage", name}, {"beside", beside}, {"figures", figures}}.dump() + "\n";
  }
  std::filesystem::create_directories(folder / "gallery");
  std::string pictures;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const std::string name = "gallery/" + std::to_string(i) + ".png";
    candor::write_png(folder / name, shown[i].what.picture);
    const auto answer = [&](const std::string& label, const std::string& caption) {
      return ordered_json{{"label", label}, {"text", caption}, {"claims", claims_of(shown[i].what, caption)}};
    };
    auto answers = ordered_json::array();
    for (const auto& [label, caption] : shown[i].captions) answers.push_back(answer(label, caption));
    pictures +=
        ordered_json{{"image", name}, {"question", "shown: " + contents(shown[i].what)}, {"answers", answers}}
            .dump() +
        "\n";
  }
  candor::write_atomically(folder / "gallery.jsonl", pictures);
  candor::write_atomically(folder / "figures.jsonl", lines);
}

void write_report_files(const std::filesystem::path& folder,
                        const std::vector<std::pair<std::string, evaluation>>& stages,
                        std::span<const captioned_scene> shown, const svg_labels& labels) {
  std::vector<told_scene> told;
  for (const auto& s : shown) told.push_back({s.what, {{labels.before, s.before}, {labels.after, s.after}}});
  write_report_files(folder, stages, told);
}

}  // namespace scenes
