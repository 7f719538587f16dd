# What cannot be exported is told in words, and nothing is left behind.
source "$SEG_TESTS/cli/lib.sh"
mkdir empty
expect_fail 1 "model folder nowhere does not exist" "$SWIN_UMAMBA" export -m nowhere -o model.seg
expect_fail 1 "empty/plans.json" "$SWIN_UMAMBA" export -m empty -o model.seg
expect_fail 2 "float16 is not for --nnunet-zip" "$SWIN_UMAMBA" export -m empty -o model.zip --nnunet-zip --dtype float16
expect_fail 2 "expected final or best" "$SWIN_UMAMBA" export -m empty -o model.seg --checkpoint latest
expect_fail 2 "--dtype" "$SWIN_UMAMBA" export -m empty -o model.seg --dtype int8
expect_no_file model.seg model.zip
