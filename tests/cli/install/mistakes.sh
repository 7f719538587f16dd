# An archive that reaches out of the results folder, or is no model, installs nothing.
source "$SEG_TESTS/cli/lib.sh"
export nnUNet_results=$PWD/results
echo text > a.zip
expect_fail 1 "a.zip > not a zip archive" "$SWIN_UMAMBA" install a.zip
expect_fail 1 "nowhere.zip" "$SWIN_UMAMBA" install nowhere.zip
command -v python3 > /dev/null || exit 0
python3 - << 'PYTHON'
import zipfile
for name, entry in {"out.zip": "Dataset001_A/../../evil", "task.zip": "nnUNet/2d/Task001_A/plans.pkl"}.items():
    with zipfile.ZipFile(name, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Dataset001_A/T__P__2d/plans.json", "{}" * 100)
        archive.writestr(entry, "bad")
PYTHON
expect_fail 1 "no plain path" "$SWIN_UMAMBA" install out.zip
expect_fail 1 "lies in no dataset's folder" "$SWIN_UMAMBA" install task.zip
expect_no_file results evil
