#!/usr/bin/env bash
# format.sh ROOT: every C++ and CUDA file below ROOT's src, tests and bench is as clang-format writes it.
set -euo pipefail
cd "$1"
formatter=$(command -v clang-format-14) || { echo "skipped: clang-format-14 is not installed"; exit 77; }
mapfile -t files < <(find src tests bench -name '*.cpp' -o -name '*.h' -o -name '*.cu' -o -name '*.cuh' | sort)
"$formatter" --dry-run -Werror "${files[@]}"
echo "${#files[@]} files are formatted"
