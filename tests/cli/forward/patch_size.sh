# Networks that follow their input's size, or the one they are told.
source "$SEG_TESTS/cli/lib.sh"

# zeros.npy: float32 zeros of shape (1, 2, 20, 30).
header="{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 20, 30), }"
printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "$header" > zeros.npy
head -c $((2 * 20 * 30 * 4)) /dev/zero >> zeros.npy

forward=("$SWIN_UMAMBA" forward --in-channels 2 --classes 3 --input zeros.npy)
expect_ok "${forward[@]}" --network nnunet --output-dir own --deep-supervision
expect_text "'shape': (1, 3, 20, 30)" own/out_0.npy
expect_file own/out_1.npy
expect_no_file own/out_2.npy # 20 rows are halved twice: two resolutions above the bottleneck
expect_ok "${forward[@]}" --network nnunet --output-dir larger --deep-supervision --patch-size 64x64
expect_text "20x30 is padded to 32x32" stderr
expect_file larger/out_3.npy
expect_ok "${forward[@]}" --network umamba_enc --output-dir fixed --patch-size 32x32
expect_text "20x30 is padded to 32x32" stderr
expect_fail 1 "the network is built for 16x16 pixels, got 20x30" \
  "${forward[@]}" --network umamba_enc --output-dir none --patch-size 16x16
expect_fail 2 "--patch-size: expected HEIGHTxWIDTH" "${forward[@]}" --network nnunet --output-dir none --patch-size 16
