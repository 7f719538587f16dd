#!/usr/bin/env bash
# Unknown phantoms and silly counts are usage errors; a finished dataset is not overwritten.
set -euo pipefail
fails() {  # fails STATUS PATTERN ARGUMENTS...
  local status=0
  "$SWIN_UMAMBA" phantom "${@:3}" > stdout.txt 2> stderr.txt || status=$?
  [[ $status == "$1" && ! -s stdout.txt ]] && grep -q "$2" stderr.txt && return
  cat stderr.txt
  echo "phantom ${*:3}: status $status, expected $1 and \"$2\""
  exit 1
}
fails 2 'abdomen' brain -o raw
fails 2 'cases' cells -o raw --cases 0
fails 2 'seed' cells -o raw --seed -1

mkdir -p raw/Dataset703_CellsPhantom
echo '{}' > raw/Dataset703_CellsPhantom/dataset.json
fails 1 'Dataset703_CellsPhantom exists already' cells -o raw --cases 1
echo 'no folder' > file
fails 1 'cannot create folder file' cells -o file --cases 1
