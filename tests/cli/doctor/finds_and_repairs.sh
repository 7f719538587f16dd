# doctor names every problem with its file, and writes a copy in which they are solved.
source "$SEG_TESTS/cli/lib.sh"

"$SWIN_UMAMBA" phantom cells -o raw --cases 5 --quiet > /dev/null
dataset=raw/Dataset703_CellsPhantom
expect_ok "$SWIN_UMAMBA" doctor $dataset
expect_text "$dataset: 5 training cases, 0 errors, 0 warnings" stdout
expect_ok "$SWIN_UMAMBA" doctor 703 --raw raw
expect_ok "$SWIN_UMAMBA" plan -d 703 --raw raw --preprocessed planned

mv $dataset/imagesTr/cells_001_0000.png $dataset/imagesTr/cells_001.png
sed -i 's/"numTraining": 5/"numTraining": 9/' $dataset/dataset.json
code=0
"$SWIN_UMAMBA" doctor $dataset > stdout 2> stderr || code=$?
[[ $code -eq 1 ]] || complain "expected exit code 1, got $code"
expect_text 'numTraining is 9, but there are 5 training cases' stdout
expect_text '--fix: it becomes 5' stdout
expect_text 'imagesTr/cells_001.png' stdout
expect_text '2 problems must be solved before training' stderr
expect_text 'hint: --fix -o NEW' stderr
"$SWIN_UMAMBA" doctor $dataset --json > stdout 2> stderr || true
expect_text '"can_train": false' stdout
expect_text '"repair": "it becomes 5"' stdout

expect_fail 1 '2 problems must be solved first' "$SWIN_UMAMBA" plan -d 703 --raw raw --preprocessed planned
expect_text 'imagesTr/cells_001.png: the name does not end in a channel number' stderr

before=$(find $dataset -type f -exec cksum {} + | sort)
expect_ok "$SWIN_UMAMBA" doctor $dataset --fix -o raw/Dataset704_Repaired
expect_text 'it is renamed to cells_001_0000.png' stderr
expect_text '5 training cases, 0 errors' stdout
[[ $(find $dataset -type f -exec cksum {} + | sort) == "$before" ]] || complain "the source has changed"
expect_ok "$SWIN_UMAMBA" plan -d 704 --raw raw --preprocessed planned
expect_fail 1 'exists already' "$SWIN_UMAMBA" doctor $dataset --fix -o raw/Dataset704_Repaired

expect_fail 2 '--output' "$SWIN_UMAMBA" doctor $dataset --fix
expect_fail 1 'folder nowhere does not exist' "$SWIN_UMAMBA" doctor nowhere
