#!/usr/bin/env bash
# tidy.sh BUILD FILES...: clang-tidy has nothing to say about these files, with the flags they are built with.
set -euo pipefail
build=$1; shift
tidy=$(command -v clang-tidy-14) || { echo "skipped: clang-tidy-14 is not installed"; exit 77; }
# clang does not know gcc's -Wno-restrict.
"$tidy" -p "$build" --quiet --warnings-as-errors='*' --extra-arg=-Wno-unknown-warning-option "$@" 2>&1 |
  sed '/warnings\{0,1\} generated/d'
echo "$# files are clean"
