# dump writes a preprocessed case as an npz with data and seg.
source "$SEG_TESTS/cli/lib.sh"

"$SWIN_UMAMBA" phantom cells -o raw --cases 2 --quiet > /dev/null
"$SWIN_UMAMBA" plan -d 703 --raw raw --preprocessed planned --quiet > /dev/null 2> /dev/null
"$SWIN_UMAMBA" preprocess -d 703 --raw raw --preprocessed planned --quiet 2> /dev/null
stored=planned/Dataset703_CellsPhantom/nnUNetPlans_2d/cells_000
expect_ok "$SWIN_UMAMBA" dump $stored -o case.npz
expect_text data.npy case.npz
expect_text seg.npy case.npz
expect_text "'|i1'" case.npz  # nnU-Net's type of seg
expect_ok "$SWIN_UMAMBA" dump $stored.npy -o same.npz
expect_same case.npz same.npz
expect_fail 1 'cells_009.npy is missing' "$SWIN_UMAMBA" dump "${stored/000/009}" -o none.npz
expect_fail 2 'ends in .npz' "$SWIN_UMAMBA" dump $stored -o case.npy
expect_no_file none.npz case.npy
