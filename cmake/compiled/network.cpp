// SPDX-License-Identifier: Apache-2.0
// The templates that candor/model/compiled.hpp declares.
#include <candor/model/compiled.hpp>

namespace CANDOR_NS {
CANDOR_INSTANTIATE_NETWORK(template, host, float)
CANDOR_INSTANTIATE_NETWORK(template, host, bfloat16)
template class adamw_optimizer<host>;
}  // namespace CANDOR_NS
