// SPDX-License-Identifier: Apache-2.0
// What a component is for: candor's headers use the library. curl's one unit looks for its header by itself.
#include <candor/core/config.hpp>

#if defined(WANTED_ONEDNN)
static_assert(CANDOR_HAS_ONEDNN == 1);
#endif
#if defined(WANTED_TURBOJPEG)
static_assert(CANDOR_HAS_TURBOJPEG == 1);
#include <turbojpeg.h>
#endif
#if defined(WANTED_PNG)
static_assert(CANDOR_HAS_PNG == 1);
#include <png.h>
#endif
#if defined(WANTED_PARQUET)
static_assert(CANDOR_HAS_PARQUET == 1);
#include <parquet/parquet_version.h>
#endif
#if defined(WANTED_CURL)
#include <curl/curl.h>
#endif

int main() {
#if defined(WANTED_CURL)
  if (curl_version() == nullptr) return 1;
#endif
#if defined(WANTED_TURBOJPEG)
  if (tjGetErrorStr() == nullptr) return 1;
#endif
#if defined(WANTED_PNG)
  if (png_access_version_number() == 0) return 1;
#endif
  return 0;
}
