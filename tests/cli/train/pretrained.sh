# Weights of a training on one dataset start one on another; what came over is listed, and going on needs no file.
source "$SEG_TESTS/cli/lib.sh"
prepared_cells
sed -i 's/"UNet_base_num_features": 32/"UNet_base_num_features": 4/' preprocessed/Dataset703_CellsPhantom/nnUNetPlans.json
train=("$SWIN_UMAMBA" train -d 703 -c 2d -f 0 --iterations 1 --val-iterations 1 --batch-size 2 --patch-size 64x64 --no-validation)
expect_ok "${train[@]}" --network nnunet --epochs 1
mv "$(cat stdout)/fold_0/checkpoint_final.safetensors" unet.safetensors

expect_ok "${train[@]}" --network nnunet --epochs 1 --pretrained unet.safetensors
expect_text "the network starts from unet.safetensors" stderr
fold=$(cat stdout)/fold_0
expect_text "decoder.seg_layers.0.weight	skipped	segmentation head: starts anew" "$fold/pretrained.tsv"
expect_text "encoder.stages.0.0.convs.0.conv.weight	loaded" "$fold/pretrained.tsv"
mv unet.safetensors elsewhere.safetensors
expect_ok "${train[@]}" --network nnunet --epochs 2 --continue
[[ $(cat stdout)/fold_0 == "$fold" ]] || complain "continued another training"

# A start anew forgets what the former came from.
expect_ok "${train[@]}" --network nnunet --epochs 1
expect_no_file "$fold/pretrained.tsv"

expect_fail 1 "0 tensors fit" "${train[@]}" --network swin_umamba_d --epochs 1 --pretrained elsewhere.safetensors
expect_text "it is a checkpoint of nnunet" stderr
expect_no_file results/Dataset703_CellsPhantom/nnUNetTrainerSwinUMambaD__nnUNetPlans__2d/fold_0

# A network with two trainers goes on where there is something to go on with.
expect_ok "${train[@]}" --network swin_umamba_d --epochs 1
d=$(cat stdout)
expect_ok "${train[@]}" --network swin_umamba_d --epochs 2 --pretrained "$d/fold_0/checkpoint_final.safetensors" --freeze-epochs 1
expect_text "Freezing the encoder" stderr
expect_text "Unfreezing the encoder" stderr
pretrained=$(cat stdout)
rm -r "$d"
expect_ok "${train[@]}" --network swin_umamba_d --epochs 3 --continue
[[ $(cat stdout) == "$pretrained" ]] || complain "continued $(cat stdout)"
