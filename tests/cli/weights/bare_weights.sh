# A checkpoint's weights alone, in either format; what needs LibTorch for more says so in a build without it.
source "$SEG_TESTS/cli/lib.sh"
formula_model swin_umamba_d
checkpoint=model/fold_0/checkpoint_final.safetensors
expect_ok "$SWIN_UMAMBA" weights show $checkpoint
expect_text "checkpoint of nnUNetTrainerSwinUMambaD after 0 epochs" stdout
# rows: the arrays of the network that were shown, without blanks that only align them.
rows() { grep ' F32 ' stdout | sed -E 's/^network_weights\.//; s/ +/ /g'; }
rows > of_checkpoint.txt
expect_file of_checkpoint.txt
expect_ok "$SWIN_UMAMBA" weights convert --network-only $checkpoint bare.pt
expect_ok "$SWIN_UMAMBA" weights convert bare.pt bare.safetensors
expect_ok "$SWIN_UMAMBA" weights show bare.safetensors
rows > of_bare.txt
expect_same of_checkpoint.txt of_bare.txt
if [[ " $SEG_MISSING_COMMANDS " == *" train "* ]]; then
  expect_fail 1 "takes LibTorch, which this build does not have" "$SWIN_UMAMBA" weights convert $checkpoint whole.pth
  expect_fail 1 "takes LibTorch, which this build does not have" "$SWIN_UMAMBA" export -m model -o model.zip --nnunet-zip
  expect_fail 1 "its own engine runs swin_umamba, swin_umamba_d" \
    "$SWIN_UMAMBA" predict -i raw/Dataset703_CellsPhantom/imagesTs -o out -m model --engine torch
  expect_no_file whole.pth model.zip out
fi
