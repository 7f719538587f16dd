# What a network costs, for people and for programs; sizes and names that cannot be are refused.
source "$SEG_TESTS/cli/lib.sh"

info=("$SWIN_UMAMBA" info --in-channels 1 --classes 14 --size 64x96)
expect_ok "${info[@]}" --network segresnet
expect_text "parameters         6.30 M" stdout
expect_text "down_layers.0" stdout

expect_ok "${info[@]}" --network swin_umamba_d --json
expect_text '"parameters": 27497720' stdout
expect_text '"network": "swin_umamba_d"' stdout
flops=$(grep -m1 '"flops"' stdout)
expect_ok "${info[@]}" --network swin_umamba_d --json --flops v1
[[ $(grep -m1 '"flops"' stdout) != "$flops" ]] || complain "both formulas give $flops"

expect_fail 2 '--size: expected HEIGHTxWIDTH' "$SWIN_UMAMBA" info --network segresnet --size 64
expect_fail 2 'did you mean "segresnet"?' "$SWIN_UMAMBA" info --network segresnett
