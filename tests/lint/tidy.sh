#!/usr/bin/env bash
# tidy.sh BUILD TARGET FILES...: clang-tidy has nothing to say about these files, each alone, with the flags of TARGET.
set -euo pipefail
build=$1 target=$2; shift 2
tidy=$(command -v clang-tidy-14) || { echo "skipped: clang-tidy-14 is not installed"; exit 77; }
# The build compiles several files at a time: its list of commands does not name them.
command=$(grep -m 1 "\"command\": .*[ /]$target\.dir/" "$build/compile_commands.json") ||
  { echo "error: $build/compile_commands.json has no command of $target"; exit 1; }
list=$(mktemp -d)
trap 'rm -rf "$list"' EXIT
for file in "$@"; do
  printf '%s{"directory": "%s", "file": "%s", %s -c %s"}' "${separator:-[}" "$build" "$file" "${command%% -o *}" "$file"
  separator=$',\n'
done > "$list/compile_commands.json"
echo ']' >> "$list/compile_commands.json"
# clang does not know gcc's -Wno-restrict.
"$tidy" -p "$list" --quiet --warnings-as-errors='*' --extra-arg=-Wno-unknown-warning-option "$@" 2>&1 |
  sed '/warnings\{0,1\} generated/d'
echo "$# files are clean"
