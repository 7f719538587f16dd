#!/usr/bin/env bash
# run.sh CASE: runs one case in a fresh folder and removes the folder afterwards. Its exit code is the case's.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
unset nnUNet_raw nnUNet_preprocessed nnUNet_results  # a case names its own folders
bash "$1"
