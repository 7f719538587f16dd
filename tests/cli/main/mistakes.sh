# Mistakes on the command line end with exit code 2 and a way out.
source "$SEG_TESTS/cli/lib.sh"
expect_fail 2 'did you mean "evaluate"?' "$SWIN_UMAMBA" evalaute
expect_fail 2 'did you mean "--threads"?' "$SWIN_UMAMBA" evaluate gt pred --thread 2
expect_text 'see swin-umamba evaluate --help' stderr
expect_fail 2 'did you mean "--version"?' "$SWIN_UMAMBA" --verson
expect_fail 2 'see swin-umamba --help' "$SWIN_UMAMBA"
expect_fail 2 'see swin-umamba --help' "$SWIN_UMAMBA" no-such-thing-at-all
expect_fail 2 '--threads' "$SWIN_UMAMBA" evaluate gt pred --threads 0
expect_fail 2 '--threads' "$SWIN_UMAMBA" evaluate gt pred --threads many
