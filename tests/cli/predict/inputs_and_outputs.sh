# A folder, one file, a list on standard input, parts of a folder and a continued run give the same files; the
# probabilities are what nnU-Net's own programs would read.
source "$SEG_TESTS/cli/lib.sh"
export nnUNet_raw=$PWD/raw nnUNet_preprocessed=$PWD/preprocessed nnUNet_results=$PWD/results
mkdir raw preprocessed results

expect_ok "$SWIN_UMAMBA" phantom abdomen -o raw --cases 5 --seed 3
dataset=$(basename raw/Dataset*)
expect_ok "$SWIN_UMAMBA" plan -d "$dataset"
expect_ok "$SWIN_UMAMBA" preprocess -d "$dataset" -c 2d
train=("$SWIN_UMAMBA" train -d "$dataset" -c 2d -f 0 --epochs 1 --iterations 1 --val-iterations 1 --batch-size 2 --patch-size 64x64)
expect_ok "${train[@]}" --no-validation
model=$(cat stdout)
predict=("$SWIN_UMAMBA" predict -m "$model" --step-size 1)

expect_ok "${predict[@]}" -i "raw/$dataset/imagesTs" -o folder --save-probabilities
expect_file folder/{dataset.json,plans.json,predict_from_raw_data_args.json}
expect_text '"save_probabilities": true' folder/predict_from_raw_data_args.json
labels=(folder/*.nii.gz)
first=$(basename "${labels[0]}" .nii.gz)
[[ ${#labels[@]} -ge 2 ]] || complain "expected two test cases"
expect_file "folder/$first.npz" "folder/$first.pkl"
if command -v python3 > /dev/null; then
  python3 - "folder/$first.pkl" << 'PYTHON'
import pickle, sys
properties = pickle.load(open(sys.argv[1], "rb"))
assert len(properties["sitk_stuff"]["spacing"]) == 3 and len(properties["bbox_used_for_cropping"]) == 3, properties
PYTHON
fi

image=raw/$dataset/imagesTs/${first}_0000.nii.gz
expect_ok "${predict[@]}" -i "$image" -o one/labels.nii.gz
expect_same one/labels.nii.gz "folder/$first.nii.gz"
expect_no_file one/dataset.json
expect_ok "${predict[@]}" -i - -o listed < <(printf '%s\n' "raw/$dataset/imagesTs"/*_0000.nii.gz)
for part in 0 1; do expect_ok "${predict[@]}" -i "raw/$dataset/imagesTs" -o parts --num-parts 2 --part-id $part; done
for file in "${labels[@]}"; do
  expect_same "listed/$(basename "$file")" "$file"
  expect_same "parts/$(basename "$file")" "$file"
done

# Only what is missing is predicted: labels without probabilities do not count when those are asked for.
rm "folder/$first.npz"
expect_ok "${predict[@]}" -i "raw/$dataset/imagesTs" -o folder --save-probabilities --continue-prediction
expect_text "1 cases ($((${#labels[@]} - 1)) more are done)" stderr
expect_file "folder/$first.npz"

expect_fail 2 "--part-id: expected 0 to 1, got 2" "${predict[@]}" -i folder -o x --num-parts 2 --part-id 2
expect_fail 1 "nowhere_0000.nii.gz does not exist" "${predict[@]}" -i nowhere_0000.nii.gz -o x
expect_fail 1 "expected a file that ends in .nii.gz" "${predict[@]}" -i "raw/$dataset/dataset.json" -o x
expect_fail 1 "has 2 channel file(s), expected 1" "${predict[@]}" -i "$image,$image" -o x
expect_fail 1 "two cases are called" "${predict[@]}" -i - -o x < <(printf '%s\n%s\n' "$image" "$image")
expect_fail 1 "standard input names no case" "${predict[@]}" -i - -o x < /dev/null
expect_no_file x

# The validation of the trained fold, after the fact.
expect_ok "${train[@]}" --val-only --npz
expect_file "$model"/fold_0/validation/{summary.json,*.npz,*.pkl}
