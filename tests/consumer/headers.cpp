// SPDX-License-Identifier: Apache-2.0
// A program of a project that uses candor header-only. It touches every library behind the headers: the
// product of Eigen or oneDNN on oneTBB's threads, nlohmann-json and safetensors, sentencepiece, xxHash, and a
// PNG.
#include <candor/candor.hpp>

#include <cmath>
#include <filesystem>
#include <iostream>
#include <span>
#include <string>
#include <vector>

namespace {

int failures = 0;

void check(bool holds, const std::string& what) {
  if (!holds) ++failures;
  std::cout << (holds ? "ok      " : "FAILED  ") << what << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::cerr << "usage: " << argv[0] << " examples/scenes/base\n", 2;
  const std::filesystem::path model = argv[1];

  candor::host cpu({.threads = 2});
  const std::vector<float> a = {1, 2, 3, 4, 5, 6}, b = {1, -1, 2, 0, 1, 1};
  const auto left = candor::tensor<candor::host, float>::from(cpu, candor::shape{2, 3}, a);   // (2, 3)
  const auto right = candor::tensor<candor::host, float>::from(cpu, candor::shape{3, 2}, b);  // (3, 2)
  candor::tensor<candor::host, float> product(cpu, candor::shape{2, 2});                      // (2, 2)
  cpu.matmul(candor::transpose::no, left.view(), candor::transpose::no, right.view(), product.view());
  check(product.to_vector() == std::vector<float>{8, 2, 20, 2}, "a product");

  candor::pair<candor::dual<double, 2>> pair;
  pair.cells[0].sum = candor::dual<double, 2>::variable(-10.0, 0);
  pair.cells[1].sum = candor::dual<double, 2>::variable(-12.0, 1);
  pair.cells[0].reference = -11.0;
  pair.cells[1].reference = -11.0;
  pair.set_ratios();
  const auto loss = candor::loss_of(candor::dpo{.beta = 0.5}, pair);  // -log sigmoid(0.5 (1 - -1))
  check(std::abs(loss.value - std::log1p(std::exp(-1.0))) < 1e-15, "a DPO loss");
  check(std::abs(loss.d[0] + 0.5 / (1.0 + std::exp(1.0))) < 1e-15, "its gradient");

  const candor::llava_config config = candor::read_llava_config(model);
  check(config.text.num_hidden_layers > 0, "config.json");
  const candor::safetensors_file weights(model / "model.safetensors");
  check(!weights.tensors().empty(), "model.safetensors");
  const candor::tokenizer words(model);
  const auto ids = words.encode("a red fish");
  check(ids.size() > 1 && words.encode(words.decode(ids, true)) == ids, "tokenizer.model");
  check(!words.content_hash().empty(), "a hash");

  candor::image picture{3, 2, std::vector<std::uint8_t>(18, 40)};
  picture.rgb[4] = 250;
  const std::string png = candor::encode_png(picture);
  check(candor::decode_image(std::as_bytes(std::span(png)), "picture.png") == picture, "a PNG");
  return failures == 0 ? 0 : 1;
}
