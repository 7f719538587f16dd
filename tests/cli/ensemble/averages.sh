# ensemble averages the probabilities of folders as nnU-Net does.
source "$SEG_TESTS/cli/lib.sh"
golden=$SEG_SHARED/goldens/pipeline/postprocessing/ensemble_labels
require_shared goldens/pipeline/postprocessing/ensemble_labels
mkdir a b gt
cp "$golden/ensemble.nii.gz" gt/case.nii.gz
for member in a b; do
  cp "$SEG_SHARED/goldens/pipeline/hippocampus/dataset.json" $member
  cp "$golden/ensemble.nii.gz" $member/case.nii.gz  # gives the grid
done
cp "$golden/member_0.npz" a/case.npz
cp "$golden/member_1.npz" b/case.npz

expect_ok "$SWIN_UMAMBA" ensemble -i a b -o out --save-probabilities
[[ $(cat stdout) == out ]] || complain "unexpected output: $(cat stdout)"
expect_file out/{case.nii.gz,case.npz,dataset.json}
expect_ok "$SWIN_UMAMBA" evaluate gt out -o summary.json
expect_text '"FN": 0' summary.json
! grep -qE '"F[NP]": [1-9]' summary.json || complain "not the reference's labels: $(cat stdout)"
expect_ok "$SWIN_UMAMBA" ensemble -i a -o alone
expect_no_file alone/case.npz
! "$SWIN_UMAMBA" evaluate gt alone --fail-under 1 > /dev/null 2>&1 || complain "one member alone gives the same"
