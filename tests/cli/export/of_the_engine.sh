# A model that the engine runs becomes one file without LibTorch: it predicts the same, in half the size nearly so; a damaged one
# predicts nothing.
source "$SEG_TESTS/cli/lib.sh"
formula_model swin_umamba_d
images=(raw/Dataset703_CellsPhantom/imagesTs/*.png)
predict=("$SWIN_UMAMBA" predict -i "${images[0]}" --step-size 1)
label=$(basename "${images[0]}" _0000.png).png
expect_ok "${predict[@]}" -o folder -m model
expect_ok "$SWIN_UMAMBA" export -m model -o model.seg
expect_ok "$SWIN_UMAMBA" export -m model -o half.seg --dtype float16
mv model moved
expect_ok "${predict[@]}" -o file -m model.seg
for name in "$label" dataset.json plans.json; do expect_same "folder/$name" "file/$name"; done
expect_ok "${predict[@]}" -o half -m half.seg
expect_ok "$SWIN_UMAMBA" evaluate folder half --dataset-json folder/dataset.json --fail-under 0.98
expect_ok "$SWIN_UMAMBA" weights show half.seg
expect_text "whole model of nnUNetTrainerSwinUMambaD, configuration 2d" stdout

printf x | dd of=half.seg bs=1 seek=$(($(stat -c %s half.seg) - 1001)) conv=notrunc status=none
expect_fail 1 "half.seg > its contents do not match its checksum" "${predict[@]}" -o damaged -m half.seg
expect_no_file damaged
