// SPDX-License-Identifier: Apache-2.0
#include <candor/core/error.hpp>
#include <candor/core/fingerprint.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/io/json_field_impl.hpp>
#include <candor/train/run_folder.hpp>

#include "csr/csr.hpp"
#include "dpo/train.hpp"
#include "scenes/instructions.hpp"
#include "training/made_with.hpp"
#include "training/merge.hpp"

#include <algorithm>
#include <chrono>
#include <string_view>

namespace csr {
namespace {

using candor::detail::json;
using candor::detail::json_field;

/// Calls take(field of the line) for each line of a file that this program has written.
template <class Take>
void read_lines(const std::filesystem::path& path, Take take) {
  const std::string content = candor::read_file(path, std::uint64_t{4} << 30);
  std::string_view rest(content);
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const std::string place = candor::text(path.string(), ":", number);
    const json document = candor::detail::parse_json(line, {.file = place});
    take(json_field(document, place));
  }
}

nlohmann::ordered_json dialog(const std::string& question, const std::string& answer) {
  return {{{"from", "human"}, {"value", "<image>\n" + question}}, {{"from", "gpt"}, {"value", answer}}};
}

/// What a round is made with: its files belong together.
void claim(const round& r) {
  const auto& s = r.s.search;
  candor::run_config now;
  training::add_model(now, r.policy, r.o);
  candor::fingerprint clip;
  candor::add_model_files(clip, {.model = r.s.clip}, "clip");
  now.add(clip);
  now.add("data", candor::hash_file(r.o.data));
  now.add("instructions", r.s.instructions);
  now.add("num-beams", s.num_beams);
  now.add("num-beam-groups", s.num_beam_groups);
  now.add("diversity-penalty", s.diversity_penalty);
  now.add("max-new-tokens", s.max_new_tokens);
  now.add("max-characters", s.max_characters);
  now.add("open-nodes", s.open_nodes);
  now.add("keep-best", s.keep_best);
  now.add("keep-worst", s.keep_worst);
  now.add("lambda", s.lambda);
  now.add("reward", r.s.reward);
  training::claim(r.folder / "made_with.json", now, r.folder.string(), "choose another --output");
}

}  // namespace

pair_summary pair(const round& r) {
  pair_summary out;
  std::string lines;
  read_lines(r.trees(), [&](const json_field& tree) {
    ++out.instructions;
    out.sentences += tree["sentences"].integer(0);
    out.answers += static_cast<std::int64_t>(tree["answers"].items().size());
    if (!tree.has("chosen")) return;
    const std::string question = tree["question"].string();
    const nlohmann::ordered_json row{{"id", tree["id"].value()},
                                     {"image", tree["image"].string()},
                                     {"conversations", dialog(question, tree["chosen"].string())},
                                     {"rejected_conversations", dialog(question, tree["rejected"].string())}};
    lines += row.dump() + "\n";
    ++out.pairs;
  });
  candor::require<candor::input_error>(out.pairs > 0, r.trees().string(), ": none of the ", out.instructions,
                                       " instructions has two different answers; raise --diversity-penalty");
  if (!std::filesystem::exists(r.pairs())) candor::write_atomically(r.pairs(), lines);
  return out;
}

void train(const round& r) {
  if (std::filesystem::exists(r.model())) return;
  training::options o = r.o;
  o.model = r.policy;
  o.data = r.pairs();
  o.output = o.fit.run_folder = r.folder / "run";
  o.fit.resume = std::filesystem::exists(o.output) ? "auto" : "";
  candor::pairwise loss;
  loss.terms[0] = {candor::loss_type::sigmoid, 1.0};
  if (r.s.sft_weight > 0) loss.terms[1] = {candor::loss_type::sft, r.s.sft_weight};
  loss.beta = r.s.beta;
  const auto adapter = o.output / "adapter";
  if (!std::filesystem::exists(adapter)) dpo::train(loss, o);
  if (o.lora.rank > 0)
    training::merge_adapter({.model = o.model, .vision_tower = o.vision_tower, .adapter = adapter}, r.model(),
                            o);
}

std::filesystem::path image_folder(const training::options& o) {
  return std::filesystem::absolute(o.images.empty() ? o.data.parent_path() : o.images).lexically_normal();
}

std::vector<round_report> run_rounds(const settings& s, const training::options& given, bool world) {
  const candor::run_folder root(given.output, !given.fit.resume.empty());
  for (const auto& [name, content] : given.fit.documents)
    candor::write_atomically(given.output / name, content);
  training::options o = given;
  if (world) {
    scenes::prepare_instructions(
        o.output,
        {.count = s.instructions * s.rounds, .seed = o.fit.seed, .picture_seeds = 40'000, .detailed = true});
    o.data = o.output / "data" / "instructions.jsonl";
    o.images = o.output / "data" / "images";
  }
  o.images = image_folder(o);
  std::vector<round_report> reports;
  std::filesystem::path policy = o.model;
  for (int number = 1; number <= s.rounds; ++number) {
    const auto begin = std::chrono::steady_clock::now();
    const round r{s, o, number, o.output / candor::text("round-", number), policy};
    claim(r);
    search(r);
    const auto pairs = pair(r);
    train(r);
    policy = r.model();
    reports.push_back(
        {policy, pairs, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count()});
  }
  return reports;
}

}  // namespace csr
