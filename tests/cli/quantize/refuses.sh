# A model that int8 would change too much is not written, and neither is what cannot be in int8.
source "$SEG_TESTS/cli/lib.sh"
expect_fail 2 "nowhere" "$SWIN_UMAMBA" quantize -m nowhere -i . -o int8.seg
formula_model swin_umamba_d
data=raw/Dataset703_CellsPhantom
mkdir images
images=("$data"/imagesTs/*_0000.png)
cp "${images[0]}" images
expect_fail 1 "int8 changes too much: expected at least 99 % of the pixels to keep their label, got 9" \
  "$SWIN_UMAMBA" quantize -m model -i images -l "$data/labelsTs" -o int8.seg
expect_text "52 layers in int8" stderr
expect_text "mean Dice 0." stderr
mkdir none
expect_fail 1 "none" "$SWIN_UMAMBA" quantize -m model -i none -o int8.seg
expect_no_file int8.seg
[[ -z $(ls -d .*int8* 2> /dev/null) ]] || complain "left behind: $(ls -d .*int8*)"
