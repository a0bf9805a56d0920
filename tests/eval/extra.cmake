# SPDX-License-Identifier: Apache-2.0
# The tests run this program.
add_dependencies(tests_eval evaluate)
