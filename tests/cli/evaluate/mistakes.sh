# What can go wrong with the folders of evaluate is said in words.
source "$SEG_TESTS/cli/lib.sh"
require_shared goldens/pipeline/evaluation/hippocampus
golden=$SEG_SHARED/goldens/pipeline/evaluation/hippocampus
mkdir -p work/gt work/pred empty/gt empty/pred
cp "$golden"/gt/hippocampus_0{19,20,48}.nii.gz work/gt
cp "$golden"/pred/hippocampus_0{19,20}.nii.gz work/pred

expect_fail 2 "folder nowhere does not exist" "$SWIN_UMAMBA" evaluate nowhere work/pred
expect_fail 1 "no dataset.json in" "$SWIN_UMAMBA" evaluate work/gt work/pred
expect_text "--dataset-json" stderr
cp "$golden/dataset.json" work
cp "$golden/dataset.json" empty
expect_fail 1 "no .nii.gz file in" "$SWIN_UMAMBA" evaluate empty/gt empty/pred
expect_fail 1 "1 of 3 references have no prediction" "$SWIN_UMAMBA" evaluate work/gt work/pred
expect_text "hippocampus_048.nii.gz" stderr
expect_text "--skip-missing" stderr
expect_ok "$SWIN_UMAMBA" evaluate work/gt work/pred/ --skip-missing
expect_text "2/2" stdout

cp "$golden/pred/hippocampus_052.nii.gz" work/pred/hippocampus_048.nii.gz
expect_fail 1 "work/pred/hippocampus_048.nii.gz" "$SWIN_UMAMBA" evaluate work/gt work/pred -o summary.json
expect_no_file summary.json
