source "$SEG_TESTS/cli/lib.sh"
expect_ok "$SWIN_UMAMBA" --version
grep -qE '^[0-9]+\.[0-9]+\.[0-9]+$' stdout || complain "no version: $(cat stdout)"
[[ ! -s stderr ]] || complain "stderr is not empty"
