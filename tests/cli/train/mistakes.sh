# What is wrong is said in words before anything is trained.
source "$SEG_TESTS/cli/lib.sh"
export nnUNet_raw=$PWD/raw nnUNet_preprocessed=$PWD/preprocessed nnUNet_results=$PWD/results
mkdir raw preprocessed results
train=("$SWIN_UMAMBA" train -d 703 -c 2d --epochs 1 --iterations 1 --val-iterations 1 --batch-size 2)

expect_ok "$SWIN_UMAMBA" phantom cells -o raw --cases 5 --seed 3
expect_fail 1 "703" "${train[@]}" -f 0
expect_ok "$SWIN_UMAMBA" plan -d 703
expect_fail 1 "run \`swin-umamba preprocess" "${train[@]}" -f 0
expect_ok "$SWIN_UMAMBA" preprocess -d 703 -c 2d
expect_fail 2 'did you mean "swin_umamba_d"' "${train[@]}" -f 0 --network swin_umbamba_d
expect_fail 2 "did you mean" "${train[@]}" -f 0 --trainer nnUNetTrainerSwinUMambaDScrach
expect_fail 2 "expected HEIGHTxWIDTH" "${train[@]}" -f 0 --patch-size 64,64
expect_fail 2 "3d_fullres" "$SWIN_UMAMBA" train -d 703 -c 3d_fullres -f 0
expect_fail 1 "nothing to continue" "${train[@]}" -f 0 --patch-size 64x64 --continue
expect_fail 2 "expected --pretrained" "${train[@]}" -f 0 --trainer nnUNetTrainerSwinUMambaD
expect_fail 2 "--freeze-epochs requires --pretrained" "${train[@]}" -f 0 --freeze-epochs 1
expect_fail 2 "excludes" "${train[@]}" -f 0 --pretrained w.safetensors --freeze-epochs 1 --continue
expect_fail 2 "nnunet has no encoder that --freeze-epochs could freeze; swin_umamba, swin_umamba_d, swin_umamba_v1 have one" \
  "${train[@]}" -f 0 --network nnunet --pretrained w.safetensors --freeze-epochs 1
expect_fail 1 "no_such_file.safetensors" "${train[@]}" -f 0 --patch-size 64x64 --pretrained no_such_file.safetensors

# A results folder that is a file.
touch results_file
expect_fail 1 "cannot create folder" "${train[@]}" -f 0 --patch-size 64x64 --results results_file

# A disk that is full: past this limit writing fails as it does without room.
full() (trap '' XFSZ; ulimit -f 8; exec "$@")
expect_fail 1 "cannot write" full "${train[@]}" -f 0 --patch-size 64x64
[[ -z $(find results -name '.tmp*') ]] || complain "a half-written file was left in results"
