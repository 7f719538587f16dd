# A classifier is trained on folders of pictures and on patches of a labelled dataset; its weights fit `train --pretrained`.
source "$SEG_TESTS/cli/lib.sh"
mkdir -p raw pictures/{cells,endoscopy}
expect_ok "$SWIN_UMAMBA" phantom cells -o raw --cases 4
cells=$(cat stdout)
expect_ok "$SWIN_UMAMBA" phantom endoscopy -o raw --cases 4
cp "$cells"/imagesTr/*.png pictures/cells
cp "$(cat stdout)"/imagesTr/*.png pictures/endoscopy

options=(--image-size 32 --batch-size 3 --seed 1)
expect_ok "$SWIN_UMAMBA" pretrain pictures -o out/vmamba.safetensors "${options[@]}" --epochs 1 --val-share 0.25
[[ $(cat stdout) == out/vmamba.safetensors ]] || complain "unexpected output $(cat stdout)"
expect_text "2 classes, 6 pictures to train on, 2 held out; 1 epochs of 2 batches of 3" stderr
expect_file out/vmamba.safetensors out/vmamba.checkpoint.safetensors out/vmamba.png

expect_ok "$SWIN_UMAMBA" pretrain pictures -o out/vmamba.safetensors "${options[@]}" --epochs 2 --val-share 0.25 --continue
expect_text "continuing with epoch 2 of 2" stderr
expect_text "epochs was 1 so far and is 2 from now on" stderr
expect_ok "$SWIN_UMAMBA" weights show out/vmamba.safetensors
expect_text 'classes: ["cells","endoscopy"]' stdout
expect_text "fits vmamba_tiny with 3 input channels and 2 classes" stdout
expect_text "fits the pretrained encoder of swin_umamba, swin_umamba_d" stdout

expect_ok "$SWIN_UMAMBA" pretrain --from-segmentation "$cells" -o patches.safetensors "${options[@]}" --epochs 1 --patches 2
expect_text "3 classes, 6 pictures to train on, 2 held out" stderr
expect_file patches.safetensors
