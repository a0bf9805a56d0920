# SPDX-License-Identifier: Apache-2.0
# The tests run these programs. One hands what they wrote to transformers and peft, and is skipped where this Python
# (or $CANDOR_PYTHON of the environment) has no such modules.
find_program(CANDOR_PYTHON NAMES python3 DOC "Python with torch, transformers and peft, for one test")
add_dependencies(tests_examples compare csr dpo image_dpo povid rlaif_v rlhf_v sft score generate export)

# With `ctest -C long` or `tests/run.sh --long`: 20 moments instead of 4, in about a minute.
add_test(NAME "examples/20 kills" CONFIGURATIONS long
         COMMAND tests_examples "RLAIF-V that is killed anywhere goes on and ends with the same files")
set_tests_properties("examples/20 kills" PROPERTIES ENVIRONMENT CANDOR_LONG=1 TIMEOUT 3600 LABELS examples)

# RLAIF-V's table of three seeds, with the numbers that its README promises, in three minutes.
add_test(NAME "examples/three seeds" CONFIGURATIONS long
         COMMAND tests_examples "RLAIF-V mends the embedded world's base by its own verdicts")
set_tests_properties("examples/three seeds" PROPERTIES ENVIRONMENT CANDOR_LONG=1 TIMEOUT 3600 LABELS examples)

if(CANDOR_PYTHON)
  target_compile_definitions(tests_examples PRIVATE CANDOR_PYTHON="${CANDOR_PYTHON}")
endif()
