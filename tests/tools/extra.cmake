# SPDX-License-Identifier: Apache-2.0
# The tests run these programs.
add_dependencies(tests_tools score generate export data)
