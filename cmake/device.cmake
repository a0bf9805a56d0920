# SPDX-License-Identifier: Apache-2.0
# The CUDA side of candor's own tests and programs. CANDOR_CUDA demands it, for all devices from sm_80; without it the
# tests are compiled where nvcc is found, for sm_90 alone, and PTX with it.
#
# Out: candor_device: whether .cu files are compiled, candor::cuda: what they link.
set(candor_device FALSE)
if(CANDOR_CUDA OR (CANDOR_BUILD_TESTS AND CANDOR_CUDA_TESTS))
  include(candor_cuda)
  if(candor_cuda_FOUND)
    if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
      set(CMAKE_CUDA_ARCHITECTURES 90)
      if(CANDOR_CUDA)
        set(CMAKE_CUDA_ARCHITECTURES 80-real 86-real 89-real 90)  # 90 with PTX, for what comes after
      endif()
    endif()
    set(CMAKE_CUDA_COMPILER "${candor_nvcc}")
    if(CANDOR_CCACHE AND NOT CMAKE_CUDA_COMPILER_LAUNCHER)
      set(CMAKE_CUDA_COMPILER_LAUNCHER "${CANDOR_CCACHE}")
    endif()
    enable_language(CUDA)
    candor_add_cuda_target()
    set(candor_device TRUE)
    if(NOT TARGET CUDA::cublasLt)  # a toolkit in parts
      if(CANDOR_CUDA)
        message(FATAL_ERROR "candor: the CUDA toolkit at ${CUDAToolkit_LIBRARY_DIR} has no cuBLASLt: install libcublas-dev of its version.")
      endif()
      message(STATUS "candor: the CUDA tests are not compiled: the toolkit has no cuBLASLt")
      set(candor_device FALSE)
    endif()
  elseif(CANDOR_CUDA)
    message(FATAL_ERROR "candor: ${candor_cuda_problem}.")
  else()
    message(STATUS "candor: the CUDA tests are not compiled: ${candor_cuda_problem}")
  endif()
endif()
