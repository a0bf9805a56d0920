// SPDX-License-Identifier: Apache-2.0
// In one unit, so that the others compile to the same in every checkout.
#include "support/catch.hpp"

namespace candor_test {

std::filesystem::path tests_folder() { return CANDOR_TESTS_DIR; }
std::filesystem::path examples_folder() { return CANDOR_EXAMPLES_DIR; }
std::filesystem::path programs_folder() { return CANDOR_PROGRAMS_DIR; }

}  // namespace candor_test
