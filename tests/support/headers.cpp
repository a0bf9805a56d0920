// SPDX-License-Identifier: Apache-2.0
// Nothing but the precompiled header that all tests begin with where CANDOR_TESTS_PCH is ON.
