# SPDX-License-Identifier: Apache-2.0
# The rules of the source tree as tests: arrows between rooms, each header alone, and two header-only units in one
# program. candor.hpp as CUDA is compiled with tests/cuda.
set(definitions "$<TARGET_PROPERTY:candor,INTERFACE_COMPILE_DEFINITIONS>")
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

# A function that lacks `inline` is defined twice here, and the program does not link.
if(EXISTS "${PROJECT_SOURCE_DIR}/include/candor/candor.hpp")
  foreach(unit IN ITEMS first second)
    file(CONFIGURE OUTPUT "${CMAKE_CURRENT_BINARY_DIR}/header_only/${unit}.cpp"
         CONTENT "#include <candor/candor.hpp>\nint @unit@() { return 0; }\n" @ONLY)
  endforeach()
  file(CONFIGURE OUTPUT "${CMAKE_CURRENT_BINARY_DIR}/header_only/main.cpp"
       CONTENT "int first();\nint second();\nint main() { return first() + second(); }\n")
  add_executable(header_only "${CMAKE_CURRENT_BINARY_DIR}/header_only/first.cpp"
                 "${CMAKE_CURRENT_BINARY_DIR}/header_only/second.cpp" "${CMAKE_CURRENT_BINARY_DIR}/header_only/main.cpp")
  target_link_libraries(header_only PRIVATE candor candor_warnings)
  target_compile_options(header_only PRIVATE -O0 -g0)
  add_test(NAME "rules/two header-only units make one program" COMMAND header_only)
  set_tests_properties("rules/two header-only units make one program" PROPERTIES LABELS rules TIMEOUT ${timeout})
endif()

add_test(NAME "rules/the code of the README compiles"
         COMMAND sh "${PROJECT_SOURCE_DIR}/cmake/check_readme.sh" "${PROJECT_SOURCE_DIR}/README.md"
                 "${PROJECT_SOURCE_DIR}/include" "${CMAKE_CXX_COMPILER}" -DCANDOR_COMPILED=1 "-D$<JOIN:${definitions},;-D>"
         COMMAND_EXPAND_LISTS)
set_tests_properties("rules/the code of the README compiles" PROPERTIES LABELS rules TIMEOUT ${timeout})
