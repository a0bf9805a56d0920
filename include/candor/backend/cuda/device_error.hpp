// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What goes wrong with a device, in words.

#include <candor/core/error.hpp>

#include <string>
#include <string_view>

namespace CANDOR_NS {

struct device_error : error {  ///< a device failed, or an operation on it
  explicit device_error(const std::string& m) : error(m, 7) {}
};

namespace device {

/// Throws the device_error of an operation; `code` and `reason` are the library's.
[[noreturn]] inline void refuse_device(std::string_view operation, std::string_view code,
                                       std::string_view reason) {
  fail<device_error>(
      "[cuda] ", operation, ": ", code, ", ", reason,
      "; an earlier operation may be the cause: CANDOR_CUDA_SYNC=1 waits after each and names it. "
      "Training goes on from its last checkpoint with --resume auto");
}

/// A device as the runtime describes it.
struct device_facts {
  int wanted = 0;               ///< the number that the user gave
  int count = 0;                ///< devices that the driver shows
  int major = 0, minor = 0;     ///< compute capability of the wanted one
  int driver = 0, runtime = 0;  ///< versions of CUDA: 1000 major + 10 minor
};

/// Throws usage_error where no program of this build can run on the device.
inline void require_usable(const device_facts& f) {
  const auto version = [](int v) { return text(v / 1000, ".", v % 1000 / 10); };
  require<usage_error>(
      f.driver != 0,
      "--device cuda: there is no NVIDIA driver on this machine; use --device cpu, or install one");
  require<usage_error>(f.driver / 1000 >= f.runtime / 1000, "--device cuda: the driver knows CUDA ",
                       version(f.driver), ", but this program was built with CUDA ", version(f.runtime),
                       "; install a newer driver, or build with an older toolkit");
  require<usage_error>(f.count > 0,
                       "--device cuda: the driver shows no device; look at nvidia-smi and at "
                       "CUDA_VISIBLE_DEVICES, or use --device cpu");
  require<usage_error>(f.wanted >= 0 && f.wanted < f.count, "--device cuda:", f.wanted, ": there ",
                       f.count == 1 ? "is 1 device" : text("are ", f.count, " devices"),
                       ", which count from 0");
  require<usage_error>(f.major >= 8, "--device cuda:", f.wanted, ": its compute capability is ", f.major, ".",
                       f.minor, ", but 8.0 is needed (A100, RTX 30 and newer); use --device cpu");
}

}  // namespace device
}  // namespace CANDOR_NS
