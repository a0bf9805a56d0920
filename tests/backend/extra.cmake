# SPDX-License-Identifier: Apache-2.0
# A backend with what the concept names and nothing else must do for every component.
add_test(NAME "backend/every component asks only for what the concept names"
         COMMAND "${CMAKE_CXX_COMPILER}" -std=c++20 -fsyntax-only -Wall -Wextra -Werror -DCANDOR_COMPILED=1
                 "-I${PROJECT_SOURCE_DIR}/include" "-I${PROJECT_SOURCE_DIR}/tests"
                 "${CMAKE_CURRENT_LIST_DIR}/archetype/components.cpp")
set_tests_properties("backend/every component asks only for what the concept names" PROPERTIES LABELS backend
                     TIMEOUT ${timeout})
