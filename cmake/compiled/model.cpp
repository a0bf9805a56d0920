// SPDX-License-Identifier: Apache-2.0
// The templates that candor/model/compiled.hpp declares.
#include <candor/model/compiled.hpp>

namespace CANDOR_NS {
CANDOR_INSTANTIATE_MODEL(template, host, float)
CANDOR_INSTANTIATE_MODEL(template, host, bfloat16)
}  // namespace CANDOR_NS
