# A trainer by nnU-Net's option: its network follows the plans, trains, goes on and predicts.
source "$SEG_TESTS/cli/lib.sh"
prepared_cells
plans=preprocessed/Dataset703_CellsPhantom/nnUNetPlans.json
sed -i 's/"UNet_base_num_features": 32/"UNet_base_num_features": 4/' "$plans"
options=(-d 703 -c 2d -f 0 -tr nnUNetTrainer --iterations 1 --val-iterations 1 --batch-size 2 --patch-size 120x128)
expect_ok "$SWIN_UMAMBA" train "${options[@]}" --epochs 1 --no-validation
model=$(cat stdout)
[[ $model == */nnUNetTrainer__nnUNetPlans__2d ]] || complain "unexpected folder $model"
expect_ok "$SWIN_UMAMBA" train "${options[@]}" --epochs 2 --no-validation --continue
expect_text "Current learning rate: 0.00536" stderr # 0.01 * 0.5^0.9
expect_ok "$SWIN_UMAMBA" predict -i raw/Dataset703_CellsPhantom/imagesTs -o predictions -m "$model"
expect_file predictions/*.png

sed -i 's/"PlainConvUNet"/"ResidualEncoderUNet"/' "$plans"
expect_fail 1 "expected plans of a PlainConvUNet" "$SWIN_UMAMBA" train "${options[@]}"
