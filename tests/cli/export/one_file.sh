# A model becomes one file and predicts the same; so does nnU-Net's zip archive, exported and installed.
source "$SEG_TESTS/cli/lib.sh"
export nnUNet_raw=$PWD/raw nnUNet_preprocessed=$PWD/preprocessed nnUNet_results=$PWD/results
mkdir raw preprocessed results

expect_ok "$SWIN_UMAMBA" phantom cells -o raw --cases 5 --seed 3
expect_ok "$SWIN_UMAMBA" plan -d 703
expect_ok "$SWIN_UMAMBA" preprocess -d 703 -c 2d
for fold in 0 1; do
  expect_ok "$SWIN_UMAMBA" train -d 703 -c 2d -f $fold --network nnunet --epochs 1 --iterations 1 --val-iterations 1 --batch-size 2 --patch-size 64x64
done
model=$(cat stdout)
predict=("$SWIN_UMAMBA" predict -i raw/Dataset703_CellsPhantom/imagesTs --step-size 1)

# expect_same_labels FOLDER OTHER: both hold the same images.
expect_same_labels() {
  local file
  for file in "$1"/*.png; do expect_same "$file" "$2/$(basename "$file")"; done
}

expect_ok "${predict[@]}" -o folder -m "$model"
expect_ok "$SWIN_UMAMBA" export -m "$model" -o model.seg
expect_text "postprocessing.json is not there" stderr
mv "$model" moved
expect_ok "${predict[@]}" -o file -m model.seg
expect_text "2 folds" stderr
expect_same_labels folder file
for name in dataset.json plans.json; do expect_same "folder/$name" "file/$name"; done
mv moved "$model"
expect_ok "${predict[@]}" -o fold1 -m "$model" -f 1
expect_ok "${predict[@]}" -o file1 -m model.seg -f 1
expect_same_labels fold1 file1
expect_fail 1 "fold 3 is not in the file, it has 0, 1" "${predict[@]}" -o x -m model.seg -f 3
expect_fail 2 "--checkpoint best: model.seg is a file" "${predict[@]}" -o x -m model.seg --checkpoint best

# Half the size, nearly the same.
expect_ok "$SWIN_UMAMBA" export -m "$model" -o half.seg --dtype float16
(($(stat -c %s half.seg) * 19 < $(stat -c %s model.seg) * 10)) || complain "float16 is not half as large"
expect_ok "${predict[@]}" -o half -m half.seg
expect_ok "$SWIN_UMAMBA" evaluate folder half --fail-under 0.98

# The hash is that of the file with zeros in its place.
stored=$(grep -aom1 '"sha256":"[0-9a-f]*"' model.seg | cut -d '"' -f 4)
[[ $(sed 's/"sha256":"[0-9a-f]*"/"sha256":"'"$(printf '%064d' 0)"'"/' model.seg | sha256sum) == "$stored "* ]] || complain "another hash"
expect_ok "$SWIN_UMAMBA" weights show half.seg
expect_text "whole model of nnUNetTrainer, configuration 2d" stdout
expect_text 'fold: {"fold":"1","checkpoint":"checkpoint_final","epochs":1,' stdout
expect_text '"validation":{"foreground_mean":' stdout
head -c 100000 model.seg > short.seg
expect_fail 1 "short.seg" "${predict[@]}" -o x -m short.seg
cp half.seg damaged.seg
printf x | dd of=damaged.seg bs=1 seek=1000000 conv=notrunc status=none
expect_fail 1 "damaged.seg > its contents do not match its hash" "${predict[@]}" -o x -m damaged.seg
expect_fail 1 "do not match its hash" "$SWIN_UMAMBA" weights show damaged.seg
expect_no_file x

# The postprocessing that crossval found comes along.
expect_ok "$SWIN_UMAMBA" crossval -m "$model" -f 0 1
rules=$model/crossval_results_folds_0_1/postprocessing.json
cat > "$rules" << 'JSON'
{"postprocessing_fns": ["remove_all_but_largest_component_from_segmentation"], "postprocessing_kwargs": [{"labels_or_regions": [1, 2]}]}
JSON
expect_ok "$SWIN_UMAMBA" export -m "$model" -o rules.seg
expect_text "with the postprocessing of" stderr
expect_ok "$SWIN_UMAMBA" postprocess apply -i folder -o applied --rules "$rules"
expect_ok "${predict[@]}" -o ruled -m rules.seg
expect_text "only the largest component of labels 1, 2 together" stderr
expect_same_labels applied ruled
! cmp -s folder/"$(ls folder | grep -m1 png)" ruled/"$(ls folder | grep -m1 png)" || complain "postprocessing changed nothing"
expect_ok "${predict[@]}" -o plain -m rules.seg --no-postprocessing
expect_same_labels folder plain

# nnU-Net's archive, under nnU-Net's names.
expect_ok "$SWIN_UMAMBA" links --prefix "$PWD"
PATH=$PWD/bin:$PATH
expect_ok nnUNetv2_export_model_to_zip -d 703 -o model.zip -c 2d -tr nnUNetTrainer -f 0 1
expect_fail 1 "exists already" nnUNetv2_install_pretrained_model_from_zip model.zip
mv results/Dataset703_CellsPhantom trained
expect_ok nnUNetv2_install_pretrained_model_from_zip model.zip
[[ $(cat stdout) == "$model" ]] || complain "installed elsewhere: $(cat stdout)"
expect_file "$model"/{plans.json,dataset.json,dataset_fingerprint.json,fold_0/{checkpoint_final.pth,progress.png,validation/summary.json}}
expect_same "$model/crossval_results_folds_0_1/postprocessing.json" "trained/$(basename "$model")/crossval_results_folds_0_1/postprocessing.json"
expect_ok "${predict[@]}" -o installed -m "$model"
expect_same_labels folder installed
expect_ok "$SWIN_UMAMBA" install model.zip --results elsewhere
expect_file "elsewhere/Dataset703_CellsPhantom/$(basename "$model")/plans.json"
if command -v python3 > /dev/null; then
  python3 -c 'import sys, zipfile; assert zipfile.ZipFile(sys.argv[1]).testzip() is None' model.zip || complain "Python finds the archive damaged"
fi
