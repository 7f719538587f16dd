#!/usr/bin/env bash
# Without plans, or with an unknown configuration, preprocess says what to do.
set -euo pipefail
golden="$SEG_SHARED/goldens/pipeline/aniso_C"
[[ -d "$golden" ]] || exit 77
mkdir raw
cp -r "$golden/raw" raw/Dataset903_AnisoC

status=0
"$SWIN_UMAMBA" preprocess -d 903 --raw raw --preprocessed out 2> stderr.txt || status=$?
[[ $status == 1 ]]
grep -q 'nnUNetPlans.json is missing' stderr.txt
grep -q 'hint: run swin-umamba plan' stderr.txt

mkdir -p out/Dataset903_AnisoC
cp "$golden/nnUNetPlans.json" out/Dataset903_AnisoC
status=0
"$SWIN_UMAMBA" preprocess -d 903 -c 3d_fulres --raw raw --preprocessed out 2> stderr.txt || status=$?
[[ $status == 2 ]]
grep -q 'did you mean "3d_fullres"' stderr.txt
