# convert msd turns a task folder into a dataset that can be planned; other layouts are named by what they lack.
source "$SEG_TESTS/cli/lib.sh"

"$SWIN_UMAMBA" phantom abdomen -o raw --cases 2 --quiet > /dev/null
from=$(ls -d raw/Dataset*)
mkdir -p Task21_Tiny/{imagesTr,labelsTr}
entries=
for label in "$from"/labelsTr/*.nii.gz; do
  id=$(basename "$label" .nii.gz)
  cp "$from/imagesTr/${id}_0000.nii.gz" "Task21_Tiny/imagesTr/$id.nii.gz"
  cp "$label" Task21_Tiny/labelsTr/
  entries+="${entries:+,}{\"image\": \"./imagesTr/$id.nii.gz\", \"label\": \"./labelsTr/$id.nii.gz\"}"
done
labels=$(for i in $(seq 0 13); do printf '%s"%s": "%s"' "$([[ $i -gt 0 ]] && echo ,)" "$i" "$([[ $i -gt 0 ]] && echo "organ $i" || echo background)"; done)
echo "{\"modality\": {\"0\": \"MRI\"}, \"labels\": {$labels}, \"training\": [$entries], \"test\": []}" > Task21_Tiny/dataset.json

expect_ok "$SWIN_UMAMBA" convert msd Task21_Tiny out
expect_text out/Dataset021_Tiny stdout
expect_text 'converted 2 training and 0 test images' stderr
expect_ok "$SWIN_UMAMBA" plan -d 21 --raw out --preprocessed planned

expect_fail 1 'no labelled MR scan found' "$SWIN_UMAMBA" convert amos-mr Task21_Tiny out
expect_fail 1 'no training frame found' "$SWIN_UMAMBA" convert endovis17 Task21_Tiny out
expect_fail 2 'endovis17' "$SWIN_UMAMBA" convert endovis Task21_Tiny out
