# The validation of a trained fold, after the fact.
source "$SEG_TESTS/cli/lib.sh"
prepared_cells
train=("$SWIN_UMAMBA" train -d 703 -c 2d -f 0 --epochs 1 --iterations 1 --val-iterations 1 --batch-size 2 --patch-size 64x64)
expect_ok "${train[@]}" --no-validation
model=$(cat stdout)
expect_no_file "$model/fold_0/validation"
expect_ok "${train[@]}" --val-only --npz
expect_file "$model"/fold_0/validation/{summary.json,*.npz,*.pkl}
