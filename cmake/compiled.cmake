# SPDX-License-Identifier: Apache-2.0
# candor::compiled: the bodies of all *_impl.hpp, compiled once. Tests, examples and benchmarks link it; a project that
# links candor::candor alone stays header-only. Each generated unit includes one *_impl.hpp; with CANDOR_COMPILED the
# other headers only declare, so that a body is compiled once. Explicit instantiations of templates stand in
# cmake/compiled/*.cpp.
file(GLOB_RECURSE impl_headers CONFIGURE_DEPENDS RELATIVE "${CMAKE_CURRENT_SOURCE_DIR}/include"
     "${CMAKE_CURRENT_SOURCE_DIR}/include/candor/*_impl.hpp")
file(GLOB compiled_sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/cmake/compiled/*.cpp")
foreach(header IN LISTS impl_headers)
  string(REGEX REPLACE "_impl\\.hpp$" ".cpp" source "${header}")
  set(source "${CMAKE_CURRENT_BINARY_DIR}/compiled/${source}")
  file(CONFIGURE OUTPUT "${source}" CONTENT "#include <${header}>\n")
  list(APPEND compiled_sources "${source}")
endforeach()

if(compiled_sources)
  add_library(candor_compiled STATIC EXCLUDE_FROM_ALL ${compiled_sources})
  target_link_libraries(candor_compiled PUBLIC candor
    PRIVATE "$<BUILD_INTERFACE:candor_warnings;candor_flags;candor_optimize>")
  target_compile_definitions(candor_compiled PUBLIC CANDOR_COMPILED=1 PRIVATE CANDOR_BUILDING)
  if(CANDOR_FAULT_POINTS)
    target_compile_definitions(candor_compiled PUBLIC CANDOR_FAULT_POINTS=1)
  endif()
  add_library(candor::compiled ALIAS candor_compiled)
endif()
