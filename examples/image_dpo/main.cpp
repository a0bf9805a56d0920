// SPDX-License-Identifier: Apache-2.0
/// @file
/// Preference learning across images: the same answers are compared under the record's image and under
/// another one, so that the model learns to look.
///   image_dpo --model DIR --data pairs.jsonl --images DIR --output DIR --loss-type mdpo

#include <candor/image/distortion.hpp>

#include "image_dpo/train.hpp"
#include "training/command_line.hpp"
#include "training/program.hpp"

#include <cstdio>
#include <string>

namespace {

struct program_options {
  candor::image_preference loss;
  training::options training;
  std::string type = "mdpo", distortion;
  double beta = 0.1, sft_weight = 0;
  int distortion_step = -1;
  double anchor_margin = 0, anchor_weight = 1, conditional_weight = 1;
};

constexpr const char* lessons = R"(Try first:
  image_dpo --model llava-1.5-7b-hf --data pairs.jsonl --images images --output runs/mdpo --dry-run
      how your records look to the model, under both images; steps, memory and disk
  image_dpo --model llava-1.5-7b-hf --data pairs.jsonl --images images --output runs/mdpo \
      --loss-type mdpo --dtype bf16 --lora-r 64 --lora-alpha 128 --learning-rate 1e-5
  image_dpo ... --loss-type v_dpo --gamma 1.5 --distortion mean
      the image's share of each answer's likelihood is rewarded; the other image costs the reference alone
  image_dpo ... --loss-type sym_mpo     records with two images: `chosen` is true of the first, `rejected` of
                                        the second
  image_dpo ... --loss-type v_dpo --image-contrast true     records with two images and one answer, which is true
                                        of the first
  image_dpo ... --loss-type opa_dpo     records with a third answer, `revised`
  image_dpo ... --loss-type chip --lora-r 64
        reads the reference's whole distribution at each token, so that the reference runs in every step

rewards/imageless_accuracies says how often the chosen answer is worth more under its own image than under the
other one: half of the time for a model that does not look. examples/image_dpo/README.md has each loss with
its formula and paper.

Lengths are tokens, an image's included; log-probs, losses and rewards are nats; memory and disk GiB.

)";

/// TRL's defaults, and each paper's own image and weights.
void apply_defaults(const CLI::App& app, program_options& o) {
  o.training.optimizer.learning_rate = o.training.lora.rank > 0 ? 1e-5 : 1e-6;
  o.training.fit.batch_size = 8;
  o.training.fit.epochs = 3;
  if (const auto type = candor::image_loss_named(o.type); type && app.count("--distortion") == 0)
    o.distortion = image_dpo::published_image(*type);
  if (app.count("--conditional-weight") == 0 && o.type == "opa_dpo") o.conditional_weight = 0.2;
}

void add_options(CLI::App& app, program_options& o) {
  app.footer(lessons + app.get_footer());
  training::add_options(app, o.training);
  auto* loss = training::group(app, "Loss");
  loss->add_option("--loss-type,--loss_type", o.type, "which loss over the images")
      ->type_name("{mdpo,v_dpo,sym_mpo,opa_dpo,chip}");
  loss->add_option("--beta", o.beta, "how far the policy may move: reward a nat")->check(CLI::PositiveNumber);
  loss->add_option("--sft-weight", o.sft_weight, "of - log p(chosen) beside the loss")
      ->check(CLI::NonNegativeNumber);
  loss->add_option("--conditional-weight", o.conditional_weight,
                   "mdpo, opa_dpo: of the preference between the images (opa_dpo: 0.2)")
      ->check(CLI::NonNegativeNumber);
  loss->add_option("--anchor-weight", o.anchor_weight, "mdpo, opa_dpo: of the anchor")
      ->check(CLI::NonNegativeNumber);
  loss->add_option("--anchor-margin", o.anchor_margin,
                   "mdpo, opa_dpo: reward that the anchor asks for, the paper's delta");
  loss->add_option("--lower-revised-anchor", o.loss.opa_dpo.lower_revised_anchor,
                   "opa_dpo: the anchor pushes the revised answer down, as released: true or false");
  loss->add_option("--gamma", o.loss.v_dpo.gamma, "v_dpo: strength of the guidance; 1 is DPO");
  loss->add_option("--dynamic-llm,--dynamic_llm", o.loss.v_dpo.dynamic,
                   "v_dpo: guided by the policy without its image, not the reference: true or false");
  loss->add_option("--ipo", o.loss.v_dpo.ipo,
                   "v_dpo: IPO's squared loss on log-probs a token, in place of the sigmoid: true or false");
  loss->add_option("--bias-weight,--language_bias_reduce", o.loss.v_dpo.bias_weight,
                   "v_dpo: of the policy's own preference for the image")
      ->check(CLI::NonNegativeNumber);
  loss->add_option(
      "--image-contrast", o.loss.v_dpo.image_contrast,
      "v_dpo: records with two images, of which the one answer is true of the first: true or false");
  loss->add_option("--label-smoothing,--label_smoothing", o.loss.v_dpo.label_smoothing,
                   "v_dpo: share of pairs taken to be labelled the wrong way")
      ->check(CLI::Range(0.0, 0.5));
  loss->add_option("--response-weight", o.loss.sym_mpo.response_weight,
                   "sym_mpo: of the preferences between the answers")
      ->check(CLI::NonNegativeNumber);
  loss->add_option("--consistency-weight", o.loss.sym_mpo.consistency_weight,
                   "sym_mpo: of the squared difference of the two margins")
      ->check(CLI::NonNegativeNumber);
  loss->add_option("--image-weight", o.loss.sym_mpo.image_weight,
                   "sym_mpo: of the preferences between the images (S-VCO)")
      ->check(CLI::NonNegativeNumber);
  loss->add_option("--token-weight,--tok_beta", o.loss.chip.alpha,
                   "chip: of the divergence over the vocabulary, the paper's token term")
      ->check(CLI::NonNegativeNumber);
  loss->add_option("--segment-weight", o.loss.chip.gamma,
                   "chip: weight of tokens that differ between the answers")
      ->check(CLI::PositiveNumber);
  loss->add_option(
      "--fused", o.loss.chip.fused,
      "chip: one sigmoid over the sum of the margins, as released, else a sum of losses: true or "
      "false");

  auto* other = training::group(app, "The other image");
  other
      ->add_option(
          "--distortion", o.distortion,
          "what is done to the image, with its fields after commas (\"diffusion,step=700\"); second: the "
          "record's second image (default: the paper's of the loss)")
      ->type_name("{crop,diffusion,black,mean,gaussian,rotation,other,pixel_mask,block_mask,second}");
  other
      ->add_option("--distortion-step,--noise_step", o.distortion_step,
                   "of diffusion: 0 to 999 (default: 500)")
      ->check(CLI::Range(0, 999));
  other->add_option("--fresh-distortion", o.training.fit.fresh_variants,
                    "draw it anew each epoch: true or false");
}

/// Words into the objective and its image; usage_error for unknown ones.
void resolve_loss(program_options& o) {
  using candor::require;
  using candor::usage_error;
  const auto type = candor::image_loss_named(o.type);
  require<usage_error>(type.has_value(), "--loss-type ", o.type,
                       " is unknown: use mdpo, v_dpo, sym_mpo, opa_dpo or chip");
  auto& loss = o.loss;
  loss.type = *type;
  loss.mdpo = {o.beta, o.conditional_weight, o.anchor_weight, o.anchor_margin};
  loss.v_dpo.beta = loss.sym_mpo.beta = loss.opa_dpo.beta = loss.chip.beta = o.beta;
  loss.opa_dpo.conditional_weight = o.conditional_weight;
  loss.opa_dpo.anchor_weight = o.anchor_weight;
  loss.opa_dpo.anchor_margin = o.anchor_margin;
  require<usage_error>(!loss.v_dpo.image_contrast || *type == candor::image_loss::v_dpo,
                       "--image-contrast is v_dpo's, but --loss-type is ", o.type);
  require<usage_error>(!loss.v_dpo.ipo || *type == candor::image_loss::v_dpo,
                       "--ipo is v_dpo's, but --loss-type is ", o.type);
  require<usage_error>(!loss.v_dpo.ipo || (loss.v_dpo.label_smoothing == 0 && loss.v_dpo.bias_weight == 0),
                       "--ipo reads neither --label-smoothing nor --bias-weight");
  candor::image_variant other{.name = *type == candor::image_loss::sym_mpo ? "other" : "distorted"};
  if (o.distortion == "second") {
    other.second_image = true;
  } else {
    other.how = candor::distortion_from(o.distortion);
    if (o.distortion_step >= 0) {
      require<usage_error>(other.how->kind == candor::distortion_kind::diffusion,
                           "--distortion-step is of diffusion, but --distortion is ", o.distortion);
      other.how->step = o.distortion_step;
    }
  }
  o.training.fit.variants = {other};
  if (loss.v_dpo.image_contrast) o.training.fit.variants.push_back({.name = "other", .second_image = true});
}

void run(program_options o) {
  candor::require<candor::usage_error>(!o.training.model.empty() && !o.training.data.empty(),
                                       "--model and --data are needed: a LLaVA-1.5 folder and records with "
                                       "images and chosen and rejected answers");
  training::resolve(o.training);
  resolve_loss(o);
  if (o.training.dry_run) return image_dpo::dry_run(o.loss, o.training);
  const auto result = image_dpo::train(o.loss, o.sft_weight, o.training);
  std::printf("%s\nsaved    %s\nmetrics  %s\n", training::summary(result).c_str(), result.saved.c_str(),
              (o.training.output / "metrics.jsonl").c_str());
}

}  // namespace

int main(int argc, char** argv) {
  program_options o;
  return training::run_program(
      "image_dpo",
      "Preference learning across images: answers are compared under a record's image and under another one.",
      argc, argv, [&](CLI::App& app) { add_options(app, o); }, [&](CLI::App& app) { apply_defaults(app, o); },
      [&] { run(o); });
}
