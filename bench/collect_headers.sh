#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# collect_headers.sh DIR: gathers the headers and libraries of third parties that tests_device and device_bench are
# compiled with from this Debian machine, for run_on_device.sh --headers on one that reaches no package registry. Both
# must have the same Debian release. About 20 MB.
set -eu
[ $# -eq 1 ] || { sed -n '3,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }
mkdir -p "$1"
target=$(cd "$1" && pwd)
machine=$(gcc -dumpmachine)
packages="libeigen3-dev libtbb-dev libtbb12 libtbbmalloc2 libtbbbind-2-5 libsentencepiece-dev libsentencepiece0 libxxhash-dev libxxhash0
  nlohmann-json3-dev libcli11-dev libstb-dev libturbojpeg0-dev libturbojpeg0 libpng-dev libpng16-16 catch2
  libbenchmark-dev libbenchmark1debian"
for package in $packages; do
  dpkg -L "$package" 2> /dev/null | while IFS= read -r path; do
    [ ! -d "$path" ] || continue
    case $path in  # in their places below /usr, by which CMake's packages find each other
      /usr/include/* | */cmake/* | /usr/lib/"$machine"/*.so* | */libCatch2*.a | */libbenchmark*.a | /usr/share/eigen3/*) ;;
      *) continue ;;
    esac
    to=${path#/usr/}
    mkdir -p "$target/$(dirname "$to")"
    cp -a "$path" "$target/$to"
  done
done
du -sh "$target"
