# SPDX-License-Identifier: Apache-2.0
# Fuzz targets: each .cpp of this folder becomes a program with libFuzzer and the address and undefined-behaviour
# sanitizers, header-only, so that all of candor in it is instrumented. They need clang, whatever compiles the rest;
# without it one test says that they were skipped. README.md tells how to let them run for longer.
find_program(CANDOR_FUZZ_CXX NAMES clang++ clang++-19 clang++-16 clang++-14 DOC "clang++ for the fuzz targets")
set(fuzz_flags -std=c++20 -O1 -g1 -fno-omit-frame-pointer -fno-sanitize-recover=all
    -fsanitize=fuzzer,address,undefined)

# Whether this clang has libFuzzer's runtime, which Debian keeps in a package of its own.
if(CANDOR_FUZZ_CXX AND NOT DEFINED CANDOR_FUZZ_WORKS)
  set(probe "${CMAKE_CURRENT_BINARY_DIR}/fuzz/probe")
  file(WRITE "${probe}.cpp" "#include <cstddef>\n#include <cstdint>\n"
       "extern \"C\" int LLVMFuzzerTestOneInput(const std::uint8_t*, std::size_t) { return 0; }\n")
  execute_process(COMMAND "${CANDOR_FUZZ_CXX}" ${fuzz_flags} "${probe}.cpp" -o "${probe}"
                  RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
  string(COMPARE EQUAL "${failed}" 0 works)
  set(CANDOR_FUZZ_WORKS ${works} CACHE INTERNAL "clang++ links libFuzzer")
endif()

if(NOT CANDOR_FUZZ_WORKS)
  add_test(NAME "fuzz/all targets" COMMAND "${CMAKE_COMMAND}" -E echo
           "[candor skipped] no clang++ with libFuzzer: apt-get install clang libclang-rt-dev")
  set_tests_properties("fuzz/all targets" PROPERTIES LABELS fuzz SKIP_REGULAR_EXPRESSION "${skipped}")
  return()
endif()

set(fuzz_compile ${CMAKE_CXX_COMPILER_LAUNCHER} "${CANDOR_FUZZ_CXX}" ${fuzz_flags} -Wall -Wextra -Wpedantic
    "-I${PROJECT_SOURCE_DIR}/include" "-I${PROJECT_SOURCE_DIR}/tests")
set(fuzz_definitions "$<TARGET_PROPERTY:candor::dependencies,INTERFACE_COMPILE_DEFINITIONS>")
if(CANDOR_WERROR)
  list(APPEND fuzz_compile -Werror)
endif()
set(fuzz_libraries "")
foreach(dependency IN ITEMS candor::turbojpeg candor::png candor::sentencepiece candor::xxhash
        nlohmann_json::nlohmann_json)
  if(TARGET ${dependency})
    get_target_property(folders ${dependency} INTERFACE_INCLUDE_DIRECTORIES)
    get_target_property(libraries ${dependency} INTERFACE_LINK_LIBRARIES)
    foreach(folder IN LISTS folders)
      if(folder AND NOT folder IN_LIST CMAKE_CXX_IMPLICIT_INCLUDE_DIRECTORIES)  # these have an order of their own
        list(APPEND fuzz_compile -isystem "${folder}")
      endif()
    endforeach()
    if(libraries)
      list(APPEND fuzz_libraries ${libraries})
    endif()
  endif()
endforeach()

# candor_fuzz_target(<name> <corpus> <dictionary> <largest input in bytes>)
# Arrow, where it is found, is not linked: it has fuzz targets of its own.
function(candor_fuzz_target name corpus dictionary largest)
  set(source "${PROJECT_SOURCE_DIR}/tests/fuzz/${name}.cpp")
  set(program "${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/fuzz_${name}")
  set(found "${CMAKE_CURRENT_BINARY_DIR}/fuzz/${name}")  # what a run finds, and where the next one goes on
  file(MAKE_DIRECTORY "${found}")
  add_custom_command(OUTPUT "${found}.o" DEPENDS "${source}" DEPFILE "${found}.d" COMMAND_EXPAND_LISTS VERBATIM
                     COMMAND ${fuzz_compile} "-D$<JOIN:${fuzz_definitions},;-D>" -UCANDOR_HAS_PARQUET -MD -MF "${found}.d"
                             -MT "${found}.o" -c "${source}" -o "${found}.o")
  add_custom_command(OUTPUT "${program}" DEPENDS "${found}.o" VERBATIM
                     COMMAND "${CANDOR_FUZZ_CXX}" ${fuzz_flags} "${found}.o" -o "${program}" -Wl,--as-needed
                             ${fuzz_libraries})
  add_custom_target(fuzz_${name} ALL DEPENDS "${program}")
  # The time limit is what fails a run that does not reach its number; the seed makes runs comparable.
  add_test(NAME "fuzz/${name}: 100,000 inputs"
           COMMAND "${program}" -runs=100000 -seed=1 "-max_len=${largest}" "-artifact_prefix=${found}-"
                   "-dict=${PROJECT_SOURCE_DIR}/tests/fuzz/${dictionary}.dict" "${found}"
                   "${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${corpus}")
  set_tests_properties("fuzz/${name}: 100,000 inputs" PROPERTIES LABELS fuzz TIMEOUT ${timeout})
endfunction()

candor_fuzz_target(safetensors safetensors json 2048)
candor_fuzz_target(torch torch torch 6000)
candor_fuzz_target(image_scan image image 3000)
candor_fuzz_target(image_decode image image 3000)
candor_fuzz_target(sentencepiece sentencepiece sentencepiece 6000)
candor_fuzz_target(records records json 1200)
candor_fuzz_target(config config json 2048)
