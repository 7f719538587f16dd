# Two models that are better together: the commands for new images average them.
source "$SEG_TESTS/cli/lib.sh"
golden=$SEG_SHARED/goldens/pipeline/postprocessing/ensemble_labels
require_shared goldens/pipeline/postprocessing/ensemble_labels
export nnUNet_preprocessed=$PWD/preprocessed nnUNet_results=$PWD/results
dataset=Dataset004_Hippocampus
mkdir -p preprocessed/$dataset/gt_segmentations
cp "$golden/ensemble.nii.gz" preprocessed/$dataset/gt_segmentations/case.nii.gz  # what both say together
for member in 0 1; do
  model=results/$dataset/Member${member}__nnUNetPlans__2d
  mkdir -p "$model"/fold_0/validation from
  cp "$golden/ensemble.nii.gz" from/case.nii.gz
  cp "$golden/member_$member.npz" from/case.npz
  cp "$SEG_SHARED/goldens/pipeline/hippocampus/dataset.json" from
  cp from/dataset.json "$model"
  printf '{"dataset_name": "%s"}\n' $dataset > "$model/plans.json"
  expect_ok "$SWIN_UMAMBA" ensemble -i from -o "$model/fold_0/validation" --save-probabilities  # its own labels
done

expect_ok "$SWIN_UMAMBA" find-best -d 4 -f 0
name=ensemble___Member0__nnUNetPlans__2d___Member1__nnUNetPlans__2d___0
expect_text "best: $name" stdout
expect_file results/$dataset/ensembles/$name/{case.nii.gz,summary.json,postprocessing.json,plans.json}
instructions=results/$dataset/inference_instructions.txt
for member in 0 1; do
  expect_text "predict -i INPUT -o OUTPUT_MODEL_$((member + 1)) -m $PWD/results/$dataset/Member${member}__nnUNetPlans__2d -f 0 --tta --save-probabilities" $instructions
done
expect_text "swin-umamba ensemble -i OUTPUT_MODEL_1 OUTPUT_MODEL_2 -o OUTPUT" $instructions
information=results/$dataset/inference_information.json
expect_text '"result_on_crossval_pre_pp": 1.0' $information
[[ $(grep -c '"trainer": "Member' $information) -eq 4 ]] || complain "expected both models, considered and selected"

expect_ok "$SWIN_UMAMBA" find-best -d 4 -f 0 --no-ensembles
expect_text "best: Member" stdout
