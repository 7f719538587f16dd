#!/usr/bin/env bash
# selftest.sh: each checker beside this file finds what is wrong with a small bad sample, and passes a good one.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

# expect CODE TEXT COMMAND...: the command ends with CODE and prints TEXT.
expect() {
  local code=$1 text=$2 got=0 output
  shift 2
  output=$("$@" 2>&1) || got=$?
  if [[ $got -ne $code || $output != *"$text"* ]]; then
    printf 'expected exit code %s and "%s", got %s:\n%s\n' "$code" "$text" "$got" "$output"
    exit 1
  fi
}

# fresh: an empty tree with one good header.
fresh() {
  rm -rf "${root:?}"/*
  mkdir -p "$root"/{src/app,src/base,src/net,src/image,tests/base,bench,scripts,cmake}
  printf '#pragma once\n#include <string>\n' > "$root/src/base/good.h"
}

# finds TEXT FILE LINE...: includes.sh complains about a file of these lines.
finds() {
  local text=$1 file=$2
  shift 2
  fresh
  printf '%s\n' "$@" > "$root/$file"
  expect 1 "$text" "$here/includes.sh" "$root"
}

fresh
expect 0 "keep the rules" "$here/includes.sh" "$root"
printf '#include <torch/torch.h>\n#include "base/good.h"\n' > "$root/src/net/layers.cpp"
printf '#include <itkImage.h>\n' > "$root/src/image/image_io.cpp"
printf '#include "support/goldens.h"\n' > "$root/tests/base/good_test.cpp"
expect 0 "keep the rules" "$here/includes.sh" "$root"
finds "src/base/bad.cpp:2: base comes before net" src/base/bad.cpp '' '#include "net/network.h"'
finds "not a folder of src" src/base/bad.cpp '#include "good.h"'
finds "is not in the list of folders" src/bad.cpp '#include "base/good.h"'
finds "LibTorch is allowed only" src/image/bad.cpp '#include <torch/torch.h>'
finds "LibTorch is allowed only" src/app/bad.cpp '#include <torch/types.h>'
finds "LibTorch is allowed only" tests/base/bad_test.cpp '#  include <ATen/ATen.h>'
finds "ITK is allowed only" src/image/bad.cpp '#include <itkImage.h>'
finds "bad.h: no #pragma once" src/base/bad.h '#include <string>'
finds "base/json_fwd.h instead" src/net/bad.h '#pragma once' '#include "base/json.h"'
finds "longer than 600 lines" src/base/bad.cpp $(seq 601)
finds "longer than 600 lines" scripts/bad $(seq 601)

if command -v clang-format-14 > /dev/null; then
  fresh
  cp "$here/../../.clang-format" "$root"
  expect 0 "1 files are formatted" "$here/format.sh" "$root"
  printf 'int  f( );\n' > "$root/src/base/bad.cpp"
  expect 1 "bad.cpp:1" "$here/format.sh" "$root"
fi
if command -v clang-tidy-14 > /dev/null; then
  fresh
  cp "$here/../../.clang-tidy" "$root"
  printf '[{"command": "g++ -std=c++20 -o seg_x.dir/other.o -c other.cpp"}]\n' > "$root/compile_commands.json"
  printf 'double half(int x) { return x * 0.5; }\n' > "$root/bad.cpp"
  expect 0 "1 files are clean" "$here/tidy.sh" "$root" seg_x "$root/bad.cpp"
  printf 'double half(int x) { return x / 2; }\n' > "$root/bad.cpp"
  expect 1 "bugprone-integer-division" "$here/tidy.sh" "$root" seg_x "$root/bad.cpp"
  expect 1 "no command of seg_y" "$here/tidy.sh" "$root" seg_y "$root/bad.cpp"
fi
echo "the checkers find what they should"
