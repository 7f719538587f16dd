# A checkpoint goes to nnU-Net's format and back, predicts the same and is continued; other weights are shown and converted.
source "$SEG_TESTS/cli/lib.sh"
require_command train
prepared_cells
options=(-d 703 -c 2d -f 0 --network swin_umamba_d --iterations 1 --val-iterations 1 --batch-size 2 --patch-size 64x64 --no-validation)
expect_ok "$SWIN_UMAMBA" train "${options[@]}" --epochs 1
model=$(cat stdout) fold=$(cat stdout)/fold_0

expect_ok "$SWIN_UMAMBA" weights show "$fold/checkpoint_final.safetensors"
expect_text "fits swin_umamba_d with 3 input channels and 3 classes" stdout
expect_text "checkpoint of nnUNetTrainerSwinUMambaDScratch after 1 epochs" stdout
expect_ok "$SWIN_UMAMBA" weights convert "$fold/checkpoint_final.safetensors" "$fold/checkpoint_final.pth"
expect_text "checkpoint_final.pth" stdout

images=raw/Dataset703_CellsPhantom/imagesTs
expect_ok "$SWIN_UMAMBA" predict -i "$images" -o ours -m "$model"
mv "$fold/checkpoint_final.safetensors" "$fold/checkpoint_best.safetensors" .
expect_ok "$SWIN_UMAMBA" predict -i "$images" -o theirs -m "$model"
for file in ours/*.png; do expect_same "$file" "theirs/$(basename "$file")"; done

# Back again: the weights, the optimiser and the log are as before, so the training goes on.
expect_ok "$SWIN_UMAMBA" weights convert "$fold/checkpoint_final.pth" "$fold/checkpoint_latest.safetensors"
for file in checkpoint_final.safetensors "$fold/checkpoint_latest.safetensors"; do
  "$SWIN_UMAMBA" weights show "$file" | grep -E '^(network_weights|optimizer_state)' > "$(basename "$file").txt"
done
expect_same checkpoint_final.safetensors.txt checkpoint_latest.safetensors.txt
expect_ok "$SWIN_UMAMBA" train "${options[@]}" --epochs 2 --continue
expect_text "continuing with epoch 1" stderr

# Only the weights.
expect_ok "$SWIN_UMAMBA" weights convert --network-only checkpoint_final.safetensors bare.pt
expect_ok "$SWIN_UMAMBA" weights convert bare.pt bare.safetensors --quiet
expect_ok "$SWIN_UMAMBA" weights show bare.safetensors
expect_text "fits swin_umamba_d with 3 input channels and 3 classes" stdout
! grep -q optimizer_state stdout || complain "the optimiser's state was kept"

expect_fail 2 "expected a name ending in .safetensors, .pth or .pt" "$SWIN_UMAMBA" weights convert bare.pt bare.onnx
head -c 1000 bare.pt > short.pt
expect_fail 1 "short.pt > not a zip archive, or its end is cut off" "$SWIN_UMAMBA" weights show short.pt
expect_fail 1 "expected plans.json and dataset.json" "$SWIN_UMAMBA" weights convert checkpoint_final.safetensors lost.pth
expect_no_file lost.pth
