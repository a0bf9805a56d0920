#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# install_packages.sh [tests]: installs the Debian packages that candor builds with and that are missing; with `tests`
# also those of the tests and benchmarks, and ccache, which makes the next build quick. As root or through sudo; where
# neither works it prints the line to run.
set -eu
packages="g++ cmake ninja-build libeigen3-dev libtbb-dev libdnnl-dev libsentencepiece-dev libxxhash-dev
  nlohmann-json3-dev libcli11-dev libstb-dev libturbojpeg0-dev libpng-dev libcurl4-openssl-dev"
for group in "$@"; do
  case $group in
    tests) packages="$packages catch2 libbenchmark-dev librandom123-dev ccache clang libclang-rt-dev" ;;
    *) echo "install_packages.sh: '$group' is no group of packages; known: tests" >&2; exit 2 ;;
  esac
done

command -v dpkg-query >/dev/null 2>&1 || exit 0 # not Debian: CMake names what is missing
missing=
for package in $packages; do
  case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true) in
    "install ok installed") ;;
    *) missing="$missing $package" ;;
  esac
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
  as_root="env"
elif command -v sudo >/dev/null 2>&1; then
  as_root="sudo env"
else
  echo "candor needs packages that are not installed. Run this as root, then start again:" >&2
  echo "  apt-get install$missing" >&2
  exit 1
fi
echo "Installing:$missing"
# A list that cannot be fetched (of some other source) need not matter; the installation tells.
$as_root DEBIAN_FRONTEND=noninteractive apt-get -q update || true
$as_root DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install $missing
