# SPDX-License-Identifier: Apache-2.0
# Finds what candor::candor links. Everything that is missing is named at once, with the line that installs it.
# Libraries without a CMake package of their own that works everywhere become imported targets here.
set(candor_missing "")

# candor_find(<name> HEADER <file> [LIBRARIES <names>...] PACKAGE <apt package> [OPTIONAL])
# makes the target candor_dep_<name> and links it; sets <name>_found.
function(candor_find name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "OPTIONAL" "HEADER;PACKAGE" "LIBRARIES")
  find_path(CANDOR_${name}_INCLUDE_DIR NAMES ${arg_HEADER})
  mark_as_advanced(CANDOR_${name}_INCLUDE_DIR)
  set(found "${CANDOR_${name}_INCLUDE_DIR}")
  set(files "")
  foreach(library IN LISTS arg_LIBRARIES)
    find_library(CANDOR_${name}_${library} NAMES ${library})
    mark_as_advanced(CANDOR_${name}_${library})
    list(APPEND files "${CANDOR_${name}_${library}}")
    if(NOT CANDOR_${name}_${library})
      set(found FALSE)
    endif()
  endforeach()
  if(found)
    add_library(candor_dep_${name} INTERFACE IMPORTED)
    target_include_directories(candor_dep_${name} SYSTEM INTERFACE "${CANDOR_${name}_INCLUDE_DIR}")
    target_link_libraries(candor_dep_${name} INTERFACE ${files})
    target_link_libraries(candor INTERFACE candor_dep_${name})
  elseif(arg_OPTIONAL)
    message(STATUS "candor: built without ${name} (optional: apt-get install ${arg_PACKAGE})")
  else()
    set(candor_missing ${candor_missing} ${arg_PACKAGE} PARENT_SCOPE)
  endif()
  if(found)
    set(${name}_found 1 PARENT_SCOPE)
  else()
    set(${name}_found 0 PARENT_SCOPE)
  endif()
endfunction()

# candor_find_package(<name> TARGET <target> PACKAGE <apt package> [CHECK_ONLY]); CHECK_ONLY: not linked to candor
macro(candor_find_package name)
  cmake_parse_arguments(arg "CHECK_ONLY" "TARGET;PACKAGE" "" ${ARGN})
  find_package(${name} QUIET)
  if(NOT TARGET ${arg_TARGET})
    list(APPEND candor_missing ${arg_PACKAGE})
  elseif(NOT arg_CHECK_ONLY)
    target_link_libraries(candor INTERFACE ${arg_TARGET})
  endif()
endmacro()

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
target_link_libraries(candor INTERFACE Threads::Threads)

candor_find_package(Eigen3 TARGET Eigen3::Eigen PACKAGE libeigen3-dev)
candor_find_package(TBB TARGET TBB::tbb PACKAGE libtbb-dev)
candor_find_package(nlohmann_json TARGET nlohmann_json::nlohmann_json PACKAGE nlohmann-json3-dev)
candor_find_package(CLI11 TARGET CLI11::CLI11 PACKAGE libcli11-dev)
candor_find(sentencepiece HEADER sentencepiece_processor.h LIBRARIES sentencepiece sentencepiece_train
            PACKAGE libsentencepiece-dev)
candor_find(xxhash HEADER xxhash.h LIBRARIES xxhash PACKAGE libxxhash-dev)
candor_find(random123 HEADER Random123/philox.h PACKAGE librandom123-dev)
candor_find(stb HEADER stb/stb_image.h PACKAGE libstb-dev)

# The package that oneDNN exports asks for OpenCL's development files; its C interface does not need them.
option(CANDOR_ONEDNN "Use oneDNN when it is found" ON)
set(onednn_found 0)
if(CANDOR_ONEDNN)
  candor_find(onednn HEADER oneapi/dnnl/dnnl.h LIBRARIES dnnl PACKAGE libdnnl-dev OPTIONAL)
  target_link_libraries(candor INTERFACE ${CMAKE_DL_LIBS})
endif()
candor_find(turbojpeg HEADER turbojpeg.h LIBRARIES turbojpeg PACKAGE libturbojpeg0-dev OPTIONAL)
candor_find(png HEADER png.h LIBRARIES png PACKAGE libpng-dev OPTIONAL)
target_compile_definitions(candor INTERFACE CANDOR_HAS_ONEDNN=${onednn_found}
                           CANDOR_HAS_TURBOJPEG=${turbojpeg_found} CANDOR_HAS_PNG=${png_found})

if(CANDOR_BUILD_TESTS)
  candor_find_package(Catch2 TARGET Catch2::Catch2 PACKAGE catch2 CHECK_ONLY)
endif()
if(CANDOR_BUILD_BENCH)
  candor_find_package(benchmark TARGET benchmark::benchmark PACKAGE libbenchmark-dev CHECK_ONLY)
endif()

if(candor_missing)
  list(JOIN candor_missing " " packages)
  message(FATAL_ERROR "candor needs libraries that are not installed. On Debian and Ubuntu:\n"
                      "  apt-get install ${packages}\n"
                      "Elsewhere, install the same libraries and name their place with -DCMAKE_PREFIX_PATH.")
endif()
