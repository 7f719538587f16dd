# Two models of one fold: crossval and find-best score them and their ensemble; the commands it prints run.
source "$SEG_TESTS/cli/lib.sh"
export nnUNet_raw=$PWD/raw nnUNet_preprocessed=$PWD/preprocessed nnUNet_results=$PWD/results
mkdir raw preprocessed results

expect_ok "$SWIN_UMAMBA" phantom cells -o raw --cases 5 --seed 3
expect_ok "$SWIN_UMAMBA" plan -d 703
expect_ok "$SWIN_UMAMBA" preprocess -d 703 -c 2d
for network in swin_umamba swin_umamba_d; do
  expect_ok "$SWIN_UMAMBA" train -d 703 -c 2d -f 0 --network $network --epochs 1 --iterations 1 --val-iterations 1 \
    --batch-size 2 --patch-size 64x64 --npz
done
results=$nnUNet_results/Dataset703_CellsPhantom
models=("$results"/*__2d)

expect_ok "$SWIN_UMAMBA" crossval -m "${models[0]}" -f 0
gathered=$(cat stdout)
[[ $gathered == "${models[0]}/crossval_results_folds_0" ]] || complain "unexpected folder $gathered"
expect_file "$gathered"/{summary.json,plans.json,dataset.json,postprocessing.json,postprocessing.pkl,postprocessed/summary.json}
expect_fail 1 "fold_3/validation does not exist" "$SWIN_UMAMBA" crossval -m "${models[0]}" -f 0 3

expect_fail 1 "no model in" "$SWIN_UMAMBA" find-best -d 703
expect_ok "$SWIN_UMAMBA" find-best -d 703 -f 0
expect_text "best: " stdout
expect_file "$results"/inference_information.json "$results"/ensembles/ensemble___*/summary.json
expect_text '"all_results"' "$results/inference_information.json"

sed "s|^swin-umamba|$SWIN_UMAMBA|; s|INPUT|raw/Dataset703_CellsPhantom/imagesTs|" "$results/inference_instructions.txt" > instructions.sh
expect_ok bash -e instructions.sh
expect_file OUTPUT_FINAL/*.png

# The ensemble, where the single model has won.
expect_ok "$SWIN_UMAMBA" ensemble -i "${models[0]}/fold_0/validation" "${models[1]}/fold_0/validation" -o both \
  --dataset-json "${models[0]}/dataset.json" --save-probabilities
expect_file both/*.{png,npz,pkl}
