// SPDX-License-Identifier: Apache-2.0
/// Base64: the test vectors of RFC 4648, and all byte values.

#include "support/catch.hpp"

#include <candor/io/base64.hpp>

using candor::base64;

TEST_CASE("Base64 is that of RFC 4648", "[io][base64]") {
  CHECK(base64("").empty());
  CHECK(base64("f") == "Zg==");
  CHECK(base64("fo") == "Zm8=");
  CHECK(base64("foo") == "Zm9v");
  CHECK(base64("foob") == "Zm9vYg==");
  CHECK(base64("fooba") == "Zm9vYmE=");
  CHECK(base64("foobar") == "Zm9vYmFy");
  CHECK(base64(std::string("\x00\xFF\xFE\x3F", 4)) == "AP/+Pw==");
}
