// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A model here as the language model that divides answers and asks (feedback/prompted.hpp): the policy by
/// prompt, or another one, without a picture.
///
///     candor::prompted_splitter splitter(candor::model_completer(policy));

#include <candor/feedback/prompted.hpp>
#include <candor/model/generate.hpp>
#include <candor/model/llava.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace CANDOR_NS {

/// Completes prompts greedily, each as a question in the model's template; a text ends with </s> or at
/// `max_new_tokens`. The model must outlive it.
template <class B, class T>
class model_completer {
 public:
  explicit model_completer(llava<B, T>& model, std::int64_t max_new_tokens = 1024)
      : model_(&model), max_new_tokens_(max_new_tokens) {}

  std::vector<std::string> operator()(std::span<const std::string> prompts) const {
    const processor& p = model_->processor();
    std::vector<encoded_record> records;
    for (const auto& prompt : prompts)
      records.push_back(p.prompt(prompt, std::span<const image_source>(), prompt));
    std::vector<const encoded_record*> pointers;
    for (const auto& record : records) pointers.push_back(&record);
    std::vector<std::string> texts;
    for (const auto& written : generate(model_->network(), std::span<const encoded_record* const>(pointers),
                                        {.max_new_tokens = max_new_tokens_, .stop_token = p.stop_token()}))
      texts.push_back(p.words().decode(written.front(), true));
    return texts;
  }

 private:
  llava<B, T>* model_;
  std::int64_t max_new_tokens_;
};

}  // namespace CANDOR_NS
