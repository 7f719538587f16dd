# nnU-Net's names for what comes after prediction: each says which of our command lines it runs.
source "$SEG_TESTS/cli/lib.sh"
export nnUNet_raw=$PWD nnUNet_preprocessed=$PWD nnUNet_results=$PWD
mkdir Dataset004_Hippocampus
expect_ok "$SWIN_UMAMBA" links --prefix "$PWD"
PATH=$PWD/bin:$PATH
model=Dataset004_Hippocampus/nnUNetTrainer__nnUNetPlans__2d

# expect_runs LINE COMMAND...: it runs exactly LINE, which fails here for want of files.
expect_runs() {
  local line=$1
  shift
  expect_fail 1 "" "$@"
  grep -qxF -- "$1: swin-umamba $line" stderr || { cat stderr >&2; complain "expected the line: $line"; }
}

expect_runs "ensemble -i a b -o c --save-probabilities --threads 2" nnUNetv2_ensemble -i a b -o c --save_npz -np 2
expect_runs "find-best -d 4 --models A__nnUNetPlans__2d B__nnUNetPlans__2d -f 0 1 --no-ensembles" \
  nnUNetv2_find_best_configuration 4 -tr A B -c 2d -f 0 1 --disable_ensembling
expect_runs "crossval -m $PWD/$model --no-postprocessing -o out -f 0 1 2 3 4" nnUNetv2_accumulate_crossval_results 4 -c 2d -o out
expect_runs "postprocess determine -i a -r b --dataset-json d" \
  nnUNetv2_determine_postprocessing -i a -ref b -plans_json p -dataset_json d
expect_runs "postprocess apply -i a -o b --rules c/postprocessing.json" \
  nnUNetv2_apply_postprocessing -i a -o b -pp_pkl_file c/postprocessing.pkl
expect_runs "convert msd in/Task04_Hippocampus/ $PWD --name Dataset042_Hippocampus" \
  nnUNetv2_convert_MSD_dataset -i in/Task04_Hippocampus/ -overwrite_id 42

# Options without a counterpart are named.
expect_fail 1 "--no_overwrite: everything is computed anew" nnUNetv2_find_best_configuration 4 -c 2d --no_overwrite
expect_fail 2 "-overlay_intensity is not offered" nnUNetv2_plot_overlay_pngs -d 4 -o o -overlay_intensity 0.3
expect_fail 1 "the raw images are drawn" nnUNetv2_plot_overlay_pngs -d 4 -o o
