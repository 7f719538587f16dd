# A user's whole way on a made-up dataset: plan, preprocess, train, continue, predict, evaluate, look.
source "$SEG_TESTS/cli/lib.sh"
prepared_cells
options=(-d CellsPhantom -c 2d -f 0 --network swin_umamba_d --iterations 2 --val-iterations 1 --batch-size 2
  --patch-size 60x64 --seed 5)
expect_ok "$SWIN_UMAMBA" train "${options[@]}" --epochs 1
expect_text "patch size 60x64 enlarged to 64x64" stderr
model=$(cat stdout)
[[ $model == "$nnUNet_results/Dataset703_CellsPhantom/nnUNetTrainerSwinUMambaDScratch__nnUNetPlans__2d" ]] || complain "unexpected folder $model"
expect_file "$model"/{plans.json,dataset.json,dataset_fingerprint.json}
expect_file "$model"/fold_0/{checkpoint_final.safetensors,checkpoint_best.safetensors,progress.png,validation/summary.json}

expect_ok "$SWIN_UMAMBA" train "${options[@]}" --epochs 2 --continue --no-validation
expect_text "continuing with epoch 1" stderr

images=raw/Dataset703_CellsPhantom/imagesTs labels=raw/Dataset703_CellsPhantom/labelsTs
expect_ok "$SWIN_UMAMBA" predict -i "$images" -o predictions -m "$model" -f 0 --checkpoint best
expect_ok "$SWIN_UMAMBA" predict -i "$images" -o again -m "$model" --checkpoint "$model/fold_0/checkpoint_best.safetensors" --threads 1
for file in predictions/*.png; do expect_same "$file" "again/$(basename "$file")"; done
expect_ok "$SWIN_UMAMBA" predict -i "$images" -o mirrored -m "$model" -f 0 --tta
expect_ok "$SWIN_UMAMBA" evaluate "$labels" predictions -o summary.json
expect_file summary.json
expect_ok "$SWIN_UMAMBA" overlay -i "$images" -l "$labels" -p predictions -o overlays
expect_file overlays/*.png
