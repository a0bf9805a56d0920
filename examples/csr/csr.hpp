// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// CSR (arXiv 2405.14622): its settings, and the parts of a round: search, pair, train.

#include <candor/feedback/sentence_tree.hpp>
#include <candor/objective/pairwise.hpp>

#include "training/options.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace csr {

struct settings {
  int rounds = 3;
  std::int64_t instructions = 0;  ///< of a round, its own ones; 0: all of the file in every round
  candor::sentence_search_options search;
  std::string reward = "ranks";
  std::filesystem::path clip;  ///< folder of a CLIPModel
  double beta = 0.1;
  double sft_weight = 0;  ///< of - log p(chosen) beside the preference loss
  int held_out = 500;     ///< on the scenes: pictures of the evaluation
};

/// Sets what a preset fixes: paper or scenes; usage_error for an unknown one.
void apply_preset(const std::string& name, settings& s, training::options& o);
/// Turns the words among the settings into what they mean; usage_error for unknown ones.
void resolve(settings& s);

/// A round's folder, and what it begins with.
struct round {
  const settings& s;
  const training::options& o;  ///< o.data: the instructions; o.images: where their pictures are
  int number = 1;
  std::filesystem::path folder;  ///< "<output>/round-1"
  std::filesystem::path policy;  ///< model folder: its answers, reference, first weights

  std::filesystem::path trees() const { return folder / "trees.jsonl"; }
  std::filesystem::path pairs() const { return folder / "pairs.jsonl"; }
  std::filesystem::path model() const { return folder / "run" / "model"; }
};

/// Grows a tree for each instruction of the round: trees.jsonl has a line for each, with its whole answers
/// from the cheapest to the dearest. It appears when it is whole; a search that was stopped goes on where it
/// was.
void search(const round& r);

struct pair_summary {
  std::int64_t instructions = 0, answers = 0, sentences = 0, pairs = 0;
};
/// Writes pairs.jsonl in the form of CSR's own files, unless it is there. input_error where there is no pair.
pair_summary pair(const round& r);

/// Trains on the pairs unless the model is there; with an adapter, merges it, as CSR does after each round.
void train(const round& r);

struct round_report {
  std::filesystem::path model;
  pair_summary pairs;
  double seconds = 0;  ///< of this process
};

/// Where the pictures of the options are: --images, or beside the instructions.
std::filesystem::path image_folder(const training::options& o);

/// Prints what a run on files would do, and how its first instructions look to the model. Reads no weights.
void dry_run(const settings& s, const training::options& o);

/// All rounds below o.output, each from the model of the one before. Those that are done stay. With `world`
/// the instructions are pictures of the embedded world, every second one for a detailed caption.
std::vector<round_report> run_rounds(const settings& s, const training::options& o, bool world);

}  // namespace csr
