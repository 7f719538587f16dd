# What is not offered is refused in one line before anything is done; links replace nobody's files.
source "$SEG_TESTS/cli/lib.sh"
export nnUNet_raw=$PWD nnUNet_preprocessed=$PWD nnUNet_results=$PWD
expect_ok "$SWIN_UMAMBA" links --prefix "$PWD"
ln -s "$(readlink bin/nnUNetv2_train)" bin/nnUNetv2_download_pretrained_model_by_url
PATH=$PWD/bin:$PATH

for command in bin/nnUNetv2_*; do
  [[ $command == *_download_pretrained_model_by_url ]] && continue
  expect_ok "$(basename "$command")" -h
  expect_text "usage: $(basename "$command")" stdout
  expect_fail 2 "required" "$(basename "$command")"
  expect_fail 2 "unknown option" "$(basename "$command")" --no_such_option
done

for configuration in 3d_fullres 3d_lowres 3d_cascade_fullres; do
  expect_fail 2 "configuration $configuration is not offered" nnUNetv2_train 4 $configuration 0
  expect_fail 2 "configuration $configuration is not offered" nnUNetv2_predict -i a -o b -d 4 -c $configuration
  expect_fail 2 "configuration $configuration is not offered" nnUNetv2_plan_and_preprocess -d 4 -c 2d $configuration
  [[ $(wc -l < stderr) -eq 1 ]] || complain "expected one line"
done
expect_fail 2 "cascade" nnUNetv2_predict_from_modelfolder -i a -o b -m c -prev_stage_predictions d
expect_fail 2 "only ExperimentPlanner" nnUNetv2_plan_experiment -d 4 -pl nnUNetPlannerResEncM
expect_fail 2 "--c and --val cannot go together" nnUNetv2_train 4 2d 0 --c --val
expect_fail 2 "--c and -pretrained_weights cannot go together" nnUNetv2_train 4 2d 0 --c -pretrained_weights w.pth
for checkpoint in model_final.pth best folds/checkpoint_best.pth checkpoint_best.zip; do
  expect_fail 2 "-chk $checkpoint: expected the name of a checkpoint" nnUNetv2_predict_from_modelfolder -i a -o b -m c -chk $checkpoint
done
expect_fail 2 "only 1 is offered" nnUNetv2_train 4 2d 0 -num_gpus 4
expect_fail 2 "expected cpu, cuda or mps" nnUNetv2_train 4 2d 0 -device tpu
expect_fail 2 "expected a value" nnUNetv2_train 4 2d 0 -tr
expect_fail 2 "unexpected argument \"5\"" nnUNetv2_train 4 2d 0 5
expect_fail 2 'unknown nnU-Net command "nnUNetv2_download_pretrained_model_by_url"' nnUNetv2_download_pretrained_model_by_url
expect_fail 2 "-chk: expected one checkpoint" nnUNetv2_export_model_to_zip -d 4 -o x.zip -chk a b
expect_fail 2 "--exp_cv_preds is not offered" nnUNetv2_export_model_to_zip -d 4 -o x.zip --exp_cv_preds
unset nnUNet_results
expect_fail 2 "nnUNet_results is not set" nnUNetv2_predict -i a -o b -d 4 -c 2d

mkdir -p theirs/bin
echo "nnU-Net's own" > theirs/bin/nnUNetv2_train
expect_fail 1 "theirs/bin/nnUNetv2_train exists" "$SWIN_UMAMBA" links --prefix theirs
expect_no_file theirs/bin/nnUNetv2_predict
expect_ok "$SWIN_UMAMBA" links --prefix theirs --force
expect_ok "$SWIN_UMAMBA" links --prefix theirs
