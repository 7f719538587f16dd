# The engine and LibTorch segment alike; networks that the engine lacks run on LibTorch, and asking for it is wrong use.
source "$SEG_TESTS/cli/lib.sh"
require_command train
prepared_cells
image=$(echo raw/*/imagesTs/*_0000.png | cut -d' ' -f1)
for network in swin_umamba swin_umamba_d segresnet; do
  expect_ok "$SWIN_UMAMBA" train -d 703 -c 2d -f 0 --network "$network" --epochs 1 --iterations 1 --val-iterations 1 --batch-size 2 \
    --patch-size 64x64 --no-validation
  model=$(cat stdout)
  predict=("$SWIN_UMAMBA" predict -m "$model" --step-size 1 -i "$image")
  expect_ok "${predict[@]}" --engine torch -o "$network/torch.png"
  if [[ $network == segresnet ]]; then
    expect_fail 2 "the engine does not have segresnet" "${predict[@]}" --engine native -o "$network/native.png"
    expect_ok "${predict[@]}" -o "$network/default.png"
    expect_same "$network/default.png" "$network/torch.png"
    continue
  fi
  expect_ok "${predict[@]}" --check-engine -o "$network/native.png"
  expect_close_engines 2e-5  # convolutions add up in another order, so that logits differ in the last digits
done
