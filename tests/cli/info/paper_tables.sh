# Every figure of the paper's tables that can be reproduced is.
source "$SEG_TESTS/cli/lib.sh"
expect_ok "$SWIN_UMAMBA" info --paper-tables
expect_text "microscopy, 512x512" stdout
expect_fail 2 "--network excludes --paper-tables" "$SWIN_UMAMBA" info --paper-tables --network unetr
