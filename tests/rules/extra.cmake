# SPDX-License-Identifier: Apache-2.0
# The rules of the source tree as tests: arrows between rooms, and each header alone. candor.hpp as CUDA is
# compiled with tests/cuda, projects that use candor in tests/consumer.
set(definitions "$<TARGET_PROPERTY:candor::dependencies,INTERFACE_COMPILE_DEFINITIONS>")
add_test(NAME "rules/the source tree keeps its rules"
         COMMAND sh "${PROJECT_SOURCE_DIR}/cmake/check_rules.sh" "${PROJECT_SOURCE_DIR}")
add_test(NAME "rules/every planted violation is found"
         COMMAND sh "${CMAKE_CURRENT_LIST_DIR}/planted.sh" "${PROJECT_SOURCE_DIR}/cmake/check_rules.sh")
set(costs "")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set(costs --costs "${CMAKE_CURRENT_BINARY_DIR}/header_costs")
endif()
add_test(NAME "rules/every header compiles alone"
         COMMAND sh "${PROJECT_SOURCE_DIR}/cmake/check_headers.sh" ${costs} "${PROJECT_SOURCE_DIR}/include"
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

set(directories "$<TARGET_PROPERTY:candor::dependencies,INTERFACE_INCLUDE_DIRECTORIES>")
set(directories "$<REMOVE_DUPLICATES:$<FILTER:${directories},EXCLUDE,^/usr/include$>>")
set(include_flags "$<$<BOOL:${directories}>:-isystem;$<JOIN:${directories},;-isystem;>>")
find_program(CANDOR_CLANG clang++)
if(CANDOR_CLANG)  # what g++ accepts, clang need not: a lambda that captures a structured binding, for one
  file(CONFIGURE OUTPUT "${CMAKE_CURRENT_BINARY_DIR}/rules/umbrellas.cpp"
       CONTENT "#include <candor/candor.hpp>\n#include <candor/eval.hpp>\n#include <candor/feedback.hpp>\n")
  add_test(NAME "rules/all headers compile with clang, header-only"
           COMMAND "${CANDOR_CLANG}" -std=c++20 -fsyntax-only -Wall -Wextra -Werror "-I${PROJECT_SOURCE_DIR}/include"
                   "-D$<JOIN:${definitions},;-D>" "${include_flags}" "${CMAKE_CURRENT_BINARY_DIR}/rules/umbrellas.cpp"
           COMMAND_EXPAND_LISTS)
  set_tests_properties("rules/all headers compile with clang, header-only" PROPERTIES LABELS rules TIMEOUT ${timeout})
endif()

if(costs)
  set(definitions "$<FILTER:${definitions},EXCLUDE,PARQUET>")  # Arrow's headers are no part of the table
  add_test(NAME "rules/headers cost no more to compile than before"
           COMMAND sh "${PROJECT_SOURCE_DIR}/bench/compile/check.sh" "${PROJECT_SOURCE_DIR}/bench/compile/table.md"
                   "${CMAKE_CURRENT_BINARY_DIR}/header_costs" "${CMAKE_CXX_COMPILER}"
                   "-D$<JOIN:${definitions},;-D>" "${include_flags}"
           COMMAND_EXPAND_LISTS)
  add_test(NAME "rules/a planted cost of compiling is found"
           COMMAND sh "${PROJECT_SOURCE_DIR}/bench/compile/planted.sh")
  set_tests_properties("rules/every header compiles alone" PROPERTIES FIXTURES_SETUP header_costs)
  set_tests_properties("rules/headers cost no more to compile than before" PROPERTIES FIXTURES_REQUIRED header_costs)
  set_tests_properties("rules/headers cost no more to compile than before" "rules/a planted cost of compiling is found"
                       PROPERTIES LABELS rules TIMEOUT ${timeout} SKIP_REGULAR_EXPRESSION "${skipped}")
  set_tests_properties("rules/headers cost no more to compile than before" PROPERTIES RUN_SERIAL ON)
  add_custom_target(compile_table
    COMMAND sh "${PROJECT_SOURCE_DIR}/bench/compile/measure.sh" "${CMAKE_CXX_COMPILER}"
            "-D$<JOIN:${definitions},;-D>" "${include_flags}"
            > "${PROJECT_SOURCE_DIR}/bench/compile/table.md.new"
    COMMAND "${CMAKE_COMMAND}" -E rename "${PROJECT_SOURCE_DIR}/bench/compile/table.md.new"
            "${PROJECT_SOURCE_DIR}/bench/compile/table.md"
    COMMAND_EXPAND_LISTS VERBATIM)
endif()
