// SPDX-License-Identifier: Apache-2.0
#include "compare/evaluation.hpp"

#include <candor/backend/host/host.hpp>
#include <candor/model/llava.hpp>
#include <candor/train/signals.hpp>

#include "scenes/evaluate.hpp"
#include "scenes/metrics_json.hpp"

#include <algorithm>
#include <numeric>
#include <span>

namespace compare {
namespace {

using candor::detail::json;
using model_type = candor::llava<candor::host, float>;

/// Log-probs in nats of the true caption of each scene, with its picture or without, and its tokens.
struct caption_score {
  double sum = 0;
  std::size_t tokens = 0;
};
std::vector<caption_score> score_truth(model_type& model, std::span<const scenes::scene> shown,
                                       bool pictures) {
  constexpr std::size_t together = 100;
  const auto& p = model.processor();
  const auto question = scenes::prompt(scenes::caption_style::brief);
  std::vector<caption_score> out;
  for (std::size_t first = 0; first < shown.size(); first += together) {
    candor::throw_if_stopped("evaluate");
    std::vector<candor::encoded_record> records;
    for (const auto& scene : shown.subspan(first, std::min(together, shown.size() - first))) {
      const std::vector<std::string> truth{scenes::caption(scenes::caption_style::brief, scene.objects)};
      records.push_back({p.tree(p.encode(question, truth, 1)), p.transform()(scene.picture)});
      if (!pictures) std::fill(records.back().pixels.begin(), records.back().pixels.end(), 0.0f);
    }
    std::vector<const candor::encoded_record*> pointers;
    for (const auto& record : records) pointers.push_back(&record);
    for (const auto& cells :
         candor::score(model.network(), std::span<const candor::encoded_record* const>(pointers)))
      out.push_back({std::accumulate(cells[0].begin(), cells[0].end(), 0.0), cells[0].size()});
  }
  return out;
}

void read_image_use(evaluation& e, model_type& model, std::span<const scenes::scene> shown) {
  const auto with = score_truth(model, shown, true), without = score_truth(model, shown, false);
  std::size_t falls = 0, tokens = 0;
  double nats = 0;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    falls += with[i].sum > without[i].sum;
    nats += with[i].sum - without[i].sum;
    tokens += with[i].tokens;
  }
  e.imageless = 100.0 * static_cast<double>(falls) / static_cast<double>(shown.size());
  e.image_nats = nats / static_cast<double>(tokens);
}

}  // namespace

evaluation evaluate(const std::filesystem::path& folder, int held_out, int threads,
                    const std::vector<std::string>& captions) {
  const candor::stop_signals signals;
  candor::host cpu({.threads = threads});
  auto model = candor::load_llava<float>(cpu, folder);
  const auto test = scenes::make_test_set(held_out);
  auto& network = model.network();
  const auto& p = model.processor();
  evaluation e;
  e.captions = captions.empty() ? scenes::describe(network, p, test.scenes) : captions;
  candor::throw_if_stopped("evaluate");
  e.figures.brief = scenes::score_captions(test.scenes, e.captions);
  e.figures.yes_no =
      scenes::accuracy(test.questions, scenes::answer(network, p, test.scenes, test.questions));
  e.figures.absent_companions = scenes::accuracy(
      test.absent_companions, scenes::answer(network, p, test.scenes, test.absent_companions));
  read_image_use(e, model, test.scenes);
  return e;
}

void write_row(const std::filesystem::path& file, const row& r) {
  const auto& e = r.after;
  candor::detail::write_json_file(file, json{{"model", r.model.string()},
                                             {"records", r.records},
                                             {"seconds", r.seconds ? json(*r.seconds) : json()},
                                             {"greedy", scenes::to_json(e.figures.brief)},
                                             {"yes_no", e.figures.yes_no},
                                             {"absent_companions", e.figures.absent_companions},
                                             {"imageless", e.imageless},
                                             {"image_nats", e.image_nats},
                                             {"captions", e.captions}});
}

row read_row(const std::filesystem::path& file) {
  const json document = candor::detail::read_json_file(file);
  const candor::detail::json_field f(document, file.string());
  row r;
  r.model = f["model"].string();
  r.records = f["records"].integer(0);
  if (f.has("seconds")) r.seconds = f["seconds"].number(0);
  r.after.figures = {.brief = scenes::metrics_of(f["greedy"]),
                     .yes_no = f["yes_no"].number(0, 100),
                     .absent_companions = f["absent_companions"].number(0, 100)};
  r.after.imageless = f["imageless"].number(0, 100);
  r.after.image_nats = f["image_nats"].number();
  for (const auto& caption : f["captions"].items()) r.after.captions.push_back(caption.string());
  return r;
}

}  // namespace compare
