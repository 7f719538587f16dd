# nnU-Net's names for training and prediction, with the arguments that 3D Slicer's extension gives.
source "$SEG_TESTS/cli/lib.sh"
[[ " $SEG_MISSING_COMMANDS " != *" train "* ]] || skip "this build has no train and predict"
export nnUNet_raw=$PWD/raw nnUNet_preprocessed=$PWD/preprocessed nnUNet_results=$PWD/results
mkdir raw preprocessed results
expect_ok "$SWIN_UMAMBA" phantom cells -o raw --cases 5 --seed 3
expect_ok "$SWIN_UMAMBA" links --prefix "$PWD"
PATH=$PWD/bin:$PATH
mkdir images
cp "$(ls raw/Dataset703_CellsPhantom/imagesTs/*.png | head -n 1)" images/
images=images trainer=nnUNetTrainerSwinUMambaDScratch
expect_ok nnUNetv2_plan_and_preprocess -d 703 -c 2d

# A whole official training takes days: a short one of our own, and nnU-Net's name only up to its first check.
expect_ok "$SWIN_UMAMBA" train -d 703 -c 2d -f 0 --epochs 1 --iterations 1 --val-iterations 1 --batch-size 2 --patch-size 64x64 --no-validation
model=$(cat stdout)
mkdir "$model/fold_1"
echo damaged > "$model/fold_1/checkpoint_latest.safetensors"
expect_fail 1 "checkpoint_latest.safetensors" nnUNetv2_train 703 2d 1 -tr $trainer --c -device cpu
expect_text "swin-umamba train -d 703 -c 2d -f 1 --trainer $trainer --plans nnUNetPlans --continue" stderr
rm -r "$model/fold_1"
# Without a checkpoint --c starts anew; here that stops for want of pretrained weights.
expect_fail 2 "starts from pretrained weights" nnUNetv2_train 703 2d 1 -tr nnUNetTrainerSwinUMambaD --c -device cpu
expect_text "fold_1 has no checkpoint to continue from; a new training starts" stderr

expect_ok "$SWIN_UMAMBA" predict -i $images -o own -m "$model" -f 0 --tta --step-size 1
expect_ok nnUNetv2_predict -i $images -o slicer -d Dataset703_CellsPhantom -tr $trainer -p nnUNetPlans -c 2d -f 0 -npp 1 -nps 1 -step_size 1 -device cpu -chk checkpoint_final.pth
expect_ok nnUNetv2_predict_from_modelfolder -i $images -o folder -m "$model" -f 0 -step_size=1
for file in own/*.png; do
  expect_same "$file" "slicer/$(basename "$file")"
  expect_same "$file" "folder/$(basename "$file")"
done
expect_ok nnUNetv2_predict -i $images -o best -d 703 -tr $trainer -c 2d -f 0 -step_size 1 --disable_tta -chk checkpoint_best.pth --disable_progress_bar
expect_file best/*.png

# Without -f nnU-Net takes five folds.
expect_fail 1 "fold_1 does not exist" nnUNetv2_predict -i $images -o five -d 703 -tr $trainer -c 2d
