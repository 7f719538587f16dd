# A model becomes one file and predicts the same; so does nnU-Net's zip archive, exported and installed.
source "$SEG_TESTS/cli/lib.sh"
require_command train
export nnUNet_raw=$PWD/raw nnUNet_preprocessed=$PWD/preprocessed nnUNet_results=$PWD/results
mkdir raw preprocessed results

expect_ok "$SWIN_UMAMBA" phantom cells -o raw --cases 5 --seed 3
expect_ok "$SWIN_UMAMBA" plan -d 703
sed -i -E 's/("UNet_base_num_features":) 32/\1 4/; s/("unet_max_num_features":) [0-9]+/\1 16/' preprocessed/Dataset703_CellsPhantom/nnUNetPlans.json
expect_ok "$SWIN_UMAMBA" preprocess -d 703 -c 2d
for fold in 0 1; do
  expect_ok "$SWIN_UMAMBA" train -d 703 -c 2d -f $fold --network nnunet --epochs 1 --iterations 1 --val-iterations 1 --batch-size 2 --patch-size 64x64 --no-validation
done
model=$(cat stdout)
mkdir "$model/fold_1/validation"
echo '{"foreground_mean": {"Dice": 0.5}, "mean": {"1": {"Dice": NaN}}, "metric_per_case": []}' > "$model/fold_1/validation/summary.json"
images=(raw/Dataset703_CellsPhantom/imagesTs/*.png)
predict=("$SWIN_UMAMBA" predict -i "${images[0]}" --step-size 1)
label=$(basename "${images[0]}" _0000.png).png

# What crossval found for these folds comes along.
rules=$model/crossval_results_folds_0_1/postprocessing.json
mkdir "$(dirname "$rules")"
cat > "$rules" << 'JSON'
{"postprocessing_fns": ["remove_all_but_largest_component_from_segmentation"], "postprocessing_kwargs": [{"labels_or_regions": [1, 2]}]}
JSON
expect_ok "$SWIN_UMAMBA" export -m "$model" -o model.seg
expect_text "with the postprocessing of $rules" stderr
expect_ok "${predict[@]}" -o folder -m "$model"
expect_ok "$SWIN_UMAMBA" postprocess apply -i folder -o applied --rules "$rules"
mv "$model" moved
expect_ok "${predict[@]}" -o plain -m model.seg --no-postprocessing
expect_text "2 folds" stderr
for name in "$label" dataset.json plans.json; do expect_same "folder/$name" "plain/$name"; done
expect_ok "${predict[@]}" -o file -m model.seg
expect_text "only the largest component of labels 1, 2 together" stderr
expect_same "applied/$label" "file/$label"
! cmp -s "folder/$label" "file/$label" || complain "postprocessing changed nothing"
mv moved "$model"
expect_fail 1 "fold 3 is not in the file, it has 0, 1" "${predict[@]}" -o x -m model.seg -f 3
expect_fail 2 "--checkpoint best: model.seg is a file" "${predict[@]}" -o x -m model.seg --checkpoint best

# Half the size, nearly the same.
expect_ok "$SWIN_UMAMBA" export -m "$model" -o half.seg --dtype float16
expect_ok "${predict[@]}" -o half/labels.png -m half.seg --no-postprocessing
expect_no_file half/dataset.json
mv half/labels.png "half/$label"
expect_ok "$SWIN_UMAMBA" evaluate folder half --dataset-json folder/dataset.json --fail-under 0.98

# The hash is that of the file with zeros in its place.
stored=$(grep -aom1 '"sha256":"[0-9a-f]*"' model.seg | cut -d '"' -f 4)
[[ $(sed 's/"sha256":"[0-9a-f]*"/"sha256":"'"$(printf '%064d' 0)"'"/' model.seg | sha256sum) == "$stored "* ]] || complain "another hash"
# Files from before there was a checksum have the hash alone.
zeros=$(printf '%064d' 0)
sed 's/"crc32":"/"CRC32":"/; s/"sha256":"[0-9a-f]*"/"sha256":"'"$zeros"'"/' model.seg > older.seg
sed -i 's/"sha256":"'"$zeros"'"/"sha256":"'"$(sha256sum < older.seg | cut -d ' ' -f 1)"'"/' older.seg
expect_ok "${predict[@]}" -o older -m older.seg
expect_ok "$SWIN_UMAMBA" weights show half.seg
expect_text "whole model of nnUNetTrainer, configuration 2d" stdout
expect_text 'fold: {"fold":"1","checkpoint":"checkpoint_final","epochs":1,' stdout
expect_text '"validation":{"foreground_mean":{"Dice":0.5}' stdout
head -c 100000 model.seg > short.seg
expect_fail 1 "short.seg" "${predict[@]}" -o x -m short.seg
cp half.seg damaged.seg
printf x | dd of=damaged.seg bs=1 seek=$(($(stat -c %s half.seg) - 1001)) conv=notrunc status=none
expect_fail 1 "damaged.seg > its contents do not match its checksum" "${predict[@]}" -o x -m damaged.seg
expect_no_file x

# nnU-Net's archive, under nnU-Net's names.
expect_ok "$SWIN_UMAMBA" links --prefix "$PWD"
PATH=$PWD/bin:$PATH
expect_ok nnUNetv2_export_model_to_zip -d 703 -o model.zip -c 2d -tr nnUNetTrainer -f 0 1
expect_fail 1 "exists already" nnUNetv2_install_pretrained_model_from_zip model.zip
expect_ok "$SWIN_UMAMBA" install model.zip --results elsewhere
installed=elsewhere/Dataset703_CellsPhantom/$(basename "$model")
[[ $(cat stdout) == "$installed" ]] || complain "installed in $(cat stdout)"
expect_file "$installed"/fold_0/{checkpoint_final.pth,progress.png}
for name in {plans,dataset,dataset_fingerprint,fold_1/validation/summary,crossval_results_folds_0_1/postprocessing}.json; do
  expect_same "$model/$name" "$installed/$name"
done
expect_ok "${predict[@]}" -o installed -m "$installed"
expect_same "folder/$label" "installed/$label"
if command -v python3 > /dev/null; then
  python3 -c 'import sys, zipfile; assert zipfile.ZipFile(sys.argv[1]).testzip() is None' model.zip || complain "Python finds the archive damaged"
fi
