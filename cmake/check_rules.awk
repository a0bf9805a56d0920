# SPDX-License-Identifier: Apache-2.0
# The rules behind check_rules.sh. Standard input: the files to check, one a line, relative to the root.

BEGIN {
  # Arrows between rooms: a room may include itself and the rooms (or single headers) named here.
  arrow("core", "")
  arrow("tensor", "core")
  # A device's tuned algorithms are kept in a file.
  arrow("backend", "core tensor io/atomic_file.hpp")
  arrow("autograd", "core tensor backend")
  arrow("nn", "core tensor backend autograd")
  arrow("io", "core tensor")
  arrow("image", "core tensor io")
  arrow("text", "core tensor io")
  # Packing fills the two layouts that attention and the head read; they are plain data.
  arrow("data", "core tensor io image text backend/attention_layout.hpp backend/head_targets.hpp")
  arrow("model", "core tensor backend autograd nn io image text data")
  arrow("objective", "core backend/team.hpp")
  arrow("feedback", "core tensor backend autograd nn io image text data model")
  arrow("parallel", "core tensor backend")
  arrow("train", "core tensor backend autograd nn io image text data model objective feedback parallel")
  arrow("eval", "core tensor backend autograd nn io image text data model feedback")

  read_long_files("cmake/long_files.txt")
  while ((getline file) > 0) check(file)
  check_long_files()
  check_reach()
  if (bad > 0) {
    printf "%d violations in %d files\n", bad, files
    exit 1
  }
  if (files == 0) {
    print "no source files here: name the root of the source tree"
    exit 1
  }
  printf "%d files keep the rules\n", files
}

function arrow(room, others) { allowed[room] = " " room " " others " " }

function report(file, line, message) {
  printf "%s:%d: %s\n", file, line, message
  ++bad
}

# Lines `path: reason`; # begins a comment.
function read_long_files(list,   line, n, colon) {
  while ((getline line < list) > 0) {
    ++n
    if (line ~ /^[ \t]*(#|$)/) continue
    colon = index(line, ":")
    if (colon == 0 || substr(line, colon + 1) !~ /[A-Za-z]/) {
      report(list, n, "a file is listed without a reason: write `path: reason`")
      if (colon == 0) colon = length(line) + 1
    }
    long_line[substr(line, 1, colon - 1)] = n
  }
  close(list)
}

function check_long_files(   file) {
  for (file in long_line)
    if (lines[file] <= 400)
      report("cmake/long_files.txt", long_line[file], file " has no more than 400 lines: remove it from this list")
}

# The code of a line: without comments, without the content of strings.
function code_of(line) {
  gsub(/\\./, "", line)
  gsub(/"[^"]*"/, "\"\"", line)
  gsub(/\/\*[^*]*\*\//, "", line)
  sub(/\/\/.*/, "", line)
  return line
}

function check(file,   line, n, cxx, header, library, pragma, about, code) {
  ++files
  cxx = file ~ /\.(hpp|cuh|cpp|cu)$/
  header = file ~ /\.(hpp|cuh)$/
  library = file ~ /^include\//
  if (library && header) is_header[file] = 1
  n = pragma = about = 0
  while ((getline line < file) > 0) {
    ++n
    if (n == 1) first = line
    if (n == 2) second = line
    if (line ~ /^#pragma once/) pragma = 1
    if (line ~ /^\/\/\/ @file/) about = 1
    if (line ~ /(^|[^A-Za-z])(TO[D]O|FIX[M]E|XX[X]|HAC[K])([^A-Za-z]|$)/)
      report(file, n, "a note about work to do: do it, or file it elsewhere")
    if (!cxx) continue
    if (line ~ /^[ \t]*#[ \t]*include/) {
      check_include(file, n, line, library, header)
      continue
    }
    code = code_of(line)
    check_names(file, n, code)
    if (header && code ~ /^[ \t]*namespace[ \t]*\{/)
      report(file, n, "an unnamed namespace in a header: use namespace CANDOR_NS::detail and inline")
    if (library && code ~ /^using namespace/)
      report(file, n, "`using namespace` in a header reaches its users: name what is used")
  }
  close(file)
  lines[file] = n

  if (cxx && first !~ /^\/\/ SPDX-License-Identifier: Apache-2\.0$/)
    report(file, 1, "the first line is not the licence: write `// SPDX-License-Identifier: Apache-2.0`")
  if (!cxx && first !~ /^# SPDX-License-Identifier: Apache-2\.0$/ && second !~ /^# SPDX-License-Identifier: Apache-2\.0$/)
    report(file, 1, "no licence in the first two lines: write `# SPDX-License-Identifier: Apache-2.0`")
  if (header && !pragma) report(file, 2, "no include guard: write `#pragma once`")
  if (library && header && !about) report(file, 3, "no file comment: write `/// @file` and what the file holds")
  if (n > 400 && !(file in long_line))
    report(file, n, n " lines: split the file at 400, or list it in cmake/long_files.txt with a reason")
}

# Identifiers with two underscores, or with one before a capital, belong to the compiler.
function check_names(file, n, code,   name) {
  while (match(code, /[A-Za-z0-9_]+/)) {
    name = substr(code, RSTART, RLENGTH)
    code = substr(code, RSTART + RLENGTH)
    if (name !~ /__/ && name !~ /^_[A-Z]/) continue
    if (name ~ /^__[A-Z0-9_]+$/ || name ~ /^_Pragma$|^_MM_|^_CMP_|^stbi__/) continue  # names of others
    if (name ~ /^__(restrict|attribute|host|device|global|x86_64)__$|^__(restrict|builtin|has_include|cpp_|cplusplus|clang|m[0-9]|mmask|cuda|cxa_|stwb)/) continue
    if (file ~ /\.(cuh|cu)$/ && name ~ /^__[a-z]/) continue
    report(file, n, "the name " name " is reserved for the compiler: choose one with no `__` and no leading `_` before a capital")
  }
}

function room_of(path,   parts, count) {
  sub(/^(include\/)?candor\//, "", path)
  count = split(path, parts, "/")
  return count > 1 ? parts[1] : ""
}

function check_include(file, n, line, library, header,   path, room, other) {
  path = line
  sub(/^[^<"]*[<"]/, "", path)
  sub(/[>"].*$/, "", path)
  if (file ~ /\.hpp$/ && path ~ /\.cuh$/)
    report(file, n, "a .hpp includes the device header " path ": include it from a .cuh")
  if (!library) return
  if (line ~ /include[ \t]*"/) report(file, n, "\"" path "\": write #include <candor/...>")

  if (path ~ /^candor\//) {
    includes[file] = includes[file] " include/" path
    if ((getline dummy < ("include/" path)) < 0)
      report(file, n, path " does not exist: mend the path")
    close("include/" path)
    room = room_of(file)
    other = room_of(path)
    if (room == "") return
    if (other == "") {
      report(file, n, path " from inside a room: include the headers that are used")
    } else if (!(room in allowed)) {
      if (!(room in unknown)) report(file, n, "the room " room " has no arrows: add it to cmake/check_rules.awk")
      unknown[room] = 1
    } else if (index(allowed[room], " " other " ") == 0 && index(allowed[room], " " substr(path, 8) " ") == 0) {
      report(file, n, room " may not include " path ", only" allowed[room] "(cmake/check_rules.awk): move what is shared down")
    }
    return
  }

  if (path ~ /^(Eigen\/|unsupported\/Eigen|dnnl|oneapi\/|tbb\/)/ && file !~ /^include\/candor\/backend\/host\//)
    report(file, n, "<" path "> outside backend/host: ask the backend for the operation")
  if (path ~ /^(cuda|cublas|cudnn|curand|nccl|thrust\/|cub\/)/ && file !~ /^include\/candor\/backend\/cuda\// && file !~ /\.cuh$/)
    report(file, n, "<" path "> outside backend/cuda: ask the backend for the operation")
  if (file ~ /(\.cuh|_impl\.hpp)$/) return
  if (path ~ /^(iostream|regex)$/)
    report(file, n, "<" path "> is slow to compile for every user: include it in the _impl.hpp")
  if (path !~ /^[a-z_0-9]+$/)
    report(file, n, "<" path "> in a public header: only *_impl.hpp include headers that are not the standard library's")
}

# Every header must be reached from an umbrella (include/candor/*.hpp): one that nobody includes is compiled by nobody.
function check_reach(   head, tail, queue, parts, count, i, file) {
  if (!("include/candor/candor.hpp" in is_header)) {
    report("include/candor/candor.hpp", 1, "the umbrella header is missing: write it")
    return
  }
  head = tail = 0
  for (file in is_header)
    if (file ~ /^include\/candor\/[^\/]*$/) queue[tail++] = file
  while (head < tail) {
    file = queue[head++]
    if (file in reached) continue
    reached[file] = 1
    count = split(includes[file], parts, " ")
    for (i = 1; i <= count; ++i) queue[tail++] = parts[i]
  }
  for (file in is_header)
    if (!(file in reached))
      report(file, 1, "not reached from " "an umbrella (" (file ~ /\.cuh$/ ? "candor_cuda.cuh" : "candor.hpp, feedback.hpp, eval.hpp") "): include it there or in a header it reaches, or remove it")
}
