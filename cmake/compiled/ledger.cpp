// SPDX-License-Identifier: Apache-2.0
// Templates that candor/model/compiled.hpp and candor/train/compiled.hpp declare.
#include <candor/model/compiled.hpp>
#include <candor/train/compiled.hpp>

namespace CANDOR_NS {
CANDOR_INSTANTIATE_OPERATIONS(template, ledger, float)
CANDOR_INSTANTIATE_OPERATIONS(template, ledger, bfloat16)
CANDOR_INSTANTIATE_NETWORK(template, ledger, float)
CANDOR_INSTANTIATE_NETWORK(template, ledger, bfloat16)
CANDOR_INSTANTIATE_OPTIMIZER(template, ledger)
}  // namespace CANDOR_NS
