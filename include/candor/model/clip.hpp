// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// CLIP (Radford et al., 2021): how well a text fits an image, as the cosine of two embeddings. CSR
/// (2405.14622) judges sentences with it.
///
///     candor::host cpu;
///     auto clip = candor::load_clip<float>(cpu, "clip-vit-large-patch14-336");
///     auto scores = clip.image_text_scores(images, sentences);    // scores[image][sentence]

#include <candor/image/image_source.hpp>
#include <candor/image/transform.hpp>
#include <candor/model/clip_network.hpp>
#include <candor/text/clip_tokenizer.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace CANDOR_NS {

/// A CLIP model as a whole: the network with its weights, tokenizer and image transform. The backend must
/// outlive it.
template <class B, class T>
class clip {
 public:
  using embedding = std::vector<float>;  ///< (P), of length 1

  clip(B& backend, const std::filesystem::path& folder)
      : network_(backend, read_clip_config(folder)),
        words_(folder),
        transform_(read_image_transform(folder)) {
    const auto& c = network_.config();
    require<input_error>(transform_.size == c.vision.image_size, folder.string(),
                         ": the image transform makes pictures of ", transform_.size,
                         " pixels, config.json says that the tower takes ", c.vision.image_size);
    require<input_error>(static_cast<std::int64_t>(words_.size()) <= c.text.vocab_size, folder.string(),
                         ": the tokenizer has ", words_.size(), " ids, the model's vocabulary ",
                         c.text.vocab_size, "; tokenizer and weights belong to different models");
    load_weights(network_, model_folder(folder));
  }

  clip_network<B, T>& network() { return network_; }
  const clip_tokenizer& words() const { return words_; }
  const image_transform& transform() const { return transform_; }
  /// Factor on cosines in scores.
  double scale() const { return std::exp(network_.logit_scale); }

  std::vector<std::int32_t> encode(std::string_view sentence) const {
    return words_.encode(sentence, static_cast<std::size_t>(network_.config().text.max_position_embeddings));
  }

  /// Of transformed images, (N, 3 S S) in a row.
  std::vector<embedding> image_embeddings(std::span<const float> pixels) {
    const auto& c = network_.config().vision;
    const auto each = static_cast<std::size_t>(c.num_channels * c.image_size * c.image_size);
    require<shape_error>(pixels.size() % each == 0, "[clip] ", pixels.size(), " values are no images of ",
                         each);
    std::vector<embedding> out;
    constexpr std::size_t together = 16;  // images a pass
    for (std::size_t at = 0; at < pixels.size(); at += together * each) {
      const auto part = pixels.subspan(at, std::min(together * each, pixels.size() - at));
      const auto there = tensor<B, float>::from(
          network_.backend(),
          {static_cast<std::int64_t>(part.size() / each), static_cast<std::int64_t>(each)}, part);
      run(out,
          [&](const forward_context<B>& context) { return network_.image_features(context, there.view()); });
    }
    return out;
  }
  std::vector<embedding> image_embeddings(std::span<const image_source> images) {
    std::vector<embedding> out;
    for (const auto& image : images) out.push_back(image_embeddings(transform_(load_image(image))).front());
    return out;
  }

  /// Of sentences; what is longer than the tower's positions is cut.
  std::vector<embedding> text_embeddings(std::span<const std::string> sentences) {
    std::vector<embedding> out;
    constexpr std::size_t together = 4096;  // ids a pass
    std::vector<std::vector<std::int32_t>> texts;
    std::size_t ids = 0;
    for (std::size_t s = 0; s < sentences.size(); ++s) {
      texts.push_back(encode(sentences[s]));
      ids += texts.back().size();
      if (ids < together && s + 1 < sentences.size()) continue;
      run(out, [&](const forward_context<B>& context) { return network_.text_features(context, texts); });
      texts.clear();
      ids = 0;
    }
    return out;
  }

  /// scores[image][sentence] = scale cos(image, sentence) for the sentences that belong to each image: every
  /// image is computed once, and all sentences together.
  std::vector<std::vector<float>> image_text_scores(std::span<const image_source> images,
                                                    std::span<const std::vector<std::string>> sentences) {
    require<usage_error>(images.size() == sentences.size(), "[clip] ", images.size(), " images and ",
                         sentences.size(), " lists of sentences; expected as many");
    std::vector<std::string> all;
    for (const auto& of_image : sentences) all.insert(all.end(), of_image.begin(), of_image.end());
    const auto pictures = image_embeddings(images), texts = text_embeddings(all);
    std::vector<std::vector<float>> scores(images.size());
    auto next = texts.begin();
    for (std::size_t i = 0; i < images.size(); ++i)
      for (std::size_t s = 0; s < sentences[i].size(); ++s) scores[i].push_back(score(pictures[i], *next++));
    return scores;
  }

  /// scale cos of two embeddings.
  float score(const embedding& image, const embedding& sentence) const {
    double cosine = 0;
    for (std::size_t i = 0; i < image.size(); ++i)
      cosine += static_cast<double>(image[i]) * static_cast<double>(sentence[i]);
    return static_cast<float>(scale() * cosine);
  }

 private:
  /// Appends the rows that `compute` gives, each divided by its length.
  template <class Compute>
  void run(std::vector<embedding>& out, const Compute& compute) {
    tape<B> quiet(network_.backend(), tape<B>::mode::evaluate);
    const variable<B, T> rows = compute(forward_context<B>{.tape = quiet});
    const auto values = rows.storage().to_vector();
    for (std::int64_t n = 0; n < rows.rows(); ++n) {
      embedding e;
      double square = 0;
      for (std::int64_t i = 0; i < rows.cols(); ++i) {
        e.push_back(static_cast<float>(values[static_cast<std::size_t>(n * rows.cols() + i)]));
        square += static_cast<double>(e.back()) * static_cast<double>(e.back());
      }
      require<numeric_error>(square > 0 && std::isfinite(square), "[clip] the embedding of image or text ",
                             out.size(),
                             " has no direction; the weights are damaged, or overflow in this element type");
      for (float& x : e) x = static_cast<float>(x / std::sqrt(square));
      out.push_back(std::move(e));
    }
  }

  clip_network<B, T> network_;
  clip_tokenizer words_;
  image_transform transform_;
};

/// A folder of transformers' CLIPModel with weights and activations of type `T`.
template <class T, class B>
clip<B, T> load_clip(B& backend, const std::filesystem::path& folder) {
  return {backend, folder};
}

}  // namespace CANDOR_NS
