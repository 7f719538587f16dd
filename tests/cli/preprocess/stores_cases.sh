#!/usr/bin/env bash
# preprocess stores every case, its reference and the folds; a second run gives the same bytes.
set -euo pipefail
golden="$SEG_SHARED/goldens/pipeline/aniso_C"
[[ -d "$golden" ]] || exit 77
mkdir -p raw out/Dataset903_AnisoC
cp -r "$golden/raw" raw/Dataset903_AnisoC
cp "$golden/nnUNetPlans.json" out/Dataset903_AnisoC

run() { "$SWIN_UMAMBA" preprocess -d AnisoC -c 2d --raw raw --preprocessed out --threads "$1" 2> "stderr_$1.txt"; }
run 1
cases=out/Dataset903_AnisoC/nnUNetPlans_2d
for id in case_00 case_05; do
  for file in "$id.npy" "${id}_seg.npy" "${id}_locations.npy" "$id.json"; do [[ -s "$cases/$file" ]]; done
  cmp "out/Dataset903_AnisoC/gt_segmentations/$id.nii.gz" "$golden/raw/labelsTr/$id.nii.gz"
done
[[ $(find "$cases" -type f | wc -l) == 24 ]]
[[ $(grep -c '"val"' out/Dataset903_AnisoC/splits_final.json) == 5 ]]
grep -q '6 cases written' stderr_1.txt

cp -r out first
run 2
diff -r first out
