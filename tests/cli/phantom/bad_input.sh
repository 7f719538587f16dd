# Unknown phantoms and silly counts are usage errors; a finished dataset is not overwritten.
source "$SEG_TESTS/cli/lib.sh"

expect_fail 2 'abdomen' "$SWIN_UMAMBA" phantom brain -o raw
expect_fail 2 'cases' "$SWIN_UMAMBA" phantom cells -o raw --cases 0
expect_fail 2 'seed' "$SWIN_UMAMBA" phantom cells -o raw --seed -1

mkdir -p raw/Dataset703_CellsPhantom
echo '{}' > raw/Dataset703_CellsPhantom/dataset.json
expect_fail 1 'Dataset703_CellsPhantom exists already' "$SWIN_UMAMBA" phantom cells -o raw --cases 1
echo 'no folder' > file
expect_fail 1 'cannot create folder file' "$SWIN_UMAMBA" phantom cells -o file --cases 1

# A disk that is full: past this limit writing fails as it does without room.
full() (trap '' XFSZ; ulimit -f 8; exec "$@")
expect_fail 1 "cannot write" full "$SWIN_UMAMBA" phantom cells -o disk --cases 1
expect_fail 1 "cannot write" full "$SWIN_UMAMBA" phantom abdomen -o disk --cases 1
[[ -z $(find disk -type f -name '.tmp*') ]] || complain "a half-written file was left"
[[ -z $(find disk -name '*.nii.gz') ]] || complain "a truncated image was left"
