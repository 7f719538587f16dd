# Further metrics, their tolerances and the CSV; nnU-Net's numbers stay beside them.
source "$SEG_TESTS/cli/lib.sh"
golden=$SEG_SHARED/goldens/pipeline/evaluation/anisotropic
require_shared goldens/pipeline/evaluation/anisotropic
evaluate() {
  "$SWIN_UMAMBA" evaluate "$golden/gt" "$golden/pred" --quiet "$@"
}

expect_ok evaluate --metrics nsd,HD95,F1 --nsd-tolerance 5,organ=0.5 --csv scores.csv -o summary.json
# surface_distances.json: case_00, label 1 at 0.5 mm and label 2 at 5 mm.
grep -q '^case_00,organ,0.5237529691211401,0,1604,0,5.56418869' scores.csv || complain "$(cat scores.csv)"
grep '^case_00,organ' scores.csv | grep -q ',0.39809146' || complain "NSD at 0.5 mm: $(cat scores.csv)"
expect_text '"HD95": Infinity' summary.json
expect_text "infinite: tiny in 1 case (case_03)" stdout
expect_text "not defined: tiny in 1 case (case_04)" stdout
expect_text "95 % interval" stdout
cp stdout first
expect_ok evaluate --metrics nsd,HD95,F1 --nsd-tolerance 5,organ=0.5 --threads 1
expect_same stdout first

expect_fail 2 'did you mean "NSD"?' evaluate --metrics nsd,NSF
expect_fail 2 'did you mean "organ"?' evaluate --metrics nsd --nsd-tolerance orgen=2
expect_fail 2 'expected millimetres such as 2 or liver=5,tumour=2, got "two"' evaluate --metrics nsd --nsd-tolerance two
expect_fail 2 "several --iou-threshold: only with --protocol cells, not nnunet" evaluate --iou-threshold 0.5,0.7
expect_fail 2 "only with --metrics NSD" evaluate --nsd-tolerance 2
expect_fail 2 "only with --metrics F1" evaluate --iou-threshold 0.5
expect_fail 2 "--count-boundary-cells: only with --protocol cells" evaluate --count-boundary-cells

# Statistics for programs; the tables end with Dice.
expect_ok evaluate --metrics nsd --statistics statistics.json
expect_text '"worst_case": "case_03"' statistics.json
expect_ok evaluate --metrics nsd --statistics statistics.csv
grep -q '^NSD,tiny,.*,case_03,' statistics.csv || complain "$(cat statistics.csv)"
[[ $(grep -c '^foreground' stdout) -eq 3 ]] || complain "expected three tables: $(cat stdout)"
[[ $(grep '^\(Dice\|IoU\|NSD\) .*mean' stdout | tail -n 1) == Dice* ]] || complain "Dice is not last: $(cat stdout)"
