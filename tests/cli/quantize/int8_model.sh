# A trained model in int8 is one file of a fraction of the size, which predicts nearly the same on the engine, and there only.
source "$SEG_TESTS/cli/lib.sh"
require_command train
prepared_cells
sed -i -E 's/("UNet_base_num_features":) 32/\1 16/; s/("unet_max_num_features":) [0-9]+/\1 64/' preprocessed/Dataset703_CellsPhantom/nnUNetPlans.json
expect_ok "$SWIN_UMAMBA" train -d 703 -c 2d -f 0 --network nnunet --epochs 2 --iterations 60 --val-iterations 1 --batch-size 2 \
  --patch-size 64x64 --learning-rate 5e-3 --no-augmentation --no-validation
model=$(cat stdout)
data=raw/Dataset703_CellsPhantom
expect_ok "$SWIN_UMAMBA" export -m "$model" -o model.seg
expect_ok "$SWIN_UMAMBA" quantize -m model.seg -i "$data/imagesTs" -l "$data/labelsTs" -o int8.seg
expect_text " layers in int8" stderr
[[ $(cat stderr) =~ \([+-]0\.00[0-9]+\) ]] || complain "Dice changes: $(cat stderr)"
((3 * $(stat -c %s int8.seg) < $(stat -c %s model.seg))) || complain "int8 is not smaller than a third"
expect_ok "$SWIN_UMAMBA" weights show int8.seg
expect_text "whole model of nnUNetTrainer" stdout

predict=("$SWIN_UMAMBA" predict -i "$data/imagesTs" --step-size 1)
expect_ok "${predict[@]}" -m int8.seg -o int8
expect_file int8/*.png
for option in "--engine torch" --check-engine; do
  # shellcheck disable=SC2086
  expect_fail 1 "int8 layers run on the engine only" "${predict[@]}" -m int8.seg -o torch $option
done
expect_fail 1 "its layers are int8 already" "$SWIN_UMAMBA" quantize -m int8.seg -i "$data/imagesTs" -o twice.seg
expect_no_file twice.seg torch
