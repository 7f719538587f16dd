# Folders without probabilities or without dataset.json are told by name.
source "$SEG_TESTS/cli/lib.sh"
mkdir a b
expect_fail 1 "a/dataset.json" "$SWIN_UMAMBA" ensemble -i a b -o out
cat > a/dataset.json << 'JSON'
{"channel_names": {"0": "MR"}, "labels": {"background": 0, "x": 1}, "numTraining": 1, "file_ending": ".nii.gz"}
JSON
expect_fail 1 "a: no probabilities (.npz)" "$SWIN_UMAMBA" ensemble -i a b -o out
expect_text "--save-probabilities" stderr
expect_no_file out
