# A folder that is no model, and references that cannot be found.
source "$SEG_TESTS/cli/lib.sh"
mkdir model
expect_fail 1 "model/dataset.json" "$SWIN_UMAMBA" crossval -m model
cat > model/dataset.json << 'JSON'
{"channel_names": {"0": "MR"}, "labels": {"background": 0, "x": 1}, "numTraining": 1, "file_ending": ".nii.gz"}
JSON
expect_fail 2 "expected --references FOLDER" "$SWIN_UMAMBA" crossval -m model
expect_fail 1 "model/plans.json" "$SWIN_UMAMBA" crossval -m model --preprocessed .
expect_fail 1 "train fold 0 of this model" "$SWIN_UMAMBA" crossval -m model -r .
