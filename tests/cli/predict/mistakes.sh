# Wrong models and wrong input name the file, what was expected and what was found; nothing is left half-written.
source "$SEG_TESTS/cli/lib.sh"
formula_model swin_umamba_d
model=model
images=raw/Dataset703_CellsPhantom/imagesTs

expect_fail 1 "model folder nowhere does not exist" "$SWIN_UMAMBA" predict -i "$images" -o out -m nowhere
mkdir untrained
cp "$model"/{plans,dataset}.json untrained/
expect_fail 1 "no fold_* folder in untrained" "$SWIN_UMAMBA" predict -i "$images" -o out -m untrained
expect_fail 1 "fold_3 does not exist" "$SWIN_UMAMBA" predict -i "$images" -o out -m "$model" -f 3
expect_fail 1 "checkpoint_latest.safetensors does not exist" "$SWIN_UMAMBA" predict -i "$images" -o out -m "$model" --checkpoint latest
mkdir empty
expect_fail 1 "empty" "$SWIN_UMAMBA" predict -i empty -o out -m "$model"
expect_no_file out

# A checkpoint of another network: the model folder is that of another dataset.
cp -r "$model" other
sed -i 's/"nucleolus": 3/"nucleolus": 3, "vesicle": 4/' other/dataset.json
expect_fail 1 "expected a network of 3 channels and 5 classes" "$SWIN_UMAMBA" predict -i "$images" -o out -m other

# A truncated image between good ones: an error naming it, and no file for it.
mkdir broken
cp "$images"/*.png broken/
first=$(ls broken | head -n 1)
head -c 300 "$images/$first" > "broken/$first"
expect_fail 1 "$first" "$SWIN_UMAMBA" predict -i broken -o out -m "$model"
expect_no_file "out/${first%_0000.png}.png"

