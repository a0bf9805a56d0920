# SPDX-License-Identifier: Apache-2.0
# What must not compile, and what the compiler then has to say.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_test(NAME "compile_fail/mistakes are named"
           COMMAND sh "${CMAKE_CURRENT_LIST_DIR}/check.sh" "${CMAKE_CXX_COMPILER}" -DCANDOR_COMPILED=1
                   "-I${PROJECT_SOURCE_DIR}/include" "-I${PROJECT_SOURCE_DIR}/tests")
  set_tests_properties("compile_fail/mistakes are named" PROPERTIES LABELS compile_fail TIMEOUT ${timeout} PROCESSORS 2)
endif()
