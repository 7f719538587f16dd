# Two models whose validation predictions are there: crossval and find-best score them, name the better one and
# write what nnU-Net writes.
source "$SEG_TESTS/cli/lib.sh"
goldens=goldens/pipeline/postprocessing
require_shared $goldens/determine_fg_helps
export nnUNet_preprocessed=$PWD/preprocessed nnUNet_results=$PWD/results
dataset=Dataset004_Hippocampus
mkdir -p preprocessed/$dataset
cp -r "$SEG_SHARED/$goldens/determine_fg_helps/gt" preprocessed/$dataset/gt_segmentations
for model in fg_helps label2_helps; do
  folder=results/$dataset/${model}__nnUNetPlans__2d
  mkdir -p "$folder"/fold_{0,1}/validation
  cp "$SEG_SHARED/goldens/pipeline/hippocampus/dataset.json" "$folder"
  printf '{"dataset_name": "%s"}\n' $dataset > "$folder/plans.json"
  for file in "$SEG_SHARED/$goldens/determine_$model/pred"/*.nii.gz; do
    fold=0
    [[ $file == *_0[56]* ]] && fold=1
    cp "$file" "$folder/fold_$fold/validation"
  done
done
first=results/$dataset/fg_helps__nnUNetPlans__2d

expect_ok "$SWIN_UMAMBA" crossval -m $first -f 0 1
[[ $(cat stdout) == "$first/crossval_results_folds_0_1" ]] || complain "unexpected folder $(cat stdout)"
expect_file $first/crossval_results_folds_0_1/{summary.json,plans.json,dataset.json,postprocessing.json,postprocessed/summary.json}
expect_fail 1 "train fold 3 of this model" "$SWIN_UMAMBA" crossval -m $first -f 0 3

expect_fail 1 "no model in" "$SWIN_UMAMBA" find-best -d 4
expect_ok "$SWIN_UMAMBA" find-best -d 4 -f 0 1
expect_text "best: fg_helps__nnUNetPlans__2d" stdout
expect_text "0.8659" stdout
expect_text "0.8690" stdout
expect_text "no probabilities of the validation cases" stderr
information=results/$dataset/inference_information.json
expect_text '"result_on_crossval_post_pp": 0.869036060426619' $information
expect_text '"trainer": "label2_helps"' $information
expect_text "predict -i INPUT -o OUTPUT -m $PWD/$first -f 0 1" results/$dataset/inference_instructions.txt

# The postprocessing as the instructions say it.
line=$(grep 'postprocess apply' results/$dataset/inference_instructions.txt)
line=${line/swin-umamba/}
# shellcheck disable=SC2086
expect_ok "$SWIN_UMAMBA" ${line/-i OUTPUT /-i $first/crossval_results_folds_0_1 }
expect_same OUTPUT_FINAL/hippocampus_060.nii.gz $first/crossval_results_folds_0_1/postprocessed/hippocampus_060.nii.gz
