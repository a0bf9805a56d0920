# SPDX-License-Identifier: Apache-2.0
# Where nvcc is found: compiles tests/cuda/*.cu and candor.hpp itself for a device, which is the test; and tests_device of
# tests/cuda/device/*.cu, which is skipped where there is no device. tests_simulated runs the same cases, the same objects,
# on the device that tests/cuda/simulator makes of the host.
if(candor_device)
  file(GLOB cuda_sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_LIST_DIR}/*.cu")
  set(umbrella "${CMAKE_CURRENT_BINARY_DIR}/cuda/umbrella.cu")
  file(CONFIGURE OUTPUT "${umbrella}" CONTENT "#include <candor/candor.hpp>\n")
  add_library(candor_cuda_tests OBJECT ${cuda_sources} "${umbrella}")
  candor_find_cudnn()
  if(NOT candor_cudnn_problem)
    set_source_files_properties("${CMAKE_CURRENT_LIST_DIR}/attention_cudnn_compile.cu" PROPERTIES
                                COMPILE_OPTIONS "-DCANDOR_HAS_CUDNN=1;-I${CANDOR_cudnn_INCLUDE_DIR}")
  endif()
  target_include_directories(candor_cuda_tests PRIVATE "${PROJECT_SOURCE_DIR}/tests")
  target_link_libraries(candor_cuda_tests PRIVATE candor candor::cuda)
  # To PTX: the rest of the way is gone for tests_device, and takes twice as long.
  set_target_properties(candor_cuda_tests PROPERTIES CUDA_PTX_COMPILATION ON CUDA_ARCHITECTURES 90-virtual)

  file(GLOB device_sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_LIST_DIR}/device/*.cu")
  add_library(candor_device_tests OBJECT ${device_sources})
  target_link_libraries(candor_device_tests PRIVATE candor_test_support candor_example_flags candor::cuda)
  # The simulator reads PTX, as text.
  target_compile_options(candor_device_tests PRIVATE "$<$<COMPILE_LANGUAGE:CUDA>:-Xfatbin=-compress=false>")
  set(device_tests $<TARGET_OBJECTS:candor_device_tests> $<TARGET_OBJECTS:candor_test_support>)

  add_executable(tests_device ${device_tests})
  set_target_properties(tests_device PROPERTIES LINKER_LANGUAGE CUDA)
  target_link_libraries(tests_device PRIVATE candor_test_support candor_example_flags candor::cuda)
  catch_discover_tests(tests_device TEST_PREFIX "device/" PROPERTIES TIMEOUT ${timeout} LABELS "cuda;device"
                       SKIP_REGULAR_EXPRESSION "${skipped}")

  if(CMAKE_CUDA_ARCHITECTURES MATCHES "(^|;)[0-9]+(-virtual)?(;|$)")  # there is PTX
    file(GLOB simulator_sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_LIST_DIR}/simulator/*.cpp")
    add_library(candor_simulator OBJECT ${simulator_sources})
    set_target_properties(candor_simulator PROPERTIES POSITION_INDEPENDENT_CODE ON)
    target_compile_options(candor_simulator PRIVATE -O2)
    target_include_directories(candor_simulator SYSTEM PRIVATE ${CUDAToolkit_INCLUDE_DIRS})
    target_include_directories(candor_simulator PRIVATE "${PROJECT_SOURCE_DIR}/tests")
    target_link_libraries(candor_simulator PRIVATE candor candor_warnings candor_flags)

    file(GLOB simulated_sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_LIST_DIR}/simulated/*.cu")
    add_executable(tests_simulated ${simulated_sources} ${device_tests} $<TARGET_OBJECTS:candor_simulator>)
    target_compile_options(tests_simulated PRIVATE $<TARGET_PROPERTY:candor::cuda,INTERFACE_COMPILE_OPTIONS>
                           "$<$<COMPILE_LANGUAGE:CUDA>:-Xfatbin=-compress=false>")
    set_target_properties(tests_simulated PROPERTIES CUDA_RUNTIME_LIBRARY None CUDA_ARCHITECTURES 90-virtual)
    target_link_libraries(tests_simulated PRIVATE candor_test_support candor_example_flags)
    add_test(NAME "simulated/operations and trainings in the other order of blocks and threads"
             COMMAND tests_simulated "[autograd]~[attention],[device]~[attention]")
    set_tests_properties("simulated/operations and trainings in the other order of blocks and threads" PROPERTIES
                         LABELS "cuda;simulated" TIMEOUT ${timeout} ENVIRONMENT CANDOR_SIMULATOR_ORDER=backwards)
    # For programs whose CUDA runtime is a library: LD_PRELOAD of this one.
    if(CANDOR_CUDA AND CMAKE_CUDA_RUNTIME_LIBRARY STREQUAL "Shared")
      add_library(candor_simulated_cuda SHARED $<TARGET_OBJECTS:candor_simulator>)
      set_target_properties(candor_simulated_cuda PROPERTIES LINKER_LANGUAGE CXX
                            LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")
      add_test(NAME "simulated/programs for a device run without one"
               COMMAND sh "${CMAKE_CURRENT_LIST_DIR}/simulated/programs.sh" "$<TARGET_FILE:candor_simulated_cuda>"
                       "${CMAKE_BINARY_DIR}/bin" "${CMAKE_CURRENT_BINARY_DIR}/simulated_programs")
      set_tests_properties("simulated/programs for a device run without one" PROPERTIES LABELS "cuda;simulated" TIMEOUT 1800)
    endif()
    catch_discover_tests(tests_simulated TEST_PREFIX "simulated/" PROPERTIES TIMEOUT ${timeout} LABELS "cuda;simulated"
                         SKIP_REGULAR_EXPRESSION "${skipped}")
  endif()

  add_test(NAME "cuda/attention keeps its numbers in registers"
           COMMAND sh "${CMAKE_CURRENT_LIST_DIR}/spills.sh" "${CMAKE_CUDA_COMPILER}" "${PROJECT_SOURCE_DIR}"
                   "${CMAKE_CURRENT_BINARY_DIR}/cuda/spills")
  set_tests_properties("cuda/attention keeps its numbers in registers" PROPERTIES LABELS cuda TIMEOUT ${timeout})
endif()

# An old nvcc is refused in one sentence, before CMake tries it.
add_test(NAME "cuda/a toolkit that is too old is refused"
         COMMAND sh "${CMAKE_CURRENT_LIST_DIR}/old_toolkit.sh" "${CMAKE_COMMAND}" "${PROJECT_SOURCE_DIR}"
                 "${CMAKE_CURRENT_BINARY_DIR}/cuda/old_toolkit")
set_tests_properties("cuda/a toolkit that is too old is refused" PROPERTIES LABELS cuda TIMEOUT ${timeout})
