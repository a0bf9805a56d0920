#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# missing.sh CMAKE PREFIX WORK: what find_package says about a component that is not known, a version that does
# not fit, and a library that is not installed.
set -eu
cmake=$1 prefix=$2 work=$3

# find WORDS [OPTIONS]: the output of a project that calls find_package(candor WORDS), which must fail.
find_candor() {
  rm -rf "$work"
  mkdir -p "$work"
  printf 'cmake_minimum_required(VERSION 3.24)\nproject(p LANGUAGES CXX)\nfind_package(candor %s)\n' "$1" >"$work/CMakeLists.txt"
  shift
  if "$cmake" -S "$work" -B "$work/build" "-DCMAKE_PREFIX_PATH=$prefix" "$@" >"$work/log" 2>&1; then
    cat "$work/log"
    echo "find_package should have failed"
    exit 1
  fi
}
says() {
  tr -s ' \n' '  ' <"$work/log" | grep -qF "$1" && return
  cat "$work/log"
  echo "the message above should say: $1"
  exit 1
}

find_candor "REQUIRED COMPONENTS telepathy"
says "candor has no component telepathy, only headers, compiled, cuda, onednn,"
find_candor "0.2 REQUIRED"
says "0.1.0"
find_candor "REQUIRED COMPONENTS png" "-DCMAKE_IGNORE_PATH=/usr/include;/usr/include/libpng16"
says "sentencepiece, xxhash, stb, png. On Debian and Ubuntu: apt-get install libsentencepiece-dev libxxhash-dev libstb-dev libpng-dev"
find_candor "REQUIRED" -DCMAKE_DISABLE_FIND_PACKAGE_TBB=ON
says "candor needs libraries that are not installed: tbb. On Debian and Ubuntu: apt-get install libtbb-dev"
