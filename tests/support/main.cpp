// SPDX-License-Identifier: Apache-2.0
// With version 3 the main function comes from Catch2's own library.
#if __has_include(<catch2/catch.hpp>) && !__has_include(<catch2/catch_all.hpp>)
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#endif
