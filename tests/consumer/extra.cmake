# SPDX-License-Identifier: Apache-2.0
# Projects that use candor, each configured, built and run as its users would: `ctest -L consumer`. One
# installation, moved after it was made, serves all that use an installed candor.
set(model "${PROJECT_SOURCE_DIR}/examples/scenes/base")
set(work "${CMAKE_CURRENT_BINARY_DIR}/consumer")
set(installed "${work}/moved")
set(consumer_options "-DMODEL=${model}" "-DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER}" -DCMAKE_CXX_FLAGS_INIT=-O0
    "-DCMAKE_CXX_COMPILER_LAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER}")

# candor_consumer(<folder> [INSTALLED] [OPTIONS <-D...>...]): builds the project and runs its own tests.
function(candor_consumer folder)
  cmake_parse_arguments(PARSE_ARGV 1 arg "INSTALLED" "" "OPTIONS")
  set(name "consumer/${folder}")
  add_test(NAME "${name}" COMMAND "${CMAKE_CTEST_COMMAND}"
           --build-and-test "${CMAKE_CURRENT_LIST_DIR}/${folder}" "${work}/${folder}"
           --build-generator "${CMAKE_GENERATOR}"
           --build-options ${consumer_options} ${arg_OPTIONS}
           --test-command "${CMAKE_CTEST_COMMAND}" --output-on-failure)
  set_tests_properties("${name}" PROPERTIES LABELS consumer TIMEOUT ${timeout})
  if(arg_INSTALLED)
    set_tests_properties("${name}" PROPERTIES FIXTURES_REQUIRED installed)
  endif()
endfunction()
function(candor_script_test name script)
  add_test(NAME "consumer/${name}" COMMAND sh "${CMAKE_CURRENT_LIST_DIR}/${script}" ${ARGN})
  set_tests_properties("consumer/${name}" PROPERTIES LABELS consumer TIMEOUT ${timeout}
                       SKIP_REGULAR_EXPRESSION "${skipped}")
endfunction()

candor_script_test("install and move" install.sh "${CMAKE_COMMAND}" "${CMAKE_BINARY_DIR}" "${work}/first"
                   "${installed}")
set_tests_properties("consumer/install and move" PROPERTIES FIXTURES_SETUP installed)

candor_consumer(find_package INSTALLED OPTIONS "-DCMAKE_PREFIX_PATH=${installed}")
# Each optional library that this build has, demanded by its component.
set(components "")
foreach(component IN LISTS candor_optional)
  if(candor_${component}_FOUND)
    list(APPEND components ${component})
  endif()
endforeach()
if(components)
  list(JOIN components "," components)
  candor_consumer(components INSTALLED OPTIONS "-DCMAKE_PREFIX_PATH=${installed}" "-DCOMPONENTS=${components}"
                  "-DCANDOR_ARROW_ROOT=${CANDOR_ARROW_ROOT}" "-DCANDOR_PYTHON=${CANDOR_PYTHON}")
endif()
candor_consumer(add_subdirectory OPTIONS "-DCANDOR_SOURCE=${PROJECT_SOURCE_DIR}")
candor_consumer(fetch_content OPTIONS "-DCANDOR_SOURCE=${PROJECT_SOURCE_DIR}")
# `ctest -C long`: all of candor is compiled once more, for candor::compiled in a project that holds candor as a folder.
add_test(NAME consumer/add_subdirectory_compiled CONFIGURATIONS long COMMAND "${CMAKE_CTEST_COMMAND}"
         --build-and-test "${CMAKE_CURRENT_LIST_DIR}/add_subdirectory" "${work}/add_subdirectory_compiled"
         --build-generator "${CMAKE_GENERATOR}"
         --build-options ${consumer_options} "-DCANDOR_SOURCE=${PROJECT_SOURCE_DIR}" -DCOMPILED=ON
         --test-command "${CMAKE_CTEST_COMMAND}" --output-on-failure)
set_tests_properties(consumer/add_subdirectory_compiled PROPERTIES LABELS consumer TIMEOUT 3600)
# Both compile the same unit with the same flags: the second one finds it in ccache, where that is there.
set_tests_properties(consumer/fetch_content PROPERTIES DEPENDS consumer/add_subdirectory)

candor_script_test(pkg_config pkg_config.sh "${installed}" "${CMAKE_CXX_COMPILER}"
                   "${CMAKE_CURRENT_LIST_DIR}/headers.cpp" "${work}/pkg_config" "${model}")
candor_script_test("a package that lacks something says what" missing.sh "${CMAKE_COMMAND}" "${installed}"
                   "${work}/missing")
set_tests_properties(consumer/pkg_config "consumer/a package that lacks something says what"
                     PROPERTIES FIXTURES_REQUIRED installed)

# The host side of a .cu file; no device is needed.
candor_consumer(cuda INSTALLED OPTIONS "-DCMAKE_PREFIX_PATH=${installed}")
set_tests_properties(consumer/cuda PROPERTIES SKIP_REGULAR_EXPRESSION "${skipped}")

# Two units that both hold all of candor: a function that lacks `inline` is defined twice, and the program does
# not link.
add_executable(two_units "${CMAKE_CURRENT_LIST_DIR}/two_units/first.cpp"
               "${CMAKE_CURRENT_LIST_DIR}/two_units/second.cpp")
set_target_properties(two_units PROPERTIES UNITY_BUILD OFF)
target_link_libraries(two_units PRIVATE candor candor_warnings)
target_compile_options(two_units PRIVATE -O0 -g0)
target_link_options(two_units PRIVATE -Wl,--warn-common -Wl,--fatal-warnings)
add_test(NAME consumer/two_units COMMAND two_units)
set_tests_properties(consumer/two_units PROPERTIES LABELS consumer TIMEOUT ${timeout})
