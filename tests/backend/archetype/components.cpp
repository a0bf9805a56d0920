// SPDX-License-Identifier: Apache-2.0
// Every component with a backend that has what the concept names and nothing else. Compiling is the test.
#include "backend/archetype.hpp"

#include <candor/candor.hpp>

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

}  // namespace

template class candor::trainer<model<float>, candor::dense_dpo>;
template class candor::trainer<model<candor::bfloat16>, candor::dpo>;
template model<float> candor::load_llava(candor_test::archetype<float>&, const std::filesystem::path&,
                                         const candor::processor_options&);
template void candor::save_llava(model<float>&, const std::filesystem::path&, candor::dtype,
                                 std::optional<candor::naming>);
template void candor::save_adapter(model<float>&, const std::filesystem::path&);
