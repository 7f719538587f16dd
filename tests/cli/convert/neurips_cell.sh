#!/usr/bin/env bash
# convert makes the three-class dataset from cell numbers; the two boundary rules differ.
set -euo pipefail
raw="$SEG_SHARED/data/nuclei_raw"
golden="$SEG_SHARED/goldens/pipeline/nuclei"
[[ -d "$raw" && -d "$golden" ]] || exit 77
mkdir -p in/{train,test}/{images,labels}
for label in "$golden"/labels_inner_only/*.png; do
  id=$(basename "$label" .png)
  cp "$raw/train/images/$id.png" in/train/images/
  cp "$raw/train/labels/${id}_label.tiff" in/train/labels/
done
for image in $(ls "$raw/test/images" | head -2); do
  cp "$raw/test/images/$image" in/test/images/
  cp "$raw/test/labels/${image%.png}_label.tiff" in/test/labels/
done

"$SWIN_UMAMBA" convert neurips-cell in out > stdout.txt 2> stderr.txt
[[ $(cat stdout.txt) == out/Dataset703_NeurIPSCell ]]
grep -q 'converted 10 training and 2 test images' stderr.txt
made=out/Dataset703_NeurIPSCell
[[ $(ls $made/imagesTr | wc -l) == 10 && $(ls $made/labelsTr | wc -l) == 10 && $(ls $made/instancesTr | wc -l) == 10 ]]
[[ $(ls $made/imagesTs | wc -l) == 2 && $(ls $made/labelsTs | wc -l) == 2 && $(ls $made/instancesTs | wc -l) == 2 ]]

# The dataset can be planned, so image and label files fit together.
"$SWIN_UMAMBA" plan -d 703 --raw out --preprocessed planned --quiet > summary.txt
grep -q '10 training cases, 2 foreground classes' summary.txt

"$SWIN_UMAMBA" convert neurips-cell in out --name Dataset704_Thick --boundary challenge --quiet > /dev/null
cmp -s $made/labelsTr/cell_00ae65c1.png out/Dataset704_Thick/labelsTr/cell_00ae65c1.png && exit 1
cmp $made/imagesTr/cell_00ae65c1_0000.png out/Dataset704_Thick/imagesTr/cell_00ae65c1_0000.png
