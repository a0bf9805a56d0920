# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` copies, as components: headers (with the CMake package and candor.pc), compiled, programs.
# Everything finds the rest by its own place, so an installed tree may be moved.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/candor")
set(package_build "${CMAKE_CURRENT_BINARY_DIR}/package")
set(library_file
    "${CMAKE_INSTALL_LIBDIR}/${CMAKE_STATIC_LIBRARY_PREFIX}candor${CMAKE_STATIC_LIBRARY_SUFFIX}")

install(DIRECTORY include/candor TYPE INCLUDE COMPONENT headers)
install(FILES LICENSE README.md CHANGELOG.md TYPE DOC COMPONENT headers)
install(TARGETS candor EXPORT candorTargets COMPONENT headers INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(EXPORT candorTargets NAMESPACE candor:: DESTINATION "${package_dir}" COMPONENT headers)
configure_package_config_file(cmake/candorConfig.cmake.in "${package_build}/candorConfig.cmake"
                              INSTALL_DESTINATION "${package_dir}" PATH_VARS library_file)
write_basic_package_version_file("${package_build}/candorConfigVersion.cmake" COMPATIBILITY SameMinorVersion
                                 ARCH_INDEPENDENT)
install(FILES "${package_build}/candorConfig.cmake" "${package_build}/candorConfigVersion.cmake"
              cmake/candor_dependencies.cmake cmake/candor_arrow.cmake cmake/candor_cuda.cmake
        DESTINATION "${package_dir}" COMPONENT headers)

# candor::compiled needs exactly the optional libraries that it was compiled with.
set_target_properties(candor_compiled PROPERTIES EXPORT_NAME compiled OUTPUT_NAME candor)
install(TARGETS candor_compiled EXPORT candorCompiledTargets ARCHIVE COMPONENT compiled OPTIONAL)
install(EXPORT candorCompiledTargets NAMESPACE candor:: DESTINATION "${package_dir}" COMPONENT compiled)
set(with ${candor_optional})
set(without ${candor_optional})
foreach(name IN LISTS candor_optional)
  if(candor_${name}_FOUND)
    list(REMOVE_ITEM without ${name})
  else()
    list(REMOVE_ITEM with ${name})
  endif()
endforeach()
file(CONFIGURE OUTPUT "${package_build}/candorCompiledWith.cmake" @ONLY
     CONTENT "# The optional libraries that libcandor.a was compiled with, and without.
set(candor_compiled_with \"@with@\")\nset(candor_compiled_without \"@without@\")\n")
install(FILES "${package_build}/candorCompiledWith.cmake" DESTINATION "${package_dir}" COMPONENT compiled)

# Programs are named candor-<name>: `export` alone would be the shell's.
get_property(programs GLOBAL PROPERTY candor_programs)
foreach(program IN LISTS programs)
  install(PROGRAMS "$<TARGET_FILE:${program}>" TYPE BIN RENAME "candor-${program}" COMPONENT programs OPTIONAL)
endforeach()

if(programs)
  install(DIRECTORY examples/scenes/base examples/scenes/clip DESTINATION "${CMAKE_INSTALL_DATADIR}/candor/scenes" COMPONENT programs)
endif()

# candor.pc, for projects without CMake: header-only, with the optional libraries that were found here.
set(pc_dir "${CMAKE_INSTALL_DATADIR}/pkgconfig")
string(REGEX REPLACE "[^/]+" ".." pc_prefix "${pc_dir}")
set(pc_cflags "-std=c++20 -pthread")
set(pc_with ${with})
list(REMOVE_ITEM pc_with parquet)  # Arrow may lie in a folder of Python's
foreach(name IN LISTS pc_with)
  string(TOUPPER "${name}" macro)
  string(APPEND pc_cflags " -DCANDOR_HAS_${macro}=1")
endforeach()
list(JOIN candor_pc_requires " " pc_requires)
list(JOIN candor_pc_libraries " " pc_libs)
configure_file(cmake/candor.pc.in "${package_build}/candor.pc" @ONLY)
install(FILES "${package_build}/candor.pc" DESTINATION "${pc_dir}" COMPONENT headers)
