# SPDX-License-Identifier: Apache-2.0
# What the test links, to be preloaded into programs that it runs.
# It replaces operator new: a unit of its own, in which the compiler does not look into the others.
set_source_files_properties(faults/failing_calls.cpp PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
add_library(failing_calls SHARED faults/failing_calls.cpp)
target_compile_features(failing_calls PRIVATE cxx_std_20)
target_include_directories(failing_calls PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}")
target_link_libraries(failing_calls PRIVATE candor_warnings)
add_dependencies(tests_faults failing_calls rlhf_v)
target_compile_definitions(tests_faults PRIVATE CANDOR_FAILING_CALLS="$<TARGET_FILE:failing_calls>")

# With `ctest -C long` or `tests/run.sh --long`: every call of the disk, and 500 allocations, instead of 12 of each.
add_test(NAME "faults/every call of a trainer" CONFIGURATIONS long COMMAND tests_faults "a trainer*")
set_tests_properties("faults/every call of a trainer" PROPERTIES ENVIRONMENT CANDOR_LONG=1 TIMEOUT 3600 LABELS faults)
