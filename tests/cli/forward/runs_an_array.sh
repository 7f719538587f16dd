# A network on an array of any size: the same seed gives the same logits; the sizes are the input's. (Whether the number of threads
# matters is up to the BLAS below LibTorch: some of its kernels add up in another order.)
source "$SEG_TESTS/cli/lib.sh"

# zeros.npy: float32 zeros of shape (1, 2, 20, 30).
header="{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 20, 30), }"
printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "$header" > zeros.npy
head -c $((2 * 20 * 30 * 4)) /dev/zero >> zeros.npy

forward=("$SWIN_UMAMBA" forward --network swin_umamba_d --in-channels 2 --classes 3 --input zeros.npy)
expect_ok "${forward[@]}" --output-dir a --deep-supervision
expect_text "20x30 is padded to 32x32" stderr
expect_file a/out_{0,1,2,3}.npy
expect_text "'shape': (1, 3, 20, 30)" a/out_0.npy
expect_text "'shape': (1, 3, 5, 8)" a/out_1.npy
expect_ok "${forward[@]}" --output-dir b
expect_same a/out_0.npy b/out_0.npy
expect_no_file b/out_1.npy

expect_fail 1 "expected an array of shape [batch, 1, height, width], got [1, 2, 20, 30]" \
  "$SWIN_UMAMBA" forward --network swin_umamba_d --in-channels 1 --classes 3 --input zeros.npy --output-dir c
expect_fail 2 "did you mean" "$SWIN_UMAMBA" forward --network swinumamba_d --in-channels 2 --classes 3 --input zeros.npy --output-dir c
head -c 200 zeros.npy > short.npy
expect_fail 1 "short.npy > the .npy file is cut off" "$SWIN_UMAMBA" forward --network swin_umamba_d --in-channels 2 --classes 3 --input short.npy --output-dir c
echo "no weights" > weights.safetensors
expect_fail 1 "weights.safetensors" "${forward[@]}" --output-dir c --weights weights.safetensors
expect_no_file c
