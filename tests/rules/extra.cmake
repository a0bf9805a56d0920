# SPDX-License-Identifier: Apache-2.0
# The rules of the source tree as tests: arrows between rooms, and each header alone. candor.hpp as CUDA is
# compiled with tests/cuda, projects that use candor in tests/consumer.
set(definitions "$<TARGET_PROPERTY:candor::dependencies,INTERFACE_COMPILE_DEFINITIONS>")
add_test(NAME "rules/the source tree keeps its rules"
         COMMAND sh "${PROJECT_SOURCE_DIR}/cmake/check_rules.sh" "${PROJECT_SOURCE_DIR}")
add_test(NAME "rules/every planted violation is found"
         COMMAND sh "${CMAKE_CURRENT_LIST_DIR}/planted.sh" "${PROJECT_SOURCE_DIR}/cmake/check_rules.sh")
add_test(NAME "rules/every header compiles alone"
         COMMAND sh "${PROJECT_SOURCE_DIR}/cmake/check_headers.sh" "${PROJECT_SOURCE_DIR}/include"
                 "${CMAKE_CXX_COMPILER}" -DCANDOR_COMPILED=1 "-D$<JOIN:${definitions},;-D>"
         COMMAND_EXPAND_LISTS)
set_tests_properties("rules/the source tree keeps its rules" "rules/every planted violation is found"
                     "rules/every header compiles alone" PROPERTIES LABELS rules TIMEOUT ${timeout})
set_tests_properties("rules/every header compiles alone" PROPERTIES PROCESSORS 2)

add_test(NAME "rules/the code of the README compiles"
         COMMAND sh "${PROJECT_SOURCE_DIR}/cmake/check_readme.sh" "${PROJECT_SOURCE_DIR}/README.md"
                 "${PROJECT_SOURCE_DIR}/include" "${CMAKE_CXX_COMPILER}" -DCANDOR_COMPILED=1 "-D$<JOIN:${definitions},;-D>"
         COMMAND_EXPAND_LISTS)
set_tests_properties("rules/the code of the README compiles" PROPERTIES LABELS rules TIMEOUT ${timeout})
