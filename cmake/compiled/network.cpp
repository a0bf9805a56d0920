// SPDX-License-Identifier: Apache-2.0
// Templates that candor/model/compiled.hpp and candor/train/compiled.hpp declare.
#include <candor/model/compiled.hpp>
#include <candor/train/compiled.hpp>

namespace CANDOR_NS {
CANDOR_INSTANTIATE_NETWORK(template, host, float)
CANDOR_INSTANTIATE_NETWORK(template, host, bfloat16)
CANDOR_INSTANTIATE_OPTIMIZER(template, host)
}  // namespace CANDOR_NS
