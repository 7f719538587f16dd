# Networks that follow a plan segment alike on the engine and LibTorch; of plans that the engine cannot do they run on LibTorch.
source "$SEG_TESTS/cli/lib.sh"
require_command train
prepared_cells
image=$(echo raw/*/imagesTs/*_0000.png | cut -d' ' -f1)
trained() {  # NETWORK FEATURES: of the first stage; sets predict
  sed -i -E "s/(\"UNet_base_num_features\":) [0-9]+/\1 $2/; s/(\"unet_max_num_features\":) [0-9]+/\1 64/" \
    preprocessed/Dataset703_CellsPhantom/nnUNetPlans.json
  expect_ok "$SWIN_UMAMBA" train -d 703 -c 2d -f 0 --network "$1" --epochs 1 --iterations 1 --val-iterations 1 --batch-size 2 \
    --patch-size 64x64 --no-validation
  predict=("$SWIN_UMAMBA" predict -m "$(cat stdout)" --step-size 1 -i "$image")
}

for network in nnunet umamba_bot umamba_enc; do
  trained $network 16
  expect_ok "${predict[@]}" --engine native -o "$network/native.png"
  expect_ok "${predict[@]}" --check-engine -o "$network/checked.png"
  expect_same "$network/checked.png" "$network/native.png"
  # umamba_enc amplifies the rounding of its layers, because its Mamba layers have no residual path.
  if [[ $network == umamba_enc ]]; then expect_close_engines 2e-3; else expect_close_engines 2e-5; fi
done

trained nnunet 24
expect_fail 2 "the engine does not have nnunet with as many features as this plan's" "${predict[@]}" --engine native -o native.png
expect_ok "${predict[@]}" --engine torch -o torch.png
expect_ok "${predict[@]}" -o default.png
expect_same default.png torch.png
