# SPDX-License-Identifier: Apache-2.0
# The target candor::parquet, where Apache Arrow is found: in CANDOR_ARROW_ROOT (a prefix, or the folder of the Python
# package pyarrow, whose wheel has headers and libraries), as a CMake package, or beside the Python that CANDOR_PYTHON
# names or that is on the PATH. The wheel's libraries are named libarrow.so.2600 and the like, so they are linked by
# their paths.
set(CANDOR_ARROW_ROOT "" CACHE PATH "Prefix of Apache Arrow, or the folder of the Python package pyarrow")

# Sets `library` to the path of lib<name>.so in one of the folders, with or without numbers behind it.
function(candor_find_arrow_library library name)
  set(${library} "" PARENT_SCOPE)
  foreach(folder IN LISTS ARGN)
    file(GLOB found "${folder}/lib${name}.so" "${folder}/lib${name}.so.[0-9]*")
    if(found)
      list(GET found 0 first)
      set(${library} "${first}" PARENT_SCOPE)
      return()
    endif()
  endforeach()
endfunction()

function(candor_find_arrow)
  set(root "${CANDOR_ARROW_ROOT}")
  if(NOT root)
    find_package(Parquet QUIET CONFIG)
    if(TARGET Parquet::parquet_shared)
      add_library(candor::parquet INTERFACE IMPORTED GLOBAL)
      target_link_libraries(candor::parquet INTERFACE Parquet::parquet_shared)
      return()
    endif()
    find_program(CANDOR_PYTHON NAMES python3 DOC "Python with torch, transformers and peft, for one test, or with pyarrow")
    if(NOT CANDOR_PYTHON)
      return()
    endif()
    execute_process(COMMAND "${CANDOR_PYTHON}" -c "import pyarrow, os; print(os.path.dirname(pyarrow.__file__))"
                    OUTPUT_VARIABLE root OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  endif()
  candor_find_arrow_library(parquet parquet "${root}" "${root}/lib" "${root}/lib64")
  candor_find_arrow_library(arrow arrow "${root}" "${root}/lib" "${root}/lib64")
  if(root AND parquet AND arrow AND EXISTS "${root}/include/parquet/api/reader.h")
    add_library(candor::parquet INTERFACE IMPORTED GLOBAL)
    target_include_directories(candor::parquet SYSTEM INTERFACE "${root}/include")
    target_link_libraries(candor::parquet INTERFACE "${parquet}" "${arrow}")
  elseif(CANDOR_ARROW_ROOT)
    message(FATAL_ERROR "candor: CANDOR_ARROW_ROOT=${CANDOR_ARROW_ROOT} has no include/parquet/api/reader.h, "
                        "libparquet.so or libarrow.so; name the prefix of Apache Arrow or the folder of pyarrow")
  endif()
endfunction()

if(NOT TARGET candor::parquet AND NOT "parquet" IN_LIST candor_unwanted)
  candor_find_arrow()
endif()
