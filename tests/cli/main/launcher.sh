# The program that people call needs the one beside it, and says so.
source "$SEG_TESTS/cli/lib.sh"
cp "$SWIN_UMAMBA" swin-umamba
expect_fail 1 "cannot start $PWD/swin-umamba-core: No such file or directory" ./swin-umamba --version
