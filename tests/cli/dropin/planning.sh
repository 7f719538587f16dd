# nnU-Net's names for planning and preprocessing, called through links as existing scripts do.
source "$SEG_TESTS/cli/lib.sh"
export nnUNet_raw=$PWD/raw nnUNet_preprocessed=$PWD/preprocessed
mkdir raw preprocessed
expect_ok "$SWIN_UMAMBA" phantom cells -o raw --cases 5 --seed 3
expect_ok "$SWIN_UMAMBA" links --prefix "$PWD"
PATH=$PWD/bin:$PATH
dataset=preprocessed/Dataset703_CellsPhantom

expect_ok nnUNetv2_extract_fingerprint -d 703 -np 2 --verify_dataset_integrity
expect_file $dataset/dataset_fingerprint.json
expect_no_file $dataset/nnUNetPlans.json
expect_ok nnUNetv2_plan_experiment -d 703 -pl ExperimentPlanner
expect_file $dataset/nnUNetPlans.json
expect_ok nnUNetv2_preprocess -d 703 -c 2d -np 2
cp -r preprocessed by_steps
rm -r $dataset
expect_ok nnUNetv2_plan_and_preprocess -d 703 -c 2d -np 2 --verify_dataset_integrity
diff -r preprocessed by_steps >&2 || complain "one call and three calls differ"

# The same as our own commands.
expect_ok "$SWIN_UMAMBA" plan -d 703 --preprocessed own
expect_ok "$SWIN_UMAMBA" preprocess -d 703 -c 2d --preprocessed own
diff -r preprocessed own >&2 || complain "nnU-Net's name and our commands differ"

# Plans under another name, with their own folder of cases; and moved to another dataset.
expect_ok nnUNetv2_plan_and_preprocess -d 703 -overwrite_plans_name other --no_pp
expect_text '"other_2d"' $dataset/other.json
expect_ok nnUNetv2_preprocess -d 703 -plans_name other
expect_file $dataset/other_2d/*.npy
expect_ok "$SWIN_UMAMBA" phantom endoscopy -o raw --cases 3 --seed 3
target=$(cd raw && echo Dataset*Endoscopy*)
expect_ok nnUNetv2_move_plans_between_datasets -s 703 -t "$target" -sp other -tp moved
expect_text '"moved_2d"' "preprocessed/$target/moved.json"
expect_text "\"$target\"" "preprocessed/$target/moved.json"
expect_ok "$SWIN_UMAMBA" phantom abdomen -o raw --cases 1 --seed 3
target=$(cd raw && echo Dataset*Abdomen*)
expect_ok "$SWIN_UMAMBA" move-plans --from 703 --to "$target"
expect_text SimpleITKIO "preprocessed/$target/nnUNetPlans.json"
expect_file "preprocessed/$target/dataset.json"
