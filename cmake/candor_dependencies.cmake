# SPDX-License-Identifier: Apache-2.0
# Finds the libraries that candor's headers use and gathers them in candor::dependencies. The build includes this file,
# and so does the installed package, on the machine of whoever uses it: no path of this machine is written down.
#
# In:  candor_wanted: names of optional libraries to demand; candor_unwanted: those not to use though they are there.
# Out: candor_missing: names of what is demanded and not found, candor_missing_packages: Debian's packages of them;
#      candor_<name>_FOUND of each optional library, candor_optional: their names; candor_pc_requires and
#      candor_pc_libraries: the same libraries for candor.pc.
set(candor_missing "")
set(candor_missing_packages "")
set(candor_optional "")

# candor_library(<name> PACKAGE <apt package> [OPTIONAL] [PKG_CONFIG <modules>...]
#                [TARGET <target> <CMake package> | HEADER <names>... [LIBRARIES <names>...]])
# finds a library through its CMake package, or, where no such package works everywhere, by its files.
macro(candor_library name)
  cmake_parse_arguments(candor_arg "OPTIONAL" "PACKAGE" "TARGET;HEADER;LIBRARIES;PKG_CONFIG" ${ARGN})
  set(candor_${name}_FOUND FALSE)
  set(candor_${name}_TARGET candor::${name})
  if(candor_arg_OPTIONAL)
    list(APPEND candor_optional ${name})
  endif()
  if(NOT "${name}" IN_LIST candor_unwanted)
    if(candor_arg_TARGET)
      list(GET candor_arg_TARGET 0 candor_${name}_TARGET)
      list(GET candor_arg_TARGET 1 candor_package)
      find_package(${candor_package} QUIET)
    elseif(NOT TARGET candor::${name})
      candor_find_files(${name} "${candor_arg_HEADER}" "${candor_arg_LIBRARIES}")
    endif()
    if(TARGET ${candor_${name}_TARGET})
      set(candor_${name}_FOUND TRUE)
    elseif(NOT candor_arg_OPTIONAL OR "${name}" IN_LIST candor_wanted)
      list(APPEND candor_missing ${name})
      list(APPEND candor_missing_packages ${candor_arg_PACKAGE})
    elseif(NOT candor_FIND_QUIETLY)
      message(STATUS "candor: without ${name} (optional: apt-get install ${candor_arg_PACKAGE})")
    endif()
  endif()
  if(candor_${name}_FOUND)
    list(APPEND candor_found_targets ${candor_${name}_TARGET})
    list(APPEND candor_pc_requires ${candor_arg_PKG_CONFIG})
    if(NOT candor_arg_PKG_CONFIG)
      list(TRANSFORM candor_arg_LIBRARIES PREPEND "-l" OUTPUT_VARIABLE candor_flags)
      list(APPEND candor_pc_libraries ${candor_flags})
    endif()
  endif()
endmacro()

# The target candor::<name> of a header and libraries, where all of them are found.
function(candor_find_files name header libraries)
  find_path(CANDOR_${name}_INCLUDE_DIR NAMES ${header})
  mark_as_advanced(CANDOR_${name}_INCLUDE_DIR)
  set(found "${CANDOR_${name}_INCLUDE_DIR}")
  set(files "")
  foreach(library IN LISTS libraries)
    find_library(CANDOR_${name}_${library} NAMES ${library})
    mark_as_advanced(CANDOR_${name}_${library})
    list(APPEND files "${CANDOR_${name}_${library}}")
    if(NOT CANDOR_${name}_${library})
      set(found FALSE)
    endif()
  endforeach()
  if(found)
    add_library(candor::${name} INTERFACE IMPORTED GLOBAL)
    target_include_directories(candor::${name} SYSTEM INTERFACE "${CANDOR_${name}_INCLUDE_DIR}")
    target_link_libraries(candor::${name} INTERFACE ${files})
  endif()
endfunction()

set(candor_found_targets "")
set(candor_pc_requires "")
set(candor_pc_libraries -pthread ${CMAKE_DL_LIBS})
list(TRANSFORM candor_pc_libraries PREPEND "-l" REGEX "^[^-]")
set(THREADS_PREFER_PTHREAD_FLAG ON)
candor_library(threads TARGET Threads::Threads Threads PACKAGE libc6-dev)
candor_library(eigen TARGET Eigen3::Eigen Eigen3 PACKAGE libeigen3-dev PKG_CONFIG eigen3)
candor_library(tbb TARGET TBB::tbb TBB PACKAGE libtbb-dev PKG_CONFIG tbb)
candor_library(json TARGET nlohmann_json::nlohmann_json nlohmann_json PACKAGE nlohmann-json3-dev
               PKG_CONFIG nlohmann_json)
candor_library(sentencepiece HEADER sentencepiece_processor.h LIBRARIES sentencepiece sentencepiece_train
               PACKAGE libsentencepiece-dev PKG_CONFIG sentencepiece)
candor_library(xxhash HEADER xxhash.h LIBRARIES xxhash PACKAGE libxxhash-dev PKG_CONFIG libxxhash)
candor_library(stb HEADER stb/stb_image.h stb_image.h PACKAGE libstb-dev)
# The package that oneDNN exports asks for OpenCL's development files; its C interface does not need them.
candor_library(onednn HEADER oneapi/dnnl/dnnl.h LIBRARIES dnnl PACKAGE libdnnl-dev OPTIONAL)
candor_library(turbojpeg HEADER turbojpeg.h LIBRARIES turbojpeg PACKAGE libturbojpeg0-dev OPTIONAL
               PKG_CONFIG libturbojpeg)
candor_library(png HEADER png.h LIBRARIES png PACKAGE libpng-dev PKG_CONFIG libpng OPTIONAL)
candor_library(curl HEADER curl/curl.h LIBRARIES curl PACKAGE libcurl4-openssl-dev PKG_CONFIG libcurl OPTIONAL)
include("${CMAKE_CURRENT_LIST_DIR}/candor_arrow.cmake")
candor_library(parquet TARGET candor::parquet Parquet PACKAGE "libparquet-dev, or pip install pyarrow" OPTIONAL)

if(NOT candor_missing AND NOT TARGET candor::dependencies)
  add_library(candor::dependencies INTERFACE IMPORTED GLOBAL)
  target_link_libraries(candor::dependencies INTERFACE ${candor_found_targets} ${CMAKE_DL_LIBS})
  foreach(candor_name IN LISTS candor_optional)
    if(candor_name STREQUAL "curl" AND candor_curl_FOUND)
      continue()  # its one unit sees the header by itself: it need not stand on every command line
    endif()
    string(TOUPPER "CANDOR_HAS_${candor_name}" candor_macro)
    target_compile_definitions(candor::dependencies INTERFACE "${candor_macro}=$<BOOL:${candor_${candor_name}_FOUND}>")
  endforeach()
endif()
