# What the cases share; a case starts with: source "$SEG_TESTS/cli/lib.sh"
# The program is $SWIN_UMAMBA, the working folder is the case's own.
set -euo pipefail

complain() {
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}

skip() {
  printf 'skipped: %s\n' "$*"
  exit 77
}

# require_shared RELATIVE: skips the case where that reference file or folder is absent.
require_shared() {
  [[ -e $SEG_SHARED/$1 ]] || skip "needs $SEG_SHARED/$1"
}

# prepared_cells: nnU-Net's three folders, with the cells phantom (dataset 703, five cases) planned and preprocessed.
prepared_cells() {
  export nnUNet_raw=$PWD/raw nnUNet_preprocessed=$PWD/preprocessed nnUNet_results=$PWD/results
  mkdir raw preprocessed results
  expect_ok "$SWIN_UMAMBA" phantom cells -o raw --cases 5 --seed 3
  expect_ok "$SWIN_UMAMBA" plan -d 703
  expect_ok "$SWIN_UMAMBA" preprocess -d 703 -c 2d
}

# require_command COMMAND: skips the case in a build that lacks this command of the program.
require_command() {
  [[ " $SEG_MISSING_COMMANDS " != *" $1 "* ]] || skip "this build has no $1"
}

# formula_model NETWORK: a folder "model" for the images of the cells phantom, which is there as raw/Dataset703_CellsPhantom afterwards.
# Its weights follow the goldens' formula; it tells four classes apart. No training is needed.
formula_model() {
  require_shared "goldens/networks/$1.json"
  mkdir raw preprocessed
  expect_ok "$SWIN_UMAMBA" phantom cells -o raw --cases 5 --seed 3
  expect_ok "$SWIN_UMAMBA" plan -d 703 --raw raw --preprocessed preprocessed
  mkdir -p model/fold_0
  cp preprocessed/Dataset703_CellsPhantom/nnUNetPlans.json model/plans.json
  sed 's/"boundary": 2/"boundary": 2, "nucleolus": 3/' preprocessed/Dataset703_CellsPhantom/dataset.json > model/dataset.json
  "$FORMULA_CHECKPOINT" "$1" model/fold_0/checkpoint_final.safetensors
}

# expect_ok COMMAND...: it ends with 0; its output is left in the files stdout and stderr.
expect_ok() {
  "$@" > stdout 2> stderr || {
    local code=$?
    cat stdout stderr >&2
    complain "exit code $code from: $*"
  }
}

# expect_fail CODE TEXT COMMAND...: it ends with CODE, says TEXT on stderr and nothing on stdout.
expect_fail() {
  local code=$1 text=$2 got=0
  shift 2
  "$@" > stdout 2> stderr || got=$?
  [[ $got -eq $code ]] || { cat stderr >&2; complain "expected exit code $code, got $got from: $*"; }
  expect_text "$text" stderr
  [[ ! -s stdout ]] || { cat stdout >&2; complain "a failing command wrote to stdout: $*"; }
}

# expect_close_engines LIMIT: predict --check-engine said so on stderr.
expect_close_engines() {
  [[ $(cat stderr) =~ "relative L2 "([0-9.e+-]+) ]] || complain "no comparison was printed"
  awk -v difference="${BASH_REMATCH[1]}" -v limit="$1" 'BEGIN { exit !(difference < limit) }' ||
    complain "relative L2 ${BASH_REMATCH[1]}"
}

# expect_text TEXT FILE: the file contains TEXT.
expect_text() {
  grep -qF -- "$1" "$2" || { cat "$2" >&2; complain "expected \"$1\" in $2"; }
}

# expect_file FILE...: each is there and not empty.
expect_file() {
  local file
  for file in "$@"; do
    [[ -s $file ]] || complain "expected a file with contents: $file"
  done
}

# expect_no_file FILE...: none is there.
expect_no_file() {
  local file
  for file in "$@"; do
    [[ ! -e $file ]] || complain "expected no such file: $file"
  done
}

# expect_same FILE OTHER: both hold the same bytes.
expect_same() {
  cmp -- "$1" "$2" >&2 || complain "expected equal files: $1 and $2"
}
