#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# install.sh CMAKE BUILD FIRST MOVED: installs what BUILD has built to FIRST and moves it to MOVED. No installed
# text may name the source tree, the build tree or FIRST.
set -eu
cmake=$1 build=$2 first=$3 moved=$4
rm -rf "$first" "$moved"
"$cmake" --install "$build" --prefix "$first" >/dev/null
mv "$first" "$moved"
source=$(sed -n 's/^CMAKE_HOME_DIRECTORY:INTERNAL=//p' "$build/CMakeCache.txt")
for path in "$source" "$build" "$first"; do
  if grep -rIlF "$path" "$moved"; then
    echo "these installed files name $path: an installed tree must find its files by its own place"
    exit 1
  fi
done
for file in include/candor/candor.hpp share/pkgconfig/candor.pc share/doc/candor/LICENSE \
  share/candor/scenes/base/config.json; do
  [ -f "$moved/$file" ] || { echo "$file was not installed"; exit 1; }
done
for program in "$moved"/bin/candor-*; do
  [ -x "$program" ] || { echo "no programs were installed: build them first"; exit 1; }
  "$program" --help >/dev/null || { echo "$program --help fails"; exit 1; }
done
