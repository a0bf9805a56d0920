# SPDX-License-Identifier: Apache-2.0
# The tests run this program.
add_dependencies(tests_train rlhf_v)

# With `ctest -C long` or `tests/run.sh --long`: 500 moments instead of 20, in about seven minutes.
add_test(NAME "train/500 kills" CONFIGURATIONS long
         COMMAND tests_train "a trainer that is killed at any moment resumes to the same bytes")
set_tests_properties("train/500 kills" PROPERTIES ENVIRONMENT CANDOR_LONG=1 TIMEOUT 3600 LABELS train)
