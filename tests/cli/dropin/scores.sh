# nnU-Net's names for scores and pictures.
source "$SEG_TESTS/cli/lib.sh"
export nnUNet_raw=$PWD
expect_ok "$SWIN_UMAMBA" phantom cells -o . --cases 3 --seed 3
expect_ok "$SWIN_UMAMBA" links --prefix "$PWD"
PATH=$PWD/bin:$PATH
data=Dataset703_CellsPhantom
cp -r $data/labelsTr predictions
expect_ok "$SWIN_UMAMBA" evaluate $data/labelsTr predictions --dataset-json $data/dataset.json -o own.json
expect_ok nnUNetv2_evaluate_folder $data/labelsTr predictions -djfile $data/dataset.json -pfile plans.json
expect_same own.json predictions/summary.json
expect_ok nnUNetv2_evaluate_simple $data/labelsTr predictions -l 1 2 -o simple.json
expect_same own.json simple.json

rm "$(ls predictions/*.png | head -n 1)"
expect_fail 1 "" nnUNetv2_evaluate_simple $data/labelsTr predictions -l 1 2
expect_ok nnUNetv2_evaluate_simple $data/labelsTr predictions -l 1 --chill -np 1

expect_ok nnUNetv2_plot_overlay_pngs -d 703 -o overlays
expect_file overlays/*.png
