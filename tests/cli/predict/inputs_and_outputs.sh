# A folder, one file, a list on standard input, parts of a folder and a continued run give the same files; the
# probabilities are what nnU-Net's own programs would read.
source "$SEG_TESTS/cli/lib.sh"
formula_model swin_umamba_d
dataset=Dataset703_CellsPhantom
predict=("$SWIN_UMAMBA" predict -m model --step-size 1)

expect_ok "${predict[@]}" -i "raw/$dataset/imagesTs" -o folder --save-probabilities
expect_file folder/{dataset.json,plans.json,predict_from_raw_data_args.json}
expect_text '"save_probabilities": true' folder/predict_from_raw_data_args.json
labels=(folder/*.png)
first=$(basename "${labels[0]}" .png)
[[ ${#labels[@]} -ge 2 ]] || complain "expected two test cases"
expect_file "folder/$first.npz" "folder/$first.pkl"
if command -v python3 > /dev/null; then
  python3 - "folder/$first.pkl" << 'PYTHON'
import pickle, sys
properties = pickle.load(open(sys.argv[1], "rb"))
assert properties["spacing"] == [999, 1, 1] and len(properties["bbox_used_for_cropping"]) == 3, properties
PYTHON
fi

image=raw/$dataset/imagesTs/${first}_0000.png
expect_ok "${predict[@]}" -i "$image" -o one/labels.png
expect_same one/labels.png "folder/$first.png"
expect_no_file one/dataset.json
expect_ok "${predict[@]}" -i - -o listed <<< "$image"
expect_same "listed/$first.png" "folder/$first.png"
expect_ok "${predict[@]}" -i "raw/$dataset/imagesTs" -o parts --num-parts 2 --part-id 1
expect_no_file "parts/$first.png"
expect_same "parts/$(basename "${labels[1]}")" "${labels[1]}"

# Only what is missing is predicted: labels without probabilities do not count when those are asked for.
rm "folder/$first.npz"
expect_ok "${predict[@]}" -i "raw/$dataset/imagesTs" -o folder --save-probabilities --continue-prediction
expect_text "1 cases ($((${#labels[@]} - 1)) more are done)" stderr
expect_file "folder/$first.npz"

expect_fail 2 "--part-id: expected 0 to 1, got 2" "${predict[@]}" -i folder -o x --num-parts 2 --part-id 2
expect_fail 1 "two cases are called" "${predict[@]}" -i - -o x <<< "$image"$'\n'"$image"
expect_no_file x
