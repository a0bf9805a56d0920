// SPDX-License-Identifier: Apache-2.0
// The templates that candor/model/compiled.hpp declares.
#include <candor/model/compiled.hpp>

namespace CANDOR_NS {
CANDOR_INSTANTIATE_OPERATIONS(template, ledger, float)
CANDOR_INSTANTIATE_OPERATIONS(template, ledger, bfloat16)
CANDOR_INSTANTIATE_NETWORK(template, ledger, float)
CANDOR_INSTANTIATE_NETWORK(template, ledger, bfloat16)
template class adamw_optimizer<ledger>;
}  // namespace CANDOR_NS
