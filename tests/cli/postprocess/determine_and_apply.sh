# determine writes what nnU-Net writes; apply does the same to other predictions, and nnU-Net could as well.
source "$SEG_TESTS/cli/lib.sh"
require_shared goldens/pipeline/postprocessing/determine_fg_helps
golden=$SEG_SHARED/goldens/pipeline/postprocessing/determine_fg_helps
cp -r "$golden/pred" pred
json=$SEG_SHARED/goldens/pipeline/hippocampus/dataset.json

expect_ok "$SWIN_UMAMBA" postprocess determine -i pred -r "$golden/gt" --dataset-json "$json" --threads 2
expect_text "all foreground" stdout
expect_file pred/{summary.json,postprocessing.json,postprocessing.pkl,postprocessed/summary.json}
if command -v python3 > /dev/null; then
  python3 - << 'PYTHON'
import pickle
class Reader(pickle.Unpickler):
    def find_class(self, module, name):
        return module + "." + name
functions, kwargs = Reader(open("pred/postprocessing.pkl", "rb")).load()
assert functions == ["nnunetv2.postprocessing.remove_connected_components."
                     "remove_all_but_largest_component_from_segmentation"], functions
assert kwargs == [{"labels_or_regions": [1, 2]}], kwargs
PYTHON
fi

expect_ok "$SWIN_UMAMBA" postprocess apply -i pred -o out --rules pred/postprocessing.pkl --dataset-json "$json"
for file in pred/postprocessed/*.nii.gz; do expect_same "$file" "out/$(basename "$file")"; done

expect_fail 2 "subcommand is required" "$SWIN_UMAMBA" postprocess
expect_fail 2 "did you mean \"--rules\"" "$SWIN_UMAMBA" postprocess apply -i pred -o out --rule x
expect_fail 1 "dataset.json" "$SWIN_UMAMBA" postprocess apply -i out -o out2 --rules pred/postprocessing.json
expect_fail 1 "nowhere.json" "$SWIN_UMAMBA" postprocess apply -i pred -o out2 --rules nowhere.json --dataset-json "$json"
expect_no_file out2
