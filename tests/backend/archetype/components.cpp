// SPDX-License-Identifier: Apache-2.0
// Every component with a backend that has what the concept names and nothing else. Compiling is the test.
#include "backend/archetype.hpp"

#include <candor/candor.hpp>
#include <candor/feedback.hpp>

namespace candor::inline v0_1 {
#define CANDOR_ARCHETYPES(instantiate)                        \
  instantiate(template, candor_test::archetype<float>, float) \
      instantiate(template, candor_test::archetype<bfloat16>, bfloat16)
CANDOR_ARCHETYPES(CANDOR_INSTANTIATE_OPERATIONS)
CANDOR_ARCHETYPES(CANDOR_INSTANTIATE_MODEL)
}  // namespace candor::inline v0_1

namespace {

template <class T>
using model = candor::llava<candor_test::archetype<T>, T>;
template <class T>
using network = candor::llava_network<candor_test::archetype<T>, T>;

}  // namespace

template class candor::trainer<model<float>, candor::dense_dpo>;
template class candor::trainer<model<candor::bfloat16>, candor::dpo>;
template model<float> candor::load_llava(candor_test::archetype<float>&, const std::filesystem::path&,
                                         const candor::processor_options&);
template void candor::save_llava(model<float>&, const std::filesystem::path&, candor::dtype,
                                 std::optional<candor::naming>);
template void candor::save_adapter(model<float>&, const std::filesystem::path&);

// Objectives over several images, without a rejected answer, and with statistics.
template class candor::trainer<model<float>, candor::mdpo>;
template class candor::trainer<model<float>, candor::sft>;

template class candor::clip<candor_test::archetype<float>, float>;
template candor::clip<candor_test::archetype<float>, float> candor::load_clip(candor_test::archetype<float>&,
                                                                              const std::filesystem::path&);
// Feedback: claims, pairs and prompts by a model, the reward within one, and trees of sentences.
template class candor::model_judge<candor_test::archetype<float>, float>;
template class candor::model_pairwise_judge<candor_test::archetype<float>, float>;
template class candor::model_completer<candor_test::archetype<float>, float>;
template std::vector<std::vector<double>> candor::implicit_rewards(
    network<float>&, network<float>&, std::span<const candor::encoded_record* const>,
    const candor::implicit_reward_options&);
template candor::sentence_counts candor::search_sentences(network<float>&, const candor::tokenizer&,
                                                          candor::prompt_source,
                                                          const candor::sentence_search_options&,
                                                          candor::sentence_scorer, candor::sentence_sink,
                                                          std::int64_t, bool);
