# SPDX-License-Identifier: Apache-2.0
# candor::cuda: what a target of .cu files that includes candor_cuda.cuh links beside candor. The build includes this
# file, and so does the installed package where the component cuda is asked for.
#
# In:  CANDOR_CUDNN: whether attention may go to cuDNN, where that is found.
# Out: candor_cuda_FOUND, and candor_cuda_problem in words where it is not.
set(candor_cuda_FOUND FALSE)
set(candor_cuda_problem "")
if(NOT CMAKE_CUDA_COMPILER)
  find_program(candor_nvcc nvcc HINTS ENV CUDACXX PATHS /usr/local/cuda/bin)
  mark_as_advanced(candor_nvcc)
else()
  set(candor_nvcc "${CMAKE_CUDA_COMPILER}")
endif()
# nvcc is asked before CMake tries it: one that does not know sm_90 would fail there with another message.
set(candor_nvcc_version "")
if(candor_nvcc)
  execute_process(COMMAND "${candor_nvcc}" --version OUTPUT_VARIABLE candor_nvcc_says ERROR_QUIET)
  if(candor_nvcc_says MATCHES "release ([0-9]+\\.[0-9]+)")
    set(candor_nvcc_version "${CMAKE_MATCH_1}")
  endif()
endif()
if(NOT candor_nvcc_version)
  set(candor_cuda_problem "nvcc is not found: install the CUDA toolkit, version 12 or newer, or name its compiler with \
-DCMAKE_CUDA_COMPILER=.../bin/nvcc")
elseif(candor_nvcc_version VERSION_LESS 12)
  set(candor_cuda_problem "nvcc ${candor_nvcc_version} (${candor_nvcc}) does not know C++20: CUDA needs version 12 or \
newer, named with -DCMAKE_CUDA_COMPILER=.../bin/nvcc")
else()
  set(candor_cuda_FOUND TRUE)
endif()

# To be called where CMake knows the language CUDA.
macro(candor_add_cuda_target)
  if(NOT TARGET candor::cuda)
    find_package(CUDAToolkit 12 REQUIRED)
    add_library(candor::cuda INTERFACE IMPORTED GLOBAL)
    target_link_libraries(candor::cuda INTERFACE CUDA::cublasLt)  # CMake adds the runtime
    # cxx_std_20 says nothing about CUDA. 20012: Eigen marks defaulted functions as host and device.
    target_compile_options(candor::cuda INTERFACE "$<$<COMPILE_LANG_AND_ID:CUDA,NVIDIA>:-std=c++20;-diag-suppress=20012>")
    if(CANDOR_CUDNN)
      candor_find_cudnn()
      if(candor_cudnn_problem)
        message(WARNING "candor: CANDOR_CUDNN is ON, but ${candor_cudnn_problem}. Attention stays with candor's kernels.")
      else()
        target_include_directories(candor::cuda SYSTEM INTERFACE "${CANDOR_cudnn_INCLUDE_DIR}")
        target_link_libraries(candor::cuda INTERFACE "${CANDOR_cudnn_LIBRARY}")
        target_compile_definitions(candor::cuda INTERFACE CANDOR_HAS_CUDNN=1)
      endif()
    endif()
  endif()
endmacro()

# Header and library of cuDNN; candor_cudnn_problem says in words what is missing.
function(candor_find_cudnn)
  find_path(CANDOR_cudnn_INCLUDE_DIR cudnn.h HINTS ${CUDAToolkit_INCLUDE_DIRS})
  find_library(CANDOR_cudnn_LIBRARY NAMES cudnn libcudnn.so.9 HINTS "${CUDAToolkit_LIBRARY_DIR}")
  mark_as_advanced(CANDOR_cudnn_INCLUDE_DIR CANDOR_cudnn_LIBRARY)
  set(version "")
  if(CANDOR_cudnn_INCLUDE_DIR AND EXISTS "${CANDOR_cudnn_INCLUDE_DIR}/cudnn_version.h")
    file(STRINGS "${CANDOR_cudnn_INCLUDE_DIR}/cudnn_version.h" lines REGEX "#define CUDNN_M(AJOR|INOR) [0-9]+")
    string(REGEX REPLACE "[^;0-9]" "" lines "${lines}")
    string(REPLACE ";" "." version "${lines}")
  endif()
  if(NOT version)
    set(version "unknown")
  endif()
  set(problem "")
  if(NOT CANDOR_cudnn_INCLUDE_DIR OR NOT CANDOR_cudnn_LIBRARY)
    set(problem "cudnn.h or libcudnn is not found: install cuDNN 9 for this toolkit, or name them with \
-DCANDOR_cudnn_INCLUDE_DIR=... and -DCANDOR_cudnn_LIBRARY=...")
  elseif(version VERSION_LESS 9.13)
    set(problem "the cuDNN at ${CANDOR_cudnn_INCLUDE_DIR} is version ${version}, and 9.13 is needed")
  endif()
  set(candor_cudnn_problem "${problem}" PARENT_SCOPE)
endfunction()
