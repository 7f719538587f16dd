# Trainings of several seeds as one curve with its spread; logs are nnU-Net's as well as ours.
source "$SEG_TESTS/cli/lib.sh"

# log FOLDER NAME FIRST_EPOCH DICE...: a log of so many epochs.
log() {
  local folder=$1 name=$2 epoch=$3 dice
  shift 3
  mkdir -p "$folder"
  for dice in "$@"; do
    printf '2026-01-0%d 10:00:00.000000: Epoch %d \n' "$((epoch + 1))" "$epoch"
    printf '2026-01-01 10:00:00.000000: Pseudo dice [%s] \n' "$dice"
    printf '2026-01-01 10:00:00.000000: Epoch time: 3.10 s \n'
    epoch=$((epoch + 1))
  done >> "$folder/training_log_$name.txt"
}
log a/fold_0 1 0 "0.2, 0.4" "0.4, nan"
log a/fold_1 1 0 "0.6, 0.8" "0.7, 0.7" "0.5, 0.5"
log a/fold_1 2 2 "np.float32(0.9), np.float32(0.7)" # went on after epoch 1
log b/fold_0 1 0 "0.1" "0.2"
log b/fold_0 2 0 "0.5" # started anew; as the later file it begins with a later time
sed -i 's/2026-01-01 10/2026-02-01 10/' b/fold_0/training_log_2.txt

expect_ok "$SWIN_UMAMBA" curves -o curves.png seeds=a/fold_0,a/fold_1 other=b/fold_0
expect_file curves.png
grep -qE '^seeds +2 +3 +0.8000 +0.8000 +0.8000$' stdout || complain "$(cat stdout)"
grep -qE '^other +1 +1 +0.5000 +0.5000 +0.5000$' stdout || complain "$(cat stdout)"

expect_fail 2 "expected NAME=FOLDER" "$SWIN_UMAMBA" curves -o x.png a/fold_0
expect_fail 2 "expected at least one folder after seeds=" "$SWIN_UMAMBA" curves -o x.png seeds=
mkdir empty
expect_fail 1 "no training_log_*.txt with a finished epoch in empty" "$SWIN_UMAMBA" curves -o x.png seeds=empty
expect_fail 1 "nowhere" "$SWIN_UMAMBA" curves -o x.png seeds=nowhere
