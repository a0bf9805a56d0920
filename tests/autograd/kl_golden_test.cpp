// SPDX-License-Identifier: Apache-2.0
#include "autograd/kl_golden.hpp"

#include <candor/backend/host/host.hpp>

TEST_CASE("the divergence from a reference and its gradients are PyTorch's", "[autograd][kl][golden]") {
  candor::host backend({.threads = 2});
  candor_test::check_kl_against_torch<double>(backend, 1e-13, 1e-13);
  candor_test::check_kl_against_torch<float>(backend, 2e-6, 2e-6);
  candor_test::check_kl_against_torch<candor::bfloat16>(backend, 2e-6, 8e-3);
}
