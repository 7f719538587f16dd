# --protocol writes the CSV files of the paper's scripts to the byte.
source "$SEG_TESTS/cli/lib.sh"
require_shared goldens/pipeline/evaluation
goldens=$SEG_SHARED/goldens/pipeline/evaluation

golden=$goldens/anisotropic
expect_ok "$SWIN_UMAMBA" evaluate "$golden/gt" "$golden/pred" --protocol abdomen-mr --dataset-json "$golden/dataset.json" -o mr
expect_same mr_DSC.csv "$golden/paper_metric_DSC.csv"
expect_same mr_NSD.csv "$golden/paper_metric_NSD.csv"

golden=$goldens/organ13_zbounds  # no dataset.json: the scripts' own organs
expect_ok "$SWIN_UMAMBA" evaluate "$golden/gt" "$golden/pred" --protocol abdomen-mr -o organs
expect_same organs_DSC.csv "$golden/paper_metric_DSC.csv"
expect_same organs_NSD.csv "$golden/paper_metric_NSD.csv"
expect_text "mean         0.8846" stdout
expect_ok "$SWIN_UMAMBA" evaluate "$golden/gt" "$golden/pred" --protocol abdomen-mr --nsd-tolerance 1 -o organs
expect_same organs_NSD.csv "$golden/paper_metric_NSD_tolerance1.csv"

golden=$goldens/endoscopy_png
expect_ok "$SWIN_UMAMBA" evaluate "$golden/gt" "$golden/pred" --protocol endoscopy -o frames.csv
expect_same frames_DSC.csv "$golden/paper_metric_DSC.csv"
expect_same frames_NSD.csv "$golden/paper_metric_NSD.csv"

golden=$goldens/cells
expect_ok "$SWIN_UMAMBA" evaluate "$golden/gt" "$golden/pred" --protocol cells --iou-threshold 0.5,0.7 -o cells
expect_same cells-0.5.csv "$golden/cells-0.5.csv"
expect_same cells-0.7.csv "$golden/cells-0.7.csv"
expect_ok "$SWIN_UMAMBA" evaluate "$golden/gt" "$golden/pred" --protocol cells --count-boundary-cells -o all
expect_same all-0.5.csv "$golden/cells_count_bd-0.5.csv"

expect_fail 2 'did you mean "endoscopy"?' "$SWIN_UMAMBA" evaluate "$golden/gt" "$golden/pred" --protocol endoskopy

# Options that a protocol would ignore.
refused() {
  local protocol=$1 text=$2
  shift 2
  expect_fail 2 "$text: only with --protocol" "$SWIN_UMAMBA" evaluate "$golden/gt" "$golden/pred" --protocol "$protocol" "$@"
}
for protocol in abdomen-mr endoscopy cells; do
  refused $protocol --csv --csv x.csv
  refused $protocol --metrics --metrics NSD
  refused $protocol --labels --labels 1 2 --ignore-label 3
done
for protocol in endoscopy cells; do
  refused $protocol --dataset-json --dataset-json "$goldens/anisotropic/dataset.json"
done
for protocol in abdomen-mr endoscopy; do
  refused $protocol --iou-threshold --iou-threshold 0.5
  refused $protocol --count-boundary-cells --count-boundary-cells
done
refused cells --nsd-tolerance --nsd-tolerance 2
refused endoscopy "several --nsd-tolerance" --nsd-tolerance 2,3
