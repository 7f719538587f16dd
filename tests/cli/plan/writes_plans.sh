#!/usr/bin/env bash
# plan writes the fingerprint and plans of the reference, and says in a few lines what it chose.
set -euo pipefail
golden="$SEG_SHARED/goldens/pipeline/aniso_A"
[[ -d "$golden" ]] || exit 77
mkdir raw
cp -r "$golden/raw" raw/Dataset901_AnisoA

"$SWIN_UMAMBA" plan -d 901 --raw raw --preprocessed out --quiet > summary.txt
grep -q 'Dataset901_AnisoA: 6 training cases, 3 foreground classes' summary.txt
grep -q 'patch 48 x 48 of 0.782 x 0.782 mm, batch size 2' summary.txt
grep -q 'CT window, then z-score of the dataset (CT)' summary.txt

made=out/Dataset901_AnisoA
cmp "$made/dataset.json" "$golden/raw/dataset.json"
# Means and deviations differ in their last digits (float32 sums there, double here).
diff <(grep -v '"mean"\|"std"' "$golden/dataset_fingerprint.json") \
     <(grep -v '"mean"\|"std"' "$made/dataset_fingerprint.json")
diff <(sed -n '/"2d"/,/"batch_dice"/p' "$golden/nnUNetPlans.json") \
     <(sed -n '/"2d"/,/"batch_dice"/p' "$made/nnUNetPlans.json")
