#!/usr/bin/env bash
# includes.sh ROOT: rules about includes and files that no compiler checks.
#   - a folder of src includes only itself and folders before it in the list below
#   - LibTorch stands only in net, train, app, and in their tests and benchmarks; ITK only in image_io.cpp
#   - headers have #pragma once and do not drag in all of JSON or the option parser
#   - no file is longer than 600 lines
set -euo pipefail
cd "$1"
mapfile -t files < <(find src tests bench scripts cmake -type f \( -name '*.cpp' -o -name '*.h' -o -name '*.cu' -o -name '*.cuh' \
  -o -name '*.sh' -o -name '*.cmake' -o -name CMakeLists.txt -o -path 'scripts/*' \) | sort)
awk '
  function complain(what) { print FILENAME ":" FNR ": " what; failed = 1 }
  function finish() { if (header && !once) { print previous ": no #pragma once"; failed = 1 } }
  BEGIN {
    count = split("base image data weights ops engine infer eval net train app", order, " ")
    for (i = 1; i <= count; ++i) rank[order[i]] = i
  }
  FNR == 1 {
    finish()
    previous = FILENAME
    split(FILENAME, part, "/")
    in_src = part[1] == "src"
    folder = part[2]
    header = FILENAME ~ /\.(h|cuh)$/ && FILENAME !~ /-inl\.h$/  # Highway reads those once per instruction set
    once = 0
    torch_allowed = part[1] == "bench" || folder == "net" || folder == "train"
  }
  FNR == 601 { complain("longer than 600 lines") }
  FILENAME !~ /\.(cpp|h|cu|cuh)$/ { next }
  /^#pragma once/ { once = 1 }
  /^ *# *include *</ {
    match($0, /<[^>]*>/)
    name = substr($0, RSTART + 1, RLENGTH - 2)
    if (name ~ /^(torch|ATen|c10)\// && !torch_allowed)
      complain("LibTorch is allowed only in net and train: " name)
    if (name ~ /^itk/ && FILENAME != "src/image/image_io.cpp") complain("ITK is allowed only in image_io.cpp: " name)
    if (header && FILENAME != "src/base/json.h" && name == "nlohmann/json.hpp")
      complain("headers include base/json_fwd.h instead: " name)
    if (header && name ~ /^CLI\//) complain("headers forward-declare CLI::App instead: " name)
  }
  /^ *# *include *"/ {
    match($0, /"[^"]*"/)
    name = substr($0, RSTART + 1, RLENGTH - 2)
    split(name, target, "/")
    if (header && in_src && name == "base/json.h") complain("headers include base/json_fwd.h instead: " name)
    if (!in_src && (target[1] == "support" || name !~ /\//)) next
    if (!(target[1] in rank)) complain("not a folder of src: " name)
    else if (in_src && !(folder in rank)) complain("folder " folder " is not in the list of folders")
    else if (in_src && rank[target[1]] > rank[folder]) complain(folder " comes before " target[1] ": " name)
  }
  END { finish(); exit failed }' "${files[@]}"
echo "includes and files keep the rules"
