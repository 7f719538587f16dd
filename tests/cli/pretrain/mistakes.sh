# What can be wrong with pictures and options is named.
source "$SEG_TESTS/cli/lib.sh"
mkdir -p raw pictures/{a,b}
expect_ok "$SWIN_UMAMBA" phantom cells -o raw --cases 4
cp raw/*/imagesTr/*.png pictures/a
pretrain() { expect_fail "$1" "$2" "$SWIN_UMAMBA" pretrain "${@:3}" -o x.safetensors --epochs 1 --image-size 32; }

pretrain 1 "folder nowhere does not exist" nowhere
pretrain 1 "pictures/a: expected a folder per class, two classes at least, got 0 folders" pictures/a
pretrain 1 "class folder pictures/b holds no picture" pictures
head -c 2000 "$(find pictures/a -name '*.png' | head -1)" > pictures/b/short.png
pretrain 1 "pictures/b/short.png" pictures
cp pictures/a/*.png pictures/b
rm pictures/b/short.png
pretrain 1 "choose a smaller --batch-size" pictures --batch-size 100
pretrain 2 "expected one of IMAGE_FOLDER and --from-segmentation"
pretrain 1 "nothing to continue: no x.checkpoint.safetensors" pictures --continue --batch-size 2
pretrain 2 "fewer than the 1 epochs" pictures --warmup-epochs 1
expect_fail 2 "expected a multiple of 32, got 50" "$SWIN_UMAMBA" pretrain pictures -o x.safetensors --image-size 50
expect_fail 2 "expected a name ending in .safetensors" "$SWIN_UMAMBA" pretrain pictures -o x.pth
expect_no_file x.safetensors x.png
