#!/usr/bin/env bash
# A broken image ends plan with exit code 1, the case and the file; nothing is written.
set -euo pipefail
golden="$SEG_SHARED/goldens/pipeline/aniso_A/raw"
[[ -d "$golden" ]] || exit 77
mkdir raw
cp -r "$golden" raw/Dataset901_AnisoA
chmod -R u+w raw
head -c 2000 "$golden/imagesTr/case_02_0001.nii.gz" > raw/Dataset901_AnisoA/imagesTr/case_02_0001.nii.gz

status=0
"$SWIN_UMAMBA" plan -d 901 --raw raw --preprocessed out > stdout.txt 2> stderr.txt || status=$?
[[ $status == 1 ]]
grep -q '^warning: imagesTr/case_02_0001.nii.gz: truncated' stderr.txt
grep -q '^error: raw/Dataset901_AnisoA: 1 problem must be solved first' stderr.txt
[[ ! -s stdout.txt && ! -e out/Dataset901_AnisoA ]]

status=0
"$SWIN_UMAMBA" plan -d 901 --raw raw --preprocessed out --no-check > stdout.txt 2> stderr.txt || status=$?
[[ $status == 1 ]]
grep -q '^error: fingerprint case_02 > .*case_02_0001.nii.gz' stderr.txt
[[ ! -s stdout.txt && ! -e out/Dataset901_AnisoA ]]

status=0
"$SWIN_UMAMBA" plan -d 7 --raw raw --preprocessed out 2> stderr.txt || status=$?
[[ $status == 1 ]]
grep -q 'hint: .*Dataset901_AnisoA' stderr.txt
