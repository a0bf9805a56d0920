// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Variables of the environment for the length of a test.

#include <cstdlib>
#include <string>
#include <utility>

namespace candor_test {

/// Sets a variable of the environment that this process and its children see, while it lives.
class environment {
 public:
  environment(std::string name, const std::string& value) : name_(std::move(name)) {
    ::setenv(name_.c_str(), value.c_str(), 1);
  }
  environment(const environment&) = delete;
  environment& operator=(const environment&) = delete;
  ~environment() { ::unsetenv(name_.c_str()); }

 private:
  std::string name_;
};

}  // namespace candor_test
