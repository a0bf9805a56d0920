# SPDX-License-Identifier: Apache-2.0
# What is linked to candor::candor, and what candor's own tests and programs need besides. Everything that is
# missing is named at once, with the line that installs it.
set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON)  # a project that adds this one as a folder links through it
set(candor_wanted "")
set(candor_unwanted "")
option(CANDOR_ONEDNN "Use oneDNN when it is found" ON)
if(NOT CANDOR_ONEDNN)
  list(APPEND candor_unwanted onednn)
endif()
option(CANDOR_PARQUET "Read parquet files through Apache Arrow when it is found" ON)
if(NOT CANDOR_PARQUET)
  list(APPEND candor_unwanted parquet)
endif()
include(candor_dependencies)
target_link_libraries(candor INTERFACE candor::dependencies)

# candor_find_for(<name> <target> <apt package>): a CMake package that only the tests, examples or benchmarks use.
macro(candor_find_for name target package)
  find_package(${name} QUIET)
  if(NOT TARGET ${target})
    list(APPEND candor_missing ${name})
    list(APPEND candor_missing_packages ${package})
  endif()
endmacro()
if(CANDOR_BUILD_TESTS OR CANDOR_BUILD_EXAMPLES)
  candor_find_for(CLI11 CLI11::CLI11 libcli11-dev)
endif()
if(CANDOR_BUILD_TESTS)
  candor_find_for(Catch2 Catch2::Catch2 catch2)
  candor_find_files(random123 Random123/philox.h "")
  if(NOT TARGET candor::random123)
    message(STATUS "candor: tests without Random123 (optional: apt-get install librandom123-dev)")
  endif()
endif()
if(CANDOR_BUILD_BENCH)
  candor_find_for(benchmark benchmark::benchmark libbenchmark-dev)
endif()

if(candor_missing)
  list(JOIN candor_missing_packages " " packages)
  message(FATAL_ERROR "candor needs libraries that are not installed. On Debian and Ubuntu:\n"
                      "  apt-get install ${packages}\n"
                      "Elsewhere, install the same libraries and name their place with -DCMAKE_PREFIX_PATH.")
endif()
