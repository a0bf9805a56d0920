# SPDX-License-Identifier: Apache-2.0
# What only candor's own programs are compiled with; nothing here reaches a project that links candor::candor.
add_library(candor_warnings INTERFACE)
set(gcc_12 "$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>")
target_compile_options(candor_warnings INTERFACE
  "$<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wpedantic>"
  # False alarms of GCC 12 in its own headers: AVX-512 intrinsics, and operator+ of std::string.
  "$<$<AND:$<COMPILE_LANGUAGE:CXX>,${gcc_12}>:-Wno-uninitialized;-Wno-maybe-uninitialized;-Wno-restrict>"
  "$<$<AND:$<COMPILE_LANGUAGE:CXX>,$<BOOL:${CANDOR_WERROR}>>:-Werror>")

# No errno and no floating-point traps: std::sqrt and selections vectorise, and no value changes.
add_library(candor_flags INTERFACE)
target_compile_options(candor_flags INTERFACE
  "$<$<COMPILE_LANGUAGE:CXX>:-fno-math-errno;-fno-trapping-math>"
  "$<$<AND:$<COMPILE_LANGUAGE:CXX>,$<BOOL:${CANDOR_NATIVE}>>:-march=native>")

add_library(candor_optimize INTERFACE)
target_compile_options(candor_optimize INTERFACE
  "$<$<AND:$<COMPILE_LANGUAGE:CXX>,$<BOOL:${CANDOR_OPTIMIZE}>>:-O3>")
