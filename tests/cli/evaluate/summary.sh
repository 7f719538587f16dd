# evaluate writes nnU-Net's summary.json to the byte, and a table for people.
source "$SEG_TESTS/cli/lib.sh"
require_shared goldens/pipeline/evaluation
for set in hippocampus anisotropic regions_ignore; do
  golden=$SEG_SHARED/goldens/pipeline/evaluation/$set
  ln -sfn "$golden/gt" gt
  ln -sfn "$golden/pred" pred
  expect_ok "$SWIN_UMAMBA" evaluate gt pred --dataset-json "$golden/dataset.json" -o summary.json
  expect_same summary.json "$golden/summary.json"
done

golden=$SEG_SHARED/goldens/pipeline/evaluation/hippocampus
expect_ok "$SWIN_UMAMBA" evaluate "$golden/gt" "$golden/pred" --quiet  # dataset.json lies beside the folders
expect_text "Anterior" stdout
expect_text "hippocampus_048" stdout
expect_text "foreground" stdout
expect_text "worst cases: hippocampus_057 0.0000" stdout
[[ ! -s stderr ]] || complain "--quiet still says: $(cat stderr)"
